// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The way into the hypervisor. We issue VMMCALL or VMCALL ourselves, because later kernels no
 * longer export their hypercall page; the kernel has written GUEST_OS_ID and enabled the page
 * at boot, which is what the hypervisor wants before it answers. TLFS 3
 */
#include "abi.h"
#include "hypercall.h"

#include "compat.h"
#include <asm/processor.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/string.h>

/* Our own leaf: tells Viridis from every other hypervisor that speaks the TLFS. */
#define VIRIDIS_SIGNATURE_EBX 0x69726956u /* "Viri" */
#define VIRIDIS_SIGNATURE_ECX 0x20736964u /* "dis " */
#define VIRIDIS_SIGNATURE_EDX 0x00007648u /* "Hv\0\0" */

/* Input page, then output page. Owned by whoever has interrupts off on that CPU. */
static DEFINE_PER_CPU(u8 *, hypercall_pages);

static bool on_amd;
static u64 root_id;

/* A branch that is always the same costs less than a pointer to one of two functions, which goes by a retpoline. */
static __always_inline u64 hypercall_issue(u64 control, u64 input_gpa, u64 output_gpa)
{
	register u64 output asm("r8") = output_gpa;
	u64 result;

	if (likely(on_amd))
		asm volatile("vmmcall"
		             : "=a"(result), "+c"(control), "+d"(input_gpa), "+r"(output)
		             :
		             : "r9", "r10", "r11", "cc", "memory");
	else
		asm volatile("vmcall"
		             : "=a"(result), "+c"(control), "+d"(input_gpa), "+r"(output)
		             :
		             : "r9", "r10", "r11", "cc", "memory");
	return result;
}

/*
 * Both pages are named in every call: one that has an output writes it, whether the caller asked for any or
 * not, and address 0 would be a page of the root's like every other.
 */
static u64 hypercall_pass(const struct hypercall *call, u64 control)
{
	unsigned long flags;
	u8 *input, *output;
	u64 result;

	local_irq_save(flags);
	input = __this_cpu_read(hypercall_pages);
	output = input + PAGE_SIZE;
	memcpy(input, call->header, call->header_bytes);
	memcpy(input + call->header_bytes, call->list, call->list_bytes);
	memcpy(output, call->output, call->output_bytes);
	result = hypercall_issue(control, virt_to_phys(input), virt_to_phys(output));
	memcpy(call->output, output, call->output_bytes);
	local_irq_restore(flags);
	return result;
}

/* A rep call may come back early with SUCCESS: it has used up its time slice. TLFS 3.7 */
static enum hv_status hypercall_reps(struct hypercall *call)
{
	u64 control, result;
	enum hv_status status;
	u16 before;

	do {
		before = call->done;
		control = call->code | (u64)call->reps << HV_CONTROL_REP_COUNT_SHIFT |
		          (u64)before << HV_CONTROL_REP_START_SHIFT;
		result = hypercall_pass(call, control);
		status = result & 0xffff;
		call->done = (result >> HV_RESULT_REPS_SHIFT) & 0xfff;
		if (call->done < before || call->done > call->reps)
			return HV_STATUS_OPERATION_FAILED;
		if (status == HV_STATUS_SUCCESS && call->done == before)
			return HV_STATUS_TIME_OUT;
	} while (status == HV_STATUS_SUCCESS && call->done < call->reps);
	return status;
}

enum hv_status hypercall(struct hypercall *call)
{
	if (WARN_ON_ONCE(call->header_bytes + call->list_bytes > PAGE_SIZE ||
	                 call->output_bytes > PAGE_SIZE))
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	if (call->done == 0 && call->output_bytes)
		memset(call->output, 0, call->output_bytes);
	if (call->reps)
		return hypercall_reps(call);
	return hypercall_pass(call, call->code | (u64)(call->list_bytes / sizeof(u64))
	                                                 << HV_CONTROL_VARIABLE_SHIFT) &
	       0xffff;
}

enum hv_status hypercall_simple(u16 code, const void *input, size_t bytes)
{
	struct hypercall call = { .code = code, .header = input, .header_bytes = bytes };

	return hypercall(&call);
}

enum hv_status hypercall_fast(u16 code, const u64 input[2])
{
	return hypercall_issue(code | HV_CONTROL_FAST, input[0], input[1]) & 0xffff;
}

/* What is not listed is EIO. */
static const u8 errno_of_status[] = {
	[HV_STATUS_INVALID_HYPERCALL_CODE] = EOPNOTSUPP,
	[HV_STATUS_INVALID_HYPERCALL_INPUT] = EINVAL,
	[HV_STATUS_INVALID_ALIGNMENT] = EINVAL,
	[HV_STATUS_INVALID_PARAMETER] = EINVAL,
	[HV_STATUS_ACCESS_DENIED] = EACCES,
	[HV_STATUS_INVALID_PARTITION_STATE] = EBUSY,
	[HV_STATUS_OPERATION_DENIED] = EPERM,
	[HV_STATUS_UNKNOWN_PROPERTY] = EOPNOTSUPP,
	[HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE] = ERANGE,
	[HV_STATUS_INSUFFICIENT_MEMORY] = ENOMEM,
	[HV_STATUS_PARTITION_TOO_DEEP] = EPERM,
	[HV_STATUS_INVALID_PARTITION_ID] = ENOENT,
	[HV_STATUS_INVALID_VP_INDEX] = ENOENT,
	[HV_STATUS_NOT_FOUND] = ENOENT,
	[HV_STATUS_INVALID_PORT_ID] = ENOENT,
	[HV_STATUS_INVALID_CONNECTION_ID] = ENOENT,
	[HV_STATUS_INSUFFICIENT_BUFFERS] = EAGAIN,
	[HV_STATUS_INVALID_VP_STATE] = EBUSY,
	[HV_STATUS_INVALID_SYNIC_STATE] = EAGAIN,
	[HV_STATUS_OBJECT_IN_USE] = EEXIST,
	[HV_STATUS_NO_DATA] = ENODATA,
	[HV_STATUS_NO_RESOURCES] = ENOSPC,
	[HV_STATUS_FEATURE_UNAVAILABLE] = EOPNOTSUPP,
	[HV_STATUS_INSUFFICIENT_BUFFER] = ENOBUFS,
	[HV_STATUS_INVALID_LP_INDEX] = EINVAL,
	[HV_STATUS_INVALID_REGISTER_VALUE] = EINVAL,
	[HV_STATUS_TIME_OUT] = ETIMEDOUT,
};

int hypercall_errno(enum hv_status status)
{
	if (status == HV_STATUS_SUCCESS)
		return 0;
	if (status >= ARRAY_SIZE(errno_of_status) || !errno_of_status[status])
		return -EIO;
	return -(int)errno_of_status[status];
}

u64 hypercall_root_id(void)
{
	return root_id;
}

static bool hypercall_is_viridis(void)
{
	u32 eax, ebx, ecx, edx;

	cpuid(HV_CPUID_OWN, &eax, &ebx, &ecx, &edx);
	return ebx == VIRIDIS_SIGNATURE_EBX && ecx == VIRIDIS_SIGNATURE_ECX &&
	       edx == VIRIDIS_SIGNATURE_EDX;
}

static int hypercall_detect(void)
{
	u32 eax, ebx, ecx, edx;

	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR)) {
		pr_err("no hypervisor here\n");
		return -ENODEV;
	}
	cpuid(HV_CPUID_VENDOR_AND_MAX, &eax, &ebx, &ecx, &edx);
	if (eax < HV_CPUID_FEATURES || ebx != HV_VENDOR_EBX || ecx != HV_VENDOR_ECX ||
	    edx != HV_VENDOR_EDX || !hypercall_is_viridis()) {
		pr_err("the hypervisor here is not Viridis\n");
		return -ENODEV;
	}
	cpuid(HV_CPUID_FEATURES, &eax, &ebx, &ecx, &edx);
	if (!(((u64)ebx << 32 | eax) & HV_PRIVILEGE_CREATE_PARTITIONS)) {
		pr_err("this partition may not create others: it is not the root\n");
		return -EPERM;
	}
	return 0;
}

static int hypercall_read_root_id(void)
{
	struct hv_partition_id_block self;
	struct hypercall call = {
		.code = HVCALL_GET_PARTITION_ID,
		.output = &self,
		.output_bytes = sizeof(self),
	};
	enum hv_status status = hypercall(&call);

	if (status != HV_STATUS_SUCCESS) {
		pr_err("the hypervisor does not answer: status %#x\n", status);
		return hypercall_errno(status);
	}
	root_id = self.partition_id;
	return 0;
}

/* An upgrade brings this module before the next boot brings its hypervisor. A VP of one's own is refused otherwise. */
static int hypercall_check_resume(void)
{
	const u64 input[2] = { root_id };

	if (hypercall_fast(HVCALL_VIRIDIS_RESUME_VP, input) !=
	    HV_STATUS_INVALID_HYPERCALL_CODE)
		return 0;
	pr_err("the hypervisor is older than this module\n");
	return -ENODEV;
}

int hypercall_init(void)
{
	unsigned int cpu;
	int result = hypercall_detect();

	if (result)
		return result;
	on_amd = boot_cpu_data.x86_vendor == X86_VENDOR_AMD ||
	         boot_cpu_data.x86_vendor == X86_VENDOR_HYGON;
	for_each_possible_cpu(cpu)
	{
		u8 *pages = (u8 *)__get_free_pages(GFP_KERNEL, 1);

		if (!pages) {
			hypercall_exit();
			return -ENOMEM;
		}
		per_cpu(hypercall_pages, cpu) = pages;
	}
	result = hypercall_read_root_id();
	if (!result)
		result = hypercall_check_resume();
	if (result)
		hypercall_exit();
	return result;
}

void hypercall_exit(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
	{
		free_pages((unsigned long)per_cpu(hypercall_pages, cpu), 1);
		per_cpu(hypercall_pages, cpu) = NULL;
	}
}
