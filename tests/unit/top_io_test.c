/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What viridis top makes of a worker's answers; the worker is played here. */
#include "unit.h"

#include <fcntl.h>
#include <string.h>

#include "root-partition/cli/top_io.h"
#include "root-partition/client/client.h"
#include "root-partition/config/json_text.h"

#define STATUS "{\"ok\": true, \"partition\": 131077}"

static const char *status, *stats; /* NULL: no answer */
static unsigned int asked;
static struct top_io io;
static uint64_t partition_id;

gint64 client_deadline(int seconds)
{
	ck_assert_int_le(seconds, 1);
	return seconds;
}

int client_connect(const char *name, gint64 deadline, GError **error)
{
	(void)deadline;
	(void)error;
	ck_assert_str_eq(name, "web");
	return status ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
}

json_t *client_request(const char *name, int fd, const struct control_request *request,
                       gint64 deadline, GError **error)
{
	const char *text = request->command == CONTROL_STATUS ? status : stats;

	(void)name;
	(void)fd;
	(void)deadline;
	(void)error;
	asked++;
	return text ? json_text_parse(text, strlen(text), 4096, NULL) : NULL;
}

static void setup(void)
{
	status = STATUS;
	asked = 0;
	io = (struct top_io){ 0 };
	partition_id = 0;
}

static gboolean ask(void)
{
	return top_io_ask("web", &partition_id, &io);
}

START_TEST(all_disks_and_adapters_are_added_up)
{
	stats = "{\"vps\": [{\"entries\": 7}], \"weight\": 100,"
		" \"storage\": {\"requests\": 99, \"disks\": ["
		" {\"reads\": 10, \"writes\": 5, \"read-bytes\": 4096, \"written-bytes\": 512},"
		" {\"reads\": 1, \"writes\": 0, \"read-bytes\": 8, \"written-bytes\": 0}]},"
		" \"util\": {\"sent\": 1000},"
		" \"net0\": {\"sent\": 3, \"received\": 4, \"sent-bytes\": 300,"
		" \"received-bytes\": 400}, \"net1\": {\"sent\": 1, \"received-bytes\": 9}}";
	ck_assert_int_eq(ask(), TRUE);
	ck_assert_uint_eq(partition_id, 131077);
	ck_assert_uint_eq(io.disk_requests, 16);
	ck_assert_uint_eq(io.disk_bytes, 4616);
	ck_assert_uint_eq(io.net_frames, 8);
	ck_assert_uint_eq(io.net_bytes, 709);
}
END_TEST

START_TEST(who_does_not_answer_is_not_told_of)
{
	status = NULL;
	stats = "{\"ok\": true}";
	ck_assert_int_eq(ask(), FALSE);
	status = STATUS;
	stats = NULL;
	ck_assert_int_eq(ask(), FALSE);
	ck_assert_uint_eq(asked, 2);
}
END_TEST

START_TEST(answers_of_another_form_are_no_io)
{
	static const char *const forms[] = {
		"{}",
		"{\"storage\": []}",
		"{\"storage\": {\"disks\": {}}}",
		"{\"storage\": {\"disks\": [1, null, []]}}",
		"{\"net0\": 5, \"net1\": [1]}",
		"{\"net0\": {\"sent\": \"many\"}}",
		"{\"storage\": {\"disks\": [{\"reads\": {}}]}}"
	};

	for (gsize i = 0; i < G_N_ELEMENTS(forms); i++) {
		stats = forms[i];
		ck_assert_int_eq(ask(), TRUE);
		ck_assert_uint_eq(io.disk_requests | io.disk_bytes | io.net_frames |
		                          io.net_bytes,
		                  0);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("top_io");
	TCase *tcase = tcase_create("answers");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, all_disks_and_adapters_are_added_up);
	tcase_add_test(tcase, who_does_not_answer_is_not_told_of);
	tcase_add_test(tcase, answers_of_another_form_are_no_io);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
