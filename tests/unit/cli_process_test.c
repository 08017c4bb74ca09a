/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `viridis` as a process, without a hypervisor: its answers, and what it does when things fail. */
#define _GNU_SOURCE
#include "unit.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cli_program.h"
#include "root-partition/client/client.h"
#include "root-partition/config/file_lock.h"
#include "root-partition/config/json_text.h"

/* ---- Text and JSON ---- */

START_TEST(a_path_that_is_no_text_is_refused_and_nothing_is_made)
{
	g_autoptr(json_t) answer = NULL;

	expect_done("cp $K $'k\\xff'");
	expect("$V create bad --memory 8M --kernel $'k\\xff'", 1, "UTF-8");
	expect("$V create bad --memory 8M --kernel $K --serial $'/tmp/\\xff'", 1,
	       "UTF-8");
	/* The error is JSON, though the path is not. */
	answer = json_of("$V create bad --memory 8M --kernel $'k\\xff' --json", 1);
	ck_assert(!json_is_true(json_object_get(answer, "ok")));
	expect_done("[ \"$(ls $S)\" = web.json ]");
}
END_TEST

START_TEST(a_log_with_any_bytes_is_printed_and_is_json)
{
	g_autoptr(json_t) answer = NULL;
	const char *log;

	expect_done("printf 'one \\377 two \\0 three\\n' >$S/web.log");
	expect_done("printf 'zero\\n' >$S/web.log.old");
	expect_done("$V log web | cmp - <(cat $S/web.log.old $S/web.log)");
	answer = json_of("$V log web --json", 0);
	log = json_string_value(json_object_get(answer, "log"));
	ck_assert_msg(g_str_has_prefix(log, "zero\none \uFFFD two "), "%s", log);
	ck_assert_msg(g_str_has_suffix(log, " three\n"), "%s", log);
}
END_TEST

START_TEST(a_log_is_shortened_to_its_newest_lines)
{
	expect("$V log web", 0, "'journalctl -u viridis@web'");
	expect_done("[ -z \"$($V log web 2>/dev/null)\" ]");
	expect_done("printf '1\n2\n' >$S/web.log.old; printf '3\n4\nfive' >$S/web.log");
	expect_done("[ \"$($V log web -n 2)\" = \"$(printf '4\nfive')\" ]");
	expect_done("[ \"$($V log web --lines 4)\" = \"$(printf '2\n3\n4\nfive')\" ]");
	expect_done("$V log web -n 99 | cmp - <(cat $S/web.log.old $S/web.log)");
	expect_done("[ -z \"$($V log web -n 0)\" ]");
	expect("$V log web -n x", 2, "Cannot parse");
}
END_TEST

/* What is added, and what comes after the log has become long and has given its name to a new one. */
START_TEST(a_log_is_followed_through_its_change_of_files)
{
	expect("$V log web --follow --json", 2, "--follow");
	expect("echo one >$S/web.log; timeout 20 $V log web -f -n 1 >followed & f=$!;"
	       " until [ -s followed ]; do sleep 0.1; done; echo two >>$S/web.log;"
	       " mv $S/web.log $S/web.log.old; echo three >$S/web.log;"
	       " until grep -q three followed; do sleep 0.1; done; kill $f; wait $f;"
	       " tr '\n' ' ' <followed",
	       0, "one two three ");
}
END_TEST

START_TEST(a_wait_ends_when_the_state_comes_or_cannot_come_or_its_time_is_over)
{
	expect("$V wait web", 0, "web is off");
	expect("$V wait web --for nonsense", 2, "no such state");
	/* An hour has more microseconds than 32 bits. */
	expect("timeout 2 $V wait web --for running --timeout 3600", 124, "");
	expect("$V wait web --for running --timeout 1", 3, "web is still off");
	expect_done("mkdir -p $R; echo '{\"state\":\"crashed\",\"reason\":\"x\"}'"
	            " >$R/web.state");
	expect("$V wait web --for off", 1, "web is not off, but crashed (x)");
	expect("$V wait web --for crashed", 0, "web is crashed");
	expect("$V wait nobody", 4, "no VM is named 'nobody'");
}
END_TEST

START_TEST(the_counters_of_a_vm_that_has_ended_are_told)
{
	g_autoptr(json_t) answer = NULL;

	expect("$V stats web", 5, "web does not run");
	expect_done(
		"echo '{\"ok\":true,\"pinned-pages\":7,\"vps\":[{\"vp\":0,\"exits\":9}]}'"
		" >$R/web.stats");
	expect("$V stats web", 0, "ended");
	ck_assert_ptr_nonnull(
		strstr(output, "exits                                 9\n"));
	answer = json_of("$V stats web --json", 0);
	ck_assert(json_is_true(json_object_get(answer, "ended")));
	/* What somebody else wrote there is no reason to do more than refuse. */
	expect("echo '[1' >$R/web.stats; $V stats web", 5, "web does not run");
	expect("head -c 2000000 /dev/zero >$R/web.stats; $V stats web", 5,
	       "web does not run");
	expect("echo '{\"vps\":[7,{}]}' >$R/web.stats; $V stats web", 0, "ended");
	expect("$V delete web --attached", 5, "was not made by 'viridis attach'");
	expect_done("sed 's|\"kernel\".*,|\"attach\": 1,|; s/\"web\"/\"qemu-1\"/'"
	            " $S/web.json >$S/qemu-1.json; $V delete qemu-1 --attached");
	expect_done("$V delete web; [ ! -e $R/web.stats ]");
}
END_TEST

START_TEST(where_there_is_no_hypervisor_it_is_told_what_it_takes)
{
	static const char *const commands[] = { "top --count 1", "trace", "stats",
		                                "attach 1" };
	g_autofree char *line = g_strdup_printf(
		"[ -e /dev/mshv ] && echo viridis_mshv && exit 1; $V %s", commands[_i]);

	expect(line, 1, "viridis_mshv");
}
END_TEST

START_TEST(to_stop_what_does_not_run_is_done)
{
	g_autoptr(json_t) answer = NULL;

	expect("$V stop web", 0, "web does not run");
	answer = json_of("$V stop web --json", 0);
	ck_assert(json_is_true(json_object_get(answer, "ok")));
	expect("$V stop nobody", 4, "no VM is named 'nobody'");
}
END_TEST

START_TEST(sizes_are_numbers_in_json)
{
	g_autoptr(json_t) info = json_of("$V info web --json", 0);
	g_autoptr(json_t) list = NULL;
	json_t *vms;

	ck_assert_int_eq(json_integer_value(json_object_get(info, "memory-bytes")),
	                 8 << 20);
	list = json_of("$V list --json", 0);
	vms = json_object_get(list, "vms");
	ck_assert_int_eq(json_integer_value(
				 json_object_get(json_array_get(vms, 0), "memory-bytes")),
	                 8 << 20);
	expect_done("sed -i 's/\"8M\"/16777216/' $S/web.json");
	expect("$V info web", 0, "memory     16M");
	expect("sed -i 's/\"memory\": .*/\"memory\": -1,/' $S/web.json; $V info web", 1,
	       "memory");
}
END_TEST

/* At a terminal alone, and not at once. */
START_TEST(who_waits_at_a_terminal_is_told_for_what)
{
	expect("script -qec \"$V wait web --for running --timeout 4\" /dev/null", 3,
	       "\rweb is waited for: 2 s\rweb is waited for: 3 s");
	expect("script -qec \"$V wait web --for running --timeout 1\" /dev/null", 3,
	       "web is still off");
	ck_assert_ptr_null(strstr(output, "waited"));
	expect("$V wait web --for running --timeout 3", 3, "web is still off");
	ck_assert_ptr_null(strstr(output, "waited"));
}
END_TEST

START_TEST(what_needs_no_vm_to_run_answers_in_json)
{
	static const char *const lines[] = {
		"$V list --json",
		"$V info web --json",
		"$V log web --json",
		"$V create other --memory 8M --kernel $K --json",
		"$V delete other --json",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autoptr(json_t) answer = json_of(lines[i], 0);

		ck_assert_msg(json_is_true(json_object_get(answer, "ok")), "%s", output);
	}
}
END_TEST

/* ---- Definitions ---- */

/* Of one that does not run the definition alone changes; of what is wrong, nothing. */
START_TEST(what_cannot_be_done_says_so_in_json)
{
	static const struct {
		const char *line;
		int status;
		const char *code;
	} cases[] = {
		{ "$V console web --json", 5, "wrong-state" },
		{ "$V shutdown web --json", 5, "wrong-state" },
		{ "$V info nobody --json", 4, "unknown-vm" },
		{ "$V delete nobody --json", 4, "unknown-vm" },
		{ "$V trace --json --count 1", 1, "failed" },
		{ "$V info --json", 2, "usage" },
		{ "$V list --json --bogus", 2, "usage" },
		{ "$V list --bogus --json", 2, "usage" },
		{ "$V frobnicate --json", 2, "usage" },
		{ "$V create web --memory 8M --kernel $K --json", 1, "exists" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(json_t) answer = json_of(cases[i].line, cases[i].status);

		ck_assert_str_eq(json_string_value(json_object_get(answer, "code")),
		                 cases[i].code);
	}
}
END_TEST

START_TEST(an_interrupted_create_leaves_nothing_for_good)
{
	/* Killed by SIGXFSZ in the midst of writing. */
	expect("ulimit -f 0; $V create two --memory 8M --kernel $K; exit $?",
	       128 + SIGXFSZ, "");
	expect("$V info two", 4, "no VM is named");
	expect_done("$V create two --memory 8M --kernel $K");
	expect("ls $S | xargs", 0, "two.json web.json\n");
	ck_assert_str_eq(output, "two.json web.json\n");
	expect_done("$V info two");
}
END_TEST

START_TEST(of_many_who_create_one_name_one_wins)
{
	expect_done("for n in $(seq 20); do"
	            "  $V create two --memory $((n + 8))M --kernel $K >&2 && echo won $n"
	            "  & done 2>/dev/null | tee won; [ $(wc -l <won) = 1 ];"
	            " $V info two | grep -q \"^memory *$(($(cut -d' ' -f2 won) + 8))M\"");
	expect_done("[ \"$(ls $S | xargs)\" = 'two.json web.json' ]");
}
END_TEST

/* ---- Output ---- */

START_TEST(an_answer_that_cannot_be_written_is_not_done)
{
	static const char *const lines[] = {
		"$V list",
		"$V list --json",
		"$V info web",
		"$V log web",
		"$V list --help",
		"$V --help",
		"$V create other --memory 8M --kernel $K",
	};
	g_autofree char *line = g_strconcat(lines[_i], " >/dev/full", NULL);

	expect_done("echo line >$S/web.log");
	expect(line, 1, "No space left on device");
}
END_TEST

START_TEST(who_stops_reading_is_told_nothing)
{
	expect("set -o pipefail; (sleep 0.5; exec $V --help) | true", 1, "");
	ck_assert_str_eq(output, "");
}
END_TEST

START_TEST(text_is_the_same_in_every_locale)
{
	expect_done("$V create accents --memory 8M --kernel $K --serial $'/tmp/\\u00e4'");
	expect("LC_ALL=C $V info accents", 0, "/tmp/\u00e4");
	expect("LC_ALL=C $V info accents --json", 0, "/tmp/\u00e4");
}
END_TEST

/* ---- Starting a worker ---- */

/* As the real one does before it says that it is ready. */
#define TO_ITS_LOG "exec </dev/null >/dev/null 2>/dev/null\n"

START_TEST(a_caller_without_standard_descriptors_can_start)
{
	static const char *const lines[] = {
		"$V start web",
		"$V start web <&-",
		"$V start web <&- >&-",
		"$V start web >&- 2>&-",
		"$V start web <&- >&- 2>&-",
	};

	make_worker(TO_ITS_LOG "printf ready >&$2");
	expect_done(lines[_i]);
}
END_TEST

START_TEST(a_worker_has_none_of_its_caller_s_descriptors)
{
	make_worker(TO_ITS_LOG "[ -e /proc/$$/fd/7 ] || [ -e /proc/$$/fd/42 ] ||"
	                       " printf ready >&$2");
	expect_done("$V start web 7<$K 42>$R.out");
}
END_TEST

START_TEST(a_worker_stands_in_no_folder_of_its_caller)
{
	/* Relative folders are the caller's: the worker finds them all the same. */
	make_worker(
		TO_ITS_LOG
		"cd . && [ \"$(pwd -P)\" = / ] && [ -e $VIRIDIS_STATE_DIR/web.json ] &&"
		" [[ $0 = /* ]] && printf ready >&$2");
	expect_done("PATH=bin:$PATH VIRIDIS_STATE_DIR=state VIRIDIS_RUN_DIR=run"
	            " $V start web");
}
END_TEST

START_TEST(a_worker_has_a_control_group_where_the_machine_has_them)
{
	make_worker(TO_ITS_LOG "cat /proc/self/cgroup >&$2");
	if (ask("[ -w /sys/fs/cgroup/cgroup.procs ]") != 0)
		return;
	expect("$V start web", 1, "::/viridis/web");
	expect_done("$V delete web; [ ! -e /sys/fs/cgroup/viridis/web ]");
}
END_TEST

START_TEST(a_worker_that_fails_is_believed_word_for_word)
{
	make_worker(TO_ITS_LOG "printf 'no %s today' $3 >&$2");
	expect("$V start web", 1, "no web today");
}
END_TEST

START_TEST(a_worker_that_dies_is_told)
{
	make_worker("exit 1");
	expect("$V start web", 1, "the worker died; see 'viridis log web'");
}
END_TEST

/* ---- What cannot be read is not nothing ---- */

START_TEST(only_what_is_not_there_is_absent)
{
	static const struct {
		const char *before;
		const char *line;
		const char *words;
	} cases[] = {
		{ "", "VIRIDIS_STATE_DIR=$K $V list", "Not a directory" },
		{ "", "VIRIDIS_STATE_DIR=$K $V list --json", "Not a directory" },
		{ "ln -s bad.json $S/bad.json", "$V info bad", "Too many levels" },
		{ "ln -s bad.json $S/bad.json", "$V start bad", "Too many levels" },
		{ "ln -s web.lock $R/web.lock", "$V list", "Too many levels" },
		{ "ln -s web.lock $R/web.lock", "$V info web", "Too many levels" },
		{ "ln -s web.lock $R/web.lock", "$V stop web", "Too many levels" },
		{ "ln -s web.lock $R/web.lock", "$V delete web", "Too many levels" },
		{ "ln -s web.state $R/web.state", "$V list", "oo many" },
		{ "ln -s web.state $R/web.state", "$V info web", "oo many" },
		{ "ln -s web.sock $R/web.sock", "$V stop web", "Too many levels" },
		{ "ln -s web.log $S/web.log", "$V log web", "oo many" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		if (cases[i].before[0])
			expect_done(cases[i].before);
		expect(cases[i].line, 1, cases[i].words);
		expect_done("rm -f $S/bad.json $S/web.log $R/*; [ -e $S/web.json ]");
	}
	expect("$V list", 0, "web                  off");
	expect("rm -r $R $S; $V list", 0, "NAME");
	expect("$V info web", 4, "no VM is named 'web'");
}
END_TEST

START_TEST(who_may_not_look_is_told_so)
{
	static const char *const lines[] = { "list",     "info web", "start web",
		                             "stop web", "log web",  "delete web" };

	if (getuid() != 0)
		return; /* setpriv needs that */
	expect_done("cp $V viridis; chmod 711 . viridis");
	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autofree char *line = g_strdup_printf(
			"setpriv --reuid 65534 --clear-groups ./viridis %s", lines[i]);

		expect(line, 1, "Permission denied");
	}
}
END_TEST

/* ---- Workers ---- */

enum behaviour {
	MUTE,     /* listens, and that is all: as one that is stopped or hangs */
	DEAF,     /* does not even listen */
	LATE,     /* listens after a second, and obeys */
	STUBBORN, /* hangs up after its answer, and stays */
	CONSOLE,  /* tells everybody of a console, which is `pty` */
	SLOW,     /* answers a little later than most may */
};

static char pty[64];
static int pty_master;

/* A terminal as the worker has one: raw, and never without somebody at its far end. */
static void make_pty(void)
{
	struct termios raw;
	int far;

	pty_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert(pty_master >= 0 && grantpt(pty_master) == 0 &&
	          unlockpt(pty_master) == 0 &&
	          ptsname_r(pty_master, pty, sizeof(pty)) == 0);
	far = open(pty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_eq(tcgetattr(far, &raw), 0);
	cfmakeraw(&raw);
	ck_assert_int_eq(tcsetattr(far, TCSANOW, &raw), 0);
}

/* As the keeper of `name` shows its serial line. */
static void link_console(const char *name)
{
	g_autofree char *link = g_strdup_printf("%s/%s.console", g_getenv("R"), name);

	ck_assert_int_eq(symlink(pty, link), 0);
}

static int listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", g_getenv("R"),
	           name);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, 0) != 0)
		_exit(1);
	return fd;
}

static void answer_once(int listener, unsigned int seconds)
{
	g_autofree char *ok = g_strdup_printf("{\"ok\": true, \"pty\": \"%s\"}\n", pty);
	char request[256];
	int fd = accept(listener, NULL, NULL);

	if (read(fd, request, sizeof(request)) <= 0 || sleep(seconds) != 0 ||
	    write(fd, ok, strlen(ok)) < 0)
		_exit(1);
	close(fd);
}

static void behave(enum behaviour behaviour, const char *name, const char *lock)
{
	g_autofree char *socket_name = g_strconcat(name, ".sock", NULL);
	int listener;

	if (behaviour == LATE)
		g_usleep(G_USEC_PER_SEC);
	if (behaviour != DEAF) {
		listener = listen_at(socket_name);
		if (behaviour == LATE || behaviour == STUBBORN)
			answer_once(listener, 0);
		if (behaviour == SLOW)
			answer_once(listener, CLIENT_ANSWER_S + 2);
		while (behaviour == CONSOLE)
			answer_once(listener, 0);
	}
	if (behaviour == LATE) {
		g_unlink(lock);
		_exit(0);
	}
	for (;;)
		pause();
}

/* A process that holds the VM's lock from now on. */
static pid_t run_worker(const char *name, enum behaviour behaviour)
{
	g_autofree char *lock = g_strdup_printf("%s/%s.lock", g_getenv("R"), name);
	int ends[2];
	pid_t child;
	char byte;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		if (file_lock(lock) < 0 || write(ends[1], "", 1) != 1)
			_exit(1);
		behave(behaviour, name, lock);
	}
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return child;
}

/* Its wait status; it must end by itself or have been killed. */
static int end_of(pid_t worker)
{
	int status = 0;

	for (int i = 0; i < 500; i++) {
		pid_t ended = waitpid(worker, &status, WNOHANG);

		if (ended == worker)
			return status;
		g_usleep(10000);
	}
	kill(worker, SIGKILL);
	ck_abort_msg("the worker lives on");
}

static void kill_worker(pid_t worker)
{
	kill(worker, SIGKILL);
	ck_assert_int_eq(waitpid(worker, NULL, 0), worker);
}

START_TEST(who_asks_a_worker_that_starts_waits_until_it_listens)
{
	pid_t worker = run_worker("web", LATE);

	expect("$V list", 0, "running");
	expect("$V stop web", 0, "web is off");
	ck_assert_int_eq(end_of(worker), 0);
}
END_TEST

static void check_killed(pid_t worker)
{
	int status = end_of(worker);

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* All at the same time, as each takes as long as a worker may. */
START_TEST(nobody_waits_for_ever_and_stop_kills_who_does_not_obey)
{
	pid_t asked, mute, deaf, quiet, slow;

	expect_done(
		"for n in mute deaf quiet slow; do $V create $n --memory 8M --kernel $K;"
		" done; sed -i 's/\"nets\": .*/\"nets\": [{\"tap\": \"none\", "
		"\"mac\": \"02:00:00:00:00:01\"}],/' $S/slow.json");
	asked = run_worker("web", MUTE);
	mute = run_worker("mute", MUTE);
	deaf = run_worker("deaf", DEAF);
	quiet = run_worker("quiet", MUTE);
	slow = run_worker("slow", SLOW); /* its guest may be: it has to let go */
	/* More ask than the queue holds: not even connect() returns for the last of them. */
	expect("for n in 1 2 3 4; do $V info web & done; $V stop mute & $V stop deaf &"
	       " $V events quiet & $V net remove slow 02:00:00:00:00:01 & wait;"
	       " $V delete web",
	       5, "web runs");
	ck_assert_ptr_nonnull(strstr(output, "state      running (web gives no answer"));
	ck_assert_ptr_nonnull(strstr(output, "but it does not listen"));
	ck_assert_ptr_nonnull(strstr(output, "mute is off; its worker did not obey"));
	ck_assert_ptr_nonnull(strstr(output, "deaf is off; its worker did not obey"));
	ck_assert_ptr_nonnull(strstr(output, "quiet gives no answer"));
	ck_assert_ptr_nonnull(strstr(output, "slow is without the network adapter"));
	expect("cat $S/slow.json", 0, "\"nets\": []");
	kill_worker(slow);
	kill_worker(quiet);
	check_killed(mute);
	check_killed(deaf);
	expect("$V stop mute", 0, "mute does not run");
	kill_worker(asked);
}
END_TEST

/* Both stand still, as on a machine that does, for longer than the program is to wait. */
START_TEST(time_in_which_nothing_ran_does_not_count)
{
	pid_t worker = run_worker("web", LATE);
	g_autofree char *number = g_strdup_printf("%d", worker);

	g_setenv("W", number, TRUE);
	expect("$V shutdown web --reboot --timeout 2 & sleep 0.3; kill -STOP $! $W; sleep 3;"
	       " kill -CONT $!; sleep 0.3; kill -CONT $W; wait $!",
	       0, "web restarts");
	ck_assert_int_eq(end_of(worker), 0);
}
END_TEST

START_TEST(shutdown_waits_as_long_as_it_is_told_and_kills_nobody)
{
	static const enum behaviour behaviours[] = { MUTE, DEAF, STUBBORN };
	pid_t worker = run_worker("web", behaviours[_i]);
	gint64 start = g_get_monotonic_time();

	expect("$V shutdown web --timeout 2", behaviours[_i] == DEAF ? 1 : 3,
	       behaviours[_i] == DEAF ? "does not listen" : "'viridis stop web' ends it");
	ck_assert_int_le(g_get_monotonic_time() - start, 8 * G_USEC_PER_SEC);
	ck_assert_int_eq(waitpid(worker, NULL, WNOHANG), 0);
	kill_worker(worker);
}
END_TEST

START_TEST(a_wait_lasts_until_the_worker_is_gone)
{
	pid_t worker = run_worker("web", MUTE);
	g_autofree char *line = g_strdup_printf(
		"(sleep 1; kill -9 %d) & $V wait web --timeout 20", worker);

	expect_done("echo '{\"state\":\"running\"}' >$R/web.state");
	expect("$V wait web --timeout 1", 3, "web is still running");
	expect(line, 0, "web is failed");
	kill_worker(worker);
}
END_TEST

/* ---- Consoles ---- */

START_TEST(a_console_has_one_reader)
{
	pid_t worker;

	make_pty();
	worker = run_worker("web", CONSOLE);
	link_console("web");
	ck_assert_int_eq(write(pty_master, "hello", 5), 5);
	expect("mkfifo hold; $V console web <hold >first & exec 9>hold;"
	       " until [ -s first ]; do sleep 0.1; done;"
	       " timeout 10 $V console web </dev/null; s=$?; kill $!; wait; cat first;"
	       " exit $s",
	       1, "the console of web is attached already, by process ");
	ck_assert_msg(g_str_has_suffix(output, "hello"), "%s", output);
	kill_worker(worker);
	close(pty_master);
}
END_TEST

/* More is typed than the line holds, of which the guest takes nothing: the way out is open all the same. */
START_TEST(a_guest_that_reads_nothing_keeps_nobody_attached)
{
	pid_t worker;

	make_pty();
	worker = run_worker("web", CONSOLE);
	link_console("web");
	expect("(until grep -q Attached told; do sleep 0.1; done 2>/dev/null;"
	       " head -c 100000 /dev/zero | tr '\\0' x; printf '\\x1d'; for n in $(seq 400);"
	       " do grep -q Detached told && break; sleep 0.1; done) |"
	       " timeout 40 script -qefc \"$V console web\" told",
	       0, "Detached.");
	kill_worker(worker);
	close(pty_master);
}
END_TEST

/* What waits there is no reason not to show what the guest prints. */
START_TEST(a_guest_that_reads_nothing_is_heard)
{
	pid_t worker, printer;

	make_pty();
	worker = run_worker("web", CONSOLE);
	link_console("web");
	printer = fork(); /* by when the line is full */
	if (printer == 0) {
		g_usleep(2 * G_USEC_PER_SEC);
		_exit(write(pty_master, "hello", 5) != 5);
	}
	expect("head -c 100000 /dev/zero | $V console web >shown & c=$!;"
	       " for n in $(seq 100); do grep -q hello shown 2>/dev/null && break; sleep 0.1;"
	       " done; kill $c; grep -c hello shown",
	       0, "1\n");
	ck_assert_int_eq(waitpid(printer, NULL, 0), printer);
	kill_worker(worker);
	close(pty_master);
}
END_TEST

START_TEST(a_worker_that_was_taken_over_has_no_terminal_opened)
{
	pid_t worker;

	make_pty(); /* somebody else's: the keeper shows none */
	worker = run_worker("web", CONSOLE);
	expect("$V console web </dev/null", 1, "the console of web goes to nowhere");
	kill_worker(worker);
	close(pty_master);
}
END_TEST

START_TEST(what_others_wrote_is_no_order_to_a_terminal)
{
	expect_done("mkdir -p $R; printf '{\"state\":\"crashed\",\"reason\":"
	            "\"\\\\u001b[2Jlast\\\\u009b words\"}' >$R/web.state");
	expect("$V info web", 0, "(?[2Jlast? words)");
	expect("$V list", 0, "crashed");
	ck_assert_ptr_null(strchr(output, 0x1b));
}
END_TEST

/* In a terminal of `script`; stty tells its settings before and after. */
START_TEST(a_console_that_is_ended_leaves_its_terminal_as_it_was)
{
	static const char *const signals[] = { "TERM", "HUP" };
	g_autofree char *line = g_strdup_printf(
		"timeout 30 script -qec 'stty -g; $V console web </dev/tty & c=$!;"
		" until stty -a | grep -q -e -icanon; do sleep 0.1; done; kill -%s $c;"
		" wait $c; stty -g' /dev/null </dev/null >both; grep -a : both |"
		" tr -d '\\r' | sort | uniq -c | grep -c ' 2 .*:'",
		signals[_i]);
	pid_t worker;

	make_pty();
	worker = run_worker("web", CONSOLE);
	link_console("web");
	expect(line, 0, "1\n");
	kill_worker(worker);
	close(pty_master);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("cli_process");
	TCase *tcase = tcase_create("text");

	tcase_add_checked_fixture(tcase, cli_set_up, cli_tear_down);
	tcase_add_test(tcase, a_path_that_is_no_text_is_refused_and_nothing_is_made);
	tcase_add_test(tcase, a_log_with_any_bytes_is_printed_and_is_json);
	tcase_add_test(tcase, a_log_is_shortened_to_its_newest_lines);
	tcase_add_test(tcase, a_log_is_followed_through_its_change_of_files);
	tcase_add_test(
		tcase,
		a_wait_ends_when_the_state_comes_or_cannot_come_or_its_time_is_over);
	tcase_add_test(tcase, the_counters_of_a_vm_that_has_ended_are_told);
	tcase_add_test(tcase, what_needs_no_vm_to_run_answers_in_json);
	tcase_add_loop_test(tcase, where_there_is_no_hypervisor_it_is_told_what_it_takes,
	                    0, 4);
	tcase_add_test(tcase, to_stop_what_does_not_run_is_done);
	tcase_add_test(tcase, sizes_are_numbers_in_json);
	tcase_add_test(tcase, who_waits_at_a_terminal_is_told_for_what);
	tcase_add_test(tcase, what_cannot_be_done_says_so_in_json);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("definitions");
	tcase_add_checked_fixture(tcase, cli_set_up, cli_tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, an_interrupted_create_leaves_nothing_for_good);
	tcase_add_test(tcase, of_many_who_create_one_name_one_wins);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("output");
	tcase_add_checked_fixture(tcase, cli_set_up, cli_tear_down);
	tcase_add_loop_test(tcase, an_answer_that_cannot_be_written_is_not_done, 0, 7);
	tcase_add_test(tcase, who_stops_reading_is_told_nothing);
	tcase_add_test(tcase, text_is_the_same_in_every_locale);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("start");
	tcase_add_checked_fixture(tcase, cli_set_up, cli_tear_down);
	tcase_add_loop_test(tcase, a_caller_without_standard_descriptors_can_start, 0, 5);
	tcase_add_test(tcase, a_worker_has_none_of_its_caller_s_descriptors);
	tcase_add_test(tcase, a_worker_stands_in_no_folder_of_its_caller);
	tcase_add_test(tcase, a_worker_has_a_control_group_where_the_machine_has_them);
	tcase_add_test(tcase, a_worker_that_fails_is_believed_word_for_word);
	tcase_add_test(tcase, a_worker_that_dies_is_told);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("absent");
	tcase_add_checked_fixture(tcase, cli_set_up, cli_tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, only_what_is_not_there_is_absent);
	tcase_add_test(tcase, who_may_not_look_is_told_so);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("workers");
	tcase_add_checked_fixture(tcase, cli_set_up, cli_tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, who_asks_a_worker_that_starts_waits_until_it_listens);
	tcase_add_test(tcase, nobody_waits_for_ever_and_stop_kills_who_does_not_obey);
	tcase_add_test(tcase, time_in_which_nothing_ran_does_not_count);
	tcase_add_loop_test(tcase, shutdown_waits_as_long_as_it_is_told_and_kills_nobody,
	                    0, 3);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("consoles");
	tcase_add_checked_fixture(tcase, cli_set_up, cli_tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_wait_lasts_until_the_worker_is_gone);
	tcase_add_test(tcase, a_console_has_one_reader);
	tcase_add_test(tcase, a_guest_that_reads_nothing_keeps_nobody_attached);
	tcase_add_test(tcase, a_guest_that_reads_nothing_is_heard);
	tcase_add_test(tcase, a_worker_that_was_taken_over_has_no_terminal_opened);
	tcase_add_test(tcase, what_others_wrote_is_no_order_to_a_terminal);
	tcase_add_loop_test(tcase, a_console_that_is_ended_leaves_its_terminal_as_it_was,
	                    0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
