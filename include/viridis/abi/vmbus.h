/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMBus as it crosses the border between client (guest) and server (root): control
 * messages, ring pages, packets. Little-endian; every field lies at its natural
 * alignment.
 *
 *   control   POST_MESSAGE guest to host, SynIC messages on SINT2 host to guest
 *   data      a ring each way per channel: struct vmbus_ring_control, then data pages
 *   signals   SIGNAL_EVENT on the channel's connection; flag `relid` of SINT2 back
 */
#ifndef VIRIDIS_ABI_VMBUS_H
#define VIRIDIS_ABI_VMBUS_H

#include <stdint.h>
#include <viridis/base/assert.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "VMBus is little-endian");

#define VMBUS_PAGE_BYTES 4096u

/* ---- Versions: major << 16 | minor ---- */

#define VMBUS_VERSION(major, minor) ((uint32_t)(major) << 16 | (minor))
#define VMBUS_VERSION_2_4           VMBUS_VERSION(2, 4) /* event flags, subchannels */
#define VMBUS_VERSION_3_0           VMBUS_VERSION(3, 0) /* UNLOAD; client picks the VP */
#define VMBUS_VERSION_4_0           VMBUS_VERSION(4, 0) /* TL_CONNECT (hv_sock) */
#define VMBUS_VERSION_4_1           VMBUS_VERSION(4, 1) /* MODIFYCHANNEL */
#define VMBUS_VERSION_5_0           VMBUS_VERSION(5, 0) /* server names connection */
#define VMBUS_VERSION_5_1           VMBUS_VERSION(5, 1)
#define VMBUS_VERSION_5_2           VMBUS_VERSION(5, 2)
#define VMBUS_VERSION_5_3           VMBUS_VERSION(5, 3) /* MODIFYCHANNEL_RESPONSE */
#define VMBUS_VERSION_6_0           VMBUS_VERSION(6, 0) /* feature flags; we refuse it */

/* ---- Numbers shared with the SynIC ---- */

#define VMBUS_MESSAGE_TYPE           1u /* type of POST_MESSAGE and of the SIMP slot */
#define VMBUS_SINT                   2u
#define VMBUS_MESSAGE_CONNECTION_OLD 1u /* every message below version 5.0 */
#define VMBUS_MESSAGE_CONNECTION     4u /* INITIATE_CONTACT from version 5.0 on */
#define VMBUS_MESSAGE_BYTES_MAX      240u
#define VMBUS_RELID_MAX              2047u /* a relid is an event flag's number too */
#define VMBUS_VP_NONE                0xffffffffu

/* ---- GUIDs: the first three fields little-endian in memory ---- */

struct vmbus_guid {
	uint8_t bytes[16];
};
ASSERT_SIZE(struct vmbus_guid, 16);

#define VMBUS_GUID_BYTE(value, n) ((uint8_t)(UINT64_C(value) >> 8 * (n)))

/* An initializer; the arguments are the five groups of the GUID's text. */
#define VMBUS_GUID(a, b, c, d, e)              \
	{                                      \
		.bytes = {                     \
			VMBUS_GUID_BYTE(a, 0), \
			VMBUS_GUID_BYTE(a, 1), \
			VMBUS_GUID_BYTE(a, 2), \
			VMBUS_GUID_BYTE(a, 3), \
			VMBUS_GUID_BYTE(b, 0), \
			VMBUS_GUID_BYTE(b, 1), \
			VMBUS_GUID_BYTE(c, 0), \
			VMBUS_GUID_BYTE(c, 1), \
			VMBUS_GUID_BYTE(d, 1), \
			VMBUS_GUID_BYTE(d, 0), \
			VMBUS_GUID_BYTE(e, 5), \
			VMBUS_GUID_BYTE(e, 4), \
			VMBUS_GUID_BYTE(e, 3), \
			VMBUS_GUID_BYTE(e, 2), \
			VMBUS_GUID_BYTE(e, 1), \
			VMBUS_GUID_BYTE(e, 0), \
		}                              \
	}

/* The types of the device classes. */
#define VMBUS_TYPE_SCSI VMBUS_GUID(0xba6163d9, 0x04a1, 0x4d29, 0xb605, 0x72e2ffb1dc7f)
#define VMBUS_TYPE_IDE  VMBUS_GUID(0x32412632, 0x86cb, 0x44a2, 0x9b5c, 0x50d1417354f5)
#define VMBUS_TYPE_NET  VMBUS_GUID(0xf8615163, 0xdf3e, 0x46c5, 0x913f, 0xf2d2f965ed0e)
#define VMBUS_TYPE_HEARTBEAT \
	VMBUS_GUID(0x57164f39, 0x9115, 0x4e78, 0xab55, 0x382f3bd5422d)
#define VMBUS_TYPE_SHUTDOWN VMBUS_GUID(0x0e0b6031, 0x5213, 0x4934, 0x818b, 0x38d90ced39db)
#define VMBUS_TYPE_TIMESYNC VMBUS_GUID(0x9527e630, 0xd0ae, 0x497b, 0xadce, 0xe80ab0175caf)
#define VMBUS_TYPE_KVP      VMBUS_GUID(0xa9a0f4e7, 0x5a45, 0x4d96, 0xb827, 0x8a841e8c03e6)
#define VMBUS_TYPE_VSS      VMBUS_GUID(0x35fa2e29, 0xea23, 0x4236, 0x96ae, 0x3a6ebacba440)
#define VMBUS_TYPE_FCOPY    VMBUS_GUID(0x34d14be3, 0xdee4, 0x41c8, 0x9ae7, 0x6b174977c192)
#define VMBUS_TYPE_KEYBOARD VMBUS_GUID(0xf912ad6d, 0x2b17, 0x48ea, 0xbd65, 0xf927a61c7684)
#define VMBUS_TYPE_MOUSE    VMBUS_GUID(0xcfa8b69e, 0x5b4a, 0x4cc0, 0xb98b, 0x8ba1a1f3f95a)
#define VMBUS_TYPE_VIDEO    VMBUS_GUID(0xda0a7802, 0xe377, 0x4aac, 0x8e77, 0x0558eb1073f8)
#define VMBUS_TYPE_BALLOON  VMBUS_GUID(0x525074dc, 0x8985, 0x46e2, 0x8057, 0xa307dc18a502)

/* ---- Control messages ---- */

enum vmbus_message_type {
	VMBUS_OFFER_CHANNEL = 1,            /* host to guest */
	VMBUS_RESCIND_OFFER = 2,            /* host to guest */
	VMBUS_REQUEST_OFFERS = 3,           /* guest to host */
	VMBUS_ALL_OFFERS_DELIVERED = 4,     /* host to guest */
	VMBUS_OPEN_CHANNEL = 5,             /* guest to host */
	VMBUS_OPEN_RESULT = 6,              /* host to guest */
	VMBUS_CLOSE_CHANNEL = 7,            /* guest to host, never answered */
	VMBUS_GPADL_HEADER = 8,             /* guest to host */
	VMBUS_GPADL_BODY = 9,               /* guest to host */
	VMBUS_GPADL_CREATED = 10,           /* host to guest */
	VMBUS_GPADL_TEARDOWN = 11,          /* guest to host */
	VMBUS_GPADL_TORNDOWN = 12,          /* host to guest */
	VMBUS_RELID_RELEASED = 13,          /* guest to host */
	VMBUS_INITIATE_CONTACT = 14,        /* guest to host */
	VMBUS_VERSION_RESPONSE = 15,        /* host to guest */
	VMBUS_UNLOAD = 16,                  /* guest to host */
	VMBUS_UNLOAD_RESPONSE = 17,         /* host to guest */
	VMBUS_OPEN_RESERVED = 18,           /* guest to host */
	VMBUS_CLOSE_RESERVED = 19,          /* guest to host */
	VMBUS_CLOSE_RESERVED_RESPONSE = 20, /* host to guest */
	VMBUS_TL_CONNECT_REQUEST = 21,      /* guest to host */
	VMBUS_MODIFY_CHANNEL = 22,          /* guest to host, from 4.1 */
	VMBUS_TL_CONNECT_RESULT = 23,       /* host to guest */
	VMBUS_MODIFY_CHANNEL_RESPONSE = 24, /* host to guest, from 5.3 */
};

/* Status words of OPEN_RESULT, GPADL_CREATED, MODIFY_CHANNEL_RESPONSE. */
enum vmbus_status {
	VMBUS_STATUS_OK = 0,
	VMBUS_STATUS_LOW_RESOURCES = 1,
	VMBUS_STATUS_FAILURE = 2,
};

/* Also the whole of REQUEST_OFFERS, ALL_OFFERS_DELIVERED, UNLOAD and UNLOAD_RESPONSE. */
struct vmbus_message_header {
	uint32_t type;
	uint32_t reserved;
};
ASSERT_SIZE(struct vmbus_message_header, 8);

/* Below 5.0 sint..features are an interrupt page's address, unused from 2.4 on. */
struct vmbus_initiate_contact {
	struct vmbus_message_header header;
	uint32_t version;
	uint32_t target_vp;
	uint8_t sint;
	uint8_t vtl;
	uint16_t reserved;
	uint32_t features;
	uint64_t monitor_page1_gpa;
	uint64_t monitor_page2_gpa;
};
ASSERT_SIZE(struct vmbus_initiate_contact, 40);
ASSERT_OFFSET(struct vmbus_initiate_contact, sint, 16);
ASSERT_OFFSET(struct vmbus_initiate_contact, monitor_page1_gpa, 24);

struct vmbus_version_response {
	struct vmbus_message_header header;
	uint8_t supported;
	uint8_t state;
	uint16_t reserved;
	uint32_t message_connection; /* from 5.0; the version below that */
};
ASSERT_SIZE(struct vmbus_version_response, 16);
ASSERT_OFFSET(struct vmbus_version_response, message_connection, 12);

#define VMBUS_USER_DATA_BYTES 120

#define VMBUS_OFFER_ENUMERATE  0x0001u
#define VMBUS_OFFER_NAMED_PIPE 0x0010u
#define VMBUS_OFFER_TLNPI      0x2000u /* hv_sock */

/* Of a named pipe the user data begins with its mode, a u32. */
#define VMBUS_PIPE_MODE_BYTE    0u
#define VMBUS_PIPE_MODE_MESSAGE 4u

struct vmbus_offer_channel {
	struct vmbus_message_header header;
	struct vmbus_guid type;
	struct vmbus_guid instance;
	uint32_t reserved1[4];
	uint16_t flags;
	uint16_t mmio_megabytes;
	uint8_t user_data[VMBUS_USER_DATA_BYTES];
	uint16_t sub_channel_index;
	uint16_t reserved2;
	uint32_t relid;
	uint8_t monitor_id;
	uint8_t monitor_allocated;
	uint16_t is_dedicated; /* 1: signal connection_id, flag 0 */
	uint32_t connection_id;
};
ASSERT_SIZE(struct vmbus_offer_channel, 196);
ASSERT_OFFSET(struct vmbus_offer_channel, flags, 56);
ASSERT_OFFSET(struct vmbus_offer_channel, user_data, 60);
ASSERT_OFFSET(struct vmbus_offer_channel, sub_channel_index, 180);
ASSERT_OFFSET(struct vmbus_offer_channel, relid, 184);
ASSERT_OFFSET(struct vmbus_offer_channel, is_dedicated, 190);
ASSERT_OFFSET(struct vmbus_offer_channel, connection_id, 192);

/* RESCIND_OFFER, CLOSE_CHANNEL, RELID_RELEASED. */
struct vmbus_relid_message {
	struct vmbus_message_header header;
	uint32_t relid;
};
ASSERT_SIZE(struct vmbus_relid_message, 12);

struct vmbus_open_channel {
	struct vmbus_message_header header;
	uint32_t relid;
	uint32_t open_id;
	uint32_t gpadl;
	uint32_t target_vp;        /* VMBUS_VP_NONE: no interrupt wanted */
	uint32_t downstream_pages; /* where in the GPADL the host-to-guest ring starts */
	uint8_t user_data[VMBUS_USER_DATA_BYTES];
};
ASSERT_SIZE(struct vmbus_open_channel, 148);
ASSERT_OFFSET(struct vmbus_open_channel, downstream_pages, 24);

struct vmbus_open_result {
	struct vmbus_message_header header;
	uint32_t relid;
	uint32_t open_id;
	uint32_t status;
};
ASSERT_SIZE(struct vmbus_open_result, 20);

/* Followed by uint64_t pfn[] at byte 28. Exactly one range is what every client sends. */
struct vmbus_gpadl_header {
	struct vmbus_message_header header;
	uint32_t relid;
	uint32_t gpadl;
	uint16_t range_buffer_bytes; /* 8 + 8 * pages, over header and bodies */
	uint16_t range_count;
	uint32_t range_bytes;
	uint32_t range_offset;
};
ASSERT_SIZE(struct vmbus_gpadl_header, 28);
#define VMBUS_GPADL_HEADER_PFNS 26u

/* Followed by uint64_t pfn[] at byte 16. */
struct vmbus_gpadl_body {
	struct vmbus_message_header header;
	uint32_t message_number; /* not to be relied on */
	uint32_t gpadl;
};
ASSERT_SIZE(struct vmbus_gpadl_body, 16);
#define VMBUS_GPADL_BODY_PFNS 28u
#define VMBUS_GPADL_PAGES_MAX 8190u /* what range_buffer_bytes can say */

struct vmbus_gpadl_created {
	struct vmbus_message_header header;
	uint32_t relid;
	uint32_t gpadl;
	uint32_t status;
};
ASSERT_SIZE(struct vmbus_gpadl_created, 20);

struct vmbus_gpadl_teardown {
	struct vmbus_message_header header;
	uint32_t relid;
	uint32_t gpadl;
};
ASSERT_SIZE(struct vmbus_gpadl_teardown, 16);

struct vmbus_gpadl_torndown {
	struct vmbus_message_header header;
	uint32_t gpadl;
};
ASSERT_SIZE(struct vmbus_gpadl_torndown, 12);

struct vmbus_modify_channel {
	struct vmbus_message_header header;
	uint32_t relid;
	uint32_t target_vp;
};
ASSERT_SIZE(struct vmbus_modify_channel, 16);

struct vmbus_modify_channel_response {
	struct vmbus_message_header header;
	uint32_t relid;
	uint32_t status;
};
ASSERT_SIZE(struct vmbus_modify_channel_response, 16);

/* ---- Rings ---- */

#define VMBUS_RING_FEATURE_PENDING_SEND 0x1u

/* First page of each ring. "Producer" and "consumer" say who writes a field. */
struct vmbus_ring_control {
	uint32_t write_index;        /* producer; bytes into the data, multiple of 8 */
	uint32_t read_index;         /* consumer; likewise */
	uint32_t interrupt_mask;     /* consumer: 1 = do not signal me */
	uint32_t pending_send_bytes; /* producer: waits for so much room; 0 = not */
	uint32_t reserved1[12];
	uint32_t feature_bits; /* producer: it keeps pending_send_bytes */
	uint8_t reserved2[4028];
};
ASSERT_SIZE(struct vmbus_ring_control, 4096);
ASSERT_OFFSET(struct vmbus_ring_control, feature_bits, 64);

enum vmbus_packet_type {
	VMBUS_PACKET_INBAND = 6,
	VMBUS_PACKET_XFER_PAGES = 7,
	VMBUS_PACKET_GPA_DIRECT = 9,
	VMBUS_PACKET_CANCEL = 10,
	VMBUS_PACKET_COMPLETION = 11,
};

#define VMBUS_PACKET_WANTS_COMPLETION 0x1u

/* A packet: descriptor, rest of its header, payload, padding to 8 bytes, trailer. */
struct vmbus_packet_descriptor {
	uint16_t type;
	uint16_t header_8bytes; /* descriptor and rest of the header */
	uint16_t length_8bytes; /* all but the trailer */
	uint16_t flags;
	uint64_t transaction_id;
};
ASSERT_SIZE(struct vmbus_packet_descriptor, 16);
ASSERT_OFFSET(struct vmbus_packet_descriptor, transaction_id, 8);

/* start index of the packet << 32; consumers do not use it. */
#define VMBUS_PACKET_TRAILER_BYTES 8u
#define VMBUS_PACKET_BYTES_MAX     (0xffffu * 8u)

/* Rest of a GPA_DIRECT header: this, then ranges, each followed by uint64_t pfn[]. */
struct vmbus_gpa_direct_header {
	uint32_t reserved;
	uint32_t range_count;
};
ASSERT_SIZE(struct vmbus_gpa_direct_header, 8);

struct vmbus_gpa_range {
	uint32_t bytes;
	uint32_t offset; /* into the first page */
};
ASSERT_SIZE(struct vmbus_gpa_range, 8);

/* Rest of an XFER_PAGES header: this, then ranges of memory that was lent as a whole. */
struct vmbus_xfer_pages_header {
	uint16_t page_set; /* how the class names that memory */
	uint8_t sender_owns;
	uint8_t reserved;
	uint32_t range_count;
};
ASSERT_SIZE(struct vmbus_xfer_pages_header, 8);

struct vmbus_xfer_range {
	uint32_t bytes;
	uint32_t offset; /* into the memory */
};
ASSERT_SIZE(struct vmbus_xfer_range, 8);

#endif
