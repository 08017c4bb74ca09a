/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A weighted fair run queue. Each VP has a virtual time that grows by run time over weight; the one
 * with the least runs next. PURE: the unit of time (ticks) is the caller's, so is the lock.
 *
 * QUEUE-1 The clock follows the least virtual time of what is queued or was charged last; it never goes back.
 * QUEUE-2 A VP that enters is put between clock - credit and clock + debt: one that slept goes ahead of those
 *    that spin, by no more than the credit (its boost budget), and cannot hoard.
 * QUEUE-3 Virtual times compare by signed difference, so they may wrap.
 * QUEUE-4 The list is sorted; among equals the first to enter is first. Places are sought from the end, where
 *    one belongs that has just run.
 *
 * Picking: first, remove, run, charge (as often as the caller likes), insert again or let it block.
 */
#pragma once

#include <stdint.h>
#include <viridis/base/list.h>

#define RUN_QUEUE_WEIGHT_MIN     1u
#define RUN_QUEUE_WEIGHT_DEFAULT 100u

/* In ticks; for a VP of the default weight where virtual time is meant. */
struct run_queue_policy {
	uint64_t credit; /* QUEUE-2: what a sleeper may be ahead; more than granularity */
	uint64_t granularity; /* a lead smaller than this preempts nobody */
	uint64_t period;      /* within which every queued VP should have run */
	uint64_t slice_min;
	uint64_t slice_max;
};

struct run_entity {
	struct list node;
	uint32_t weight;
	uint64_t virtual_time;
};

struct run_queue {
	const struct run_queue_policy *policy; /* constant */
	struct list ready;
	uint64_t clock;
	uint64_t weight_queued; /* sum */
};

void run_queue_init(struct run_queue *queue, const struct run_queue_policy *policy);

/* A new VP, at the queue's clock. Weights are from RUN_QUEUE_WEIGHT_MIN to 10,000. */
void run_queue_entity_init(struct run_entity *entity, const struct run_queue *queue,
                           uint32_t weight);

/* The one to run next, still queued; NULL: none. */
struct run_entity *run_queue_first(const struct run_queue *queue);

/* To the place in time that it would enter at (QUEUE-2), for one that waits elsewhere. */
void run_queue_admit(const struct run_queue *queue, struct run_entity *entity);

/* Queued already: nothing happens. */
void run_queue_insert(struct run_queue *queue, struct run_entity *entity);
/* Not queued: nothing happens. */
void run_queue_remove(struct run_queue *queue, struct run_entity *entity);

/* Account run time to a VP that is not queued. */
void run_queue_charge(struct run_queue *queue, struct run_entity *entity, uint64_t ticks);

/* Whether candidate should take the CPU from current, which was charged up to now. */
bool run_queue_preempts(const struct run_queue *queue, const struct run_entity *candidate,
                        const struct run_entity *current);

/* How long a VP that is not queued should run before the next pick, in ticks. */
uint64_t run_queue_time_slice(const struct run_queue *queue,
                              const struct run_entity *entity);

void run_queue_set_weight(struct run_queue *queue, struct run_entity *entity,
                          uint32_t weight);
