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
static struct vp long_runner, other, sleeper, root;
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
	make_vp(&root);
	root.suspend = SUSPEND_HALT;
	root.bound = &first;
	first.root_vp = &root;
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

static void wake_root(enum sched_wake how)
{
	root.suspend = 0;
	sched_wake(&root, how);
}

START_TEST(the_roots_vp_takes_its_cpu_and_a_child_has_it_back_when_that_halts)
{
	wake(&long_runner);
	ck_assert_ptr_eq(sched_pick(&first), &long_runner);
	first.reschedule = false;
	fake_tsc += 100 * MILLISECOND;
	wake_root(SCHED_WAKE);
	ck_assert(first.reschedule);
	ck_assert_ptr_eq(sched_pick(&first), &root);
	/* It has slept, and does not hoard. */
	ck_assert_uint_eq(root.entity.virtual_time, 90 * MILLISECOND);
	ck_assert_uint_ne(first.slice_end, 0); /* another waits */
	ck_assert_ptr_eq(sched_pick(&first), &root);
	root.suspend = SUSPEND_HALT;
	ck_assert_ptr_eq(sched_pick(&first), &long_runner);
	ck_assert_uint_eq(first.slice_end, 0);
}
END_TEST

START_TEST(the_roots_vp_of_another_cpu_is_kicked)
{
	cpu_count = 2;
	be(&second);
	wake_root(SCHED_SIGNAL);
	ck_assert_ptr_eq(kicked, &first);
	ck_assert(first.reschedule && !second.reschedule);
	ck_assert_ptr_eq(sched_pick(&second), NULL); /* nobody else may have it */
	be(&first);
	ck_assert_ptr_eq(sched_pick(&first), &root);
}
END_TEST

/* On another CPU, between its halt and the next look of its own. */
START_TEST(the_roots_vp_that_wakes_while_it_leaves_goes_on)
{
	wake_root(SCHED_WAKE);
	ck_assert_ptr_eq(sched_pick(&first), &root);
	root.suspend = SUSPEND_HALT;
	wake_root(SCHED_WAKE);
	ck_assert_ptr_eq(sched_pick(&first), &root);
	root.suspend = SUSPEND_HALT;
	ck_assert_ptr_eq(sched_pick(&first), NULL);
	wake_root(SCHED_WAKE);
	ck_assert_ptr_eq(sched_pick(&first), &root);
}
END_TEST

START_TEST(the_roots_vp_and_a_child_share_a_cpu_by_what_they_have_run)
{
	unsigned int turns = 0;

	wake_root(SCHED_WAKE);
	wake(&long_runner);
	for (unsigned int i = 0; i < 40; i++) {
		turns += sched_pick(&first) == &root;
		ck_assert_uint_ne(first.slice_end, 0);
		fake_tsc = first.slice_end;
		first.reschedule = true;
	}
	ck_assert_uint_ge(turns, 19);
	ck_assert_uint_le(turns, 21);
}
END_TEST

START_TEST(a_child_that_signals_goes_on_for_its_grace)
{
	wake(&long_runner);
	ck_assert_ptr_eq(sched_pick(&first), &long_runner);
	first.reschedule = false;
	wake_root(SCHED_SIGNAL);
	ck_assert(!first.reschedule && first.in_grace);
	ck_assert_uint_eq(first.slice_end, fake_tsc + MILLISECOND / 5);
	sched_recall(&root, SCHED_WAKE); /* it has something else to look at */
	ck_assert(first.reschedule);
	ck_assert_ptr_eq(sched_pick(&first), &root);
}
END_TEST

START_TEST(a_child_that_signals_does_not_wait_while_a_cpu_idles)
{
	cpu_count = 2;
	wake(&long_runner);
	ck_assert_ptr_eq(sched_pick(&first), &long_runner);
	first.reschedule = false;
	wake_root(SCHED_SIGNAL);
	ck_assert(first.reschedule && !first.in_grace);
	ck_assert_ptr_eq(sched_pick(&first), &root);
	ck_assert_ptr_eq(kicked, &second);
	be(&second);
	ck_assert_ptr_eq(sched_pick(&second), &long_runner);
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
	tcase_add_test(
		tcase,
		the_roots_vp_takes_its_cpu_and_a_child_has_it_back_when_that_halts);
	tcase_add_test(tcase, the_roots_vp_of_another_cpu_is_kicked);
	tcase_add_test(tcase, the_roots_vp_that_wakes_while_it_leaves_goes_on);
	tcase_add_test(tcase, the_roots_vp_and_a_child_share_a_cpu_by_what_they_have_run);
	tcase_add_test(tcase, a_child_that_signals_goes_on_for_its_grace);
	tcase_add_test(tcase, a_child_that_signals_does_not_wait_while_a_cpu_idles);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(sched_suite)
