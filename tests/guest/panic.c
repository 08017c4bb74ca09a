/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Crash reports, honest ones and others: each is taken, and the guest runs on. TLFS 7.8 */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_msr.h>
#include <viridis/base/bits.h>
#include "hypervisor/arch/x86/cpu.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/tap.h"

static const char text[] =
	"tiny: the last words\n\033[2J\nKernel panic - not syncing: tiny\n";

static void report(uint64_t gpa, uint64_t bytes, uint64_t control, const char *what)
{
	const uint64_t parameters[] = { 0x1111, 0x2222, 0x3333, gpa, bytes };

	for (unsigned int i = 0; i < ARRAY_COUNT(parameters); i++)
		cpu_wrmsr(HV_MSR_CRASH_P0 + i, parameters[i]);
	cpu_wrmsr(HV_MSR_CRASH_CTL, control);
	ok_equal(cpu_rdmsr(HV_MSR_CRASH_P4), bytes, "the guest runs on after %s", what);
}

void group_panic(void)
{
	static const uint64_t both = HV_CRASH_NOTIFY | HV_CRASH_MESSAGE;

	report(0, 0, HV_CRASH_MESSAGE, "what notifies of nothing");
	report(0x4444, 0x5555, HV_CRASH_NOTIFY, "a report without a text");
	report((uintptr_t)text, sizeof(text) - 1, both, "a report with a text");
	report(0xfffffffffffff000, 4096, both, "a text where no memory is");
	report(0, UINT64_MAX, both, "a text longer than memory");
	report((uintptr_t)text, 4097, both, "a text longer than a page");
	report((uintptr_t)text, sizeof(text) - 1, both, "the same report again");
}
