/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The weighted fair run queue: a leftist heap by virtual time. Q1-Q4 are in run_queue.h. */
#include "hypervisor/core/run_queue.h"

/* The furthest ahead of the clock one uninterrupted slice can carry a VP, with a margin of two. */
#define DEBT_SLICES (2 * RUN_QUEUE_WEIGHT_DEFAULT / RUN_QUEUE_WEIGHT_MIN)

/* Q3 */
static int64_t time_between(uint64_t from, uint64_t to)
{
	return (int64_t)(to - from);
}

static bool runs_before(const struct run_entity *a, const struct run_entity *b)
{
	return time_between(a->virtual_time, b->virtual_time) > 0;
}

static uint32_t rank_of(const struct run_entity *entity)
{
	return entity ? entity->rank : 0;
}

/* Restore Q4 at one node whose children are right; true when its own rank changed. */
static bool settle(struct run_entity *entity)
{
	uint32_t before = entity->rank;

	if (rank_of(entity->left) < rank_of(entity->right)) {
		struct run_entity *left = entity->left;

		entity->left = entity->right;
		entity->right = left;
	}
	entity->rank = rank_of(entity->right) + 1;
	return entity->rank != before;
}

/* Merge two heaps along their right spines, then settle the merged spine upwards. */
static struct run_entity *merge(struct run_entity *a, struct run_entity *b)
{
	struct run_entity *root = NULL;
	struct run_entity **link = &root;
	struct run_entity *last = NULL;

	while (a && b) {
		if (runs_before(b, a)) {
			struct run_entity *swap = a;

			a = b;
			b = swap;
		}
		*link = a;
		a->parent = last;
		last = a;
		link = &a->right;
		a = a->right;
	}
	*link = a ? a : b;
	if (*link)
		(*link)->parent = last;
	for (; last; last = last->parent)
		(void)settle(last); /* the whole spine changed: no early end */
	return root;
}

void run_queue_init(struct run_queue *queue, const struct run_queue_policy *policy)
{
	*queue = (struct run_queue){ .policy = policy };
}

static uint32_t weight_in_range(uint32_t weight)
{
	if (weight < RUN_QUEUE_WEIGHT_MIN)
		return RUN_QUEUE_WEIGHT_MIN;
	return weight > RUN_QUEUE_WEIGHT_MAX ? RUN_QUEUE_WEIGHT_MAX : weight;
}

void run_queue_entity_init(struct run_entity *entity, const struct run_queue *queue,
                           uint32_t weight)
{
	*entity = (struct run_entity){
		.weight = weight_in_range(weight),
		.virtual_time = queue->clock,
	};
}

/* Q2 */
static uint64_t entry_time(const struct run_queue *queue, const struct run_entity *entity)
{
	int64_t ahead = time_between(queue->clock, entity->virtual_time);
	int64_t credit = (int64_t)queue->policy->credit;
	int64_t debt = (int64_t)(queue->policy->slice_max * DEBT_SLICES);

	if (ahead < -credit)
		return queue->clock - queue->policy->credit;
	if (ahead > debt)
		return queue->clock + (uint64_t)debt;
	return entity->virtual_time;
}

void run_queue_insert(struct run_queue *queue, struct run_entity *entity)
{
	if (entity->queued)
		return;
	entity->virtual_time = entry_time(queue, entity);
	entity->left = NULL;
	entity->right = NULL;
	entity->rank = 1;
	entity->queued = true;
	queue->root = merge(queue->root, entity);
	queue->weight_queued += entity->weight;
	queue->count++;
}

void run_queue_remove(struct run_queue *queue, struct run_entity *entity)
{
	struct run_entity *parent = entity->parent;
	struct run_entity *rest;

	if (!entity->queued)
		return;
	rest = merge(entity->left, entity->right);
	if (rest)
		rest->parent = parent;
	if (!parent)
		queue->root = rest;
	else if (parent->left == entity)
		parent->left = rest;
	else
		parent->right = rest;
	/* Ranks that change on the way up rise by one a step at least: log2(n) steps. */
	while (parent && settle(parent))
		parent = parent->parent;
	entity->parent = NULL;
	entity->left = NULL;
	entity->right = NULL;
	entity->queued = false;
	queue->weight_queued -= entity->weight;
	queue->count--;
}

struct run_entity *run_queue_first(const struct run_queue *queue)
{
	return queue->root;
}

/* Rounded up, so that no run is too short to count. */
static uint64_t virtual_ticks(const struct run_entity *entity, uint64_t ticks)
{
	return (ticks * RUN_QUEUE_WEIGHT_DEFAULT + entity->weight - 1) / entity->weight;
}

void run_queue_charge(struct run_queue *queue, struct run_entity *entity, uint64_t ticks)
{
	const struct run_entity *least = entity;

	entity->virtual_time += virtual_ticks(entity, ticks);
	if (queue->root && runs_before(queue->root, entity))
		least = queue->root;
	if (time_between(queue->clock, least->virtual_time) > 0)
		queue->clock = least->virtual_time; /* Q1 */
}

bool run_queue_preempts(const struct run_queue *queue, const struct run_entity *candidate,
                        const struct run_entity *current)
{
	return time_between(candidate->virtual_time, current->virtual_time) >
	       (int64_t)queue->policy->granularity;
}

uint64_t run_queue_time_slice(const struct run_queue *queue,
                              const struct run_entity *entity)
{
	const struct run_queue_policy *policy = queue->policy;
	uint64_t slice =
		policy->period * entity->weight / (queue->weight_queued + entity->weight);

	if (queue->count == 0 || slice > policy->slice_max)
		return policy->slice_max;
	return slice < policy->slice_min ? policy->slice_min : slice;
}

void run_queue_set_weight(struct run_queue *queue, struct run_entity *entity,
                          uint32_t weight)
{
	weight = weight_in_range(weight);
	if (entity->queued)
		queue->weight_queued += (uint64_t)weight - entity->weight;
	entity->weight = weight;
}
