// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes that are killed after each step of a partition's life, and at any moment of it. */
#include "tests/e2e/mshv/mshv_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY_BYTES (8u << 20) /* in it, pages that are mapped 2 MiB at a time */
#define VPS          2u
#define CONNECTION   0x2001u
#define SINT         2u
#define TIMES        3
#define MOMENTS      40
#define MOMENT_US    1500

static const uint8_t code_spin[] = { 0xeb, 0xfe };

struct life {
	int device;
	struct mshv_partition partition;
	uint8_t *memory;
	struct mshv_vp vp[VPS];
	int eventfd[2];
	int message_fd;
};

/* ---- The steps; each is sure of the ones before it ---- */

static void must(bool good)
{
	if (!good)
		abort(); /* the parent sees that it was no SIGKILL */
}

static void open_device(struct life *life)
{
	life->device = mshv_open();
	must(life->device >= 0);
}

static void create(struct life *life)
{
	struct mshv_create_partition request = { .flags = MSHV_PARTITION_LAPIC };

	life->partition.fd = ioctl(life->device, MSHV_CREATE_PARTITION, &request);
	must(life->partition.fd >= 0);
}

static void initialize(struct life *life)
{
	must(ioctl(life->partition.fd, MSHV_INITIALIZE_PARTITION) == 0);
}

static void map(struct life *life, uint64_t start, uint64_t bytes)
{
	must(mshv_map_memory(&life->partition, start, life->memory + start, bytes,
	                     MSHV_MEMORY_WRITABLE | MSHV_MEMORY_EXECUTABLE) == 0);
}

static void map_some_memory(struct life *life)
{
	life->memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
	                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(life->memory != MAP_FAILED);
	memcpy(life->memory + GUEST_CODE_GPA, code_spin, sizeof(code_spin));
	map(life, 0, MEMORY_BYTES / 2);
}

static void map_the_rest(struct life *life)
{
	map(life, MEMORY_BYTES / 2, MEMORY_BYTES / 2);
}

static void create_first_vp(struct life *life)
{
	must(mshv_create_vp(&life->partition, 0, &life->vp[0]) == 0);
}

static void create_other_vps(struct life *life)
{
	for (uint32_t i = 1; i < VPS; i++)
		must(mshv_create_vp(&life->partition, i, &life->vp[i]) == 0);
}

static void connect_all(struct life *life)
{
	for (int i = 0; i < 2; i++) {
		life->eventfd[i] = eventfd(0, EFD_CLOEXEC);
		must(life->eventfd[i] >= 0);
	}
	life->message_fd = mshv_message_fd(&life->partition, CONNECTION);
	must(life->message_fd >= 0);
	must(mshv_signal_eventfd(&life->partition, CONNECTION + 1, life->eventfd[0]) ==
	     0);
	must(mshv_eventfd_assign(&life->partition, life->eventfd[1], 0, SINT, 1) == 0);
}

static void set_registers(struct life *life)
{
	const struct hv_register_assoc registers[] = {
		{ .name = HV_REGISTER_INTERNAL_ACTIVITY_STATE, .value.reg64 = 0 },
		{ .name = HV_X64_REGISTER_CS,
		  .value.segment = { .limit = 0xffff, .attributes = 0x9b } },
		{ .name = HV_X64_REGISTER_RIP, .value.reg64 = GUEST_CODE_GPA },
		{ .name = HV_X64_REGISTER_RFLAGS, .value.reg64 = 2 },
	};

	for (uint32_t i = 0; i < VPS; i++)
		must(mshv_set_registers(&life->vp[i], registers,
		                        ARRAY_COUNT(registers)) == 0);
}

static void *spin(void *vp)
{
	struct hv_message message;

	must(mshv_run_vp(vp, &message) < 0); /* it has nothing to say */
	return NULL;
}

static void run(struct life *life)
{
	pthread_t thread;

	for (uint32_t i = 0; i < VPS; i++)
		must(pthread_create(&thread, NULL, spin, &life->vp[i]) == 0);
	usleep(20000);
}

static void (*const steps[])(struct life *life) = {
	open_device,     create,           initialize,  map_some_memory, map_the_rest,
	create_first_vp, create_other_vps, connect_all, set_registers,   run,
};

/* ---- Lives and deaths ---- */

static _Noreturn void live_up_to(int step, int told)
{
	struct life life;

	for (int i = 0; i <= step; i++)
		steps[i](&life);
	must(write(told, "", 1) == 1);
	for (;;)
		pause();
}

/* All but `run`, again and again. */
static _Noreturn void live_for_ever(int told)
{
	must(write(told, "", 1) == 1);
	for (;;) {
		struct life life;

		for (size_t i = 0; i < ARRAY_COUNT(steps) - 1; i++)
			steps[i](&life);
		for (uint32_t i = 0; i < VPS; i++)
			mshv_close_vp(&life.vp[i]);
		close(life.message_fd);
		mshv_close_partition(&life.partition);
		close(life.eventfd[0]);
		close(life.eventfd[1]);
		close(life.device);
		munmap(life.memory, MEMORY_BYTES);
	}
}

/* `after_us` from the byte that it writes. */
static void kill_one(int step, useconds_t after_us)
{
	int ends[2], status;
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0 && step >= 0)
		live_up_to(step, ends[1]);
	if (pid == 0)
		live_for_ever(ends[1]);
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	usleep(after_us);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

START_TEST(who_is_killed_after_a_step_leaves_no_page_behind)
{
	int device = mshv_open();

	ck_assert_int_ge(device, 0);
	for (int i = 0; i < TIMES; i++) {
		kill_one(_i, 0);
		check_nothing_is_left(device);
	}
	close(device);
}
END_TEST

START_TEST(who_is_killed_at_any_moment_leaves_no_page_behind)
{
	int device = mshv_open();

	ck_assert_int_ge(device, 0);
	for (int i = 0; i < MOMENTS; i++) {
		kill_one(-1, MOMENT_US * i);
		check_nothing_is_left(device);
	}
	close(device);
}
END_TEST

Suite *mshv_death_suite(void)
{
	Suite *suite = suite_create("death");
	TCase *tcase = tcase_create("death");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, who_is_killed_after_a_step_leaves_no_page_behind, 0,
	                    (int)ARRAY_COUNT(steps));
	tcase_add_test(tcase, who_is_killed_at_any_moment_leaves_no_page_behind);
	suite_add_tcase(suite, tcase);
	return suite;
}
