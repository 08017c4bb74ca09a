/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User-mode networks whose program does not end when it should: the keeper's part, with a program of ours in passt's
 * place, which leaves processes behind that spin, heed no signal but SIGKILL and never look at their socket.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "root-partition/config/definition_net.h"
#include "worker_fake.h"
#include "worker_keeper.h"
#include "worker_machine.h"
#include "worker_provider.h"

#define SPIN                                                                 \
	"spin() { ulimit -t 60; trap '' HUP INT TERM; sh -c 'echo $PPID' >>" \
	"\"$0.pids\"; exec 2>&-; while :; do :; done; }\n"

/* It ends with 0 when it is ready, and leaves the last it started. */
#define ONE  "spin & wait_for 1\n"
#define TWO  "spin & spin & wait_for 2\n"
#define DEAD "true &\n"
#define WAIT                                                                    \
	"wait_for() { while [ $(cat \"$0.pids\" 2>/dev/null | wc -l) -lt $1 ];" \
	" do sleep 0.01; done; }\n"

static char *program, *pids_path;

static bool idle(struct hv_message *message)
{
	(void)message;
	return false;
}

static void setup(void)
{
	worker_set_up(idle);
	ck_assert(definition_net_add(definition, "user,mac=02:00:00:00:00:01", NULL));
	definition_net_complete(definition);
	program = g_build_filename(folder, DEFINITION_NET_PROGRAM, NULL);
	pids_path = g_strconcat(program, ".pids", NULL);
}

static void teardown(void)
{
	g_unlink(program);
	g_unlink(pids_path);
	g_free(program);
	g_free(pids_path);
	worker_tear_down();
}

static void play(const char *what)
{
	g_autofree char *text = g_strconcat("#!/bin/sh\n" SPIN WAIT, what, NULL);

	(void)g_unlink(pids_path);
	ck_assert(g_file_set_contents(program, text, -1, NULL));
	ck_assert_int_eq(g_chmod(program, 0755), 0);
}

/* Those that it left behind since it was played, a line for each. */
static char *read_pids(void)
{
	char *text = NULL;

	ck_assert(g_file_get_contents(pids_path, &text, NULL, NULL));
	return text;
}

static unsigned int count_in(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	unsigned int living = 0;

	for (char **line = lines; **line; line++) {
		int pid = atoi(*line);

		ck_assert_int_gt(pid, 1);
		living += kill(pid, 0) == 0;
	}
	return living;
}

static unsigned int count_living(void)
{
	g_autofree char *text = read_pids();

	return count_in(text);
}

static bool start(int sockets[2], bool last, GError **error)
{
	return keeper_client_provider(worker_keeper_client(), VMBUS_NET, last,
	                              &sockets[0], &sockets[1], error);
}

/* As a provider that has noticed: it ends, and whoever asks for its end knows. */
static void end_provider(const int sockets[2])
{
	int status;

	keeper_client_provider_kill(worker_keeper_client(), VMBUS_NET);
	while (!keeper_client_provider_ended(worker_keeper_client(), VMBUS_NET, &status))
		g_usleep(1000);
	close(sockets[0]);
	close(sockets[1]);
}

static unsigned int count_descriptors(void)
{
	GDir *all = g_dir_open("/proc/self/fd", 0, NULL);
	unsigned int count = 0;

	while (g_dir_read_name(all))
		count++;
	g_dir_close(all);
	return count;
}

START_TEST(one_that_spins_is_gone_with_its_provider)
{
	unsigned int descriptors = 0;
	int sockets[2];

	for (int i = 0; i < 3; i++) {
		play(ONE);
		ck_assert(start(sockets, false, NULL));
		ck_assert_uint_eq(count_living(), 1);
		end_provider(sockets);
		ck_assert_uint_eq(count_living(), 0);
		if (i == 0) /* the provider's table stays */
			descriptors = count_descriptors();
	}
	ck_assert_uint_eq(count_descriptors(), descriptors);
}
END_TEST

/* Whose provider's last process has none. */
START_TEST(one_that_spins_is_gone_when_the_next_provider_needs_none)
{
	int sockets[2];

	play(ONE);
	ck_assert(start(sockets, false, NULL));
	end_provider(sockets);
	ck_assert(start(sockets, true, NULL));
	ck_assert_uint_eq(count_living(), 0);
	end_provider(sockets);
}
END_TEST

/* The pid is the one that is counted; what else it left is gone at once. */
START_TEST(one_that_leaves_several_has_one)
{
	int sockets[2];

	play(TWO);
	ck_assert(start(sockets, false, NULL));
	ck_assert_uint_eq(count_living(), 1);
	end_provider(sockets);
	ck_assert_uint_eq(count_living(), 0);
}
END_TEST

/* Nothing of another process is touched: there is none to be ended. */
START_TEST(one_that_died_meanwhile_is_nobody)
{
	int sockets[2];

	play(DEAD);
	for (int i = 0; i < 3; i++) {
		ck_assert(start(sockets, false, NULL));
		g_usleep(20000);
		end_provider(sockets);
	}
}
END_TEST

static const struct {
	const char *what;
	const char *error;
} failures[] = {
	{ "spin & wait_for 1; echo 'it will not' >&2; exit 1\n", "passt: it will not" },
	/* It keeps its error output open. */
	{ "sh -c 'echo $PPID' >>\"$0.pids\"; exec sleep 100\n", "timed out" },
	{ "spin & wait_for 1; exec sleep 100\n", "timed out" },
};

START_TEST(nothing_is_left_of_one_that_cannot_start)
{
	g_autoptr(GError) error = NULL;
	int sockets[2];

	play(failures[_i].what);
	ck_assert(!start(sockets, false, &error));
	ck_assert_ptr_nonnull(strstr(error->message, failures[_i].error));
	ck_assert_uint_eq(count_living(), 0);
}
END_TEST

/* The machine ends with it; the worker has hung up. */
START_TEST(one_that_spins_is_gone_at_the_end)
{
	g_autofree char *pids = NULL;
	int sockets[2];

	setup();
	play(ONE);
	ck_assert(start(sockets, false, NULL));
	pids = read_pids();
	ck_assert_uint_eq(count_in(pids), 1);
	teardown();
	ck_assert_uint_eq(count_in(pids), 0);
	close(sockets[0]);
	close(sockets[1]);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("user_network");
	TCase *tcase = tcase_create("user_network");
	TCase *end = tcase_create("end");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, one_that_spins_is_gone_with_its_provider);
	tcase_add_test(tcase, one_that_spins_is_gone_when_the_next_provider_needs_none);
	tcase_add_test(tcase, one_that_leaves_several_has_one);
	tcase_add_test(tcase, one_that_died_meanwhile_is_nobody);
	tcase_add_loop_test(tcase, nothing_is_left_of_one_that_cannot_start, 0,
	                    G_N_ELEMENTS(failures));
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(end, 60);
	tcase_add_test(end, one_that_spins_is_gone_at_the_end);
	suite_add_tcase(suite, end);
	return suite;
}

int main(int argc, char **argv)
{
	return worker_main(argc, argv, make_suite);
}
