/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of NBD exports: what each part becomes, and what is refused. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "vsp/storage/core/nbd_uri.h"

static const struct {
	const char *text;
	bool is_unix;
	const char *host;
	unsigned int port;
	const char *socket;
	const char *export_name;
} good[] = {
	{ "nbd://server/disk", false, "server", 10809, "", "disk" },
	{ "nbd://server/", false, "server", 10809, "", "" },
	{ "nbd://10.0.0.1:1/a/b c", false, "10.0.0.1", 1, "", "a/b c" },
	{ "nbd://a-b_c.example:65535/%2C%25%3f", false, "a-b_c.example", 65535, "",
	  ",%?" },
	{ "nbd://[fe80::1]:10/x", false, "fe80::1", 10, "", "x" },
	{ "nbd://[::ffff:10.0.0.1]/x", false, "::ffff:10.0.0.1", 10809, "", "x" },
	{ "nbd://h/e%2f&=e", false, "h", 10809, "", "e/&=e" },
	{ "nbd+unix:///?socket=/s", true, "", 0, "/s", "" },
	{ "nbd+unix:///disk?socket=/run/a%20b.sock", true, "", 0, "/run/a b.sock",
	  "disk" },
	{ "nbd+unix:////d?socket=%2Fs", true, "", 0, "/s", "/d" },
};

START_TEST(each_part_is_found)
{
	struct nbd_uri uri;
	const char *why = nbd_uri_parse(good[_i].text, &uri);

	ck_assert(nbd_uri_is(good[_i].text));
	ck_assert_msg(!why, "%s: %s", good[_i].text, why);
	ck_assert(uri.is_unix == good[_i].is_unix);
	ck_assert_str_eq(uri.host, good[_i].host);
	ck_assert_uint_eq(uri.port, good[_i].port);
	ck_assert_str_eq(uri.socket, good[_i].socket);
	ck_assert_str_eq(uri.export_name, good[_i].export_name);
}
END_TEST

static const struct {
	const char *text;
	const char *why; /* a part of what is said */
} bad[] = {
	{ "nbd://", "a host" },
	{ "nbd:///disk", "a host" },
	{ "nbd://user@server/disk", "a host" },
	{ "nbd://ser ver/disk", "a host" },
	{ "nbd://[fe80::1/disk", "a host" },
	{ "nbd://[]/disk", "a host" },
	{ "nbd://[fe80::1%eth0]/disk", "a host" },
	{ "nbd://[::1]x/disk", "a host" },
	{ "nbd://h?socket=/s", "a host" },
	{ "nbd://server", "'/'" },
	{ "nbd://server:10809", "'/'" },
	{ "nbd://server:0/", "a port" },
	{ "nbd://server:/", "a port" },
	{ "nbd://server:65536/", "a port" },
	{ "nbd://server:99999999999999999999/", "a port" },
	{ "nbd://server:-1/", "a port" },
	{ "nbd://server:1x/", "'/'" },
	{ "nbd://server/disk?socket=/s", "no parameters" },
	{ "nbd://server/disk#x", "no parameters" },
	{ "nbd://server/%", "'%'" },
	{ "nbd://server/%2", "'%'" },
	{ "nbd://server/%2g", "'%'" },
	{ "nbd://server/%00", "'%'" },
	{ "nbd://server/a\nb", "control" },
	{ "nbd+unix:///x?socket=/a\x7f", "control" },
	{ "nbd+unix://host/disk?socket=/s", "no host" },
	{ "nbd+unix:///disk", "'?socket=PATH'" },
	{ "nbd+unix:///disk?tls=/s", "'?socket=PATH'" },
	{ "nbd+unix:///disk?socket=", "an absolute path" },
	{ "nbd+unix:///disk?socket=s", "an absolute path" },
	{ "nbd+unix:///disk?socket=/s&x=1", "only parameter" },
	{ "nbd+unix:///disk?socket=/s#x", "only parameter" },
	{ "nbd+unix:///disk?socket=/%00", "'%'" },
	{ "nbds://server/disk", "TLS" },
	{ "nbds+unix:///disk?socket=/s", "TLS" },
	{ "nbd+vsock://2/disk", "possible" },
	{ "nbd+ssh://h/disk", "possible" },
};

START_TEST(what_makes_no_sense_is_named)
{
	struct nbd_uri uri;
	const char *why = nbd_uri_parse(bad[_i].text, &uri);

	ck_assert(nbd_uri_is(bad[_i].text));
	ck_assert_msg(why && strstr(why, bad[_i].why), "%s: %s", bad[_i].text,
	              why ? why : "taken");
}
END_TEST

START_TEST(a_part_that_fits_fits_and_one_byte_more_does_not)
{
	static const struct {
		const char *before;
		const char *behind;
		size_t most;
	} parts[] = {
		{ "nbd://", "/x", NBD_URI_HOST_BYTES - 1 },
		{ "nbd://[", "]/x", NBD_URI_HOST_BYTES - 1 },
		{ "nbd://h/", "", NBD_URI_EXPORT_BYTES - 1 },
		{ "nbd+unix:///", "?socket=/s", NBD_URI_EXPORT_BYTES - 1 },
		{ "nbd+unix:///x?socket=/", "", NBD_URI_SOCKET_BYTES - 2 },
	};
	char text[2048], part[2048];
	struct nbd_uri uri;

	for (size_t more = 0; more < 2; more++) {
		memset(part, 'a', parts[_i].most + more);
		part[parts[_i].most + more] = '\0';
		snprintf(text, sizeof(text), "%s%.1500s%s", parts[_i].before, part,
		         parts[_i].behind);
		ck_assert(!nbd_uri_parse(text, &uri) == !more);
	}
}
END_TEST

START_TEST(files_are_files)
{
	static const char *const names[] = { "",      "nbd",     "nbd:",       "nbd:/x",
		                             "/nbd:", "nbd//x",  "./nbd://h/", "anbd://h",
		                             "nb",    "nbd1://", "NBD://h/x" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(!nbd_uri_is(names[i]), "%s", names[i]);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("nbd_uri");
	TCase *tcase = tcase_create("nbd_uri");

	tcase_add_loop_test(tcase, each_part_is_found, 0, sizeof(good) / sizeof(good[0]));
	tcase_add_loop_test(tcase, what_makes_no_sense_is_named, 0,
	                    sizeof(bad) / sizeof(bad[0]));
	tcase_add_loop_test(tcase, a_part_that_fits_fits_and_one_byte_more_does_not, 0,
	                    5);
	tcase_add_test(tcase, files_are_files);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
