/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network adapters of a definition: from options and from text, addresses, and what is refused. */
#include "unit.h"

#include <string.h>

#include "root-partition/config/definition_forward.h"
#include "root-partition/config/definition_json.h"
#include "root-partition/config/definition_net.h"

#define MUST "\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\""
#define UUID "\"uuid\":\"7b6e1f0a-43d7-4c58-9d0e-5a2f6b9c1d3e\""

static struct definition *parse(const char *members, GError **error)
{
	g_autofree char *text = g_strdup_printf("{" MUST "%s}", members);

	return definition_parse(text, strlen(text), error);
}

static const struct definition_net *net_of(const struct definition *definition,
                                           guint index)
{
	ck_assert_ptr_nonnull(definition);
	ck_assert_uint_lt(index, definition->nets->len);
	return definition->nets->pdata[index];
}

START_TEST(adapters_survive_the_way_to_text_and_back)
{
	g_autoptr(definition_pointer) first =
		parse("," UUID ",\"nets\":[{\"bridge\":\"br0\"},{\"tap\":\"tap0\","
	              "\"mac\":\"02:00:5E:10:00:01\",\"mtu\":9000}]",
	              NULL);
	g_autoptr(definition_pointer) second = NULL;
	g_autofree char *text = NULL;

	ck_assert_ptr_nonnull(first);
	text = definition_to_json(first);
	second = definition_parse(text, strlen(text), NULL);
	ck_assert_int_eq(net_of(second, 0)->kind, DEFINITION_NET_BRIDGE);
	ck_assert_str_eq(net_of(second, 0)->device, "br0");
	ck_assert_str_eq(net_of(second, 0)->mac, net_of(first, 0)->mac);
	ck_assert_uint_eq(net_of(second, 0)->mtu, 1500);
	ck_assert_int_eq(net_of(second, 1)->kind, DEFINITION_NET_TAP);
	ck_assert_str_eq(net_of(second, 1)->mac, "02:00:5e:10:00:01");
	ck_assert_uint_eq(net_of(second, 1)->mtu, 9000);
}
END_TEST

START_TEST(user_mode_networks_and_their_ports_survive_it_too)
{
	g_autoptr(definition_pointer) first = definition_new();
	g_autoptr(definition_pointer) second = NULL;
	g_autofree char *text = NULL;
	struct definition_forward forward;

	ck_assert(definition_net_add(
		first,
		"user,hostfwd=tcp:8080:80,hostfwd=udp:0.0.0.0:53:5353,mtu=9000,"
		"queues=4",
		NULL));
	first->name = g_strdup("a");
	first->kernel = g_strdup("/k");
	first->memory_bytes = DEFINITION_MEMORY_MIN;
	first->vps = 1;
	definition_complete(first);
	text = definition_to_json(first);
	second = definition_parse(text, strlen(text), NULL);
	ck_assert_int_eq(net_of(second, 0)->kind, DEFINITION_NET_USER);
	ck_assert_ptr_null(net_of(second, 0)->device);
	ck_assert_uint_eq(net_of(second, 0)->mtu, 9000);
	ck_assert_uint_eq(net_of(second, 0)->queues, 4);
	ck_assert_uint_eq(net_of(second, 0)->forwards->len, 2);
	ck_assert(definition_forward_parse(net_of(second, 0)->forwards->pdata[0],
	                                   &forward, NULL));
	ck_assert(!forward.udp);
	ck_assert_str_eq(forward.address, "127.0.0.1");
	ck_assert_uint_eq(forward.port, 8080);
	ck_assert_uint_eq(forward.guest_port, 80);
	ck_assert(definition_forward_parse(net_of(second, 0)->forwards->pdata[1],
	                                   &forward, NULL));
	ck_assert(forward.udp);
	ck_assert_str_eq(forward.address, "0.0.0.0");
}
END_TEST

START_TEST(each_adapter_gets_an_address_of_its_own)
{
	static const char two[] = ",\"nets\":[{\"bridge\":\"br0\"},{\"bridge\":\"br0\"}]";
	g_autofree char *with_uuid = g_strconcat("," UUID, two, NULL);
	g_autoptr(definition_pointer) one = parse(with_uuid, NULL);
	g_autoptr(definition_pointer) again = parse(with_uuid, NULL);
	g_autoptr(definition_pointer) other = parse(two, NULL);

	ck_assert_int_eq(strncmp(net_of(one, 0)->mac, "02:", 3), 0);
	ck_assert_uint_eq(strlen(net_of(one, 0)->mac), 17);
	ck_assert_str_ne(net_of(one, 0)->mac, net_of(one, 1)->mac);
	ck_assert_str_ne(net_of(one, 0)->mac, net_of(other, 0)->mac);
	ck_assert_str_eq(net_of(one, 0)->mac, net_of(again, 0)->mac);
}
END_TEST

START_TEST(an_option_is_an_adapter)
{
	g_autoptr(definition_pointer) definition = definition_new();

	ck_assert(definition_net_add(definition,
	                             "bridge=br0,mac=02:00:5E:10:00:01,mtu=1400", NULL));
	ck_assert_str_eq(net_of(definition, 0)->device, "br0");
	ck_assert_str_eq(net_of(definition, 0)->mac, "02:00:5e:10:00:01");
	ck_assert_uint_eq(definition_net_mac_number(net_of(definition, 0)),
	                  UINT64_C(0x02005e100001));
	ck_assert_uint_eq(net_of(definition, 0)->mtu, 1400);
	ck_assert(definition_net_add(definition, "tap=tap7", NULL));
	ck_assert(definition_net_check(definition, NULL));
}
END_TEST

START_TEST(an_option_that_is_none_says_why)
{
	static const struct {
		const char *text;
		const char *why;
	} wrong[] = {
		{ "", "is needed" },
		{ "br0", "write user, tap=NAME" },
		{ "mtu=1500", "is needed" },
		{ "bridge=a,tap=b", "one 'tap', one 'bridge' or 'user'" },
		{ "user,bridge=a", "one 'tap', one 'bridge' or 'user'" },
		{ "hostfwd=tcp:1:1", "is needed" },
		{ "bridge=a,mtu=big", "not a number" },
		{ "bridge=a,mtu=-1", "not a number" },
		{ "bridge=a,queues=two", "queues 'two': not a number" },
		{ "bridge=a,speed=9", "no 'speed'" },
		{ "bridge=a,,", "write user, tap=NAME" },
		{ "user,hostfwd=", "write for example" },
		{ "user,hostfwd=tcp", "write for example" },
		{ "user,hostfwd=tcp:1", "write for example" },
		{ "user,hostfwd=tcp:127.0.0.1:1:1:1", "write for example" },
		{ "user,hostfwd=sctp:1:1", "'tcp' and 'udp'" },
		{ "user,hostfwd=tcp:0:1", "from 1 to 65535" },
		{ "user,hostfwd=tcp:1:65536", "from 1 to 65535" },
		{ "user,hostfwd=tcp: 1:1", "from 1 to 65535" },
		{ "user,hostfwd=udp:53:53", "not its loopback's" },
		{ "user,hostfwd=udp:127.1.2.3:53:53", "not its loopback's" },
		{ "user,hostfwd=tcp:1::1", "the address is one of IPv4" },
		{ "user,hostfwd=tcp:localhost:1:1", "the address is one of IPv4" },
	};
	g_autoptr(definition_pointer) definition = definition_new();
	g_autoptr(GError) error = NULL;

	ck_assert(!definition_net_add(definition, wrong[_i].text, &error));
	ck_assert_ptr_nonnull(strstr(error->message, wrong[_i].why));
}
END_TEST
#define OPTIONS_COUNT 23

START_TEST(a_definition_with_a_wrong_adapter_says_why)
{
	static const struct {
		const char *nets;
		const char *why;
	} wrong[] = {
		{ "7", "list of objects" },
		{ "[7]", "list of objects" },
		{ "[{}]", "no name of a network device" },
		{ "[{\"tap\":7}]", "must be a string" },
		{ "[{\"user\":1}]", "is true or not there" },
		{ "[{\"user\":false}]", "is true or not there" },
		{ "[{\"user\":true,\"hostfwd\":\"tcp:1:1\"}]", "list of strings" },
		{ "[{\"user\":true,\"hostfwd\":[1]}]", "list of strings" },
		{ "[{\"user\":true,\"hostfwd\":[\"tcp:1:1\",\"tcp:1:2\"]}]",
		  "there twice" },
		{ "[{\"user\":true,\"hostfwd\":[\"tcp:1:1\"]},"
		  "{\"user\":true,\"hostfwd\":[\"tcp:0.0.0.0:1:1\"]}]",
		  "there twice" },
		{ "[{\"tap\":\"a\",\"hostfwd\":[\"tcp:1:1\"]}]", "with 'user' alone" },
		{ "[{\"tap\":\"a\",\"mtu\":\"1\"}]", "whole number" },
		{ "[{\"tap\":\"a\",\"mtu\":575}]", "from 576 to 9000" },
		{ "[{\"tap\":\"a\",\"mtu\":99999999999}]", "from 576 to 9000" },
		{ "[{\"tap\":\"a\",\"queues\":0}]", "from 1 to 8" },
		{ "[{\"tap\":\"a\",\"queues\":9}]", "from 1 to 8" },
		{ "[{\"tap\":\"a\",\"queues\":true}]", "whole number" },
		{ "[{\"tap\":\"a\",\"network\":\"n\"}]", "with 'bridge' alone" },
		{ "[{\"user\":true,\"network\":\"n\"}]", "with 'bridge' alone" },
		{ "[{\"bridge\":\"a\",\"network\":\"\"}]", "1 to 255 bytes" },
		{ "[{\"bridge\":\"a\",\"network\":7}]", "must be a string" },
		{ "[{\"tap\":\"..\"}]", "no name of a network device" },
		{ "[{\"tap\":\"a/b\"}]", "no name of a network device" },
		{ "[{\"tap\":\"a%d\"}]", "no name of a network device" },
		{ "[{\"tap\":\"0123456789abcdef\"}]", "no name of a network device" },
		{ "[{\"tap\":\"a\\u0007\"}]", "a character" },
		{ "[{\"tap\":\"a\",\"mac\":\"03:00:00:00:00:01\"}]", "one station" },
		{ "[{\"tap\":\"a\",\"mac\":\"00:00:00:00:00:00\"}]", "one station" },
		{ "[{\"tap\":\"a\",\"mac\":\"fe:00:00:00:00:01\"}]", "are the root's" },
		{ "[{\"tap\":\"a\",\"mac\":\"02:00:00:00:00:0g\"}]",
		  "write for example" },
		{ "[{\"tap\":\"a\",\"mac\":\"02:00:00:00:00\"}]", "write for example" },
		/* Six numbers and 17 characters, as an address has, and none all the same. */
		{ "[{\"tap\":\"a\",\"mac\":\"2:2:3:4:5:6aaaaaa\"}]",
		  "write for example" },
		{ "[{\"tap\":\"a\",\"mac\":\"02:0:00:00:00:001\"}]",
		  "write for example" },
		{ "[{\"tap\":\"a\",\"mac\":\"02:00:00:00:00::1\"}]",
		  "write for example" },
		{ "[{\"tap\":\"a\",\"mac\":\"02:00:00:00:00:01\"},"
		  "{\"tap\":\"b\",\"mac\":\"02:00:00:00:00:01\"}]",
		  "another adapter's" },
		{ "[{\"tap\":\"a\",\"slot\":8}]", "slot 8: from 0 to 7" },
		{ "[{\"tap\":\"a\",\"slot\":7},{\"tap\":\"b\",\"slot\":7}]",
		  "slot 7 is another adapter's too" },
		{ "[{\"tap\":\"a\"},{\"tap\":\"a\"},{\"tap\":\"a\"},{\"tap\":\"a\"},"
		  "{\"tap\":\"a\"},{\"tap\":\"a\"},{\"tap\":\"a\"},{\"tap\":\"a\"},"
		  "{\"tap\":\"a\"}]",
		  "at most 8" },
	};
	g_autofree char *members = g_strconcat(",\"nets\":", wrong[_i].nets, NULL);
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(parse(members, &error));
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(strstr(error->message, wrong[_i].why), "%s", error->message);
}
END_TEST
#define NETS_COUNT 38

static Suite *definition_net_suite(void)
{
	Suite *suite = suite_create("definition_net");
	TCase *tc = tcase_create("definition_net");

	tcase_add_test(tc, adapters_survive_the_way_to_text_and_back);
	tcase_add_test(tc, user_mode_networks_and_their_ports_survive_it_too);
	tcase_add_test(tc, each_adapter_gets_an_address_of_its_own);
	tcase_add_test(tc, an_option_is_an_adapter);
	tcase_add_loop_test(tc, an_option_that_is_none_says_why, 0, OPTIONS_COUNT);
	tcase_add_loop_test(tc, a_definition_with_a_wrong_adapter_says_why, 0,
	                    NETS_COUNT);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(definition_net_suite)
