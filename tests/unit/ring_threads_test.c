/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * R5 and R6 of vmbus/core/ring.h under two threads: a producer and a consumer that sleep
 * whenever the ring lets them, woken by nothing but the signals that it asks for. A lost
 * wake-up leaves both asleep, and the test times out.
 */
#include <pthread.h>
#include <semaphore.h>
#include <viridis/base/mem.h>
#include "vmbus/core/ring.h"
#include "tests/unit/unit.h"

#define DATA_BYTES   4096u
#define PACKET_COUNT 200000u

static struct vmbus_ring_control control;
static uint8_t data[DATA_BYTES];
static const struct ring_memory memory = {
	.control = &control,
	.data = data,
	.data_bytes = DATA_BYTES,
};
static sem_t packets_there, room_there;

static uint32_t length_of(uint32_t number)
{
	return number * 37 % 1500 + 4;
}

static void *produce(void *unused)
{
	static uint8_t payload[DATA_BYTES];
	struct ring_producer *tx = unused;

	for (uint32_t i = 0; i < PACKET_COUNT; i++) {
		bool signal = false;
		enum ring_status status;

		memcpy(payload, &i, sizeof(i));
		while ((status = ring_put_inband(tx, i, 0, payload, length_of(i),
		                                 &signal)) == RING_FULL)
			sem_wait(&room_there);
		ck_assert_int_eq(status, RING_OK);
		if (signal)
			sem_post(&packets_there);
	}
	return NULL;
}

/* Take what is there; returns the number of the packet to come next. */
static uint32_t drain(struct ring_consumer *rx, uint32_t next)
{
	static uint64_t buffer[DATA_BYTES / 8];
	struct ring_received packet;
	enum ring_status status;

	while ((status = ring_get(rx, buffer, sizeof(buffer), &packet)) == RING_OK) {
		ck_assert_uint_eq(packet.transaction_id, next);
		ck_assert_mem_eq(packet.payload, &next, sizeof(next));
		next++;
	}
	ck_assert_int_eq(status, RING_EMPTY);
	if (ring_release(rx))
		sem_post(&room_there);
	return next;
}

START_TEST(no_wake_up_is_lost)
{
	struct ring_producer tx;
	struct ring_consumer rx;
	pthread_t producer;
	uint32_t next = 0;

	ck_assert_int_eq(ring_producer_init(&tx, &memory), RING_OK);
	ck_assert_int_eq(ring_consumer_init(&rx, &memory), RING_OK);
	sem_init(&packets_there, 0, 0);
	sem_init(&room_there, 0, 0);
	pthread_create(&producer, NULL, produce, &tx);
	while (next < PACKET_COUNT) {
		sem_wait(&packets_there);
		ring_drain_begin(&rx);
		do
			next = drain(&rx, next);
		while (ring_drain_end(&rx));
	}
	pthread_join(producer, NULL);
}
END_TEST

static Suite *ring_threads_suite(void)
{
	Suite *suite = suite_create("ring_threads");
	TCase *tc = tcase_create("ring_threads");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, no_wake_up_is_lost);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(ring_threads_suite)
