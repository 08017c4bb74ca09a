/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of the control socket. */
#include "unit.h"

#include <string.h>

#include "root-partition/config/control_json.h"

START_TEST(every_request_survives_the_way_to_text_and_back)
{
	struct control_request request = { .command = (enum control_command)_i };
	struct control_request again;
	g_autofree char *text = NULL;

	request.reboot = request.command == CONTROL_SHUTDOWN;
	request.seconds = request.command == CONTROL_FREEZE ? CONTROL_SECONDS_MAX : 0;
	text = control_request_to_json(&request);
	ck_assert(control_request_parse(text, strlen(text) - 1, &again, NULL));
	ck_assert_int_eq(again.command, request.command);
	ck_assert_int_eq(again.reboot, request.reboot);
	ck_assert_uint_eq(again.seconds, request.seconds);
}
END_TEST

static const struct {
	const char *text;
	const char *names;
} refused[] = {
	{ "", "JSON" },
	{ "status", "" },
	{ "{}", "command" },
	{ "{\"command\":1}", "command" },
	{ "{\"command\":\"destroy\"}", "destroy" },
	{ "{\"command\":\"stop\",\"force\":true}", "force" },
	{ "{\"command\":\"shutdown\",\"reboot\":\"yes\"}", "reboot" },
	{ "{\"command\":\"shutdown\",\"reboot\":null}", "reboot" },
	{ "{\"command\":\"freeze\"}", "seconds" },
	{ "{\"command\":\"freeze\",\"seconds\":0}", "seconds" },
	{ "{\"command\":\"freeze\",\"seconds\":3601}", "seconds" },
	{ "{\"command\":\"freeze\",\"seconds\":\"9\"}", "seconds" },
	{ "{\"command\":\"thaw\",\"seconds\":9}", "seconds" },
	{ "{{{{{{{{{{{{{{{{{{{{{{{{", "JSON" },
};

START_TEST(a_bad_request_is_refused_with_its_reason)
{
	struct control_request request;
	g_autoptr(GError) error = NULL;

	ck_assert(!control_request_parse(refused[_i].text, strlen(refused[_i].text),
	                                 &request, &error));
	ck_assert_ptr_nonnull(error);
	ck_assert_ptr_nonnull(strstr(error->message, refused[_i].names));
}
END_TEST

START_TEST(an_error_is_one_line_whatever_it_says)
{
	g_autofree char *text = control_error_to_json("a \"quoted\"\nmessage");

	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("control");
	TCase *tcase = tcase_create("json");

	tcase_add_loop_test(tcase, every_request_survives_the_way_to_text_and_back,
	                    CONTROL_STATUS, CONTROL_THAW + 1);
	tcase_add_loop_test(tcase, a_bad_request_is_refused_with_its_reason, 0,
	                    G_N_ELEMENTS(refused));
	tcase_add_test(tcase, an_error_is_one_line_whatever_it_says);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
