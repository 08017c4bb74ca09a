/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an exit costs: the least of many TSC deltas, as notes. Under icount a tick is an instruction. */
#include "tests/guest/groups.h"

#include <viridis/abi/hv_cpuid.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include "vsc/lib/cpu.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"

#define ROUNDS      1000u
#define PORT_UNUSED 0x80

static void do_nothing(void)
{
}

static void do_cpuid(void)
{
	(void)cpu_cpuid(0, 0); /* only its price matters */
}

static void do_vmmcall(void)
{
	(void)cpu_vmmcall(0xffff); /* an unknown code is answered at once */
}

static void do_read_counter(void)
{
	(void)cpu_rdmsr(HV_MSR_TIME_REF_COUNT); /* only its price matters */
}

static void do_port(void)
{
	(void)cpu_inb(PORT_UNUSED); /* only its price matters */
}

static uint64_t least(void (*operation)(void))
{
	uint64_t best = ~UINT64_C(0);

	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t begin = cpu_rdtsc();
		uint64_t ticks;

		operation();
		ticks = cpu_rdtsc() - begin;
		if (ticks < best)
			best = ticks;
	}
	return best;
}

static void cost(const char *name, void (*operation)(void), uint64_t empty)
{
	uint64_t ticks = least(operation);

	note("cost %s %lu ticks", name, ticks - empty);
}

void group_cost(void)
{
	uint64_t empty = least(do_nothing);

	cost("cpuid", do_cpuid, empty);
	cost("port", do_port, empty);
	if (!hv_present())
		return;
	hv_enable_hypercalls();
	cost("vmmcall", do_vmmcall, empty);
	cost("rdmsr", do_read_counter, empty);
}
