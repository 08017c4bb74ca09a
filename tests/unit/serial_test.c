/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A serial line's file does not grow without end, and takes nobody else's file. */
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root-partition/vm/serial.h"

#define PART_BYTES (1u << 20)

static char *folder;
static char *path;
static char *old;
static struct serial_file serial_file;
static struct serial *serial;

/* The keeper's part. */
static int next_file(gpointer context)
{
	struct serial_file *file = context;

	return serial_file_next(file) ? dup(file->fd) : -1;
}

static void begin(void)
{
	ck_assert(serial_file_open(&serial_file, path, NULL));
	serial = serial_new(&serial_file, next_file, &serial_file);
}

static void end(void)
{
	serial_close(serial);
	serial_file_close(&serial_file);
}

static void setup(void)
{
	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	path = g_build_filename(folder, "out", NULL);
	old = g_strconcat(path, ".old", NULL);
	begin();
}

static void teardown(void)
{
	end();
	g_unlink(path);
	g_unlink(old);
	ck_assert_int_eq(g_rmdir(folder), 0);
	g_free(folder);
	g_free(path);
	g_free(old);
}

static void print(char byte, gsize bytes)
{
	g_autofree char *part = g_malloc(PART_BYTES);

	memset(part, byte, PART_BYTES);
	for (; bytes; bytes -= PART_BYTES)
		serial_write(serial, (const guint8 *)part, PART_BYTES);
}

static gint64 size_of(const char *file)
{
	struct stat status;

	return stat(file, &status) == 0 ? status.st_size : -1;
}

static char first_of(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char byte = 0;

	ck_assert_int_eq(read(fd, &byte, 1), 1);
	close(fd);
	return byte;
}

START_TEST(a_file_that_is_long_becomes_the_old_one)
{
	print('a', SERIAL_FILE_BYTES);
	ck_assert_int_eq(size_of(path), 0);
	ck_assert_int_eq(size_of(old), SERIAL_FILE_BYTES);
	print('b', SERIAL_FILE_BYTES + PART_BYTES);
	ck_assert_int_eq(size_of(path), PART_BYTES);
	ck_assert_int_eq(first_of(old), 'b');
}
END_TEST

START_TEST(what_was_there_before_counts)
{
	print('a', SERIAL_FILE_BYTES - PART_BYTES);
	end();
	begin();
	print('b', PART_BYTES);
	ck_assert_int_eq(size_of(path), 0);
	ck_assert_int_eq(size_of(old), SERIAL_FILE_BYTES);
}
END_TEST

START_TEST(the_new_file_is_the_vm_s_alone_too)
{
	struct serial_file other;

	print('a', SERIAL_FILE_BYTES);
	ck_assert(!serial_file_open(&other, path, NULL));
}
END_TEST

START_TEST(a_file_that_another_uses_is_not_replaced)
{
	struct serial_file other;

	ck_assert(serial_file_open(&other, old, NULL));
	ck_assert_int_eq(write(other.fd, "x", 1), 1);
	print('a', SERIAL_FILE_BYTES + PART_BYTES);
	ck_assert_int_eq(size_of(path), PART_BYTES);
	ck_assert_int_eq(first_of(old), 'x');
	serial_file_close(&other);
}
END_TEST

START_TEST(where_no_file_can_be_made_the_one_there_is_begins_anew)
{
	ck_assert_int_eq(g_mkdir(old, 0700), 0);
	print('a', 3 * SERIAL_FILE_BYTES + PART_BYTES);
	ck_assert_int_eq(size_of(path), PART_BYTES);
	ck_assert_int_eq(g_rmdir(old), 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("serial");
	TCase *tcase = tcase_create("file");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_file_that_is_long_becomes_the_old_one);
	tcase_add_test(tcase, what_was_there_before_counts);
	tcase_add_test(tcase, the_new_file_is_the_vm_s_alone_too);
	tcase_add_test(tcase, a_file_that_another_uses_is_not_replaced);
	tcase_add_test(tcase, where_no_file_can_be_made_the_one_there_is_begins_anew);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
