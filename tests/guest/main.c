/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The conformance guest: runs the groups that the command line's tests= names, and prints TAP. */
#include "tests/guest/groups.h"

#include <viridis/base/bits.h>
#include "vsc/lib/console.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/hv.h"
#include "vsc/lib/tap.h"

struct group {
	const char *name;
	void (*run)(void);
	bool is_default;       /* runs when tests= is absent or says "default" */
	bool needs_hypervisor; /* skipped where no TLFS is spoken */
};

static const struct group groups[] = {
	{ "exceptions", group_exceptions, true, false },
	{ "debug", group_debug, true, false },
	{ "cpuid", group_cpuid, true, true },
	{ "complete", group_complete, true, false },
	{ "string", group_string, true, false },
	{ "msr", group_msr, true, true },
	{ "hypercall", group_hypercall, true, true },
	{ "time", group_time, true, true },
	{ "apic", group_apic, true, false },
	{ "stimer", group_stimer, true, true },
	{ "synic", group_synic, true, true },
	{ "smp", group_smp, true, false },
	{ "flush", group_flush, true, true },
	{ "init", group_init, true, false },
	{ "level", group_level, false, false },
	{ "attack", group_attack, false, true },
	{ "device", group_device, false, true },
	{ "race", group_race, false, true },
	{ "contend", group_contend, false, true },
	{ "parent", group_parent, false, true },
	{ "calls", group_calls, false, true },
	{ "sched", group_sched, false, true },
	{ "chaos", group_chaos, false, true },
	{ "vmbus", group_vmbus, false, true },
	{ "storage", group_storage, false, true },
	{ "net", group_net, false, true },
	{ "spin", group_spin, false, false },
	{ "lock", group_lock, false, true },
	{ "cost", group_cost, true, false },
	{ "profile", group_profile, false, true },
	{ "triple", group_triple, false, false },
	{ "panic", group_panic, false, true },
};

void guest_main(void)
{
	bool present = hv_present();

	print("TAP version 13\n");
	note("viridis conformance guest; hypervisor: %s", present ? "TLFS" : "none");
	for (unsigned int i = 0; i < ARRAY_COUNT(groups); i++) {
		const struct group *group = &groups[i];

		if (!guest_wants(group->name, group->is_default))
			continue;
		note("group %s", group->name);
		if (group->needs_hypervisor && !present)
			skip("%s: no hypervisor", group->name);
		else
			group->run();
	}
	(void)tap_finish(); /* the host reads the plan and the results */
}
