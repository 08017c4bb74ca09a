/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions reach the guest with the right vector, error code and address. */
#include "tests/guest/groups.h"

#include <viridis/base/bits.h>
#include "vsc/lib/cpu.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/paging.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"
#include "vsc/lib/try.h"

#define PF_WRITE     BIT32(1)
#define CR4_RESERVED BIT64(31)
#define CR4_PCIDE    BIT64(17)
#define CR4_PKE      BIT64(22)
#define CR4_OSXSAVE  BIT64(18)
#define SVME_ADDRESS UINT64_C(0x100000)
#define EFER_FFXSR   BIT64(14)
#define EFER_SHOWN   (BIT64(0) | BIT64(8) | BIT64(10) | BIT64(11) | EFER_FFXSR)

static void expect(struct fault got, uint32_t vector, uint32_t error, const char *what)
{
	ok(got.vector == vector && got.error == error, "%s", what);
	if (got.vector != vector || got.error != error)
		note("got vector %u error %x, expected %u error %x", got.vector,
		     got.error, vector, error);
}

static void memory_faults(void)
{
	uint32_t value;

	expect(try_load32(PAGING_UNMAPPED + 0x123, &value), TRAP_PF, 0,
	       "a load from an unmapped address raises #PF");
	ok_equal(cpu_read_cr2(), PAGING_UNMAPPED + 0x123, "CR2 holds the load's address");
	expect(try_store32(PAGING_UNMAPPED + 0x456, 1), TRAP_PF, PF_WRITE,
	       "a store to an unmapped address raises #PF with the write bit");
	ok_equal(cpu_read_cr2(), PAGING_UNMAPPED + 0x456,
	         "CR2 holds the store's address");
	expect(try_load32(PAGING_NONCANONICAL, &value), TRAP_GP, 0,
	       "a load from a non-canonical address raises #GP(0)");
}

/* QEMU's own CPU takes reserved bits of CR4; only the hypervisor is judged. */
static void control_register_faults(void)
{
	if (!hv_present()) {
		skip("no hypervisor: reserved bits of CR4 are not judged");
		return;
	}
	expect(try_write_cr4(cpu_read_cr4() | CR4_RESERVED), TRAP_GP, 0,
	       "a reserved bit of CR4 raises #GP(0)");
	expect(try_write_cr4(cpu_read_cr4() | CR4_PKE), TRAP_GP, 0,
	       "so does PKE, protection keys being hidden");
	expect(try_write_cr4(cpu_read_cr4() | CR4_PCIDE), TRAP_GP, 0,
	       "and PCIDE, which is hidden too");
	for (uint64_t bit = 1; bit != 0; bit <<= 1)
		if (bit & ~EFER_SHOWN)
			expect(try_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) ^ bit), TRAP_GP, 0,
			       "a bit of EFER that is hidden raises #GP(0)");
	ok(try_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) ^ EFER_FFXSR).vector ==
	           (cpu_cpuid(0x80000001, 0).edx & BIT32(25) ? NO_FAULT : TRAP_GP),
	   "FFXSR, if CPUID does not show it");
}

/* APM4 XSETBV: x87 always, AVX not without SSE, and nothing that CPUID does not show. */
static void xcr0_faults(void)
{
	struct cpuid_regs state = cpu_cpuid(0xd, 0);
	uint64_t shown = state.eax | (uint64_t)state.edx << 32;

	for (uint64_t bit = 2; bit != 0; bit <<= 1)
		if (!(bit & shown))
			expect(try_write_xcr0(3 | bit), TRAP_GP, 0,
			       "a bit of XCR0 that is hidden raises #GP(0)");
	expect(try_write_xcr0(2), TRAP_GP, 0, "x87 cannot be turned off");
	expect(try_write_xcr0(5), TRAP_GP, 0, "AVX is refused without SSE");
	expect(try_write_xcr0(3 | (shown & 4)), NO_FAULT, 0, "AVX is taken with it");
	expect(try_write_xcr0(1), NO_FAULT, 0, "and x87 alone");
}

/* XSETBV does not exist before OSXSAVE is set. */
static void xsetbv_faults(void)
{
	uint64_t cr4 = cpu_read_cr4();

	if (!(cpu_cpuid(1, 0).ecx & BIT32(26)) || !hv_present())
		return;
	expect(try_write_cr4(cr4 & ~CR4_OSXSAVE), NO_FAULT, 0, "OSXSAVE is cleared");
	expect(try_xsetbv(0), TRAP_UD, 0, "XSETBV raises #UD then");
	expect(try_write_cr4(cr4 | CR4_OSXSAVE), NO_FAULT, 0, "OSXSAVE is set");
	expect(try_xsetbv(0), TRAP_GP, 0, "XSETBV of 0 raises #GP(0)");
	expect(try_xsetbv(1), TRAP_GP, 0, "there is no XCR1");
	xcr0_faults();
	expect(try_write_cr4(cr4), NO_FAULT, 0, "CR4 is as it was");
}

/* SVM is not offered, so its instructions do not exist. */
static void virtualization_faults(void)
{
	static const struct {
		struct fault (*attempt)(uint64_t operand);
		const char *name;
	} hidden[] = {
		{ try_vmrun, "VMRUN" },     { try_vmload, "VMLOAD" },
		{ try_vmsave, "VMSAVE" },   { try_clgi, "CLGI" },
		{ try_stgi, "STGI" },       { try_skinit, "SKINIT" },
		{ try_invlpga, "INVLPGA" },
	};

	for (unsigned int i = 0; i < ARRAY_COUNT(hidden); i++) {
		struct fault fault = hidden[i].attempt(SVME_ADDRESS);

		ok_equal(fault.vector, TRAP_UD, "%s raises #UD", hidden[i].name);
	}
}

void group_exceptions(void)
{
	expect(try_ud2(0), TRAP_UD, 0, "UD2 raises #UD");
	expect(try_divide(0), TRAP_DE, 0, "a division by zero raises #DE");
	expect(try_int3(0), TRAP_BP, 0, "INT3 raises #BP");
	control_register_faults();
	xsetbv_faults();
	memory_faults();
	virtualization_faults();
}

/* The end of the machine, not of the group. */
void group_triple(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) nothing;

	note("no interrupt table, and an exception");
	__asm__ volatile("lidt %0; ud2" : : "m"(nothing));
}
