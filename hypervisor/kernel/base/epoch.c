/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Epochs: epoch.h */
#include "hypervisor/kernel/base/epoch.h"

#include "hypervisor/kernel/base/percpu.h"

#define EPOCH_IDLE (~UINT64_C(0))

static uint64_t current_epoch = 1;

/*
 * Sequentially consistent throughout: the removal comes before the advance, the advance before the
 * look at cpu->epoch; a CPU stores its epoch before it follows any pointer. So a CPU seen idle or
 * past the epoch can no longer meet what was removed.
 */
uint64_t epoch_advance(void)
{
	return __atomic_add_fetch(&current_epoch, 1, __ATOMIC_SEQ_CST);
}

bool epoch_cpu_passed(const struct cpu *cpu, uint64_t epoch)
{
	return __atomic_load_n(&cpu->epoch, __ATOMIC_SEQ_CST) >= epoch;
}

bool epoch_passed(uint64_t epoch)
{
	for (unsigned int i = 0; i < cpu_count; i++) {
		if (!epoch_cpu_passed(cpus[i], epoch))
			return false;
	}
	return true;
}

void epoch_pass(struct cpu *cpu)
{
	uint64_t now = __atomic_load_n(&current_epoch, __ATOMIC_SEQ_CST);

	if (now != cpu->epoch)
		__atomic_store_n(&cpu->epoch, now, __ATOMIC_SEQ_CST);
}

void epoch_idle(struct cpu *cpu)
{
	__atomic_store_n(&cpu->epoch, EPOCH_IDLE, __ATOMIC_SEQ_CST);
}
