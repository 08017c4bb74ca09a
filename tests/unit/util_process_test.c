/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The utility provider as a process: a worker and a guest in this program, the real
 * viridis-util at the other end.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "provider_host.h"
#include "vmbus/class/fcopy.h"
#include "vmbus/class/kvp.h"

#define HEARTBEAT  2u
#define SHUTDOWN   3u
#define TIMESYNC   4u
#define KVP        5u
#define VSS        6u
#define FCOPY      7u
#define RING_PAGES 3u

static struct host host;
static struct host_channel channel;
static struct ic_agreement agreed;
static uint8_t packet[HOST_PACKET_BYTES];
static uint32_t packet_bytes;

static const char config[] = "{\"vm\":\"test\",\"channels\":["
			     "{\"id\":2,\"class\":\"heartbeat\"},"
			     "{\"id\":3,\"class\":\"shutdown\"},"
			     "{\"id\":4,\"class\":\"timesync\"},"
			     "{\"id\":5,\"class\":\"kvp\"},"
			     "{\"id\":6,\"class\":\"vss\"},"
			     "{\"id\":7,\"class\":\"fcopy\"}],"
			     "\"adapters\":[\"52:54:00:00:00:0a\"]}";

static void set_up(void)
{
	host_start(&host, PROVIDER);
	ck_assert(host_configure(&host, config));
}

static void tear_down(void)
{
	ck_assert_int_eq(host_stop(&host), 0);
}

static struct ic_message receive(void)
{
	struct ring_received received;
	struct ic_message message;

	host_receive(&channel, &received);
	ck_assert_uint_eq(received.type, VMBUS_PACKET_INBAND);
	packet_bytes = received.payload_bytes;
	memcpy(packet, received.payload, packet_bytes);
	ck_assert(ic_decode(&message, packet, packet_bytes));
	return message;
}

/* The provider may not have given back the room of the packet before, which it answers already. */
static void send_back(void)
{
	bool signal = false;
	enum ring_status status;

	while ((status = ring_put_inband(&channel.out, 0, 0, packet, packet_bytes,
	                                 &signal)) == RING_FULL)
		usleep(1000);
	ck_assert_int_eq(status, RING_OK);
	if (signal)
		host_signal(&channel);
}

static void expect_event(uint32_t tag, const char *text)
{
	ck_assert_uint_eq(host_expect(&host, VSP_EVENT)->number, tag);
	ck_assert_msg(strstr(host.packet.message.tail, text), "'%s' without '%s'",
	              (const char *)host.packet.message.tail, text);
}

static void open_service(uint32_t id, const struct ic_versions *versions)
{
	host_open(&host, &channel, id, 16, RING_PAGES);
	ck_assert_uint_eq(receive().header.type, IC_NEGOTIATE);
	ck_assert(ic_answer_negotiate(packet, packet_bytes, versions, &agreed));
	send_back();
	expect_event(0, "\"ready\"");
}

START_TEST(the_heart_beats)
{
	struct ic_message message;
	uint64_t first, sequence;

	open_service(HEARTBEAT, &ic_heartbeat_versions);
	message = receive();
	ck_assert(ic_decode_heartbeat(&message, &first));
	ck_assert(ic_answer_heartbeat(packet, packet_bytes));
	send_back();
	expect_event(0, "\"alive\"");
	message = receive(); /* two seconds later */
	ck_assert(ic_decode_heartbeat(&message, &sequence));
	ck_assert_uint_eq(sequence, first + 1);
	host_close(&channel);
}
END_TEST

START_TEST(the_clock_is_set_to_the_roots)
{
	struct ic_message message;
	uint64_t time_100ns, now;
	uint8_t flags;

	open_service(TIMESYNC, &ic_timesync_versions);
	message = receive();
	ck_assert(ic_decode_timesync(&message, &agreed, &flags, &time_100ns));
	ck_assert_uint_eq(flags, IC_TIMESYNC_SYNC);
	now = (uint64_t)time(NULL) + UINT64_C(11644473600);
	ck_assert_uint_le(time_100ns / 10000000, now + 1);
	ck_assert_uint_ge(time_100ns / 10000000, now - 60);
	host_send(&host, VSP_COMMAND, 0, 8, "{\"command\":\"synchronize\"}");
	expect_event(8, "\"ok\":true");
	message = receive();
	ck_assert(ic_decode_timesync(&message, &agreed, &flags, &time_100ns));
	ck_assert_uint_eq(flags, IC_TIMESYNC_SYNC);
	host_close(&channel);
}
END_TEST

START_TEST(a_shutdown_order_is_answered_as_the_guest_answers)
{
	struct ic_message message;
	uint32_t flags, timeout;

	open_service(SHUTDOWN, &ic_shutdown_versions);
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"shutdown\",\"reboot\":true}");
	message = receive();
	ck_assert(ic_decode_shutdown(&message, &flags, &timeout));
	ck_assert_uint_eq(flags, IC_SHUTDOWN_RESTART);
	host_send(&host, VSP_COMMAND, 0, 6, "{\"command\":\"shutdown\"}");
	expect_event(6, "under way");
	ic_answer(packet, _i == 0 ? IC_STATUS_OK : IC_STATUS_NOT_SUPPORTED);
	send_back();
	expect_event(5, _i == 0 ? "\"ok\":true" : "0x80070032");
	host_close(&channel);
}
END_TEST

START_TEST(a_shutdown_order_without_a_guest_is_refused)
{
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"shutdown\"}");
	expect_event(5, "does not listen");
}
END_TEST

START_TEST(a_guest_that_closes_answers_the_order_that_waits)
{
	open_service(SHUTDOWN, &ic_shutdown_versions);
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"shutdown\"}");
	(void)receive();
	host_send(&host, VSP_CLOSE, SHUTDOWN, 0, "");
	expect_event(5, "closed");
	(void)host_expect(&host, VSP_CLOSED);
}
END_TEST

START_TEST(garbage_in_the_ring_ends_the_service_and_not_the_provider)
{
	open_service(HEARTBEAT, &ic_heartbeat_versions);
	channel.upstream.control->write_index = 3;
	host_signal(&channel);
	ck_assert_uint_eq(host_expect(&host, VSP_LOG)->number, VSP_LOG_ERROR);
	host_close(&channel);
	open_service(HEARTBEAT, &ic_heartbeat_versions);
	host_close(&channel);
}
END_TEST

START_TEST(a_guest_that_breaks_its_rings_answers_the_order_that_waits)
{
	open_service(SHUTDOWN, &ic_shutdown_versions);
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"shutdown\"}");
	(void)receive();
	channel.upstream.control->write_index = 3;
	host_signal(&channel);
	expect_event(5, "broke");
	host_send(&host, VSP_COMMAND, 0, 6, "{\"command\":\"shutdown\"}");
	expect_event(6, "does not listen");
	host_close(&channel);
}
END_TEST

START_TEST(stats_tell_each_services_state)
{
	open_service(HEARTBEAT, &ic_heartbeat_versions);
	host_send(&host, VSP_COMMAND, 0, 7, "{\"command\":\"stats\"}");
	expect_event(7, "\"heartbeat\":{\"state\":\"ready\"");
	host_send(&host, VSP_COMMAND, 0, 7, "{\"command\":7}");
	expect_event(7, "\"ok\":false");
	host_close(&channel);
}
END_TEST

/* A guest with two names, an item and an address; false: the round's last answer. */
static bool answer_question(void)
{
	static const struct kvp_item names[] = { { "OSName", "D\u00e9bian" },
		                                 { "OSVersion", "6.1" } };
	static const struct kvp_item item = { "backup", "done \"today\"" };
	static const struct kvp_adapter adapter = {
		.dhcp = true,
		.addresses = "10.0.2.15;fe80::1;odd;a;b;c;d;e;f",
		.subnets = "255.255.255.0;/64;odd;/128;/129;/99999999999;/ 7;"
			   "255.0.255.0;0.0.0.0",
		.gateways = "10.0.2.2;",
	};
	struct ic_message message = receive();
	struct kvp_request request;

	ck_assert(kvp_decode_request(&message, &request));
	if (request.operation == KVP_GET_ADDRESSES)
		kvp_answer_adapter(packet, &adapter);
	else if (request.pool == KVP_POOL_AUTO && request.index < 2)
		kvp_answer_item(packet, &names[request.index]);
	else if (request.pool == KVP_POOL_GUEST && request.index < 1)
		kvp_answer_item(packet, &item);
	else
		ic_answer(packet, IC_STATUS_FAIL);
	send_back();
	return request.operation != KVP_GET_ADDRESSES;
}

START_TEST(what_the_guest_tells_is_told)
{
	open_service(KVP, &ic_kvp_versions);
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"guest\"}");
	host_send(&host, VSP_COMMAND, 0, 6,
	          "{\"command\":\"guest\"}"); /* in the same round */
	while (answer_question())
		;
	expect_event(5,
	             "\"names\":{\"OSName\":\"D\u00e9bian\",\"OSVersion\":\"6.1\"},"
	             "\"items\":{\"backup\":\"done \\\"today\\\"\"},"
	             "\"adapters\":[{\"mac\":\"52:54:00:00:00:0a\",\"dhcp\":true,"
	             "\"addresses\":[\"10.0.2.15/24\",\"fe80::1/64\",\"odd\",\"a/128\","
	             "\"b\",\"c\",\"d\",\"e\",\"f/0\"],"
	             "\"gateways\":[\"10.0.2.2\"],\"name-servers\":[]}]}");
	expect_event(6, "\"kvp\":{\"state\":\"ready\"}");
	host_send(&host, VSP_COMMAND, 0, 7,
	          "{\"command\":\"guest\"}"); /* it is asked anew */
	while (answer_question())
		;
	expect_event(7, "OSName");
	host_close(&channel);
}
END_TEST

/* Sixteen of either kind, of bytes that JSON has six characters for. */
START_TEST(a_guest_that_tells_too_much_is_not_cut_off)
{
	struct kvp_item item = { .key = "" };
	struct kvp_request request;
	struct ic_message message;

	open_service(KVP, &ic_kvp_versions);
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"guest\"}");
	memset(item.key, 1, sizeof(item.key) - 1);
	memset(item.value, 1, sizeof(item.value) - 1);
	do {
		message = receive();
		ck_assert(kvp_decode_request(&message, &request));
		item.key[0] = (char)('a' + request.index);
		if (request.operation == KVP_GET_ADDRESSES)
			ic_answer(packet, IC_STATUS_FAIL);
		else
			kvp_answer_item(packet, &item);
		send_back();
	} while (request.operation != KVP_GET_ADDRESSES);
	expect_event(5, "{\"ok\":false,\"error\":\"there is more to tell than");
	host_close(&channel);
}
END_TEST

START_TEST(who_asks_about_a_guest_that_does_not_listen_has_an_answer)
{
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"guest\"}");
	expect_event(5, "\"kvp\":{\"state\":\"closed\"},\"vss\":{\"state\":\"closed\","
	                "\"frozen\":false},\"names\":{},\"items\":{}");
	open_service(KVP, &ic_kvp_versions);
	host_send(&host, VSP_COMMAND, 0, 6, "{\"command\":\"guest\"}");
	ck_assert(answer_question());
	host_send(&host, VSP_CLOSE, KVP, 0, ""); /* in the middle of a round */
	expect_event(6, "\"names\":{\"OSName\"");
	(void)host_expect(&host, VSP_CLOSED);
}
END_TEST

START_TEST(a_guest_that_falls_silent_leaves_what_it_told)
{
	open_service(KVP, &ic_kvp_versions);
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"guest\"}");
	ck_assert(answer_question());
	(void)receive();
	expect_event(5, "\"names\":{\"OSName\""); /* 5 seconds later */
	host_close(&channel);
}
END_TEST

static void answer(uint32_t status)
{
	ic_answer(packet, status);
	send_back();
}

static void expect_item(enum kvp_operation operation, const char *key, const char *value)
{
	struct ic_message message = receive();
	struct kvp_request request;

	ck_assert(kvp_decode_request(&message, &request));
	ck_assert_uint_eq(request.operation, operation);
	ck_assert_uint_eq(request.pool, KVP_POOL_HOST);
	ck_assert_str_eq(request.item.key, key);
	ck_assert_str_eq(request.item.value, value);
}

START_TEST(an_item_is_told_to_the_guest_as_it_answers)
{
	open_service(KVP, &ic_kvp_versions);
	host_send(&host, VSP_COMMAND, 0, 5,
	          "{\"command\":\"item\",\"key\":\"role\",\"value\":\"D\u00e9\"}");
	expect_item(KVP_SET, "role", "D\u00e9");
	host_send(&host, VSP_COMMAND, 0, 6, "{\"command\":\"item\",\"key\":\"x\"}");
	expect_event(6, "has not answered the last");
	answer(IC_STATUS_OK);
	expect_event(5, "\"ok\":true");
	host_send(&host, VSP_COMMAND, 0, 7, "{\"command\":\"item\",\"key\":\"role\"}");
	expect_item(KVP_DELETE, "role", "");
	answer(0x80070103);
	expect_event(7, "0x80070103");
	host_close(&channel);
}
END_TEST

START_TEST(an_item_waits_for_the_end_of_a_round)
{
	open_service(KVP, &ic_kvp_versions);
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"guest\"}");
	host_send(&host, VSP_COMMAND, 0, 6,
	          "{\"command\":\"item\",\"key\":\"k\",\"value\":\"v\"}");
	host_send(&host, VSP_COMMAND, 0, 7, "{\"command\":\"item\",\"key\":\"l\"}");
	expect_event(7, "another such order waits");
	while (answer_question())
		;
	expect_event(5, "OSName");
	expect_item(KVP_SET, "k", "v");
	answer(IC_STATUS_OK);
	expect_event(6, "\"ok\":true");
	host_send(&host, VSP_COMMAND, 0, 8, "{\"command\":\"guest\"}");
	host_send(&host, VSP_COMMAND, 0, 9, "{\"command\":\"item\",\"key\":\"l\"}");
	host_send(&host, VSP_CLOSE, KVP, 0, "");
	expect_event(8, "OSName");
	expect_event(9, "does not listen");
	(void)host_expect(&host, VSP_CLOSED);
}
END_TEST

START_TEST(an_item_that_makes_no_sense_is_refused)
{
	static const char *const orders[] = {
		"{\"command\":\"item\"}",
		"{\"command\":\"item\",\"key\":\"\"}",
		"{\"command\":\"item\",\"key\":7}",
	};
	char order[512] = "{\"command\":\"item\",\"key\":\"";
	size_t length = strlen(order);

	for (unsigned int i = 0; i < 3; i++) {
		host_send(&host, VSP_COMMAND, 0, 5, orders[i]);
		expect_event(5, "\"ok\":false");
	}
	memset(order + length, 'k', 256);
	strcpy(order + length + 256, "\"}");
	host_send(&host, VSP_COMMAND, 0, 6, order);
	expect_event(6, "too long");
	host_send(&host, VSP_COMMAND, 0, 7, "{\"command\":\"item\",\"key\":\"k\"}");
	expect_event(7, "does not listen");
}
END_TEST

static void expect_vss(enum ic_vss_operation operation)
{
	struct ic_message message = receive();
	uint8_t found;

	ck_assert(ic_decode_vss(&message, &found));
	ck_assert_uint_eq(found, operation);
}

START_TEST(a_guest_is_frozen_and_thawed_as_it_answers)
{
	open_service(VSS, &ic_vss_versions);
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"freeze\",\"seconds\":60}");
	expect_vss(IC_VSS_FREEZE);
	answer(IC_STATUS_OK);
	expect_event(5, "\"ok\":true");
	host_send(&host, VSP_COMMAND, 0, 6, "{\"command\":\"freeze\",\"seconds\":60}");
	expect_event(6, "frozen already");
	host_send(&host, VSP_COMMAND, 0, 7, "{\"command\":\"stats\"}");
	expect_event(7, "\"frozen\":true");
	host_send(&host, VSP_COMMAND, 0, 8, "{\"command\":\"thaw\"}");
	expect_vss(IC_VSS_THAW);
	answer(IC_STATUS_OK);
	expect_event(8, "\"ok\":true");
	host_send(&host, VSP_COMMAND, 0, 9, "{\"command\":\"thaw\"}");
	expect_event(9, "not frozen");
	host_send(&host, VSP_COMMAND, 0, 10, "{\"command\":\"freeze\",\"seconds\":60}");
	expect_vss(IC_VSS_FREEZE);
	answer(IC_STATUS_FAIL);
	expect_event(10, "0x80004005");
	host_close(&channel);
}
END_TEST

START_TEST(a_guest_is_thawed_when_its_time_is_over_and_whoever_comes_late_is_told)
{
	open_service(VSS, &ic_vss_versions);
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"freeze\",\"seconds\":1}");
	expect_vss(IC_VSS_FREEZE);
	answer(IC_STATUS_OK);
	expect_event(5, "\"ok\":true");
	expect_vss(IC_VSS_THAW);
	expect_event(0, "\"expired\"");
	answer(IC_STATUS_OK);
	do { /* until that answer is taken */
		host_send(&host, VSP_COMMAND, 0, 6, "{\"command\":\"stats\"}");
		ck_assert_uint_eq(host_expect(&host, VSP_EVENT)->number, 6);
	} while (!strstr(host.packet.message.tail, "\"frozen\":false"));
	host_send(&host, VSP_COMMAND, 0, 7, "{\"command\":\"thaw\"}");
	expect_event(7, "not of one moment");
	host_close(&channel);
}
END_TEST

/* In milliseconds; the 14th and 15th number behind the program's name. proc(5) */
static unsigned long processor_time(pid_t process)
{
	unsigned long user, system;
	char path[64], text[1024] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", process);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
	fclose(file);
	ck_assert_int_eq(sscanf(strrchr(text, ')'),
	                        ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
	                        &user, &system),
	                 2);
	return (user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK);
}

/* Longer than until an order that could not be sent is tried again. */
START_TEST(a_frozen_guest_that_breaks_its_rings_costs_no_processor)
{
	unsigned long before;

	open_service(VSS, &ic_vss_versions);
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"freeze\",\"seconds\":60}");
	expect_vss(IC_VSS_FREEZE);
	answer(IC_STATUS_OK);
	expect_event(5, "\"ok\":true");
	channel.downstream.control->read_index = 3;
	host_send(&host, VSP_COMMAND, 0, 6, "{\"command\":\"thaw\"}");
	expect_event(6, "does not take its messages");
	host_send(&host, VSP_COMMAND, 0, 7, "{\"command\":\"synchronize\"}");
	expect_event(7, "\"ok\":true"); /* and the clock is looked at */
	before = processor_time(host.pid);
	usleep(2500 * 1000);
	ck_assert_uint_lt(processor_time(host.pid) - before, 100);
	host_close(&channel);
}
END_TEST

START_TEST(a_guest_whose_provider_died_while_it_was_frozen_is_thawed_by_the_next)
{
	open_service(VSS, &ic_vss_versions);
	host_send(&host, VSP_COMMAND, 0, 5, "{\"command\":\"freeze\",\"seconds\":60}");
	expect_vss(IC_VSS_FREEZE);
	answer(IC_STATUS_OK);
	expect_event(5, "\"ok\":true");
	host_replace(&host, PROVIDER);
	ck_assert(host_configure(&host, config));
	host_resume(&channel);
	ck_assert_uint_eq(receive().header.type, IC_NEGOTIATE);
	ck_assert(ic_answer_negotiate(packet, packet_bytes, &ic_vss_versions, &agreed));
	send_back();
	expect_event(0, "\"ready\"");
	expect_vss(IC_VSS_THAW);
	expect_event(0, "\"expired\"");
	answer(IC_STATUS_OK);
	host_close(&channel);
}
END_TEST

START_TEST(an_order_to_freeze_that_makes_no_sense_is_refused)
{
	static const char *const orders[] = {
		"{\"command\":\"freeze\"}",
		"{\"command\":\"freeze\",\"seconds\":0}",
		"{\"command\":\"freeze\",\"seconds\":-1}",
		"{\"command\":\"freeze\",\"seconds\":3601}",
		"{\"command\":\"freeze\",\"seconds\":\"1\"}",
	};

	for (size_t i = 0; i < ARRAY_COUNT(orders); i++) {
		host_send(&host, VSP_COMMAND, 0, 5, orders[i]);
		expect_event(5, "for how long?");
	}
	host_send(&host, VSP_COMMAND, 0, 6, "{\"command\":\"freeze\",\"seconds\":1}");
	expect_event(6, "does not listen");
	host_send(&host, VSP_COMMAND, 0, 7, "{\"command\":\"thaw\"}");
	expect_event(7, "does not listen");
}
END_TEST

static struct fcopy_request expect_copy(enum fcopy_operation operation)
{
	struct ic_message message = receive();
	struct fcopy_request request;

	ck_assert(fcopy_decode_request(&message, &request));
	ck_assert_uint_eq(request.operation, operation);
	return request;
}

#define COPY "{\"command\":\"copy\",\"path\":\"/etc/D\u00e9\",\"size\":"

static char order[16384];

/* The order to copy such a piece, of four letters of base64 so many times. */
static void repeat(const char *letters, unsigned int count)
{
	strcpy(order, "{\"command\":\"copy-data\",\"data\":\"");
	for (size_t at = strlen(order); count > 0; count--, at += 4)
		memcpy(order + at, letters, 5);
	strcat(order, "\"}");
}

static void begin_copy(void)
{
	open_service(FCOPY, &ic_fcopy_versions);
	host_send(&host, VSP_COMMAND, 0, 5, COPY "8}");
	(void)expect_copy(FCOPY_START);
	answer(IC_STATUS_OK);
	expect_event(5, "\"ok\":true");
}

START_TEST(a_file_is_copied_as_the_guest_answers)
{
	struct fcopy_request request;

	open_service(FCOPY, &ic_fcopy_versions);
	host_send(&host, VSP_COMMAND, 0, 5, COPY "3000,\"overwrite\":true}");
	request = expect_copy(FCOPY_START);
	ck_assert_str_eq(request.file.folder, "/etc");
	ck_assert_str_eq(request.file.name, "D\u00e9");
	ck_assert_uint_eq(request.file.flags, FCOPY_FLAG_OVERWRITE);
	ck_assert_uint_eq(request.file.bytes, 3000);
	answer(IC_STATUS_OK);
	expect_event(5, "\"ok\":true");
	for (uint32_t at = 0; at < 3000; at += 1500) {
		repeat("YWJj", 500); /* "abc" */
		host_send(&host, VSP_COMMAND, 0, 6, order);
		request = expect_copy(FCOPY_WRITE);
		ck_assert_uint_eq(request.offset, at);
		ck_assert_uint_eq(request.data_bytes, 1500);
		for (uint32_t i = 0; i < 1500; i++)
			ck_assert_int_eq(request.data[i], "abc"[i % 3]);
		answer(IC_STATUS_OK);
		expect_event(6, "\"ok\":true");
	}
	host_send(&host, VSP_COMMAND, 0, 7, "{\"command\":\"copy-end\"}");
	(void)expect_copy(FCOPY_COMPLETE);
	answer(IC_STATUS_OK);
	expect_event(7, "\"ok\":true");
	host_send(&host, VSP_COMMAND, 0, 8, "{\"command\":\"stats\"}");
	expect_event(8, "\"fcopy\":{\"state\":\"ready\",\"copying\":false}");
	host_close(&channel);
}
END_TEST

START_TEST(a_guest_says_why_it_does_not_make_a_file)
{
	static const struct {
		uint32_t status;
		const char *words;
	} refusals[] = {
		{ IC_STATUS_EXISTS, "--force" },
		{ IC_STATUS_FAIL, "hyperv-daemons" },
		{ IC_STATUS_DISK_FULL, "disk is full" },
		{ 0x80070057, "0x80070057" },
	};

	open_service(FCOPY, &ic_fcopy_versions);
	for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
		host_send(&host, VSP_COMMAND, 0, 5, COPY "8}");
		ck_assert_uint_eq(expect_copy(FCOPY_START).file.flags, 0);
		answer(refusals[i].status);
		expect_event(5, refusals[i].words);
		host_send(&host, VSP_COMMAND, 0, 6, "{\"command\":\"copy-end\"}");
		expect_event(6, "no copy is under way");
	}
	host_close(&channel);
}
END_TEST

/* Refused half way, given up, and when the guest opens its channel again. */
START_TEST(a_file_that_does_not_become_whole_is_removed)
{
	begin_copy();
	if (_i == 0) {
		host_send(&host, VSP_COMMAND, 0, 6,
		          "{\"command\":\"copy-data\",\"data\":\"YWJj\"}");
		(void)expect_copy(FCOPY_WRITE);
		answer(IC_STATUS_DISK_FULL);
		expect_event(6, "disk is full");
	} else if (_i == 1) {
		host_send(&host, VSP_COMMAND, 0, 6, "{\"command\":\"copy-cancel\"}");
		expect_event(6, "\"ok\":true");
	} else {
		host_send(&host, VSP_COMMAND, 0, 6,
		          "{\"command\":\"copy-data\",\"data\":\"YWJj\"}");
		(void)expect_copy(FCOPY_WRITE);
		host_send(&host, VSP_CLOSE, FCOPY, 0, "");
		expect_event(6, "closed the channel");
		(void)host_expect(&host, VSP_CLOSED);
		open_service(FCOPY, &ic_fcopy_versions);
	}
	(void)expect_copy(FCOPY_CANCEL);
	host_send(&host, VSP_COMMAND, 0, 7, COPY "8}");
	expect_event(7, "has not answered the last");
	answer(IC_STATUS_OK);
	do { /* until that answer is taken */
		host_send(&host, VSP_COMMAND, 0, 8, "{\"command\":\"stats\"}");
		ck_assert_uint_eq(host_expect(&host, VSP_EVENT)->number, 8);
	} while (!strstr(host.packet.message.tail, "\"copying\":false"));
	host_close(&channel);
}
END_TEST

START_TEST(a_file_whose_provider_died_is_removed_by_the_next)
{
	begin_copy();
	host_replace(&host, PROVIDER);
	ck_assert(host_configure(&host, config));
	host_resume(&channel);
	ck_assert_uint_eq(receive().header.type, IC_NEGOTIATE);
	ck_assert(ic_answer_negotiate(packet, packet_bytes, &ic_fcopy_versions, &agreed));
	send_back();
	expect_event(0, "\"ready\"");
	(void)expect_copy(FCOPY_CANCEL);
	answer(IC_STATUS_OK);
	host_close(&channel);
}
END_TEST

START_TEST(an_order_to_copy_that_makes_no_sense_is_refused)
{
	static const char *const orders[] = {
		"{\"command\":\"copy\"}",
		"{\"command\":\"copy\",\"path\":\"/x\"}",
		"{\"command\":\"copy\",\"path\":\"/x\",\"size\":-1}",
		"{\"command\":\"copy\",\"path\":\"x\",\"size\":1}",
		"{\"command\":\"copy\",\"path\":\"/x/\",\"size\":1}",
	};

	host_send(&host, VSP_COMMAND, 0, 9, COPY "8}");
	expect_event(9, "before 6.10");
	host_send(&host, VSP_COMMAND, 0, 9, "{\"command\":\"copy-end\"}");
	expect_event(9, "does not listen");
	begin_copy();
	for (size_t i = 0; i < ARRAY_COUNT(orders); i++) {
		host_send(&host, VSP_COMMAND, 0, 9, orders[i]);
		expect_event(9, "a path from '/' on");
	}
	host_send(&host, VSP_COMMAND, 0, 9, COPY "8}");
	expect_event(9, "another copy is under way");
	host_close(&channel);
}
END_TEST

static const struct {
	const char *order;
	const char *words;
} bad_pieces[] = {
	{ "{\"command\":\"copy-data\"}", "base64" },
	{ "{\"command\":\"copy-data\",\"data\":\"\"}", "base64" },
	{ "{\"command\":\"copy-data\",\"data\":\"YWJj!\"}", "base64" },
	{ "{\"command\":\"copy-data\",\"data\":\"YWJ\"}", "base64" },
	{ "{\"command\":\"copy-data\",\"data\":\"YWJjZGVmZ2hp\"}",
	  "more of it than was said" },
	{ "{\"command\":\"copy-end\"}", "less of it than was said" },
	{ order, "6144 bytes" }, /* 6147 */
};

START_TEST(a_piece_that_makes_no_sense_ends_the_copy)
{
	repeat("YWJj", 2049);
	begin_copy();
	host_send(&host, VSP_COMMAND, 0, 9, bad_pieces[_i].order);
	expect_event(9, bad_pieces[_i].words);
	(void)expect_copy(FCOPY_CANCEL);
	answer(IC_STATUS_OK);
	host_close(&channel);
}
END_TEST

START_TEST(a_bad_configuration_is_refused)
{
	static const char *const configurations[] = {
		"",
		"[]",
		"{}",
		"{\"channels\":[1]}",
		"{\"channels\":[{\"class\":\"heartbeat\"}]}",
		"{\"channels\":[{\"id\":0,\"class\":\"heartbeat\"}]}",
		"{\"channels\":[{\"id\":1,\"class\":\"scsi\"}]}",
		"{\"channels\":[{\"id\":1,\"class\":\"shutdown\"},"
		"{\"id\":2,\"class\":\"shutdown\"}]}",
		"{\"channels\":[],\"adapters\":7}",
		"{\"channels\":[],\"adapters\":[7]}",
		"{\"channels\":[],\"adapters\":[\"52:54\"]}",
	};

	host_start(&host, PROVIDER);
	ck_assert(!host_configure(&host, configurations[_i]));
	ck_assert_ptr_nonnull(strstr(host.packet.message.tail, "configuration: "));
	ck_assert_int_eq(host_stop(&host), EXIT_FAILURE);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("util_process");
	TCase *serving = tcase_create("serving");
	TCase *starting = tcase_create("starting");

	tcase_set_timeout(serving, 60);
	tcase_set_timeout(starting, 60);
	tcase_add_checked_fixture(serving, set_up, tear_down);
	tcase_add_test(serving, the_heart_beats);
	tcase_add_test(serving, the_clock_is_set_to_the_roots);
	tcase_add_loop_test(serving, a_shutdown_order_is_answered_as_the_guest_answers, 0,
	                    2);
	tcase_add_test(serving, a_shutdown_order_without_a_guest_is_refused);
	tcase_add_test(serving, a_guest_that_closes_answers_the_order_that_waits);
	tcase_add_test(serving,
	               garbage_in_the_ring_ends_the_service_and_not_the_provider);
	tcase_add_test(serving,
	               a_guest_that_breaks_its_rings_answers_the_order_that_waits);
	tcase_add_test(serving, stats_tell_each_services_state);
	tcase_add_test(serving, what_the_guest_tells_is_told);
	tcase_add_test(serving, a_guest_that_tells_too_much_is_not_cut_off);
	tcase_add_test(serving,
	               who_asks_about_a_guest_that_does_not_listen_has_an_answer);
	tcase_add_test(serving, a_guest_that_falls_silent_leaves_what_it_told);
	tcase_add_test(serving, a_guest_is_frozen_and_thawed_as_it_answers);
	tcase_add_test(
		serving,
		a_guest_is_thawed_when_its_time_is_over_and_whoever_comes_late_is_told);
	tcase_add_test(serving, a_frozen_guest_that_breaks_its_rings_costs_no_processor);
	tcase_add_test(
		serving,
		a_guest_whose_provider_died_while_it_was_frozen_is_thawed_by_the_next);
	tcase_add_test(serving, an_order_to_freeze_that_makes_no_sense_is_refused);
	tcase_add_test(serving, an_item_is_told_to_the_guest_as_it_answers);
	tcase_add_test(serving, an_item_waits_for_the_end_of_a_round);
	tcase_add_test(serving, an_item_that_makes_no_sense_is_refused);
	tcase_add_test(serving, a_file_is_copied_as_the_guest_answers);
	tcase_add_test(serving, a_guest_says_why_it_does_not_make_a_file);
	tcase_add_loop_test(serving, a_file_that_does_not_become_whole_is_removed, 0, 3);
	tcase_add_test(serving, a_file_whose_provider_died_is_removed_by_the_next);
	tcase_add_test(serving, an_order_to_copy_that_makes_no_sense_is_refused);
	tcase_add_loop_test(serving, a_piece_that_makes_no_sense_ends_the_copy, 0,
	                    ARRAY_COUNT(bad_pieces));
	tcase_add_loop_test(starting, a_bad_configuration_is_refused, 0, 11);
	suite_add_tcase(suite, serving);
	suite_add_tcase(suite, starting);
	return suite;
}

UNIT_MAIN(make_suite)
