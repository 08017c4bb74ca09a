/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of a VM: how long it becomes, and how much of it a guest can cause. */
#include "unit.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>

#include "root-partition/config/vm_log.h"

static char *folder;
static char *path;
static char *old_path;

static void setup(void)
{
	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	path = g_build_filename(folder, "log", NULL);
	old_path = g_build_filename(folder, "old", NULL);
	ck_assert(vm_log_open(path, old_path, NULL));
}

static void teardown(void)
{
	g_unlink(path);
	g_unlink(old_path);
	g_rmdir(folder);
	g_free(path);
	g_free(old_path);
	g_free(folder);
}

/* The number in the first line of a file, and in its last. */
static void range(const char *file, gsize bytes_max, int *first, int *last)
{
	g_autofree char *text = NULL;
	gsize length;

	ck_assert(g_file_get_contents(file, &text, &length, NULL));
	ck_assert_uint_le(length, bytes_max);
	ck_assert_int_eq(text[length - 1], '\n');
	*first = atoi(strstr(text, "line ") + strlen("line "));
	*last = atoi(g_strrstr(text, "line ") + strlen("line "));
}

START_TEST(a_log_that_becomes_long_is_kept_once_and_begins_anew)
{
	g_autofree char *padding = g_strnfill(100, 'x');
	int lines = (int)(VM_LOG_BYTES / 100 * 3);
	int old_first, old_last, first, last;

	for (int i = 0; i < lines; i++)
		vm_log("line %d %s", i, padding);
	range(old_path, VM_LOG_BYTES + 256, &old_first, &old_last);
	range(path, VM_LOG_BYTES + 256, &first, &last);
	ck_assert_int_gt(old_first, 0);        /* the oldest are gone */
	ck_assert_int_eq(old_last + 1, first); /* and none between */
	ck_assert_int_eq(last + 1, lines);
}
END_TEST

START_TEST(a_log_goes_on_at_the_end_of_what_is_there)
{
	g_autofree char *text = NULL;

	vm_log("first life");
	ck_assert(vm_log_open(path, old_path, NULL));
	vm_log("second life");
	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	ck_assert_ptr_nonnull(strstr(text, "first life"));
	ck_assert_ptr_nonnull(strstr(text, "second life"));
	ck_assert_int_ne(g_access(old_path, 0), 0);
}
END_TEST

START_TEST(without_a_place_for_the_old_log_it_still_does_not_grow)
{
	g_autofree char *padding = g_strnfill(1000, 'x');
	g_autofree char *text = NULL;
	gsize length;

	ck_assert_int_eq(g_mkdir(old_path, 0700), 0);
	for (unsigned int i = 0; i < 2 * VM_LOG_BYTES / 1000; i++)
		vm_log("line %u %s", i, padding);
	ck_assert(g_file_get_contents(path, &text, &length, NULL));
	ck_assert_uint_le(length, VM_LOG_BYTES);
	g_rmdir(old_path);
}
END_TEST

/* As when a process has all the descriptors it may have: 0, 1 and 2. */
static void forbid_opening(gboolean forbid)
{
	static struct rlimit usual;
	struct rlimit none;

	if (forbid)
		ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = usual;
	none.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, forbid ? &none : &usual), 0);
}

START_TEST(a_log_that_was_renamed_is_not_lost_when_no_new_one_can_be_made)
{
	g_autofree char *padding = g_strnfill(1000, 'x');
	int lines = (int)(VM_LOG_BYTES / 1000 + 10);
	int first, last;

	forbid_opening(TRUE);
	for (int i = 0; i < lines; i++)
		vm_log("line %d %s", i, padding);
	forbid_opening(FALSE);
	ck_assert_int_ne(g_access(path, 0), 0);
	vm_log("line %d", lines);
	vm_log("line %d", lines + 1);
	range(old_path, 2 * VM_LOG_BYTES, &first, &last);
	ck_assert_int_eq(first, 0);
	ck_assert_int_eq(last, lines);
	range(path, VM_LOG_BYTES + 256, &first, &last);
	ck_assert_int_eq(first, lines + 1);
}
END_TEST

START_TEST(a_log_of_which_no_new_one_can_ever_be_made_still_does_not_grow)
{
	g_autofree char *padding = g_strnfill(1000, 'x');
	g_autofree char *text = NULL;
	gsize length;

	forbid_opening(TRUE);
	for (unsigned int i = 0; i < 5 * VM_LOG_BYTES / 1000; i++)
		vm_log("line %u %s", i, padding);
	forbid_opening(FALSE);
	ck_assert(g_file_get_contents(old_path, &text, &length, NULL));
	ck_assert_uint_le(length, 2 * VM_LOG_BYTES);
}
END_TEST

START_TEST(a_log_that_cannot_be_made_is_an_error_that_names_it)
{
	g_autoptr(GError) error = NULL;

	ck_assert(!vm_log_open("/nonexistent/log", old_path, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "/nonexistent/log"));
}
END_TEST

START_TEST(what_a_guest_causes_is_limited_and_what_was_left_out_is_told)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	for (int i = 0; i < 1000; i++)
		vm_log_limited("line %d", i);
	g_usleep(G_USEC_PER_SEC);
	vm_log_limited("later");
	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	lines = g_strsplit(text, "\n", -1);
	ck_assert_uint_ge(g_strv_length(lines), VM_LOG_BURST);
	/* The loop may be in two seconds. */
	ck_assert_uint_le(g_strv_length(lines), 2 * VM_LOG_BURST + 4);
	ck_assert_ptr_nonnull(strstr(text, "lines of the guest's doing left out"));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("vm_log");
	TCase *tcase = tcase_create("file");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_log_that_becomes_long_is_kept_once_and_begins_anew);
	tcase_add_test(tcase, a_log_goes_on_at_the_end_of_what_is_there);
	tcase_add_test(tcase, without_a_place_for_the_old_log_it_still_does_not_grow);
	tcase_add_test(tcase,
	               a_log_that_was_renamed_is_not_lost_when_no_new_one_can_be_made);
	tcase_add_test(tcase,
	               a_log_of_which_no_new_one_can_ever_be_made_still_does_not_grow);
	tcase_add_test(tcase, a_log_that_cannot_be_made_is_an_error_that_names_it);
	tcase_add_test(tcase,
	               what_a_guest_causes_is_limited_and_what_was_left_out_is_told);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
