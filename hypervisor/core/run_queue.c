/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The weighted fair run queue. QUEUE-1 to 4: run_queue.h */
#include "hypervisor/core/run_queue.h"

/* The furthest ahead of the clock one uninterrupted slice can carry a VP, with a margin of two. */
#define DEBT_SLICES (2 * RUN_QUEUE_WEIGHT_DEFAULT / RUN_QUEUE_WEIGHT_MIN)

/* QUEUE-3 */
static int64_t time_between(uint64_t from, uint64_t to)
{
	return (int64_t)(to - from);
}

static bool runs_before(const struct run_entity *a, const struct run_entity *b)
{
	return time_between(a->virtual_time, b->virtual_time) > 0;
}

static struct run_entity *entity_at(const struct list *node)
{
	return LIST_OWNER(node, struct run_entity, node);
}

void run_queue_init(struct run_queue *queue, const struct run_queue_policy *policy)
{
	*queue = (struct run_queue){ .policy = policy };
	list_init(&queue->ready);
}

void run_queue_entity_init(struct run_entity *entity, const struct run_queue *queue,
                           uint32_t weight)
{
	*entity = (struct run_entity){
		.weight = weight,
		.virtual_time = queue->clock,
	};
	list_init(&entity->node);
}

struct run_entity *run_queue_first(const struct run_queue *queue)
{
	return list_empty(&queue->ready) ? NULL : entity_at(queue->ready.next);
}

/* QUEUE-2 */
void run_queue_admit(const struct run_queue *queue, struct run_entity *entity)
{
	int64_t ahead = time_between(queue->clock, entity->virtual_time);
	int64_t credit = (int64_t)queue->policy->credit;
	int64_t debt = (int64_t)(queue->policy->slice_max * DEBT_SLICES);

	if (ahead < -credit)
		entity->virtual_time = queue->clock - (uint64_t)credit;
	else if (ahead > debt)
		entity->virtual_time = queue->clock + (uint64_t)debt;
}

/* QUEUE-4 */
void run_queue_insert(struct run_queue *queue, struct run_entity *entity)
{
	struct list *after = queue->ready.previous;

	if (!list_empty(&entity->node))
		return;
	run_queue_admit(queue, entity);
	while (after != &queue->ready && runs_before(entity, entity_at(after)))
		after = after->previous;
	list_insert_before(after->next, &entity->node);
	queue->weight_queued += entity->weight;
}

void run_queue_remove(struct run_queue *queue, struct run_entity *entity)
{
	if (list_empty(&entity->node))
		return;
	list_remove(&entity->node);
	queue->weight_queued -= entity->weight;
}

/* Rounded up, so that no run is too short to count. */
static uint64_t virtual_ticks(const struct run_entity *entity, uint64_t ticks)
{
	return (ticks * RUN_QUEUE_WEIGHT_DEFAULT + entity->weight - 1) / entity->weight;
}

void run_queue_charge(struct run_queue *queue, struct run_entity *entity, uint64_t ticks)
{
	const struct run_entity *first = run_queue_first(queue), *least = entity;

	entity->virtual_time += virtual_ticks(entity, ticks);
	if (first && runs_before(first, entity))
		least = first;
	if (time_between(queue->clock, least->virtual_time) > 0)
		queue->clock = least->virtual_time; /* QUEUE-1 */
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

	if (list_empty(&queue->ready) || slice > policy->slice_max)
		return policy->slice_max;
	return slice < policy->slice_min ? policy->slice_min : slice;
}

void run_queue_set_weight(struct run_queue *queue, struct run_entity *entity,
                          uint32_t weight)
{
	if (!list_empty(&entity->node))
		queue->weight_queued += (uint64_t)weight - entity->weight;
	entity->weight = weight;
}
