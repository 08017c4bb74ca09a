/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run queue: its order under random use, fairness in simulated time. */
#include "hypervisor/core/run_queue.h"

#include <string.h>
#include "tests/unit/unit.h"

/* A tick is a microsecond here. */
static const struct run_queue_policy policy = {
	.credit = 3000,
	.granularity = 500,
	.period = 24000,
	.slice_min = 750,
	.slice_max = 10000,
};

static struct run_queue queue;
static uint32_t random_state;

static void setup(void)
{
	run_queue_init(&queue, &policy);
	random_state = 1;
}

static uint32_t random_below(uint32_t limit)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % limit;
}

#define ENTITIES 512

static bool is_queued(const struct run_entity *e)
{
	return !list_empty(&e->node);
}

/* Its length; it is in order and linked both ways. */
static unsigned int list_check(void)
{
	uint64_t last = 0;
	unsigned int seen = 0;

	LIST_FOR_EACH(node, &queue.ready)
	{
		const struct run_entity *e = LIST_OWNER(node, struct run_entity, node);

		if (e->virtual_time < last || node->next->previous != node)
			ck_abort_msg("broken link or order");
		last = e->virtual_time;
		seen++;
	}
	return seen;
}

START_TEST(the_list_keeps_its_order_under_random_use)
{
	static struct run_entity entities[ENTITIES];
	unsigned int queued = 0;

	for (unsigned int i = 0; i < ENTITIES; i++)
		run_queue_entity_init(&entities[i], &queue, 100);
	for (unsigned int i = 0; i < 20000; i++) {
		struct run_entity *e = &entities[random_below(ENTITIES)];

		if (is_queued(e)) {
			run_queue_remove(&queue, e);
			queued--;
		} else {
			e->virtual_time = queue.clock + random_below(100000);
			run_queue_insert(&queue, e);
			queued++;
		}
		ck_assert_uint_eq(queue.weight_queued, 100 * queued);
		if (i % 64 == 0)
			ck_assert_uint_eq(list_check(), queued);
	}
	for (uint64_t last = 0; queued > 0; queued--) {
		struct run_entity *e = run_queue_first(&queue);

		if (e->virtual_time < last)
			ck_abort_msg("not the least first");
		last = e->virtual_time;
		run_queue_remove(&queue, e);
	}
	ck_assert_ptr_null(run_queue_first(&queue));
	ck_assert_uint_eq(queue.weight_queued, 0);
}
END_TEST

START_TEST(an_ascending_order_of_entry_is_no_worse)
{
	static struct run_entity entities[ENTITIES];

	for (unsigned int i = 0; i < ENTITIES; i++) {
		run_queue_entity_init(&entities[i], &queue, 100);
		entities[i].virtual_time += _i ? i : ENTITIES - i;
		run_queue_insert(&queue, &entities[i]);
	}
	ck_assert_uint_eq(list_check(), ENTITIES);
	for (unsigned int i = 0; i < ENTITIES; i += 3)
		run_queue_remove(&queue, &entities[i]);
	ck_assert_uint_eq(100 * list_check(), queue.weight_queued);
}
END_TEST

START_TEST(entering_or_leaving_twice_changes_nothing)
{
	struct run_entity a, b;

	run_queue_entity_init(&a, &queue, 100);
	run_queue_entity_init(&b, &queue, 300);
	run_queue_remove(&queue, &a);
	run_queue_insert(&queue, &a);
	run_queue_insert(&queue, &a);
	run_queue_insert(&queue, &b);
	ck_assert_uint_eq(queue.weight_queued, 400);
	run_queue_set_weight(&queue, &b, 50);
	ck_assert_uint_eq(queue.weight_queued, 150);
	run_queue_remove(&queue, &b);
	run_queue_remove(&queue, &b);
	ck_assert_uint_eq(queue.weight_queued, 100);
}
END_TEST

/* One VP of the simulation: runs `burst` ticks, sleeps `sleep` ticks; sleep 0 spins. */
struct vp {
	struct run_entity entity;
	uint32_t weight, burst, sleep;
	uint64_t left, wakes_at, woken_at;
	uint64_t ran, latency_max;
};

#define VPS_MAX 16
#define STEP    50u

struct world {
	struct vp vp[VPS_MAX];
	unsigned int count;
	struct vp *running[2];
	uint64_t slice_end[2];
	unsigned int cpus;
	uint64_t now;
};

static struct world world;

static struct vp *world_add(uint32_t weight, uint32_t burst, uint32_t sleep)
{
	struct vp *vp = &world.vp[world.count++];

	*vp = (struct vp){ .weight = weight,
		           .burst = burst,
		           .sleep = sleep,
		           .left = burst };
	run_queue_entity_init(&vp->entity, &queue, weight);
	run_queue_insert(&queue, &vp->entity);
	return vp;
}

static void world_wake(void)
{
	for (unsigned int i = 0; i < world.count; i++) {
		struct vp *vp = &world.vp[i];

		if (vp->wakes_at == 0 || vp->wakes_at > world.now)
			continue;
		vp->wakes_at = 0;
		vp->woken_at = world.now;
		vp->left = vp->burst;
		run_queue_insert(&queue, &vp->entity);
	}
}

static void world_pick(unsigned int cpu)
{
	struct run_entity *first = run_queue_first(&queue);
	struct vp *current = world.running[cpu];
	struct vp *next;

	if (current && world.now < world.slice_end[cpu] &&
	    !(first && run_queue_preempts(&queue, first, &current->entity)))
		return;
	if (current)
		run_queue_insert(&queue, &current->entity);
	first = run_queue_first(&queue);
	world.running[cpu] = NULL;
	if (!first)
		return;
	next = (struct vp *)first; /* its first member */
	run_queue_remove(&queue, first);
	world.running[cpu] = next;
	world.slice_end[cpu] = world.now + run_queue_time_slice(&queue, first);
	if (next->woken_at != 0 && world.now - next->woken_at > next->latency_max)
		next->latency_max = world.now - next->woken_at;
	next->woken_at = 0;
}

static void world_run(unsigned int cpu)
{
	struct vp *vp = world.running[cpu];

	if (!vp)
		return;
	run_queue_charge(&queue, &vp->entity, STEP);
	vp->ran += STEP;
	if (vp->sleep == 0)
		return;
	vp->left = vp->left > STEP ? vp->left - STEP : 0;
	if (vp->left == 0) {
		vp->wakes_at = world.now + STEP + vp->sleep;
		world.running[cpu] = NULL;
	}
}

static void world_simulate(uint64_t ticks, unsigned int cpus)
{
	world.cpus = cpus;
	for (uint64_t end = world.now + ticks; world.now < end; world.now += STEP) {
		world_wake();
		for (unsigned int cpu = 0; cpu < cpus; cpu++)
			world_pick(cpu);
		for (unsigned int cpu = 0; cpu < cpus; cpu++)
			world_run(cpu);
	}
}

static void share_is(const struct vp *vp, double expected, uint64_t total)
{
	double share = (double)vp->ran / (double)total;

	ck_assert_msg(share > expected - 0.02 && share < expected + 0.02,
	              "weight %u: share %.3f, expected %.3f", vp->weight, share,
	              expected);
}

#define MINUTE UINT64_C(60000000)

START_TEST(spinners_share_by_weight)
{
	static const uint32_t weights[][4] = {
		{ 100, 100, 100, 100 }, { 100, 200, 300, 400 }, { 1, 100, 100, 10000 },
		{ 50, 51, 5000, 5001 }, { 1, 1, 1, 2 },
	};
	double sum = 0;

	for (unsigned int i = 0; i < 4; i++)
		sum += world_add(weights[_i][i], 0, 0)->weight;
	world_simulate(MINUTE, 1);
	for (unsigned int i = 0; i < 4; i++)
		share_is(&world.vp[i], world.vp[i].weight / sum, MINUTE);
}
END_TEST

START_TEST(a_light_sleeper_gets_what_it_needs_at_once_and_spinners_share_the_rest)
{
	struct vp *sleeper = world_add(100, 500, 9500);

	world_add(100, 0, 0);
	world_add(200, 0, 0);
	world_simulate(MINUTE, 1);
	share_is(sleeper, 0.05, MINUTE);
	share_is(&world.vp[1], 0.95 / 3, MINUTE);
	share_is(&world.vp[2], 0.95 * 2 / 3, MINUTE);
	ck_assert_uint_le(sleeper->latency_max, STEP);
}
END_TEST

START_TEST(a_greedy_sleeper_gets_no_more_than_its_share)
{
	/* It wants four fifths and is due half; its boost must not turn into more. */
	struct vp *sleeper = world_add(100, 8000, 2000);
	struct vp *spinner = world_add(100, 0, 0);

	world_simulate(MINUTE, 1);
	ck_assert_uint_le(sleeper->ran, MINUTE * 52 / 100);
	ck_assert_uint_ge(spinner->ran, MINUTE * 48 / 100);
	ck_assert_uint_ge(sleeper->ran, MINUTE * 30 / 100);
}
END_TEST

START_TEST(many_sleepers_do_not_starve_a_spinner)
{
	struct vp *spinner = world_add(100, 0, 0);

	for (unsigned int i = 0; i < 9; i++)
		world_add(100, 1000 + 300 * i, 700 + 100 * i);
	world_simulate(MINUTE, 1);
	ck_assert_uint_ge(spinner->ran, MINUTE * 9 / 100);
}
END_TEST

START_TEST(a_long_sleep_is_worth_the_credit_and_not_more)
{
	struct vp *spinner = world_add(100, 0, 0);
	uint64_t before;
	struct vp *late;

	late = world_add(100, 0, 0);
	run_queue_remove(&queue, &late->entity);
	world_simulate(MINUTE, 1);
	run_queue_insert(&queue, &late->entity);
	before = spinner->ran;
	world_simulate(1000000, 1);
	ck_assert_uint_ge(spinner->ran - before,
	                  500000 - policy.credit - policy.slice_max);
	ck_assert_uint_ge(late->ran, 490000);
}
END_TEST

START_TEST(the_root_with_devices_preempts_spinning_children)
{
	struct vp *root = world_add(400, 100, 900);

	for (unsigned int i = 0; i < 8; i++)
		world_add(100, 0, 0);
	world_simulate(1000000, 1); /* all began at the same time: let it settle */
	root->latency_max = 0;
	root->ran = 0;
	world_simulate(MINUTE, 1);
	ck_assert_uint_le(root->latency_max, STEP);
	share_is(root, 0.1, MINUTE);
}
END_TEST

START_TEST(two_cpus_share_one_queue)
{
	for (unsigned int i = 0; i < 6; i++)
		world_add(i < 2 ? 200 : 100, 0, 0);
	world_simulate(MINUTE, 2);
	for (unsigned int i = 0; i < 6; i++)
		share_is(&world.vp[i], i < 2 ? 0.5 : 0.25, MINUTE);
}
END_TEST

/* One of the two waits, the other runs: the queue's sum follows either way. */
START_TEST(a_weight_that_is_changed_counts_from_then_on)
{
	struct vp *light = world_add(100, 0, 0);
	struct vp *heavy = world_add(100, 0, 0);

	world_simulate(MINUTE, 1);
	light->ran = heavy->ran = 0;
	run_queue_set_weight(&queue, &light->entity, 50);
	run_queue_set_weight(&queue, &heavy->entity, 150);
	world_simulate(MINUTE, 1);
	share_is(light, 0.25, MINUTE);
	share_is(heavy, 0.75, MINUTE);
	ck_assert_uint_eq(queue.weight_queued, is_queued(&light->entity) ? 50 : 150);
}
END_TEST

START_TEST(shares_hold_while_virtual_time_wraps)
{
	queue.clock = UINT64_MAX - 1000000;
	world_add(100, 0, 0);
	world_add(300, 0, 0);
	world_add(100, 500, 20000);
	world_simulate(MINUTE, 1);
	share_is(&world.vp[0], 0.976 / 4, MINUTE);
	share_is(&world.vp[1], 0.976 * 3 / 4, MINUTE);
}
END_TEST

START_TEST(a_stale_or_hostile_virtual_time_is_brought_near_the_clock)
{
	static const uint64_t times[] = { 0, UINT64_MAX, UINT64_C(1) << 63, 12345 };
	struct run_entity entity;
	int64_t ahead;

	queue.clock = UINT64_C(1) << 62;
	run_queue_entity_init(&entity, &queue, RUN_QUEUE_WEIGHT_MIN);
	entity.virtual_time = times[_i];
	run_queue_insert(&queue, &entity);
	ahead = (int64_t)(entity.virtual_time - queue.clock);
	ck_assert_int_ge(ahead, -(int64_t)policy.credit);
	ck_assert_int_le(ahead, (int64_t)policy.slice_max * 200);
}
END_TEST

START_TEST(a_virtual_time_is_brought_to_the_edge_and_no_further)
{
	const uint64_t debt =
		policy.slice_max * 2 * RUN_QUEUE_WEIGHT_DEFAULT / RUN_QUEUE_WEIGHT_MIN;
	const struct {
		uint64_t before, after;
	} cases[] = {
		{ queue.clock + debt + 1, queue.clock + debt },
		{ queue.clock + debt, queue.clock + debt },
		{ queue.clock + debt - 1, queue.clock + debt - 1 },
		{ queue.clock - policy.credit - 1, queue.clock - policy.credit },
		{ queue.clock - policy.credit, queue.clock - policy.credit },
		{ queue.clock - policy.credit + 1, queue.clock - policy.credit + 1 },
	};
	struct run_entity entity;

	run_queue_entity_init(&entity, &queue, RUN_QUEUE_WEIGHT_MIN);
	entity.virtual_time = cases[_i].before;
	run_queue_admit(&queue, &entity);
	ck_assert_uint_eq(entity.virtual_time, cases[_i].after);
}
END_TEST

START_TEST(even_the_shortest_run_of_the_heaviest_vp_counts)
{
	struct run_entity entity;

	run_queue_entity_init(&entity, &queue, 10000);
	run_queue_charge(&queue, &entity, 1);
	ck_assert_uint_eq(entity.virtual_time, 1);
}
END_TEST

START_TEST(a_time_slice_lies_between_its_bounds)
{
	struct run_entity entity, others[64];

	run_queue_entity_init(&entity, &queue, 100);
	ck_assert_uint_eq(run_queue_time_slice(&queue, &entity), policy.slice_max);
	for (unsigned int i = 0; i < 64; i++) {
		uint64_t slice;

		run_queue_entity_init(&others[i], &queue, 100);
		run_queue_insert(&queue, &others[i]);
		slice = run_queue_time_slice(&queue, &entity);
		ck_assert_uint_ge(slice, policy.slice_min);
		ck_assert_uint_le(slice, policy.slice_max);
	}
	ck_assert_uint_eq(run_queue_time_slice(&queue, &entity), policy.slice_min);
}
END_TEST

static Suite *run_queue_suite(void)
{
	Suite *suite = suite_create("run_queue");
	TCase *tcase = tcase_create("run_queue");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_list_keeps_its_order_under_random_use);
	tcase_add_loop_test(tcase, an_ascending_order_of_entry_is_no_worse, 0, 2);
	tcase_add_test(tcase, entering_or_leaving_twice_changes_nothing);
	tcase_add_loop_test(tcase, spinners_share_by_weight, 0, 5);
	tcase_add_test(
		tcase,
		a_light_sleeper_gets_what_it_needs_at_once_and_spinners_share_the_rest);
	tcase_add_test(tcase, a_greedy_sleeper_gets_no_more_than_its_share);
	tcase_add_test(tcase, many_sleepers_do_not_starve_a_spinner);
	tcase_add_loop_test(tcase, a_virtual_time_is_brought_to_the_edge_and_no_further,
	                    0, 6);
	tcase_add_test(tcase, a_long_sleep_is_worth_the_credit_and_not_more);
	tcase_add_test(tcase, the_root_with_devices_preempts_spinning_children);
	tcase_add_test(tcase, two_cpus_share_one_queue);
	tcase_add_test(tcase, a_weight_that_is_changed_counts_from_then_on);
	tcase_add_test(tcase, shares_hold_while_virtual_time_wraps);
	tcase_add_loop_test(
		tcase, a_stale_or_hostile_virtual_time_is_brought_near_the_clock, 0, 4);
	tcase_add_test(tcase, even_the_shortest_run_of_the_heaviest_vp_counts);
	tcase_add_test(tcase, a_time_slice_lies_between_its_bounds);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(run_queue_suite)
