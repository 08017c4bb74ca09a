/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a storage provider says of servers, which may have been taken over: changes are told, printable, and no more. */
#include "unit.h"

#include <string.h>

#include "root-partition/config/control_json.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/vmbusd/internal.h"

static char *told; /* what those who listen are told, a line each */

void vm_log(const char *format, ...)
{
	(void)format;
}

static struct vmbus vmbus;

void vmbus_tell(const struct vmbus *from, const struct control_event *event)
{
	char *before = told;

	ck_assert_ptr_eq(from, &vmbus);
	ck_assert_str_eq(event->source, "provider");
	ck_assert_int_ge(event->lun, 0);
	told = g_strconcat(before ? before : "", event->name, " ", event->reason, "\n",
	                   NULL);
	g_free(before);
}

static void tear_down(void)
{
	g_clear_pointer(&told, g_free);
}

static bool say(const char *json)
{
	return vmbus_take_server_news(&vmbus, VMBUS_STORAGE, 0, json);
}

static char *lost_disks(void)
{
	g_autoptr(json_t) object = json_object();

	vmbus_add_lost_disks(&vmbus, object);
	return json_text_format(object, FALSE);
}

START_TEST(a_change_is_told_once_and_shown_while_it_lasts)
{
	g_autofree char *none = lost_disks();
	g_autofree char *two = NULL;
	g_autofree char *one = NULL;

	ck_assert_str_eq(none, "{}");
	ck_assert(say("{\"event\":\"disk-back\",\"lun\":3,\"disk\":\"nbd://h/x\"}"));
	ck_assert_ptr_null(told);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert(say("{\"event\":\"disk-lost\",\"lun\":3,\"disk\":\"nbd://h/x\","
		              "\"why\":\"it hung up\"}"));
	ck_assert_str_eq(told, "disk-lost nbd://h/x: it hung up\n");
	ck_assert(say("{\"event\":\"disk-lost\",\"lun\":63,\"disk\":\"nbd://h/y\"}"));
	two = lost_disks();
	ck_assert_str_eq(two, "{\"lost-disks\":[3,63]}");
	g_clear_pointer(&told, g_free);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert(say("{\"event\":\"disk-back\",\"lun\":3,\"disk\":\"nbd://h/x\","
		              "\"why\":\"never mind\"}"));
	ck_assert_str_eq(told, "disk-back nbd://h/x\n");
	one = lost_disks();
	ck_assert_str_eq(one, "{\"lost-disks\":[63]}");
}
END_TEST

START_TEST(what_a_terminal_would_obey_is_not_told)
{
	ck_assert(say("{\"event\":\"disk-lost\",\"lun\":0,\"disk\":\"\\u001b[2J\","
	              "\"why\":\"a\\nstate off\"}"));
	ck_assert_ptr_null(strchr(told, '\033'));
	ck_assert_ptr_eq(strchr(told, '\n'), told + strlen(told) - 1);
}
END_TEST

static const char *const nonsense[] = {
	"",
	"{",
	"[]",
	"{}",
	"{\"event\":\"disk-lost\"}",
	"{\"event\":\"disk-lost\",\"lun\":-1}",
	"{\"event\":\"disk-lost\",\"lun\":64}",
	"{\"event\":\"disk-lost\",\"lun\":4294967296}",
	"{\"event\":\"disk-lost\",\"lun\":\"1\"}",
	"{\"event\":\"disk-lost\",\"lun\":1.5}",
	"{\"event\":\"disk-eaten\",\"lun\":1}",
	"{\"event\":7,\"lun\":1}",
	"{\"event\":null,\"lun\":null}",
};

START_TEST(nonsense_is_none_of_it)
{
	ck_assert(!say(nonsense[_i]));
	ck_assert_ptr_null(told);
	ck_assert_uint_eq(vmbus.lost_disks, 0);
}
END_TEST

START_TEST(only_storage_says_it_and_unasked)
{
	const char *news = "{\"event\":\"disk-lost\",\"lun\":0}";

	ck_assert(!vmbus_take_server_news(&vmbus, VMBUS_UTIL, 0, news));
	ck_assert(!vmbus_take_server_news(&vmbus, VMBUS_STORAGE, 1, news));
	ck_assert_ptr_null(told);
	ck_assert(say(news));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("server_news");
	TCase *tcase = tcase_create("server_news");

	tcase_add_checked_fixture(tcase, NULL, tear_down);
	tcase_add_test(tcase, a_change_is_told_once_and_shown_while_it_lasts);
	tcase_add_test(tcase, what_a_terminal_would_obey_is_not_told);
	tcase_add_loop_test(tcase, nonsense_is_none_of_it, 0, G_N_ELEMENTS(nonsense));
	tcase_add_test(tcase, only_storage_says_it_and_unasked);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
