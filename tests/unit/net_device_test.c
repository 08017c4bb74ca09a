/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network adapter brought up as Linux, FreeBSD and Windows do it, and in ways that no driver would. */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsp/net/core/net_device.h"
#include "tests/unit/unit.h"

#define RECEIVE_BYTES (16u << 20)
#define SEND_BYTES    (1u << 20)

static const struct net_settings settings = {
	.mac = { 0x02, 0x15, 0x5d, 0, 0, 1 },
	.mtu = 1500,
	.queues = 4,
	.capabilities = { true, true, true, true, true, 62780 },
};
static struct net_device device;
static struct net_action action;
static _Alignas(8) uint8_t request[2048], answer_bytes[NET_ANSWER_BYTES_MAX];
static struct rndis_answer answer;
static uint32_t changed;
static uint32_t last_id;

static void setup(void)
{
	net_device_init(&device, &settings);
}

static void send(struct nvsp_message message)
{
	net_device_receive(&device, true, &message, &action);
}

static uint32_t init(uint32_t version)
{
	send(nvsp_init(version));
	ck_assert_int_eq(action.type, NET_ANSWER);
	ck_assert_uint_eq(action.answer.type, NVSP_INIT_COMPLETE);
	return action.answer.body.init_complete.status;
}

static void lend(enum net_buffer buffer, uint64_t bytes)
{
	send(nvsp_buffer(buffer == NET_SEND_BUFFER ? NVSP_SEND_BUFFER :
	                                             NVSP_RECEIVE_BUFFER,
	                 0xe1e11 + buffer, NVSP_RECEIVE_BUFFER_ID));
	ck_assert_int_eq(action.type, NET_MAP);
	ck_assert_int_eq(action.buffer, buffer);
	ck_assert_uint_eq(action.gpadl, 0xe1e11u + buffer);
	action.answer = net_device_mapped(&device, buffer, bytes);
}

/* A request and its answer; false: there is none. */
static bool ask_bytes(uint32_t bytes)
{
	bool valid;
	uint32_t length = net_device_request(&device, request, bytes, answer_bytes,
	                                     &changed, &valid);

	ck_assert(valid);
	ck_assert_uint_le(length, sizeof(answer_bytes));
	if (length == 0)
		return false;
	ck_assert(rndis_answer_read(&answer, answer_bytes, length));
	return true;
}

static uint32_t ask(enum rndis_type type, uint32_t oid, const void *information,
                    uint32_t bytes)
{
	uint32_t length =
		rndis_request(request, type, ++last_id, oid, information, bytes);

	ck_assert(ask_bytes(length));
	ck_assert_uint_eq(answer.type, type | RNDIS_ANSWER);
	ck_assert_uint_eq(answer.request_id, last_id);
	return answer.status;
}

static uint32_t ask_number(uint32_t oid)
{
	uint32_t number;

	ck_assert_uint_eq(ask(RNDIS_QUERY, oid, NULL, 0), RNDIS_STATUS_SUCCESS);
	ck_assert_uint_eq(answer.information_bytes, sizeof(number));
	memcpy(&number, answer.information, sizeof(number));
	return number;
}

static uint32_t set_filter(uint32_t filter)
{
	return ask(RNDIS_SET, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter));
}

static void initialize(void)
{
	ck_assert(ask_bytes(rndis_initialize(request, ++last_id, 0x4000)));
	ck_assert_uint_eq(answer.status, RNDIS_STATUS_SUCCESS);
	ck_assert_uint_eq(answer.limits.alignment_shift, 3);
}

static void bring_up(void)
{
	ck_assert_uint_eq(init(NVSP_VERSION_6_1), NVSP_STATUS_SUCCESS);
	send(nvsp_ndis_config(1514, NVSP_CAPABILITY_8021Q | NVSP_CAPABILITY_RSC));
	ck_assert_int_eq(action.type, NET_NOTHING);
	send(nvsp_ndis_version(6, 30));
	ck_assert_int_eq(action.type, NET_NOTHING);
	lend(NET_RECEIVE_BUFFER, RECEIVE_BYTES);
	lend(NET_SEND_BUFFER, SEND_BYTES);
	initialize();
}

/* ---- As drivers do it ---- */

START_TEST(linux_brings_the_adapter_up)
{
	struct ndis_offload asked = { .header = { NDIS_TYPE_OFFLOAD, 3, 156 } }, offload;
	struct ndis_offload_parameters wanted = {
		.header = { NDIS_TYPE_DEFAULT, 3, sizeof(wanted) },
		.tcp_ipv4_checksum = NDIS_CHECKSUM_TX_RX,
		.lso_ipv4 = NDIS_ON,
		.rsc_ipv4 = NDIS_ON,
		.rsc_ipv6 = NDIS_ON,
	};
	struct nvsp_receive_part part;
	struct ndis_rss_capabilities scaling;

	ck_assert_uint_eq(init(NVSP_VERSION_6_1), NVSP_STATUS_SUCCESS);
	send(nvsp_ndis_config(1514, NVSP_CAPABILITY_RSC));
	lend(NET_RECEIVE_BUFFER, RECEIVE_BYTES);
	ck_assert(nvsp_receive_part_read(&action.answer, RECEIVE_BYTES, &part));
	ck_assert_uint_ge(part.section_bytes, 1500 + 18 + RNDIS_FRAME_HEAD_BYTES);
	lend(NET_SEND_BUFFER, SEND_BYTES);
	ck_assert_uint_eq(action.answer.body.send_buffer_complete.section_bytes, 6144);
	initialize();
	ck_assert_uint_eq(ask_number(OID_GEN_MAXIMUM_FRAME_SIZE), 1500);
	ask(RNDIS_QUERY, OID_802_3_PERMANENT_ADDRESS, NULL, 0);
	ck_assert_uint_eq(answer.information_bytes, 6);
	ck_assert_mem_eq(answer.information, settings.mac, 6);
	ask(RNDIS_QUERY, OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES, &asked, sizeof(asked));
	ck_assert_uint_eq(answer.information_bytes, 156);
	memcpy(&offload, answer.information, sizeof(offload));
	ck_assert_uint_eq(offload.header.bytes, 156);
	ck_assert_uint_eq(offload.rsc_ipv4, 1);
	ck_assert_uint_eq(ask(RNDIS_SET, OID_TCP_OFFLOAD_PARAMETERS, &wanted,
	                      sizeof(wanted)),
	                  RNDIS_STATUS_SUCCESS);
	ck_assert_uint_eq(changed, NET_CHANGED_OFFLOADS);
	ck_assert(device.offloads.rsc && device.offloads.lso);
	ck_assert_uint_eq(ask_number(OID_GEN_MEDIA_CONNECT_STATUS), 0);
	ck_assert_uint_eq(ask_number(OID_GEN_LINK_SPEED), 100000000);
	ask(RNDIS_QUERY, OID_GEN_RECEIVE_SCALE_CAPABILITIES, NULL, 0);
	ck_assert_uint_eq(answer.information_bytes, 18);
	memcpy(&scaling, answer.information, 18);
	ck_assert_uint_eq(scaling.queues, 4);
	ck_assert(!net_device_receives(&device));
	ck_assert_uint_eq(set_filter(0xb), RNDIS_STATUS_SUCCESS);
	ck_assert(net_device_receives(&device) && net_device_sends(&device));
	send(nvsp_subchannels(3));
	ck_assert_int_eq(action.type, NET_SUB_CHANNELS);
	ck_assert_uint_eq(action.sub_channels, 3);
	action.answer = net_device_offered(&device, 3);
	ck_assert_uint_eq(action.answer.body.subchannels.operation_or_status,
	                  NVSP_STATUS_SUCCESS);
	ck_assert_uint_eq(action.answer.body.subchannels.count, 3);
	send(nvsp_subchannels(3)); /* it has them */
	ck_assert_int_eq(action.type, NET_ANSWER);
	ck_assert_uint_eq(action.answer.body.subchannels.operation_or_status,
	                  NVSP_STATUS_FAILURE);
	send(nvsp_rndis_packet(NVSP_CHANNEL_DATA, 3, 6144));
	ck_assert_int_eq(action.type, NET_TRANSMIT);
	ck_assert_uint_eq(set_filter(0), RNDIS_STATUS_SUCCESS);
	ck_assert(!net_device_receives(&device));
	send(nvsp_revoke(NVSP_REVOKE_RECEIVE_BUFFER, NVSP_RECEIVE_BUFFER_ID));
	ck_assert_int_eq(action.type, NET_UNMAP);
	ck_assert_int_eq(action.buffer, NET_RECEIVE_BUFFER);
}
END_TEST

/* It asks for offloads of NDIS 6.1 where the host is old, and sends no capabilities. */
START_TEST(freebsd_brings_the_adapter_up)
{
	struct ndis_offload asked = { .header = { NDIS_TYPE_OFFLOAD, 2, 144 } };
	struct ndis_offload_parameters wanted = {
		.header = { NDIS_TYPE_DEFAULT, 2, 22 },
		.ipv4_checksum = NDIS_CHECKSUM_TX_RX,
		.lso_ipv4 = NDIS_ON,
	};
	struct ndis_rss_capabilities scaling = { .header = { NDIS_TYPE_RSS_CAPABILITIES,
		                                             1, 16 } };

	ck_assert_uint_eq(init(NVSP_VERSION_5), NVSP_STATUS_SUCCESS);
	lend(NET_RECEIVE_BUFFER, 15u << 20);
	lend(NET_SEND_BUFFER, 15u << 20);
	initialize();
	ask(RNDIS_QUERY, OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES, &asked, 144);
	ck_assert_uint_eq(answer.information_bytes, 144);
	ck_assert_uint_eq(ask(RNDIS_SET, OID_TCP_OFFLOAD_PARAMETERS, &wanted, 22),
	                  RNDIS_STATUS_SUCCESS);
	ck_assert(device.offloads.lso && device.offloads.ipv4_checksum_tx);
	ask(RNDIS_QUERY, OID_GEN_RECEIVE_SCALE_CAPABILITIES, &scaling, 16);
	ck_assert_uint_eq(answer.information_bytes, 16);
	ck_assert_uint_eq(set_filter(NDIS_FILTER_DIRECTED | NDIS_FILTER_BROADCAST),
	                  RNDIS_STATUS_SUCCESS);
	ck_assert(net_device_receives(&device));
	ck_assert(!ask_bytes(rndis_plain(request, RNDIS_HALT, 9)));
	ck_assert(!net_device_receives(&device) && !net_device_sends(&device));
}
END_TEST

/* A keyword of its adapter's settings, in UTF-16. */
static uint32_t set_parameter(const char *name, char digit)
{
	uint8_t object[128] = { 0 };
	uint32_t length = (uint32_t)strlen(name);
	const uint32_t head[5] = { 20, 2 * length, NDIS_CONFIG_STRING, 20 + 2 * length,
		                   2 };

	memcpy(object, head, sizeof(head));
	for (uint32_t i = 0; i < length; i++)
		object[20 + 2 * i] = (uint8_t)name[i];
	object[20 + 2 * length] = (uint8_t)digit;
	return ask(RNDIS_SET, OID_GEN_RNDIS_CONFIG_PARAMETER, object, 22 + 2 * length);
}

/* What it asks and sets as openvmm, which is Microsoft's own, expects it: offloads one by one, by keywords. */
START_TEST(windows_brings_the_adapter_up)
{
	struct ndis_encapsulation ethernet = ndis_encapsulation();
	struct ndis_link_state link;
	struct ndis_link_speed speed;
	struct ndis_offload offload;

	bring_up();
	ck_assert_uint_eq(ask(RNDIS_QUERY, OID_TCP_OFFLOAD_CURRENT_CONFIG, NULL, 0),
	                  RNDIS_STATUS_SUCCESS);
	memcpy(&offload, answer.information, NDIS_OFFLOAD_BYTES_1);
	ck_assert_uint_eq(offload.ipv4.tx, 0);
	ck_assert_uint_eq(offload.lso_ipv4.encapsulation, 0);
	ck_assert_uint_eq(ask(RNDIS_SET, OID_OFFLOAD_ENCAPSULATION, &ethernet,
	                      sizeof(ethernet)),
	                  RNDIS_STATUS_SUCCESS);
	ethernet.ipv4.header_bytes = 18;
	ck_assert_uint_eq(ask(RNDIS_SET, OID_OFFLOAD_ENCAPSULATION, &ethernet,
	                      sizeof(ethernet)),
	                  RNDIS_STATUS_INVALID_DATA);
	/* Protocols share a switch: one that is off leaves it on for another. */
	ck_assert_uint_eq(set_parameter("*TCPChecksumOffloadIPv4", '3'),
	                  RNDIS_STATUS_SUCCESS);
	ck_assert_uint_eq(changed, NET_CHANGED_OFFLOADS);
	ck_assert_uint_eq(set_parameter("*UDPChecksumOffloadIPv6", '0'),
	                  RNDIS_STATUS_SUCCESS);
	ck_assert(device.offloads.checksum_tx && device.offloads.checksum_rx);
	ck_assert(!device.offloads.lso && !device.offloads.rsc);
	ck_assert_uint_eq(set_parameter("*LsoV2IPv4", '1'), RNDIS_STATUS_SUCCESS);
	ck_assert_uint_eq(set_parameter("*RscIPv4", '1'), RNDIS_STATUS_SUCCESS);
	ck_assert(device.offloads.lso && device.offloads.rsc);
	ck_assert_uint_eq(set_parameter("*LsoV2IPv4", '2'), RNDIS_STATUS_INVALID_DATA);
	ck_assert_uint_eq(set_parameter("VlanID", '0'), RNDIS_STATUS_SUCCESS);
	ck_assert_uint_eq(changed, 0);
	ask(RNDIS_QUERY, OID_TCP_OFFLOAD_CURRENT_CONFIG, NULL, 0);
	memcpy(&offload, answer.information, NDIS_OFFLOAD_BYTES_1);
	ck_assert_uint_eq(offload.ipv4.tx & NDIS_CHECKSUM_TCP, NDIS_CHECKSUM_TCP);
	ck_assert_uint_eq(offload.lso_ipv4.bytes_max, 62780);
	ask(RNDIS_QUERY, OID_GEN_MAX_LINK_SPEED, NULL, 0);
	ck_assert_uint_eq(answer.information_bytes, sizeof(speed));
	memcpy(&speed, answer.information, sizeof(speed));
	ck_assert_uint_eq(speed.send, 10000000000ull);
	for (unsigned int up = 2; up-- != 0;) {
		(void)net_device_set_link(&device, up, answer_bytes);
		ask(RNDIS_QUERY, OID_GEN_LINK_STATE, NULL, 0);
		ck_assert_uint_eq(answer.information_bytes, sizeof(link));
		memcpy(&link, answer.information, sizeof(link));
		ck_assert_uint_eq(link.media, up ? 1 : 2);
		ck_assert_uint_eq(link.speed.receive, speed.receive);
	}
	ck_assert_uint_eq(ask_number(OID_802_3_XMIT_ONE_COLLISION), 0);
	/* After a reset its settings are gone as well. */
	ck_assert(ask_bytes(rndis_plain(request, RNDIS_RESET, 0)));
	ck_assert_uint_eq(set_parameter("*RscIPv4", '0'), RNDIS_STATUS_SUCCESS);
	ck_assert(!device.offloads.lso && !device.offloads.checksum_tx);
}
END_TEST

START_TEST(every_object_of_the_list_can_be_asked_for)
{
	uint32_t oids[64];
	uint32_t count;

	bring_up();
	ask(RNDIS_QUERY, OID_GEN_SUPPORTED_LIST, NULL, 0);
	count = answer.information_bytes / 4;
	ck_assert_uint_ge(count, 40);
	memcpy(oids, answer.information, answer.information_bytes);
	for (uint32_t i = 0; i < count; i++)
		ck_assert_uint_eq(ask(RNDIS_QUERY, oids[i], NULL, 0),
		                  RNDIS_STATUS_SUCCESS);
	ck_assert_uint_eq(ask(RNDIS_QUERY, 0x12345678, NULL, 0),
	                  RNDIS_STATUS_NOT_SUPPORTED);
	ck_assert_uint_eq(ask(RNDIS_SET, OID_GEN_MAXIMUM_FRAME_SIZE, "abcd", 4),
	                  RNDIS_STATUS_NOT_SUPPORTED);
}
END_TEST

START_TEST(jumbo_frames_get_sections_that_hold_them)
{
	struct net_settings large = settings;
	struct nvsp_receive_part part;

	large.mtu = NET_MTU_MAX;
	net_device_init(&device, &large);
	init(NVSP_VERSION_6_1);
	send(nvsp_ndis_config(9014, 0));
	lend(NET_RECEIVE_BUFFER, RECEIVE_BYTES);
	ck_assert(nvsp_receive_part_read(&action.answer, RECEIVE_BYTES, &part));
	ck_assert_uint_gt(part.section_bytes, 9000 + 18 + RNDIS_FRAME_HEAD_BYTES);
}
END_TEST

START_TEST(a_reset_adapter_wants_its_filter_anew)
{
	bring_up();
	set_filter(0x2f);
	ck_assert(ask_bytes(rndis_plain(request, RNDIS_RESET, 0)));
	ck_assert_uint_eq(answer.status, RNDIS_STATUS_SUCCESS);
	ck_assert(!net_device_receives(&device));
	set_filter(0xb);
	ck_assert(net_device_receives(&device));
	ck_assert(ask_bytes(rndis_plain(request, RNDIS_KEEPALIVE, 4)));
	ck_assert_uint_eq(answer.status, RNDIS_STATUS_SUCCESS);
}
END_TEST

START_TEST(a_closed_channel_forgets_everything)
{
	bring_up();
	set_filter(0xb);
	net_device_reset(&device);
	ck_assert(!net_device_receives(&device) && !net_device_sends(&device));
	ck_assert_int_eq(device.buffers[NET_SEND_BUFFER].state, NET_BUFFER_NONE);
	bring_up();
}
END_TEST

START_TEST(the_guest_hears_of_the_link_once)
{
	uint32_t length;

	ck_assert_uint_eq(net_device_set_link(&device, false, answer_bytes), 0);
	bring_up();
	ck_assert_uint_eq(ask_number(OID_GEN_MEDIA_CONNECT_STATUS),
	                  NDIS_MEDIA_DISCONNECTED);
	length = net_device_set_link(&device, true, answer_bytes);
	ck_assert(rndis_answer_read(&answer, answer_bytes, length));
	ck_assert_uint_eq(answer.type, RNDIS_INDICATE);
	ck_assert_uint_eq(answer.status, RNDIS_STATUS_MEDIA_CONNECT);
	ck_assert_uint_eq(net_device_set_link(&device, true, answer_bytes), 0);
	length = net_device_set_link(&device, false, answer_bytes);
	ck_assert(rndis_answer_read(&answer, answer_bytes, length));
	ck_assert_uint_eq(answer.status, RNDIS_STATUS_MEDIA_DISCONNECT);
}
END_TEST

/* ---- The filter ---- */

START_TEST(the_filter_lets_through_what_it_says)
{
	static const uint8_t other[] = { 0x02, 0x15, 0x5d, 0, 0, 2 };
	static const uint8_t all[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t group[] = { 0x33, 0x33, 0, 0, 0, 1 };
	static const uint8_t group2[] = { 0x33, 0x33, 0, 0, 0, 2 };

	bring_up();
	ck_assert(!net_device_wants(&device, settings.mac));
	set_filter(NDIS_FILTER_DIRECTED | NDIS_FILTER_MULTICAST);
	ck_assert(net_device_wants(&device, settings.mac));
	ck_assert(!net_device_wants(&device, other));
	ck_assert(!net_device_wants(&device, all));
	ck_assert(!net_device_wants(&device, group));
	ck_assert_uint_eq(ask(RNDIS_SET, OID_802_3_MULTICAST_LIST, group, 6),
	                  RNDIS_STATUS_SUCCESS);
	ck_assert(net_device_wants(&device, group));
	ck_assert(!net_device_wants(&device, group2));
	set_filter(NDIS_FILTER_BROADCAST | NDIS_FILTER_ALL_MULTICAST);
	ck_assert(!net_device_wants(&device, settings.mac));
	ck_assert(net_device_wants(&device, all));
	ck_assert(net_device_wants(&device, group2));
	set_filter(NDIS_FILTER_PROMISCUOUS);
	ck_assert(net_device_wants(&device, other));
}
END_TEST

START_TEST(the_filter_follows_the_guests_address)
{
	struct {
		struct ndis_config_parameter head;
		uint16_t name[14], value[12];
	} chosen = { .head = { 20, 28, NDIS_CONFIG_STRING, 48, 24 } };
	static const uint8_t other[] = { 0x02, 0xab, 0, 0, 0, 9 };

	for (unsigned int i = 0; i < 14; i++)
		chosen.name[i] = (uint8_t) "NetworkAddress"[i];
	for (unsigned int i = 0; i < 12; i++)
		chosen.value[i] = (uint8_t) "02AB00000009"[i];
	bring_up();
	set_filter(NDIS_FILTER_DIRECTED);
	ck_assert_uint_eq(ask(RNDIS_SET, OID_GEN_RNDIS_CONFIG_PARAMETER, &chosen,
	                      sizeof(chosen)),
	                  RNDIS_STATUS_SUCCESS);
	ck_assert(net_device_wants(&device, other));
	ck_assert(!net_device_wants(&device, settings.mac));
	ask(RNDIS_QUERY, OID_802_3_PERMANENT_ADDRESS, NULL, 0);
	ck_assert_mem_eq(answer.information, settings.mac, 6);
}
END_TEST

/* ---- Hostile ---- */

START_TEST(what_comes_before_its_turn_is_refused)
{
	send(nvsp_buffer(NVSP_RECEIVE_BUFFER, 1, NVSP_RECEIVE_BUFFER_ID));
	ck_assert_int_eq(action.type, NET_ANSWER);
	ck_assert_uint_eq(action.answer.body.receive_buffer_complete.status,
	                  NVSP_STATUS_FAILURE);
	send(nvsp_buffer(NVSP_SEND_BUFFER, 1, 0));
	ck_assert_uint_eq(action.answer.type, NVSP_SEND_BUFFER_COMPLETE);
	ck_assert_uint_eq(action.answer.body.send_buffer_complete.status,
	                  NVSP_STATUS_FAILURE);
	send(nvsp_rndis_packet(NVSP_CHANNEL_DATA, NVSP_SECTION_NONE, 0));
	ck_assert_int_eq(action.type, NET_ANSWER);
	ck_assert_uint_eq(action.answer.body.status, NVSP_STATUS_INVALID_RNDIS_PACKET);
	send(nvsp_subchannels(1));
	ck_assert_uint_eq(action.answer.body.subchannels.operation_or_status,
	                  NVSP_STATUS_FAILURE);
	send(nvsp_revoke(NVSP_REVOKE_RECEIVE_BUFFER, NVSP_RECEIVE_BUFFER_ID));
	ck_assert_int_eq(action.type, NET_NOTHING);
	ck_assert_uint_eq(init(0x99999), NVSP_STATUS_UNSUPPORTED);
	ck_assert_uint_eq(init(NVSP_VERSION_6), NVSP_STATUS_SUCCESS);
	ck_assert_uint_eq(init(NVSP_VERSION_6), NVSP_STATUS_FAILURE);
	ck_assert_uint_eq(ask(RNDIS_QUERY, OID_GEN_LINK_SPEED, NULL, 0),
	                  RNDIS_STATUS_NOT_READY);
	ck_assert_uint_eq(set_filter(0xb), RNDIS_STATUS_NOT_READY);
}
END_TEST

START_TEST(a_buffer_is_lent_once_and_must_hold_a_section)
{
	init(NVSP_VERSION_6_1);
	lend(NET_RECEIVE_BUFFER, 4096);
	ck_assert_uint_eq(action.answer.body.receive_buffer_complete.status,
	                  NVSP_STATUS_FAILURE);
	lend(NET_RECEIVE_BUFFER, 0); /* no such GPADL */
	ck_assert_uint_eq(action.answer.body.receive_buffer_complete.status,
	                  NVSP_STATUS_FAILURE);
	lend(NET_RECEIVE_BUFFER, RECEIVE_BYTES);
	ck_assert_uint_eq(action.answer.body.receive_buffer_complete.status,
	                  NVSP_STATUS_SUCCESS);
	send(nvsp_buffer(NVSP_RECEIVE_BUFFER, 2, NVSP_RECEIVE_BUFFER_ID));
	ck_assert_int_eq(action.type, NET_ANSWER);
	ck_assert_uint_eq(action.answer.body.receive_buffer_complete.status,
	                  NVSP_STATUS_FAILURE);
	/* An answer that nobody waits for changes nothing for the better. */
	net_device_mapped(&device, NET_SEND_BUFFER, SEND_BYTES);
	ck_assert_int_eq(device.buffers[NET_SEND_BUFFER].state, NET_BUFFER_NONE);
}
END_TEST

START_TEST(sections_outside_the_send_buffer_are_refused)
{
	static const struct nvsp_rndis_packet lies[] = {
		{ NVSP_CHANNEL_DATA, SEND_BYTES / 6144, 1 },
		{ NVSP_CHANNEL_DATA, 0xfffffffe, 1 },
		{ NVSP_CHANNEL_DATA, 0, 6145 },
		{ NVSP_CHANNEL_CONTROL, 0, 0xffffffff },
		{ 2, 0, 1 },
	};

	send(nvsp_init(NVSP_VERSION_6_1));
	send(nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, 1)); /* no buffer yet */
	ck_assert_int_eq(action.type, NET_ANSWER);
	lend(NET_SEND_BUFFER, SEND_BYTES);
	send(nvsp_rndis_packet(lies[_i].channel, lies[_i].section,
	                       lies[_i].section_bytes));
	ck_assert_int_eq(action.type, NET_ANSWER);
	ck_assert_uint_eq(action.answer.body.status, NVSP_STATUS_INVALID_RNDIS_PACKET);
}
END_TEST

START_TEST(a_sub_channel_carries_frames_only)
{
	struct nvsp_message message = nvsp_init(NVSP_VERSION_6_1);

	net_device_receive(&device, false, &message, &action);
	ck_assert_int_eq(action.type, NET_NOTHING);
	ck_assert_uint_eq(device.version, 0);
	bring_up();
	message = nvsp_rndis_packet(NVSP_CHANNEL_CONTROL, NVSP_SECTION_NONE, 0);
	net_device_receive(&device, false, &message, &action);
	ck_assert_int_eq(action.type, NET_ANSWER);
	message = nvsp_rndis_packet(NVSP_CHANNEL_DATA, NVSP_SECTION_NONE, 0);
	net_device_receive(&device, false, &message, &action);
	ck_assert_int_eq(action.type, NET_TRANSMIT);
	message = nvsp_subchannels(4);
	net_device_receive(&device, true, &message, &action);
	ck_assert_uint_eq(action.answer.body.subchannels.operation_or_status,
	                  NVSP_STATUS_FAILURE);
}
END_TEST

START_TEST(settings_of_a_wrong_form_change_nothing)
{
	uint8_t many[(NET_MULTICAST_MAX + 1) * 6] = { 1 };

	bring_up();
	ck_assert_uint_eq(ask(RNDIS_SET, OID_GEN_CURRENT_PACKET_FILTER, "abc", 3),
	                  RNDIS_STATUS_INVALID_LENGTH);
	ck_assert_uint_eq(ask(RNDIS_SET, OID_GEN_CURRENT_PACKET_FILTER, NULL, 0),
	                  RNDIS_STATUS_INVALID_LENGTH);
	ck_assert_uint_eq(ask(RNDIS_SET, OID_802_3_MULTICAST_LIST, many, 7),
	                  RNDIS_STATUS_INVALID_LENGTH);
	ck_assert_uint_eq(ask(RNDIS_SET, OID_802_3_MULTICAST_LIST, many, sizeof(many)),
	                  RNDIS_STATUS_MULTICAST_FULL);
	ck_assert_uint_eq(ask(RNDIS_SET, OID_TCP_OFFLOAD_PARAMETERS, many, 28),
	                  RNDIS_STATUS_INVALID_DATA);
	ck_assert_uint_eq(ask(RNDIS_SET, OID_GEN_RECEIVE_SCALE_PARAMETERS, many, 40),
	                  RNDIS_STATUS_INVALID_DATA);
	ck_assert_uint_eq(ask(RNDIS_SET, OID_GEN_RNDIS_CONFIG_PARAMETER, many, 60),
	                  RNDIS_STATUS_INVALID_DATA);
	ck_assert_uint_eq(device.filter, 0);
	ck_assert_uint_eq(device.multicast_count, 0);
}
END_TEST

START_TEST(offloads_that_are_not_offered_stay_off)
{
	struct ndis_offload_parameters wanted = {
		.header = { NDIS_TYPE_DEFAULT, 3, sizeof(wanted) },
		.lso_ipv4 = NDIS_ON,
		.rsc_ipv4 = NDIS_ON,
	};
	struct net_settings plain = settings;

	plain.capabilities = (struct ndis_offloads){ .checksum_tx = true };
	net_device_init(&device, &plain);
	bring_up();
	ck_assert_uint_eq(ask(RNDIS_SET, OID_TCP_OFFLOAD_PARAMETERS, &wanted,
	                      sizeof(wanted)),
	                  RNDIS_STATUS_SUCCESS);
	ck_assert(!device.offloads.lso && !device.offloads.rsc);
}
END_TEST

static Suite *net_device_suite(void)
{
	Suite *suite = suite_create("net_device");
	TCase *tc = tcase_create("net_device");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, linux_brings_the_adapter_up);
	tcase_add_test(tc, freebsd_brings_the_adapter_up);
	tcase_add_test(tc, windows_brings_the_adapter_up);
	tcase_add_test(tc, every_object_of_the_list_can_be_asked_for);
	tcase_add_test(tc, jumbo_frames_get_sections_that_hold_them);
	tcase_add_test(tc, a_reset_adapter_wants_its_filter_anew);
	tcase_add_test(tc, a_closed_channel_forgets_everything);
	tcase_add_test(tc, the_guest_hears_of_the_link_once);
	tcase_add_test(tc, the_filter_lets_through_what_it_says);
	tcase_add_test(tc, the_filter_follows_the_guests_address);
	tcase_add_test(tc, what_comes_before_its_turn_is_refused);
	tcase_add_test(tc, a_buffer_is_lent_once_and_must_hold_a_section);
	tcase_add_loop_test(tc, sections_outside_the_send_buffer_are_refused, 0, 5);
	tcase_add_test(tc, a_sub_channel_carries_frames_only);
	tcase_add_test(tc, settings_of_a_wrong_form_change_nothing);
	tcase_add_test(tc, offloads_that_are_not_offered_stay_off);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(net_device_suite)
