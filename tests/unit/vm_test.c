/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's orders over its control socket, on the stand-in of worker_fake.h. Its provider, this
 * program started once more, answers no command.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <viridis/abi/hv_msr.h>

#include "root-partition/config/json_text.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/state.h"
#include "root-partition/vm/vm.h"
#include "vsp/lib/vsp.h"
#include "worker_fake.h"
#include "worker_guest.h"
#include "worker_keeper.h"
#include "worker_programs.h"

#define MIB     (1u << 20)
#define NAME    "test"
#define CLIENTS 2u

static char *folder;
static struct definition *definition;
static struct vm *vm;

static bool idle(struct hv_message *message)
{
	(void)message;
	return false;
}

static void setup(void)
{
	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	programs_link(folder);
	g_setenv("VIRIDIS_RUN_DIR", folder, TRUE);
	/* The leak checker needs calls that the provider's sandbox refuses. */
	g_setenv("ASAN_OPTIONS", "detect_leaks=0", TRUE);
	definition = definition_new();
	definition->name = g_strdup(NAME);
	definition->memory_bytes = 64 * MIB;
	definition->vps = 1;
	definition->kernel = guest_write_kernel(folder);
	fake_reset(idle);
}

static void teardown(void)
{
	static const char *const files[] = { "kernel", NAME ".state", NAME ".stats" };

	definition_free(definition);
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(folder, files[i], NULL);

		g_unlink(path);
	}
	programs_unlink(folder);
	ck_assert_int_eq(g_rmdir(folder), 0);
	g_free(folder);
}

static void begin(void)
{
	g_autoptr(GError) error = NULL;

	worker_keeper_start(definition);
	vm = vm_new(definition, worker_keeper_lent(), worker_keeper_client(), &error);
	ck_assert_msg(vm != NULL, "%s", error ? error->message : "");
}

static void end(void)
{
	vm_free(vm);
	worker_keeper_stop();
}

/* ---- Clients ---- */

/* The client's descriptor; its answers are read later. */
static int ask_line(const char *line)
{
	g_autofree char *path = paths_of(NAME, PATH_SOCKET);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_uint_lt(g_strlcpy(address.sun_path, path, sizeof(address.sun_path)),
	                  sizeof(address.sun_path));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
	return fd;
}

static int ask(const char *command)
{
	g_autofree char *line = g_strdup_printf("{\"command\": \"%s\"}\n", command);

	return ask_line(line);
}

/* Until the worker hangs up. */
static char *all_answers(int fd)
{
	char text[1024] = { 0 };
	size_t filled = 0;
	ssize_t count;

	while ((count = read(fd, text + filled, sizeof(text) - 1 - filled)) > 0)
		filled += (size_t)count;
	close(fd);
	return g_strdup(text);
}

static char *answers[CLIENTS];

/* Two ask for a shutdown; once one is refused the VM is stopped. */
static gpointer two_clients(gpointer data)
{
	struct pollfd clients[CLIENTS];
	int stopping;

	(void)data;
	guest_connect();
	guest_open(guest_take_offers());
	for (unsigned int i = 0; i < CLIENTS; i++)
		clients[i] = (struct pollfd){ .fd = ask("shutdown"), .events = POLLIN };
	ck_assert_int_ge(poll(clients, CLIENTS, 10000), 1);
	stopping = ask("stop");
	for (unsigned int i = 0; i < CLIENTS; i++)
		answers[i] = all_answers(clients[i].fd);
	g_free(all_answers(stopping));
	return NULL;
}

/* Whoever asks when it is over finds what it had counted. */
static void check_last_stats(void)
{
	g_autofree char *path = paths_of(NAME, PATH_STATS);
	g_autofree char *text = NULL;

	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	ck_assert_ptr_nonnull(strstr(text, "\"vps\""));
}

START_TEST(a_shutdown_that_is_refused_leaves_the_first_one_its_answer)
{
	static const char *const errors[] = { "under way already", "the machine ended" };
	unsigned int refused;
	GThread *thread;

	begin();
	thread = g_thread_new("clients", two_clients, NULL);
	ck_assert_int_eq(vm_run(vm), MACHINE_STOPPED);
	end();
	g_thread_join(thread);
	check_last_stats();
	refused = strstr(answers[0], errors[0]) ? 0 : 1;
	for (unsigned int i = 0; i < CLIENTS; i++) {
		const char *due = errors[i == refused ? 0 : 1];
		const char *end = strchr(answers[i], '\n');

		ck_assert_msg(strstr(answers[i], due), "'%s' lacks '%s'", answers[i],
		              due);
		ck_assert_msg(end && end[1] == '\0', "not one line: %s", answers[i]);
		g_free(answers[i]);
	}
}
END_TEST

static gint resets;

/* outb $1, $0x602 */
static bool reset_at_once(struct hv_message *message)
{
	struct hv_x64_io_port_intercept port = {
		.header = { .length_and_cr8 = 1, .access_type = HV_INTERCEPT_WRITE },
		.port_number = 0x602,
		.access_info = 1,
		.rax = 1,
	};

	g_atomic_int_inc(&resets);
	message->type = HV_MESSAGE_X64_IO_PORT;
	memcpy(message->payload, &port, sizeof(port));
	return true;
}

#define RESETS_BEFORE_REST 4

static gpointer stop_at_rest(gpointer data)
{
	g_autofree char *answer = NULL;

	(void)data;
	while (g_atomic_int_get(&resets) < RESETS_BEFORE_REST)
		g_usleep(1000);
	g_usleep(G_USEC_PER_SEC / 2);
	answer = all_answers(ask("stop"));
	return NULL;
}

START_TEST(a_guest_that_resets_for_ever_rests_between_and_can_be_stopped_then)
{
	GThread *thread;

	fake_reset(reset_at_once);
	begin();
	thread = g_thread_new("stops", stop_at_rest, NULL);
	ck_assert_int_eq(vm_run(vm), MACHINE_STOPPED);
	ck_assert_int_eq(g_atomic_int_get(&resets), RESETS_BEFORE_REST);
	end();
	g_thread_join(thread);
}
END_TEST

static gpointer stop_after_reset(gpointer data)
{
	g_autofree char *answer = NULL;

	(void)data;
	while (g_atomic_int_get(&resets) < 1)
		g_usleep(1000);
	g_usleep(
		G_USEC_PER_SEC /
		2); /* the provider is waited for, which says nothing of what it counted */
	answer = all_answers(ask("stop"));
	ck_assert_ptr_nonnull(strstr(answer, "\"ok\":true"));
	return NULL;
}

START_TEST(who_stops_a_guest_that_has_just_reset_is_not_told_so_in_vain)
{
	GThread *thread;

	g_atomic_int_set(&resets, 0);
	fake_reset(reset_at_once);
	begin();
	thread = g_thread_new("stops", stop_after_reset, NULL);
	ck_assert_int_eq(vm_run(vm), MACHINE_STOPPED);
	ck_assert_int_eq(g_atomic_int_get(&resets), 1);
	end();
	g_thread_join(thread);
}
END_TEST

/* ---- Lines ---- */

/* The one answer, or event, that comes next on the connection. */
static void expect_line(int fd, const char *part)
{
	char line[1024] = { 0 };
	size_t filled = 0;

	while (filled < sizeof(line) - 1 && read(fd, line + filled, 1) == 1)
		if (line[filled++] == '\n')
			break;
	ck_assert_msg(strstr(line, part), "'%s' lacks '%s'", line, part);
}

static void order(const char *command, const char *part)
{
	int fd = ask(command);

	expect_line(fd, part);
	close(fd);
}

/* ---- Copies ---- */

#define COPY "{\"command\":\"copy\",\"path\":\"/x\",\"size\":3"
#define DATA "{\"command\":\"copy-data\",\"data\":\"YWJj\"}\n"
#define END  "{\"command\":\"copy-end\"}\n"

static void tell(int fd, const char *line, const char *part)
{
	ck_assert_int_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
	expect_line(fd, part);
}

static void wait_serving(void)
{
	char line[1024] = "";

	while (!strstr(line, "\"util\":\"serving\"")) {
		int fd = ask("status");

		ck_assert_int_gt(read(fd, line, sizeof(line) - 1), 0);
		close(fd);
	}
}

static gpointer copies(gpointer data)
{
	int first, second;

	(void)data;
	wait_serving();
	first = ask_line(COPY "}\n");
	expect_line(first, "\"ok\":true");
	tell(first, DATA, "\"ok\":true");
	second = ask_line(COPY "}\n");
	expect_line(second, "\"code\":\"busy\",\"error\":\"another copy is under way\"");
	tell(second, DATA, "\"code\":\"wrong-state\",\"error\":\"no copy of this conn");
	tell(second, END, "no copy of this connection");
	tell(first, DATA, "\"ok\":true");
	close(first); /* and what there is of it is cancelled */
	tell(second, COPY ",\"overwrite\":true}\n", "not after a cancel");
	tell(second, DATA, "no copy of this connection"); /* a refused one is over */
	tell(second, COPY "}\n", "\"ok\":true");
	tell(second, END, "\"ok\":true");
	tell(second, END, "no copy of this connection");
	close(second);
	order("stop", "\"ok\":true");
	return NULL;
}

START_TEST(a_copy_is_one_connection_s_and_ends_with_it)
{
	GThread *thread;

	begin();
	thread = g_thread_new("copies", copies, NULL);
	ck_assert_int_eq(vm_run(vm), MACHINE_STOPPED);
	end();
	g_thread_join(thread);
}
END_TEST

/* ---- Pauses ---- */

static void check_state(const char *expected)
{
	g_autofree char *state = NULL;
	g_autofree char *reason = NULL;

	ck_assert(state_read(NAME, &state, &reason, NULL));
	ck_assert_str_eq(state, expected);
}

static gpointer pauses(gpointer data)
{
	int events = ask("events");
	int weigh;

	(void)data;
	expect_line(events, "\"ok\":true");
	order("pause", "\"ok\":true");
	ck_assert(fake_frozen());
	check_state("paused");
	order("pause", "\"ok\":true"); /* as it is */
	order("stats", "\"weight\":100,\"vps\":[{\"vp\":0,\"time-ns\":2000000000,");
	weigh = ask_line("{\"command\": \"weight\", \"weight\": 300, \"id\": 5}\n");
	expect_line(weigh, "{\"id\":5,\"ok\":true}");
	close(weigh);
	order("stats", "\"weight\":300,");
	order("version", "{\"ok\":true,\"version\":1,\"commands\":[\"status\",");
	order("status", "\"state\":\"paused\"");
	order("shutdown", "resume it first");
	order("guest", "resume it first");
	order("thaw", "resume it first");
	order("copy-end", "resume it first");
	order("resume", "\"ok\":true");
	ck_assert(!fake_frozen());
	check_state("running");
	order("pause", "\"ok\":true");
	order("stop", "\"ok\":true");
	expect_line(events, "\"paused\",\"sequence\":1,\"source\":\"request\"");
	expect_line(events, "\"resumed\",\"sequence\":2,");
	expect_line(events, "\"paused\",\"sequence\":3,");
	expect_line(events, "\"off\",\"sequence\":4,\"source\":\"request\"");
	close(events);
	return NULL;
}

START_TEST(a_vm_is_paused_resumed_and_stopped_while_it_is_paused)
{
	GThread *thread;

	begin();
	thread = g_thread_new("pauses", pauses, NULL);
	ck_assert_int_eq(vm_run(vm), MACHINE_STOPPED);
	end();
	g_thread_join(thread);
}
END_TEST

static gpointer reset_once(gpointer data)
{
	int events = ask("events");

	(void)data;
	expect_line(events, "\"ok\":true");
	order("pause", "\"ok\":true");
	order("reset", "\"ok\":true");
	expect_line(events, "paused");
	expect_line(events, "\"reset\",\"sequence\":2,\"source\":\"request\"");
	expect_line(events, "\"running\",\"sequence\":3,\"source\":\"worker\"");
	while (fake_partitions() < 2)
		g_usleep(1000);
	order("status", "\"state\":\"running\"");
	order("stop", "\"ok\":true");
	close(events);
	return NULL;
}

static gpointer order_at_rest(gpointer data)
{
	static const char *const orders[] = { "pause", "resume", "shutdown", "guest",
		                              "thaw" };

	(void)data;
	while (g_atomic_int_get(&resets) < RESETS_BEFORE_REST)
		g_usleep(1000);
	g_usleep(G_USEC_PER_SEC / 2);
	for (gsize i = 0; i < G_N_ELEMENTS(orders); i++)
		order(orders[i],
		      "\"code\":\"busy\",\"error\":\"the machine is being reset");
	order("status", "\"state\":\"running\"");
	order("stop", "\"ok\":true");
	return NULL;
}

/* Nobody is told that a machine which is over, and not yet replaced, has done as it was told. */
START_TEST(a_machine_that_is_being_reset_takes_no_orders_for_its_guest)
{
	GThread *thread;

	g_atomic_int_set(&resets, 0);
	fake_reset(reset_at_once);
	begin();
	thread = g_thread_new("orders", order_at_rest, NULL);
	ck_assert_int_eq(vm_run(vm), MACHINE_STOPPED);
	ck_assert(!fake_frozen());
	end();
	g_thread_join(thread);
}
END_TEST

static void weigh(void)
{
	int answer = ask_line("{\"command\": \"weight\", \"weight\": 300}\n");

	expect_line(answer, "\"ok\":true");
	close(answer);
}

static gpointer reset_a_heavy_one(gpointer data)
{
	int events = ask("events");

	(void)data;
	expect_line(events, "\"ok\":true");
	weigh();
	order("reset", "\"ok\":true");
	expect_line(events, "\"reset\"");
	expect_line(events, "\"running\"");
	order("stats", "\"weight\":300,");
	order("stop", "\"ok\":true");
	close(events);
	return NULL;
}

/* No guest gets rid of what it was given by starting anew. */
START_TEST(a_weight_outlives_a_reset)
{
	GThread *thread;

	begin();
	thread = g_thread_new("weighs", reset_a_heavy_one, NULL);
	ck_assert_int_eq(vm_run(vm), MACHINE_STOPPED);
	end();
	g_thread_join(thread);
}
END_TEST

START_TEST(a_reset_makes_a_new_machine_that_is_not_paused)
{
	GThread *thread;

	begin();
	thread = g_thread_new("resets", reset_once, NULL);
	ck_assert_int_eq(vm_run(vm), MACHINE_STOPPED);
	end();
	g_thread_join(thread);
}
END_TEST

/* ---- Panics ---- */

static const struct {
	const char *bytes, *printable, *reason;
} texts[] = {
	{ "", "", "" },
	{ "\n \n", "\n \n", "" },
	{ "one\n  two \n\n", "one\n  two \n\n", "two" },
	{ "a\n[ 1.2] Kernel panic - not syncing: x\nb\n",
	  "a\n[ 1.2] Kernel panic - not syncing: x\nb\n",
	  "Kernel panic - not syncing: x" },
	{ "\033[2J\tpanic: \377", "?[2J panic: \uFFFD", "panic: \uFFFD" },
	{ "\302\233x\342\200\256", "?x?", "?x?" }, /* C1; right to left */
};

START_TEST(a_panic_s_text_is_fit_for_a_terminal)
{
	gsize count = strlen(texts[_i].bytes);
	g_autofree char *copy = g_memdup2(texts[_i].bytes, count + 1);
	g_autofree char *printable = json_text_make_printable(copy, count);
	g_autofree char *reason = panic_find_reason(printable);

	ck_assert_str_eq(printable, texts[_i].printable);
	ck_assert_str_eq(reason, texts[_i].reason);
}
END_TEST

START_TEST(a_panic_s_reason_is_a_short_line)
{
	g_autofree char *text = g_strnfill(4096, 'x');
	g_autofree char *reason = panic_find_reason(text);

	ck_assert_uint_le(strlen(reason), 256);
}
END_TEST

static const struct {
	enum definition_on_crash on_crash;
	uint64_t control; /* 0: an exception nobody handles */
	enum machine_end end;
	const char *state, *reason;
} panics[] = {
	{ DEFINITION_ON_CRASH_KEEP, HV_CRASH_NOTIFY, MACHINE_STOPPED, "off", "stopped" },
	{ DEFINITION_ON_CRASH_STOP, HV_CRASH_NOTIFY, MACHINE_CRASHED, "crashed",
	  "the guest panicked: crash 0x1 0x0 0x0 0x0 0x0" },
	{ DEFINITION_ON_CRASH_STOP, 0, MACHINE_CRASHED, "crashed", "triple fault" },
	{ DEFINITION_ON_CRASH_KEEP, 0, MACHINE_CRASHED, "crashed", "triple fault" },
	{ DEFINITION_ON_CRASH_RESTART, HV_CRASH_NOTIFY, MACHINE_STOPPED, "off",
	  "stopped" },
	{ DEFINITION_ON_CRASH_RESTART, 0, MACHINE_STOPPED, "off", "stopped" },
};

static unsigned int panic_case;
static unsigned int panic_messages; /* left */

/* One crash and no more, however often the machine is begun anew. */
static bool crash_once(struct hv_message *message)
{
	struct hv_x64_msr_intercept write = {
		.msr_number = HV_MSR_CRASH_CTL,
		.rdx = panics[panic_case].control >> 32,
	};

	if (panic_messages == 0)
		return false;
	panic_messages--;
	message->type = HV_MESSAGE_UNRECOVERABLE_EXCEPTION;
	if (panics[panic_case].control)
		message->type = HV_MESSAGE_X64_MSR;
	memcpy(message->payload, &write, sizeof(write));
	return true;
}

/* Waits for what is to come of it, sees what is told, and stops the VM if it still runs. */
static gpointer watcher(gpointer data)
{
	gboolean kept = panics[panic_case].on_crash == DEFINITION_ON_CRASH_KEEP;
	g_autofree char *state = NULL;
	g_autofree char *reason = NULL;
	char answer[1024] = { 0 };
	int fd;

	(void)data;
	if (panics[panic_case].end != MACHINE_STOPPED)
		return NULL;
	for (int i = 0; kept && i < 1000 && g_strcmp0(state, "panicked") != 0; i++) {
		g_usleep(10000);
		g_clear_pointer(&state, g_free);
		g_clear_pointer(&reason, g_free);
		ck_assert(state_read(NAME, &state, &reason, NULL));
	}
	if (kept) {
		ck_assert_str_eq(state, "panicked");
		ck_assert_str_eq(reason, "crash 0x1 0x0 0x0 0x0 0x0");
		fd = ask("status");
		ck_assert_int_gt(read(fd, answer, sizeof(answer) - 1), 0);
		close(fd);
		ck_assert_msg(strstr(answer, "\"state\":\"panicked\"") &&
		                      strstr(answer, "\"parameters\":\"0x1 0x0"),
		              "%s", answer);
		fd = ask("shutdown");
		ck_assert_int_gt(read(fd, answer, sizeof(answer) - 1), 0);
		close(fd);
		ck_assert_msg(strstr(answer, "the guest has panicked"), "%s", answer);
	} else {
		while (fake_partitions() < 2)
			g_usleep(10000);
	}
	g_free(all_answers(ask("stop")));
	return NULL;
}

START_TEST(a_panic_is_told_and_followed_by_what_the_definition_says)
{
	g_autofree char *stats_path = paths_of(NAME, PATH_STATS);
	g_autofree char *stats = NULL;
	g_autofree char *state = NULL;
	g_autofree char *reason = NULL;
	GThread *thread;

	panic_case = (unsigned int)_i;
	panic_messages = 1;
	fake_reset(crash_once);
	fake_set_register(HV_REGISTER_GUEST_CRASH_P0, 1);
	definition->on_crash = panics[_i].on_crash;
	begin();
	thread = g_thread_new("watcher", watcher, NULL);
	ck_assert_int_eq(vm_run(vm), panics[_i].end);
	end();
	g_thread_join(thread);
	ck_assert(state_read(NAME, &state, &reason, NULL));
	ck_assert_str_eq(state, panics[_i].state);
	ck_assert_msg(strstr(reason, panics[_i].reason), "%s", reason);
	ck_assert(g_file_get_contents(stats_path, &stats, NULL, NULL));
	ck_assert_msg(g_str_has_prefix(stats, "{\"ok\":true") && strstr(stats, "\"vps\""),
	              "%s", stats);
}
END_TEST

/* ---- The provider ---- */

static bool provider_configure(struct vsp *vsp, const char *json, char *error,
                               size_t bytes)
{
	(void)vsp;
	(void)json;
	(void)error;
	(void)bytes;
	return true;
}

static bool provider_open(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	(void)channel;
	return true;
}

static void provider_leave(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	(void)channel;
}

/* Copies are all that it answers; to replace a file it wants a copy that was cancelled before. */
static void provider_command(struct vsp *vsp, uint32_t tag, const char *json)
{
	static bool cancelled;

	if (!strstr(json, "copy"))
		return;
	cancelled |= strstr(json, "copy-cancel") != NULL;
	vsp_event(vsp, tag,
	          strstr(json, "true") && cancelled ?
	                  "{\"ok\":false,\"error\":\"not after a cancel\"}" :
	                  "{\"ok\":true}");
}

static int run_provider(void)
{
	static const struct vsp_provider provider = {
		.name = "viridis-util",
		.configure = provider_configure,
		.open = provider_open,
		.started = provider_leave,
		.signalled = provider_leave,
		.close = vsp_channel_closed,
		.command = provider_command,
	};

	return vsp_main(&provider, NULL);
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("vm");
	TCase *tcase = tcase_create("orders");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_shutdown_that_is_refused_leaves_the_first_one_its_answer);
	tcase_add_test(
		tcase,
		a_guest_that_resets_for_ever_rests_between_and_can_be_stopped_then);
	tcase_add_test(tcase,
	               who_stops_a_guest_that_has_just_reset_is_not_told_so_in_vain);
	tcase_add_test(tcase, a_copy_is_one_connection_s_and_ends_with_it);
	tcase_add_test(tcase, a_vm_is_paused_resumed_and_stopped_while_it_is_paused);
	tcase_add_test(tcase, a_reset_makes_a_new_machine_that_is_not_paused);
	tcase_add_test(tcase,
	               a_machine_that_is_being_reset_takes_no_orders_for_its_guest);
	tcase_add_test(tcase, a_weight_outlives_a_reset);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("panics");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, a_panic_s_text_is_fit_for_a_terminal, 0,
	                    G_N_ELEMENTS(texts));
	tcase_add_test(tcase, a_panic_s_reason_is_a_short_line);
	tcase_add_loop_test(tcase,
	                    a_panic_is_told_and_followed_by_what_the_definition_says, 0,
	                    G_N_ELEMENTS(panics));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	(void)argc;
	if (programs_include(argv[0]))
		return run_provider();
	return unit_run(make_suite());
}
