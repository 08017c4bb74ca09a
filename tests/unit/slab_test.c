/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small objects carved from frames. */
#include "hypervisor/kernel/slab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "hypervisor/kernel/pool.h"
#include "tests/unit/unit.h"

/* In the pool's place: counted frames; ASan finds any use of one that was given back. */
static struct {
	unsigned int left;
	unsigned int in_use;
} frames;

static struct slab slab;

void *pool_allocate(struct pool *pool)
{
	void *frame;

	(void)pool; /* there is one */
	if (frames.left == 0)
		return NULL;
	frame = aligned_alloc(SLAB_FRAME_BYTES, SLAB_FRAME_BYTES);
	memset(frame, 0, SLAB_FRAME_BYTES);
	frames.left--;
	frames.in_use++;
	return frame;
}

void pool_free(struct pool *pool, void *frame)
{
	(void)pool; /* there is one */
	free(frame);
	frames.left++;
	frames.in_use--;
}

static void setup(void)
{
	frames.left = 3;
	frames.in_use = 0;
	slab_init(&slab, NULL);
}

START_TEST(objects_are_zeroed_apart_and_inside_their_frame)
{
	char *object[SLAB_OBJECTS];

	for (unsigned int i = 0; i < SLAB_OBJECTS; i++) {
		object[i] = slab_allocate(&slab);
		ck_assert_ptr_nonnull(object[i]);
		for (unsigned int b = 0; b < SLAB_OBJECT_BYTES; b++)
			ck_assert_int_eq(object[i][b], 0);
		memset(object[i], (int)i + 1, SLAB_OBJECT_BYTES);
	}
	ck_assert_uint_eq(frames.in_use, 1);
	for (unsigned int i = 0; i < SLAB_OBJECTS; i++) {
		ck_assert_int_eq(object[i][0], (int)i + 1);
		ck_assert_int_eq(object[i][SLAB_OBJECT_BYTES - 1], (int)i + 1);
		slab_free(&slab, object[i]);
	}
}
END_TEST

START_TEST(a_frame_goes_back_with_its_last_object)
{
	void *first = slab_allocate(&slab);
	void *second = slab_allocate(&slab);

	slab_free(&slab, first);
	ck_assert_uint_eq(frames.in_use, 1);
	slab_free(&slab, second);
	ck_assert_uint_eq(frames.in_use, 0);
	ck_assert_ptr_nonnull(first = slab_allocate(&slab));
	slab_free(&slab, first);
}
END_TEST

START_TEST(without_a_frame_there_is_no_object_and_nothing_changes)
{
	void *object[3 * SLAB_OBJECTS];

	for (unsigned int i = 0; i < 3 * SLAB_OBJECTS; i++)
		ck_assert_ptr_nonnull(object[i] = slab_allocate(&slab));
	ck_assert_ptr_null(slab_allocate(&slab));
	slab_free(&slab, object[SLAB_OBJECTS]);
	ck_assert_ptr_eq(slab_allocate(&slab), object[SLAB_OBJECTS]);
	for (unsigned int i = 0; i < 3 * SLAB_OBJECTS; i++)
		slab_free(&slab, object[i]);
	ck_assert_uint_eq(frames.in_use, 0);
}
END_TEST

START_TEST(nothing_can_be_freed)
{
	slab_free(&slab, NULL);
	ck_assert_uint_eq(frames.in_use, 0);
}
END_TEST

/* In any order: no object twice, and no frame kept. */
START_TEST(any_order_of_use_keeps_the_objects_apart)
{
	uint32_t *object[3 * SLAB_OBJECTS] = { NULL };
	uint32_t random = 12345;

	for (uint32_t step = 0; step < 20000; step++) {
		unsigned int i;

		random = random * 1664525 + 1013904223;
		i = (random >> 8) % (3 * SLAB_OBJECTS);
		if (object[i]) {
			ck_assert_uint_eq(object[i][0], i);
			slab_free(&slab, object[i]);
			object[i] = NULL;
		} else {
			ck_assert_ptr_nonnull(object[i] = slab_allocate(&slab));
			ck_assert_uint_eq(object[i][0], 0);
			object[i][0] = i;
		}
	}
	for (unsigned int i = 0; i < 3 * SLAB_OBJECTS; i++)
		slab_free(&slab, object[i]);
	ck_assert_uint_eq(frames.in_use, 0);
	ck_assert_uint_eq(frames.left, 3);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("slab");
	TCase *tests = tcase_create("slab");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, objects_are_zeroed_apart_and_inside_their_frame);
	tcase_add_test(tests, a_frame_goes_back_with_its_last_object);
	tcase_add_test(tests, without_a_frame_there_is_no_object_and_nothing_changes);
	tcase_add_test(tests, nothing_can_be_freed);
	tcase_add_test(tests, any_order_of_use_keeps_the_objects_apart);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(make_suite)
