/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The weighted fair run queue: a skew heap by virtual time. Q1-Q4 are in run_queue.h. */
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

/* Merge two heaps along their right spines; each node of them changes its children over. Q4 */
static struct run_entity *merge(struct run_entity *a, struct run_entity *b,
                                struct run_entity *parent)
{
	struct run_entity *root = NULL;
	struct run_entity **link = &root;

	while (a && b) {
		bool a_first = !runs_before(b, a);
		struct run_entity *first = a_first ? a : b;

		b = a_first ? b : a;
		a = first->right;
		first->right = first->left;
		first->parent = parent;
		*link = first;
		link = &first->left;
		parent = first;
	}
	*link = a ? a : b;
	if (*link)
		(*link)->parent = parent;
	return root;
}

void run_queue_init(struct run_queue *queue, const struct run_queue_policy *policy)
{
	*queue = (struct run_queue){ .policy = policy };
}

void run_queue_entity_init(struct run_entity *entity, const struct run_queue *queue,
                           uint32_t weight)
{
	*entity = (struct run_entity){
		.weight = weight,
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
	entity->left = entity->right = NULL;
	entity->queued = true;
	queue->root = merge(queue->root, entity, NULL);
	queue->weight_queued += entity->weight;
}

void run_queue_remove(struct run_queue *queue, struct run_entity *entity)
{
	struct run_entity *parent = entity->parent;
	struct run_entity **link = &queue->root;

	if (!entity->queued)
		return;
	if (parent)
		link = parent->left == entity ? &parent->left : &parent->right;
	*link = merge(entity->left, entity->right, parent);
	entity->queued = false;
	queue->weight_queued -= entity->weight;
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

	if (!queue->root || slice > policy->slice_max)
		return policy->slice_max;
	return slice < policy->slice_min ? policy->slice_min : slice;
}

void run_queue_set_weight(struct run_queue *queue, struct run_entity *entity,
                          uint32_t weight)
{
	if (entity->queued)
		queue->weight_queued += (uint64_t)weight - entity->weight;
	entity->weight = weight;
}
