/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scheduler (kernel/objects/sched.c) on two CPUs that a test plays in turn: who is charged for what, and when. */
#include "hypervisor/kernel/objects/sched.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/smp.h"
#include "hypervisor/kernel/base/panic.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/timer_queue.h"
#include "hypervisor/kernel/objects/trace.h"
#include "tests/unit/unit.h"

#define ARCH_SET_GS 0x1001 /* arch_prctl(2) */
#define MILLISECOND UINT64_C(1000000)

uint64_t fake_tsc;
unsigned int fake_interrupts_taken;
uint64_t tsc_hz = 1000 * MILLISECOND;
bool trace_on;

static struct cpu first, second;
struct cpu *cpus[MAX_CPUS] = { &first, &second };
unsigned int cpu_count;
static struct partition partition;
static struct vp long_runner, other, sleeper;
static const struct cpu *kicked;

/* ---- What the scheduler calls ---- */

static void leave(struct vp *vp)
{
	(void)vp;
}

static const struct virt_ops fake_vendor = { .name = "fake", .leave = leave };
const struct virt_ops *virt = &fake_vendor;

void smp_kick(const struct cpu *cpu)
{
	kicked = cpu;
}

void context_load(struct cpu *cpu, struct vp *vp)
{
	(void)cpu, (void)vp;
}

void timer_queue_due(struct cpu *cpu, uint64_t deadline)
{
	(void)cpu, (void)deadline;
}

void trace_record(enum viridis_trace_kind kind, const struct vp *vp, uint64_t a,
                  uint64_t b)
{
	(void)kind, (void)vp, (void)a, (void)b;
}

void panic_at(const struct trap_frame *frame, const char *format, ...)
{
	(void)frame;
	ck_abort_msg("panic: %s", format);
}

/* ---- The tests ---- */

static void be(struct cpu *cpu)
{
	syscall(SYS_arch_prctl, ARCH_SET_GS, cpu);
}

static void make_vp(struct vp *vp)
{
	memset(vp, 0, sizeof(*vp));
	vp->partition = &partition;
	sched_add(vp, RUN_QUEUE_WEIGHT_DEFAULT);
}

static void set_up(void)
{
	memset(&first, 0, sizeof(first));
	memset(&second, 0, sizeof(second));
	first.self = &first;
	second.self = &second;
	second.index = 1;
	cpu_count = 1;
	fake_tsc = 1000 * MILLISECOND;
	kicked = NULL;
	be(&first);
	sched_init();
	make_vp(&long_runner);
	make_vp(&other);
	make_vp(&sleeper);
}

static void wake(struct vp *vp)
{
	sched_wake(vp, SCHED_WAKE);
}

/* It runs there, as another waits, for a slice. */
static void run_in_a_slice(struct vp *vp, struct vp *waits)
{
	wake(vp);
	wake(waits);
	ck_assert_ptr_eq(sched_pick(&first), vp);
	ck_assert_uint_ne(first.slice_end, 0);
	first.reschedule = false;
}

START_TEST(who_runs_is_charged_when_another_wakes)
{
	run_in_a_slice(&long_runner, &other);
	fake_tsc += 5 * MILLISECOND;
	wake(&sleeper);
	ck_assert_uint_eq(long_runner.entity.virtual_time, 5 * MILLISECOND);
	ck_assert(first.reschedule); /* it is 5 ms ahead of the one that slept */
}
END_TEST

START_TEST(who_has_run_no_more_than_the_other_goes_on)
{
	run_in_a_slice(&long_runner, &other);
	fake_tsc += MILLISECOND / 4;
	wake(&sleeper);
	ck_assert(!first.reschedule);
}
END_TEST

START_TEST(nothing_is_charged_twice)
{
	run_in_a_slice(&long_runner, &other);
	fake_tsc += 3 * MILLISECOND;
	wake(&sleeper);
	fake_tsc += 2 * MILLISECOND;
	first.reschedule = true;
	ck_assert_ptr_ne(sched_pick(&first), &long_runner);
	ck_assert_uint_eq(long_runner.entity.virtual_time, 5 * MILLISECOND);
	fake_tsc += 2 * MILLISECOND;
	ck_assert_uint_eq(long_runner.entity.virtual_time, 5 * MILLISECOND);
}
END_TEST

/* The other CPU's VP began when the first CPU was idle, and nobody has charged it since. */
START_TEST(who_wakes_goes_to_the_cpu_that_is_ahead_by_now)
{
	cpu_count = 2;
	be(&second);
	wake(&long_runner);
	ck_assert_ptr_eq(sched_pick(&second), &long_runner);
	fake_tsc += 6 * MILLISECOND;
	be(&first);
	wake(&other);
	ck_assert_ptr_eq(sched_pick(&first), &other);
	fake_tsc += 2 * MILLISECOND;
	first.reschedule = second.reschedule = false;
	kicked = NULL;
	wake(&sleeper);
	ck_assert_ptr_eq(kicked, &second);
	ck_assert(second.reschedule && !first.reschedule);
	ck_assert_uint_eq(long_runner.entity.virtual_time, 8 * MILLISECOND);
}
END_TEST

static Suite *sched_suite(void)
{
	Suite *suite = suite_create("sched");
	TCase *tcase = tcase_create("sched");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, who_runs_is_charged_when_another_wakes);
	tcase_add_test(tcase, who_has_run_no_more_than_the_other_goes_on);
	tcase_add_test(tcase, nothing_is_charged_twice);
	tcase_add_test(tcase, who_wakes_goes_to_the_cpu_that_is_ahead_by_now);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(sched_suite)
