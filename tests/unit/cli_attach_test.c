/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `viridis attach` on a stand-in for /dev/mshv: whose machine it takes, and what it does about one of its name. */
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "root-partition/cli/command.h"
#include "root-partition/client/worker.h"
#include "root-partition/config/definition_disk.h"
#include "root-partition/config/state.h"
#include "root-partition/config/store.h"
#include "root-partition/libmshv/mshv.h"

#define MACHINES_MAX 2u

static char *folder;
static uint32_t attached_to;
static struct {
	GPid pid;
	gint input; /* it ends with this */
} machines[MACHINES_MAX];
static uint32_t machine_count;

/* ---- The stand-in ---- */

int mshv_open(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* Each has two, as one that is reset may. */
int mshv_info(int device, struct viridis_partition_info *partitions, uint32_t *count,
              struct viridis_info *totals)
{
	(void)device;
	(void)totals;
	ck_assert_uint_ge(*count, 2 * machine_count);
	*count = 2 * machine_count;
	for (uint32_t i = 0; i < *count; i++)
		partitions[i].creator_pid = (uint32_t)machines[i / 2].pid;
	return 0;
}

int mshv_attach(int device, uint64_t partition_id, uint32_t creator_pid,
                struct mshv_partition *partition)
{
	(void)device;
	(void)partition_id;
	attached_to = creator_pid;
	partition->fd = -1;
	return 0;
}

int mshv_attached_memory(const struct mshv_partition *partition,
                         struct viridis_memory_range *ranges, uint32_t *count)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);

	(void)partition;
	(void)ranges;
	(void)count;
	ck_assert_int_eq(ftruncate(fd, 8 << 20), 0);
	return fd;
}

void mshv_close_partition(struct mshv_partition *partition)
{
	(void)partition;
}

gboolean worker_start(const char *name, GError **error)
{
	(void)name;
	(void)error;
	return TRUE;
}

/* ---- The tests ---- */

/* A process with QEMU's words. */
static void make_machine(const char *name)
{
	const char *words[] = { "/bin/sh", "-c", "read x", "-name", name, NULL };

	ck_assert_uint_lt(machine_count, MACHINES_MAX);
	ck_assert(g_spawn_async_with_pipes(NULL, (char **)words, NULL, G_SPAWN_DEFAULT,
	                                   NULL, NULL, &machines[machine_count].pid,
	                                   &machines[machine_count].input, NULL, NULL,
	                                   NULL));
	machine_count++;
}

static void setup(void)
{
	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	g_setenv("VIRIDIS_STATE_DIR", folder, TRUE);
	g_setenv("VIRIDIS_RUN_DIR", folder, TRUE);
	machine_count = 0;
	attached_to = 0;
}

static void tear_down(void)
{
	g_autoptr(GDir) files = g_dir_open(folder, 0, NULL);
	const char *file;

	for (uint32_t i = 0; i < machine_count; i++)
		close(machines[i].input);
	while ((file = g_dir_read_name(files))) {
		g_autofree char *path = g_build_filename(folder, file, NULL);

		g_unlink(path);
	}
	g_rmdir(folder);
	g_free(folder);
}

/* With a disk, or NULL. */
static enum command_status attach_with(const char *which, const char *disk)
{
	static const struct command command = { "attach", "PID|NAME", "",
		                                command_attach };
	char *words[] = { "attach", (char *)which, "--name", "guest",
		          "--disk", (char *)disk,  NULL };

	return command_attach(&command, disk ? 6 : 4, words);
}

static enum command_status attach(const char *which)
{
	return attach_with(which, NULL);
}

/* As a process of its own, which a command has. */
static int attach_apart_with(const char *which, const char *disk)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit((int)attach_with(which, disk));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static int attach_apart(const char *which)
{
	return attach_apart_with(which, NULL);
}

START_TEST(a_machine_is_found_by_the_name_that_it_alone_has)
{
	make_machine("guest=other,debug-threads=on");
	make_machine("guest=first,debug-threads=on");
	ck_assert_int_eq(attach("first"), COMMAND_DONE);
	ck_assert_uint_eq(attached_to, (uint32_t)machines[1].pid);
}
END_TEST

/* Whose disks they would be is not to be left to who was first. */
START_TEST(two_machines_of_one_name_are_none)
{
	make_machine("first");
	make_machine("guest=first,debug-threads=on");
	ck_assert_int_ne(attach("first"), COMMAND_DONE);
	ck_assert_uint_eq(attached_to, 0);
	ck_assert_ptr_null(store_load("guest", NULL));
}
END_TEST

START_TEST(an_attachment_that_has_ended_makes_room_and_a_vm_does_not)
{
	g_autoptr(definition_pointer) first = NULL;
	g_autoptr(definition_pointer) second = NULL;

	make_machine("first");
	make_machine("second");
	ck_assert_int_eq(attach_apart("first"), COMMAND_DONE);
	ck_assert_int_eq(attach_apart("second"), COMMAND_DONE);
	first = store_load("guest", NULL);
	ck_assert_uint_eq(first->attach_pid, (uint32_t)machines[1].pid);
	first->attach_pid = 0;
	first->kernel = g_strdup("/boot/vmlinuz");
	ck_assert(store_replace(first, NULL));
	ck_assert_int_ne(attach_apart("first"), COMMAND_DONE);
	second = store_load("guest", NULL);
	ck_assert_str_eq(second->kernel, "/boot/vmlinuz");
}
END_TEST

START_TEST(a_disk_that_a_running_vm_has_is_not_attached)
{
	g_autofree char *path = g_build_filename(folder, "disk", NULL);
	g_autoptr(definition_pointer) other = definition_new();
	g_autoptr(definition_pointer) before = NULL;
	int running;

	ck_assert(g_file_set_contents(path, "0123456789abcdef", -1, NULL));
	ck_assert_int_eq(truncate(path, 4096), 0);
	other->name = g_strdup("other");
	other->memory_bytes = 8 << 20;
	other->vps = 1;
	other->kernel = g_strdup("/boot/vmlinuz");
	definition_add_disk(other, path, FALSE);
	definition_complete(other);
	ck_assert(store_create(other, NULL));
	make_machine("first");
	running = state_lock("other", NULL);
	ck_assert_int_ge(running, 0);
	ck_assert_int_eq(attach_apart_with("first", path), COMMAND_FAILED);
	ck_assert_ptr_null(store_load("guest", NULL));
	/* Nor is what was attached before forgotten for it. */
	ck_assert_int_eq(attach_apart("first"), COMMAND_DONE);
	ck_assert_int_eq(attach_apart_with("first", path), COMMAND_FAILED);
	before = store_load("guest", NULL);
	ck_assert_ptr_nonnull(before);
	state_unlock("other", running);
	ck_assert_int_eq(attach_apart_with("first", path), COMMAND_DONE);
}
END_TEST

static Suite *cli_attach_suite(void)
{
	Suite *suite = suite_create("cli_attach");
	TCase *tcase = tcase_create("attach");

	tcase_add_checked_fixture(tcase, setup, tear_down);
	tcase_add_test(tcase, a_machine_is_found_by_the_name_that_it_alone_has);
	tcase_add_test(tcase, two_machines_of_one_name_are_none);
	tcase_add_test(tcase, an_attachment_that_has_ended_makes_room_and_a_vm_does_not);
	tcase_add_test(tcase, a_disk_that_a_running_vm_has_is_not_attached);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(cli_attach_suite)
