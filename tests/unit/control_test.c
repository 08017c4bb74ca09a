/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: its requests as text, and a server with clients that do as they please. */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "root-partition/config/control_json.h"
#include "root-partition/config/json_text.h"
#include "root-partition/vm/control.h"

START_TEST(every_request_survives_the_way_to_text_and_back)
{
	struct control_request request = { .command = (enum control_command)_i };
	struct control_request again;
	g_autofree char *text = NULL;

	request.reboot = request.command == CONTROL_SHUTDOWN;
	request.seconds = request.command == CONTROL_FREEZE ? CONTROL_SECONDS_MAX : 0;
	request.weight = request.command == CONTROL_WEIGHT ? CONTROL_WEIGHT_MAX : 0;
	request.has_id = TRUE;
	request.id = CONTROL_ID_MAX - _i;
	if (request.command == CONTROL_ITEM) {
		memset(request.key, 'k', CONTROL_KEY_BYTES - 1);
		memset(request.value, 'v', CONTROL_VALUE_BYTES - 1);
		request.has_value = TRUE;
	}
	if (request.command == CONTROL_COPY) {
		memset(request.path, 'p', CONTROL_PATH_BYTES - 1);
		request.size = G_MAXINT64;
		request.overwrite = TRUE;
	}
	if (request.command == CONTROL_COPY_DATA)
		memset(request.data, 'A', CONTROL_DATA_TEXT_BYTES - 1);
	text = control_request_to_json(&request);
	ck_assert(control_request_parse(text, strlen(text) - 1, &again, NULL));
	ck_assert_int_eq(again.command, request.command);
	ck_assert_int_eq(again.reboot, request.reboot);
	ck_assert_uint_eq(again.seconds, request.seconds);
	ck_assert_uint_eq(again.weight, request.weight);
	ck_assert(again.has_id);
	ck_assert_int_eq(again.id, request.id);
	ck_assert_str_eq(again.key, request.key);
	ck_assert_int_eq(again.has_value, request.has_value);
	ck_assert_str_eq(again.value, request.value);
	ck_assert_str_eq(again.path, request.path);
	ck_assert_int_eq(again.size, request.size);
	ck_assert_int_eq(again.overwrite, request.overwrite);
	ck_assert_str_eq(again.data, request.data);
	ck_assert_uint_lt(strlen(text), CONTROL_LINE_BYTES);
}
END_TEST

/* `names` is in the message; the member that nobody knows, if that is it. */
static const struct {
	const char *text;
	const char *code;
	const char *names;
	const char *member;
} refused[] = {
	{ "", "malformed", "JSON", "" },
	{ "status", "malformed", "", "" },
	{ "[]", "malformed", "object", "" },
	{ "null", "malformed", "JSON", "" },
	{ "{\"command\":\"stop\",\"command\":\"reset\"}", "malformed", "duplicate", "" },
	{ "{}", "malformed", "command", "" },
	{ "{\"command\":1}", "malformed", "command", "" },
	{ "{\"command\":null}", "malformed", "command", "" },
	{ "{\"command\":[\"stop\"]}", "malformed", "command", "" },
	{ "{\"command\":\"stop\"} {}", "malformed", "", "" },
	{ "{\"command\":\"st\xff\"}", "malformed", "JSON", "" },
	{ "{\"command\":\"\"}", "unknown-command", "''", "" },
	{ "{\"command\":\"STOP\"}", "unknown-command", "STOP", "" },
	{ "{\"command\":\"destroy\"}", "unknown-command", "destroy", "" },
	{ "{\"command\":\"stop\",\"force\":true}", "unknown-member", "force", "force" },
	{ "{\"command\":\"stop\",\"\":true}", "unknown-member", "''", "" },
	{ "{\"command\":\"stop\",\"Id\":1}", "unknown-member", "Id", "Id" },
	{ "{\"command\":\"stop\",\"reboot\":true}", "unknown-member", "reboot",
	  "reboot" },
	{ "{\"command\":\"shutdown\",\"reboot\":\"yes\"}", "invalid", "reboot", "" },
	{ "{\"command\":\"shutdown\",\"reboot\":null}", "invalid", "reboot", "" },
	{ "{\"command\":\"freeze\"}", "invalid", "seconds", "" },
	{ "{\"command\":\"freeze\",\"seconds\":0}", "invalid", "seconds", "" },
	{ "{\"command\":\"freeze\",\"seconds\":3601}", "invalid", "seconds", "" },
	{ "{\"command\":\"freeze\",\"seconds\":-1}", "invalid", "seconds", "" },
	{ "{\"command\":\"freeze\",\"seconds\":1e3}", "invalid", "seconds", "" },
	{ "{\"command\":\"freeze\",\"seconds\":\"9\"}", "invalid", "seconds", "" },
	{ "{\"command\":\"thaw\",\"seconds\":9}", "unknown-member", "seconds",
	  "seconds" },
	{ "{\"command\":\"weight\"}", "invalid", "weight", "" },
	{ "{\"command\":\"weight\",\"weight\":0}", "invalid", "weight", "" },
	{ "{\"command\":\"weight\",\"weight\":10001}", "invalid", "weight", "" },
	{ "{\"command\":\"thaw\",\"weight\":9}", "unknown-member", "weight", "weight" },
	{ "{\"command\":\"stop\",\"id\":-1}", "malformed", "id", "" },
	{ "{\"command\":\"stop\",\"id\":9007199254740992}", "malformed", "id", "" },
	{ "{\"command\":\"stop\",\"id\":99999999999999999999999}", "malformed", "integer",
	  "" },
	{ "{\"command\":\"stop\",\"id\":\"1\"}", "malformed", "id", "" },
	{ "{\"command\":\"stop\",\"id\":1.5}", "malformed", "id", "" },
	{ "{\"command\":\"stop\",\"version\":2}", "unsupported-version", "2", "" },
	{ "{\"command\":\"stop\",\"version\":0}", "unsupported-version", "0", "" },
	{ "{\"command\":\"stop\",\"version\":\"1\"}", "malformed", "version", "" },
	{ "{\"command\":\"new\",\"version\":2}", "unsupported-version", "2", "" },
	{ "{{{{{{{{{{{{{{{{{{{{{{{{", "malformed", "JSON", "" },
	{ "{\"command\":\"item\"}", "invalid", "key", "" },
	{ "{\"command\":\"item\",\"key\":\"\"}", "invalid", "key", "" },
	{ "{\"command\":\"item\",\"key\":1}", "invalid", "key", "" },
	{ "{\"command\":\"item\",\"key\":\"k\",\"value\":1}", "invalid", "value", "" },
	{ "{\"command\":\"item\",\"value\":\"v\"}", "invalid", "key", "" },
	{ "{\"command\":\"stop\",\"key\":\"k\"}", "unknown-member", "key", "key" },
	{ "{\"command\":\"stop\",\"value\":\"v\"}", "unknown-member", "value", "value" },
	{ "{\"command\":\"copy\",\"size\":1}", "invalid", "path", "" },
	{ "{\"command\":\"copy\",\"path\":\"\",\"size\":1}", "invalid", "path", "" },
	{ "{\"command\":\"copy\",\"path\":\"/x\"}", "invalid", "size", "" },
	{ "{\"command\":\"copy\",\"path\":\"/x\",\"size\":-1}", "invalid", "size", "" },
	{ "{\"command\":\"copy\",\"path\":\"/x\",\"size\":\"1\"}", "invalid", "size",
	  "" },
	{ "{\"command\":\"copy\",\"path\":\"/x\",\"size\":1,\"overwrite\":1}", "invalid",
	  "overwrite", "" },
	{ "{\"command\":\"copy-data\"}", "invalid", "data", "" },
	{ "{\"command\":\"copy-data\",\"data\":\"\"}", "invalid", "data", "" },
	{ "{\"command\":\"copy-end\",\"data\":\"YQ==\"}", "unknown-member", "data",
	  "data" },
};

static char *member_of(const char *json, const char *name)
{
	g_autoptr(json_t) object = json_text_parse(json, strlen(json), 1 << 20, NULL);
	const char *value = "";

	ck_assert_ptr_nonnull(object);
	if (json_object_get(object, name))
		ck_assert(json_text_get_string(json_object_get(object, name), &value));
	return g_strdup(value);
}

START_TEST(a_bad_request_is_refused_with_its_reason)
{
	struct control_request request;
	g_autoptr(GError) error = NULL;
	g_autofree char *answer = NULL;
	g_autofree char *code = NULL;
	g_autofree char *member = NULL;

	ck_assert(!control_request_parse(refused[_i].text, strlen(refused[_i].text),
	                                 &request, &error));
	ck_assert_ptr_nonnull(error);
	ck_assert_ptr_nonnull(strstr(error->message, refused[_i].names));
	answer = control_refusal_to_json(&request, error);
	code = member_of(answer, "code");
	ck_assert_str_eq(code, refused[_i].code);
	member = member_of(answer, "member");
	ck_assert_str_eq(member, refused[_i].member);
}
END_TEST

START_TEST(a_refused_request_keeps_its_id)
{
	static const char *const texts[] = {
		"{\"command\":\"destroy\",\"id\":7}",
		"{\"force\":1,\"id\":7,\"command\":\"stop\"}",
		"{\"id\":7,\"version\":3}",
	};
	struct control_request request;

	ck_assert(!control_request_parse(texts[_i], strlen(texts[_i]), &request, NULL));
	ck_assert(request.has_id);
	ck_assert_int_eq(request.id, 7);
}
END_TEST

START_TEST(an_error_is_one_line_whatever_it_says)
{
	g_autofree char *text =
		control_error_to_json(DEFINITION_ERROR_HOST, "a \"quoted\"\nmessage");

	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
}
END_TEST

START_TEST(every_code_has_its_word_and_comes_back_from_it)
{
	const GError error = { DEFINITION_ERROR, _i, NULL };

	ck_assert_int_eq(error_code_parse(error_code_word((enum definition_error)_i)),
	                 _i);
	ck_assert_str_eq(error_code_of(&error),
	                 error_code_word((enum definition_error)_i));
	ck_assert_int_ne(error_code_status(&error), 0);
}
END_TEST

START_TEST(what_was_not_there_timed_out_or_was_refused_can_be_told_apart)
{
	static const struct {
		enum definition_error code;
		int status;
	} expected[] = {
		{ DEFINITION_ERROR_HOST, 1 },    { DEFINITION_ERROR_TIME, 3 },
		{ DEFINITION_ERROR_UNKNOWN, 4 }, { DEFINITION_ERROR_STATE, 5 },
		{ DEFINITION_ERROR_REFUSED, 5 }, { DEFINITION_ERROR_BUSY, 5 },
	};
	const GError odd = { DEFINITION_ERROR, 9999, NULL };

	for (gsize i = 0; i < G_N_ELEMENTS(expected); i++) {
		const GError error = { DEFINITION_ERROR, (gint)expected[i].code, NULL };

		ck_assert_int_eq(error_code_status(&error), expected[i].status);
	}
	ck_assert_str_eq(error_code_of(&odd), "failed");
	ck_assert_int_eq(error_code_parse("no such word"), DEFINITION_ERROR_HOST);
}
END_TEST

/* ---- A server ---- */

#define EVENTS 2000u

static struct control *control;
static char *folder;
static char *path;

/* "events" subscribes; "status" is answered at once, "stats" with the answer to the next "status". */
static struct control_ticket waiting;
static gboolean waits;

static void handle(gpointer context, struct control_ticket ticket,
                   const struct control_request *request)
{
	(void)context;
	if (request->command == CONTROL_EVENTS) {
		control_subscribe(control, ticket);
		return;
	}
	if (request->command == CONTROL_STATS) {
		waiting = ticket;
		waits = TRUE;
		return;
	}
	control_answer(control, ticket, "{\"ok\":true}\n");
	if (waits)
		control_answer(control, waiting, "{\"ok\":true,\"vps\":[]}\n");
	waits = FALSE;
}

static guint last_gone;

static void gone(gpointer context, guint client)
{
	(void)context;
	last_gone = client;
}

static void listen_here(void)
{
	int listener;

	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	path = g_build_filename(folder, "sock", NULL);
	listener = control_listen(path, NULL);
	ck_assert_int_ge(listener, 0);
	control = control_new(listener, handle, gone, NULL);
	close(listener);
	waits = FALSE;
}

static void hang_up(void)
{
	control_free(control);
	unlink(path);
	rmdir(folder);
	g_free(path);
	g_free(folder);
}

static void turn(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static int come(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	turn();
}

/* What has come, and comes while it is read; "!" at its end: the worker has hung up. */
static char *hear(int fd)
{
	GString *text = g_string_new(NULL);
	char part[4096];
	ssize_t count;

	do {
		while ((count = read(fd, part, sizeof(part))) > 0)
			g_string_append_len(text, part, count);
		if (count == 0 || errno == ECONNRESET)
			break;
	} while (g_main_context_iteration(NULL, FALSE));
	if (count == 0 || errno == ECONNRESET)
		g_string_append_c(text, '!');
	return g_string_free(text, FALSE);
}

static void expect(int fd, const char *text)
{
	g_autofree char *heard = hear(fd);

	ck_assert_str_eq(heard, text);
}

START_TEST(answers_have_the_ids_of_their_requests_in_any_order)
{
	int fd = come();

	say(fd, "{\"command\":\"stats\",\"id\":8}\n{\"command\":\"status\",\"id\":9}\n");
	expect(fd, "{\"id\":9,\"ok\":true}\n{\"id\":8,\"ok\":true,\"vps\":[]}\n");
	say(fd, "{\"command\":\"status\"}\n");
	expect(fd, "{\"ok\":true}\n");
	close(fd);
}
END_TEST

START_TEST(who_hangs_up_is_told_of)
{
	int first = come();
	int second = come();

	say(first, "{\"command\":\"status\"}\n");
	say(second, "{\"command\":\"status\"}\n");
	last_gone = 0;
	close(second);
	turn();
	ck_assert_uint_eq(last_gone, 2);
	close(first);
	turn();
	ck_assert_uint_eq(last_gone, 1);
	second = come();
	turn(); /* of those who are there at the end nobody is told */
}
END_TEST

START_TEST(a_refusal_does_not_end_the_connection)
{
	int fd = come();

	say(fd,
	    "{\"command\":\"status\",\"colour\":1,\"id\":3}\n{\"command\":\"status\"}\n");
	expect(fd, "{\"id\":3,\"ok\":false,\"code\":\"unknown-member\","
	           "\"error\":\"unknown member 'colour'\",\"member\":\"colour\"}\n"
	           "{\"ok\":true}\n");
	close(fd);
}
END_TEST

START_TEST(a_line_without_end_is_answered_and_ends_it)
{
	g_autofree char *endless = g_strnfill(CONTROL_LINE_BYTES, 'x');
	int fd = come();

	say(fd, endless);
	expect(fd, "{\"ok\":false,\"code\":\"malformed\","
	           "\"error\":\"the line is too long\"}\n!");
	close(fd);
}
END_TEST

static void happen(const char *reason)
{
	control_event(control,
	              &(struct control_event){ "guest", "guest", reason, -1, NULL });
}

START_TEST(events_are_numbered_and_say_who_and_why)
{
	int fd = come();

	happen("before anybody listens");
	say(fd, "{\"command\":\"events\",\"id\":1}\n");
	expect(fd, "{\"id\":1,\"ok\":true,\"sequence\":1}\n");
	happen("kvp ready");
	control_event(control, &(struct control_event){ "device-added", "request", "disk",
	                                                3, NULL });
	control_event(control, &(struct control_event){ "device-removed", "request",
	                                                "net", -1, "02:00:00:00:00:01" });
	control_event(control,
	              &(struct control_event){ "paused", "request", NULL, -1, NULL });
	expect(fd, "{\"event\":\"guest\",\"sequence\":2,\"source\":\"guest\","
	           "\"reason\":\"kvp ready\"}\n"
	           "{\"event\":\"device-added\",\"sequence\":3,\"source\":\"request\","
	           "\"reason\":\"disk\",\"lun\":3}\n"
	           "{\"event\":\"device-removed\",\"sequence\":4,\"source\":\"request\","
	           "\"reason\":\"net\",\"mac\":\"02:00:00:00:00:01\"}\n"
	           "{\"event\":\"paused\",\"sequence\":5,\"source\":\"request\"}\n");
	close(fd);
}
END_TEST

/* Every number is heard of once: as an event, or as one of those lost. */
START_TEST(who_reads_too_slowly_is_told_what_is_lost)
{
	g_autofree char *reason = g_strnfill(500, 'r');
	int fd = come();
	guint64 next = 1, lost = 0;
	g_auto(GStrv) lines = NULL;
	g_autofree char *heard = NULL;

	say(fd, "{\"command\":\"events\"}\n");
	expect(fd, "{\"ok\":true,\"sequence\":0}\n");
	for (unsigned int i = 0; i < EVENTS; i++)
		happen(reason);
	heard = hear(fd);
	happen("now it reads");
	lines = g_strsplit(heard, "\n", -1);
	for (char **line = lines; **line; line++) {
		guint64 first, last, count;

		if (sscanf(*line,
		           "{\"event\":\"lost\",\"source\":\"worker\",\"count\":%" SCNu64
		           ",\"first\":%" SCNu64 ",\"last\":%" SCNu64 "}",
		           &count, &first, &last) == 3) {
			ck_assert_uint_eq(first, next);
			ck_assert_uint_eq(count, last - first + 1);
			next = last + 1;
			lost += count;
			continue;
		}
		ck_assert_int_eq(sscanf(*line,
		                        "{\"event\":\"guest\",\"sequence\":%" SCNu64 ",",
		                        &first),
		                 1);
		ck_assert_uint_eq(first, next++);
	}
	ck_assert_uint_eq(next, EVENTS + 1);
	ck_assert_uint_gt(lost, 0);
	expect(fd, "{\"event\":\"guest\",\"sequence\":2001,\"source\":\"guest\","
	           "\"reason\":\"now it reads\"}\n");
	close(fd);
}
END_TEST

START_TEST(who_asks_and_never_reads_is_hung_up_on)
{
	int fd = come();
	ssize_t count = 1;

	for (unsigned int i = 0; i < 200000 && count > 0; i++) {
		count = send(fd, "{\"command\":\"statu\"}\n", 20, MSG_NOSIGNAL);
		turn();
	}
	ck_assert_int_eq(count, -1);
	ck_assert(errno == EPIPE || errno == ECONNRESET);
	close(fd);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("control");
	TCase *tcase = tcase_create("json");
	TCase *server = tcase_create("server");

	tcase_add_loop_test(tcase, every_request_survives_the_way_to_text_and_back,
	                    CONTROL_STATUS, CONTROL_COPY_END + 1);
	tcase_add_loop_test(tcase, a_bad_request_is_refused_with_its_reason, 0,
	                    G_N_ELEMENTS(refused));
	tcase_add_loop_test(tcase, a_refused_request_keeps_its_id, 0, 3);
	tcase_add_test(tcase, an_error_is_one_line_whatever_it_says);
	tcase_add_loop_test(tcase, every_code_has_its_word_and_comes_back_from_it, 0,
	                    DEFINITION_ERROR_VERSION + 1);
	tcase_add_test(tcase,
	               what_was_not_there_timed_out_or_was_refused_can_be_told_apart);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(server, listen_here, hang_up);
	tcase_set_timeout(server, 60);
	tcase_add_test(server, answers_have_the_ids_of_their_requests_in_any_order);
	tcase_add_test(server, who_hangs_up_is_told_of);
	tcase_add_test(server, a_refusal_does_not_end_the_connection);
	tcase_add_test(server, a_line_without_end_is_answered_and_ends_it);
	tcase_add_test(server, events_are_numbered_and_say_who_and_why);
	tcase_add_test(server, who_reads_too_slowly_is_told_what_is_lost);
	tcase_add_test(server, who_asks_and_never_reads_is_hung_up_on);
	suite_add_tcase(suite, server);
	return suite;
}

UNIT_MAIN(make_suite)
