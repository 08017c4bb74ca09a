/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypervisor as a guest sees it: its CPUID leaves, its pages, its hypercalls. */
#include "vsc/lib/hv.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/base/mem.h>
#include "vsc/lib/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/vp.h"

#define CPUID_1_ECX_HYPERVISOR BIT32(31)

typedef uint64_t (*hypercall_page)(uint64_t, uint64_t, uint64_t);

static void *page;

bool hv_present(void)
{
	struct cpuid_regs r;

	if (!(cpu_cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR))
		return false;
	r = cpu_cpuid(HV_CPUID_VENDOR_AND_MAX, 0);
	return r.ebx == HV_VENDOR_EBX && r.ecx == HV_VENDOR_ECX &&
	       r.edx == HV_VENDOR_EDX &&
	       cpu_cpuid(HV_CPUID_INTERFACE, 0).eax == HV_INTERFACE_EAX;
}

bool hv_has(uint64_t privileges)
{
	struct cpuid_regs r;

	if (!hv_present())
		return false;
	r = cpu_cpuid(HV_CPUID_FEATURES, 0);
	return ((r.eax | (uint64_t)r.ebx << 32) & privileges) == privileges;
}

bool hv_has_feature(uint32_t features)
{
	return hv_present() &&
	       (cpu_cpuid(HV_CPUID_FEATURES, 0).edx & features) == features;
}

void hv_enable_hypercalls(void)
{
	uint64_t value;

	if (page)
		return;
	page = pages_take(1);
	cpu_wrmsr(HV_MSR_GUEST_OS_ID, HV_GUEST_OS_ID);
	/* A root is given a page and may not choose one: keep what is there. */
	value = cpu_rdmsr(HV_MSR_HYPERCALL);
	if (HV_MSR_PAGE_GPA(value) == 0)
		value = (uint64_t)page;
	cpu_wrmsr(HV_MSR_HYPERCALL, value | HV_MSR_PAGE_ENABLE);
	page = (void *)HV_MSR_PAGE_GPA(cpu_rdmsr(HV_MSR_HYPERCALL));
}

uint64_t hv_call_raw(uint64_t control, uint64_t input, uint64_t output)
{
	register uint64_t r8 __asm__("r8") = output;
	uint64_t result;

	hv_enable_hypercalls();
	__asm__ volatile("callq *%4"
	                 : "=a"(result), "+c"(control), "+d"(input), "+r"(r8)
	                 : "r"(page)
	                 : "memory", "cc", "r9", "r10", "r11");
	return result;
}

enum hv_status hv_status_of(uint64_t result)
{
	return (enum hv_status)(result & 0xffff);
}

unsigned int hv_reps_of(uint64_t result)
{
	return (unsigned int)bits_get(result, HV_RESULT_REPS_SHIFT, 12);
}

static uint64_t call_with_blocks(uint64_t control, const void *input, size_t input_bytes,
                                 void *output, size_t output_bytes)
{
	uint8_t *in = this_vp()->hypercall_input, *out = this_vp()->hypercall_output;
	uint64_t result;

	hv_enable_hypercalls();
	if (input_bytes > PAGE_4K || output_bytes > PAGE_4K)
		bail_out("hypercall %x: block too large", (uint16_t)control);
	memcpy(in, input, input_bytes);
	memset(out, 0xa5, output_bytes);
	result = hv_call_raw(control, (uint64_t)in, (uint64_t)out);
	memcpy(output, out, output_bytes);
	return result;
}

uint64_t hv_call(uint32_t code, unsigned int reps, const void *input, size_t input_bytes,
                 void *output, size_t output_bytes)
{
	return call_with_blocks(code | (uint64_t)reps << HV_CONTROL_REP_COUNT_SHIFT,
	                        input, input_bytes, output, output_bytes);
}

uint64_t hv_call_variable(uint32_t code, unsigned int qwords, const void *input,
                          size_t input_bytes, void *output, size_t output_bytes)
{
	return call_with_blocks(code | (uint64_t)qwords << HV_CONTROL_VARIABLE_SHIFT,
	                        input, input_bytes, output, output_bytes);
}

uint64_t hv_call_fast(uint32_t code, uint64_t first, uint64_t second)
{
	return hv_call_raw(code | HV_CONTROL_FAST, first, second);
}
