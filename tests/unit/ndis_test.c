/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NDIS objects as Linux and FreeBSD send them, and hostile ones. */
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vmbus/class/ndis.h"
#include "tests/unit/unit.h"

static struct ndis_offload_parameters parameters;
static struct ndis_offloads offloads;

static void setup(void)
{
	parameters = (struct ndis_offload_parameters){
		.header = { NDIS_TYPE_DEFAULT, 3, sizeof(parameters) },
	};
	offloads = (struct ndis_offloads){ .lso_bytes = 65536 };
}

static bool take_parameters(uint32_t bytes)
{
	return ndis_offload_parameters_read(&offloads, &parameters, bytes);
}

/* ---- Offloads ---- */

START_TEST(capabilities_are_as_long_as_their_revision)
{
	static const uint32_t bytes[] = { 112, 144, 156, 156 };
	struct ndis_offload object;
	uint8_t revision = (uint8_t)(_i + 1);

	offloads = (struct ndis_offloads){ true, true, true, true, true, 61440 };
	ck_assert_uint_eq(ndis_offload_write(&object, revision, &offloads), bytes[_i]);
	ck_assert_uint_eq(object.header.type, NDIS_TYPE_OFFLOAD);
	ck_assert_uint_eq(object.header.bytes, bytes[_i]);
	/* What Linux asks for before it offloads anything. */
	ck_assert_uint_eq(object.ipv4.tx & 0x54, 0x54);
	ck_assert_uint_eq(object.ipv6.tx & 0x55, 0x55);
	ck_assert_uint_eq(object.ipv4.tx & NDIS_CHECKSUM_IP, NDIS_CHECKSUM_IP);
	ck_assert_uint_eq(object.lso_ipv4.encapsulation, NDIS_ENCAPSULATION_802_3);
	ck_assert_uint_eq(object.lso_ipv6.bytes_max, 61440);
	ck_assert_uint_eq(object.lso_ipv6_options, 5);
	ck_assert_uint_eq(object.rsc_ipv4, 1);
}
END_TEST

START_TEST(an_adapter_without_offloads_says_so)
{
	struct ndis_offload object;

	memset(&object, 0xee, sizeof(object));
	ndis_offload_write(&object, 3, &offloads);
	ck_assert_uint_eq(object.ipv4.tx | object.ipv6.tx | object.ipv4.rx, 0);
	ck_assert_uint_eq(object.lso_ipv4.encapsulation | object.rsc_ipv6, 0);
}
END_TEST

START_TEST(the_revision_comes_from_the_query)
{
	ck_assert_uint_eq(ndis_revision("\xa7\x03", 2), 3);
	ck_assert_uint_eq(ndis_revision("\xa7", 1), 1);
	ck_assert_uint_eq(ndis_revision(NULL, 0), 1);
	ck_assert_uint_eq(ndis_revision("\xa7\x00", 2), 1);
}
END_TEST

START_TEST(offloads_are_switched_one_by_one)
{
	parameters.tcp_ipv4_checksum = NDIS_CHECKSUM_TX_RX;
	parameters.lso_ipv4 = NDIS_ON;
	parameters.rsc_ipv4 = NDIS_ON;
	ck_assert(take_parameters(sizeof(parameters)));
	ck_assert(offloads.checksum_tx && offloads.checksum_rx && offloads.lso);
	ck_assert(offloads.rsc && !offloads.ipv4_checksum_tx);
	setup();
	offloads.lso = true;
	offloads.rsc = true;
	offloads.checksum_rx = true;
	parameters.rsc_ipv4 = NDIS_OFF;
	parameters.rsc_ipv6 = NDIS_OFF;
	parameters.ipv4_checksum = NDIS_CHECKSUM_TX;
	ck_assert(take_parameters(sizeof(parameters)));
	ck_assert(offloads.lso && offloads.checksum_rx && !offloads.rsc);
	ck_assert(offloads.ipv4_checksum_tx);
}
END_TEST

START_TEST(an_older_object_knows_no_rsc)
{
	parameters.header = (struct ndis_object_header){ NDIS_TYPE_DEFAULT, 2, 22 };
	parameters.rsc_ipv4 = NDIS_ON; /* behind its end */
	ck_assert(take_parameters(22));
	ck_assert(!offloads.rsc);
}
END_TEST

START_TEST(offload_parameters_that_are_none_change_nothing)
{
	parameters.lso_ipv4 = NDIS_ON;
	ck_assert(!take_parameters(0));
	ck_assert(!take_parameters(19));
	ck_assert(!take_parameters(27)); /* shorter than it says */
	parameters.header.bytes = 19;
	ck_assert(!take_parameters(sizeof(parameters)));
	parameters.header.bytes = 28;
	parameters.header.type = NDIS_TYPE_OFFLOAD;
	ck_assert(!take_parameters(sizeof(parameters)));
	ck_assert(!offloads.lso);
}
END_TEST

/* ---- Receive-side scaling ---- */

static struct {
	struct ndis_rss_parameters head;
	uint32_t table[NDIS_RSS_INDIRECTION_ENTRIES];
	uint8_t key[NDIS_RSS_KEY_BYTES];
} scaling;
static struct ndis_rss rss;

static void setup_scaling(void)
{
	memset(&scaling, 0, sizeof(scaling));
	scaling.head = (struct ndis_rss_parameters){
		.header = { NDIS_TYPE_RSS_PARAMETERS, 2, sizeof(scaling.head) },
		.hash = NDIS_RSS_TOEPLITZ | NDIS_HASH_TCP_IPV4,
		.indirection_bytes = sizeof(scaling.table),
		.indirection_offset = sizeof(scaling.head),
		.key_bytes = sizeof(scaling.key),
		.key_offset = sizeof(scaling.head) + sizeof(scaling.table),
	};
	for (uint32_t i = 0; i < NDIS_RSS_INDIRECTION_ENTRIES; i++)
		scaling.table[i] = i % 4;
	scaling.key[39] = 0x77;
	memset(&rss, 0, sizeof(rss));
}

static bool take_scaling(uint32_t bytes)
{
	return ndis_rss_parameters_read(&rss, 4, &scaling, bytes);
}

START_TEST(scaling_takes_table_and_key)
{
	ck_assert(take_scaling(sizeof(scaling)));
	ck_assert(rss.enabled);
	ck_assert_uint_eq(rss.entry_count, 128);
	ck_assert_uint_eq(rss.entries[127], 3);
	ck_assert_uint_eq(rss.key[39], 0x77);
	scaling.head.flags = NDIS_RSS_INDIRECTION_UNCHANGED | NDIS_RSS_KEY_UNCHANGED |
	                     NDIS_RSS_HASH_UNCHANGED;
	scaling.head.hash = 0;
	ck_assert(take_scaling(sizeof(scaling.head)));
	ck_assert_uint_eq(rss.entry_count, 128);
	ck_assert_uint_ne(rss.hash, 0);
	scaling.head.flags = NDIS_RSS_DISABLE;
	ck_assert(take_scaling(sizeof(scaling.head)));
	ck_assert(!rss.enabled);
}
END_TEST

START_TEST(scaling_that_does_not_fit_together_changes_nothing)
{
	switch (_i) {
	case 0:
		scaling.table[77] = 4; /* no such channel */
		break;
	case 1:
		scaling.head.indirection_bytes = 516; /* too many */
		break;
	case 2:
		scaling.head.indirection_bytes = 12; /* no power of two */
		break;
	case 3:
		scaling.head.indirection_bytes = 0;
		break;
	case 4:
		scaling.head.indirection_offset = 0xffffffff;
		break;
	case 5:
		scaling.head.key_offset = sizeof(scaling) - 39;
		break;
	case 6:
		scaling.head.key_bytes = 39;
		break;
	case 7:
		scaling.head.header.type = NDIS_TYPE_DEFAULT;
		break;
	case 8:
		scaling.head.header.bytes = sizeof(scaling) + 1;
		break;
	case 9:
		scaling.head.indirection_offset = sizeof(scaling) - 4;
		break;
	}
	ck_assert(!take_scaling(sizeof(scaling)));
	ck_assert(!rss.enabled);
	ck_assert_uint_eq(rss.entry_count, 0);
}
END_TEST
#define SCALING_LIES 10

START_TEST(scaling_capabilities_name_the_queues)
{
	struct ndis_rss_capabilities object;

	ck_assert_uint_eq(ndis_rss_capabilities_write(&object, 2, 4), 18);
	ck_assert_uint_eq(object.queues, 4);
	ck_assert_uint_eq(object.indirection_entries, 128);
	ck_assert_uint_eq(ndis_rss_capabilities_write(&object, 1, 1), 16);
	ck_assert_uint_eq(object.header.bytes, 16);
}
END_TEST

/* ---- The guest's choice of an address ---- */

static struct {
	struct ndis_config_parameter head;
	uint16_t name[14];
	uint16_t value[12];
} chosen;
static uint8_t mac[NDIS_MAC_BYTES];

static void choose(const char *name, const char *digits)
{
	chosen.head = (struct ndis_config_parameter){
		.name_offset = sizeof(chosen.head),
		.name_bytes = sizeof(chosen.name),
		.type = NDIS_CONFIG_STRING,
		.value_offset = sizeof(chosen.head) + sizeof(chosen.name),
		.value_bytes = sizeof(chosen.value),
	};
	for (unsigned int i = 0; i < ARRAY_COUNT(chosen.name); i++)
		chosen.name[i] = (uint8_t)name[i];
	for (unsigned int i = 0; i < ARRAY_COUNT(chosen.value); i++)
		chosen.value[i] = (uint8_t)digits[i];
}

static bool take_bytes(uint32_t bytes)
{
	return ndis_parameter_read(mac, &parameters, &chosen, bytes) ==
	       NDIS_PARAMETER_ADDRESS;
}

static bool take_address(void)
{
	return take_bytes(sizeof(chosen));
}

START_TEST(a_guest_chooses_its_address)
{
	choose("NetworkAddress", "02155D01fF7a");
	ck_assert(take_address());
	ck_assert_mem_eq(mac, "\x02\x15\x5d\x01\xff\x7a", 6);
}
END_TEST

START_TEST(an_address_of_many_stations_or_none_is_refused)
{
	choose("NetworkAddress", "010000000001");
	ck_assert(!take_address());
	choose("NetworkAddress", "000000000000");
	ck_assert(!take_address());
	choose("NetworkAddress", "02155d01ff7g");
	ck_assert(!take_address());
	choose("NetworkAddresS", "02155d01ff7a");
	ck_assert(!take_address());
	choose("NetworkAddress", "02155d01ff7a");
	chosen.head.value_offset = 0xffffffff;
	ck_assert(!take_address());
	choose("NetworkAddress", "02155d01ff7a");
	chosen.head.value_offset += 2;
	ck_assert(!take_address());
	choose("NetworkAddress", "02155d01ff7a");
	chosen.head.name_bytes = 26;
	ck_assert(!take_address());
	choose("NetworkAddress", "02155d01ff7a");
	chosen.head.name_bytes = 30;
	ck_assert(!take_address());
	choose("NetworkAddress", "02155d01ff7a");
	chosen.head.type = 0;
	ck_assert(!take_address());
	ck_assert(!take_bytes(19));
}
END_TEST

static Suite *ndis_suite(void)
{
	Suite *suite = suite_create("ndis");
	TCase *offload = tcase_create("offload");
	TCase *scale = tcase_create("scaling");
	TCase *address = tcase_create("address");

	tcase_add_checked_fixture(offload, setup, NULL);
	tcase_add_loop_test(offload, capabilities_are_as_long_as_their_revision, 0, 4);
	tcase_add_test(offload, an_adapter_without_offloads_says_so);
	tcase_add_test(offload, the_revision_comes_from_the_query);
	tcase_add_test(offload, offloads_are_switched_one_by_one);
	tcase_add_test(offload, an_older_object_knows_no_rsc);
	tcase_add_test(offload, offload_parameters_that_are_none_change_nothing);
	suite_add_tcase(suite, offload);
	tcase_add_checked_fixture(scale, setup_scaling, NULL);
	tcase_add_test(scale, scaling_takes_table_and_key);
	tcase_add_loop_test(scale, scaling_that_does_not_fit_together_changes_nothing, 0,
	                    SCALING_LIES);
	tcase_add_test(scale, scaling_capabilities_name_the_queues);
	suite_add_tcase(suite, scale);
	tcase_add_test(address, a_guest_chooses_its_address);
	tcase_add_test(address, an_address_of_many_stations_or_none_is_refused);
	suite_add_tcase(suite, address);
	return suite;
}

UNIT_MAIN(ndis_suite)
