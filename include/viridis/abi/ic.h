/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Utility services ("integration components") over VMBus, in INBAND packets that want no
 * completion.
 *
 *   every packet   struct ic_pipe_header, struct ic_header, body
 *   the host asks  first NEGOTIATE, then requests of the service's own type
 *   the guest      sends the whole packet back, status and versions filled in
 */
#ifndef VIRIDIS_ABI_IC_H
#define VIRIDIS_ABI_IC_H

#include <stdint.h>
#include <viridis/base/assert.h>

#define IC_PIPE_DATA 1u

struct ic_pipe_header {
	uint32_t type;  /* IC_PIPE_DATA */
	uint32_t bytes; /* what follows */
};
ASSERT_SIZE(struct ic_pipe_header, 8);

enum ic_message_type {
	IC_NEGOTIATE = 0,
	IC_HEARTBEAT = 1,
	IC_KVP = 2,
	IC_SHUTDOWN = 3,
	IC_TIMESYNC = 4,
	IC_VSS = 5,
	IC_FCOPY = 7,
};

#define IC_FLAG_TRANSACTION 0x1u
#define IC_FLAG_REQUEST     0x2u
#define IC_FLAG_RESPONSE    0x4u

/* HRESULT values of ic_header.status. */
#define IC_STATUS_OK            0x00000000u
#define IC_STATUS_FAIL          0x80004005u
#define IC_STATUS_NOT_SUPPORTED 0x80070032u
#define IC_STATUS_EXISTS        0x80070050u
#define IC_STATUS_DISK_FULL     0x80070070u

struct ic_version {
	uint16_t major;
	uint16_t minor;
};
ASSERT_SIZE(struct ic_version, 4);

struct ic_header {
	struct ic_version framework;
	uint16_t type; /* enum ic_message_type */
	struct ic_version message;
	uint16_t body_bytes;
	uint32_t status;
	uint8_t transaction_id;
	uint8_t flags;
	uint16_t reserved;
};
ASSERT_SIZE(struct ic_header, 20);
ASSERT_OFFSET(struct ic_header, type, 4);
ASSERT_OFFSET(struct ic_header, body_bytes, 10);
ASSERT_OFFSET(struct ic_header, status, 12);
ASSERT_OFFSET(struct ic_header, flags, 17);

/* Followed by struct ic_version[framework_count + message_count]. */
struct ic_negotiate {
	uint16_t framework_count;
	uint16_t message_count;
	uint32_t reserved;
};
ASSERT_SIZE(struct ic_negotiate, 8);
#define IC_VERSIONS_MAX 100u

struct ic_heartbeat {
	uint64_t sequence; /* the guest answers with one more */
	uint32_t reserved[8];
};
ASSERT_SIZE(struct ic_heartbeat, 40);

#define IC_SHUTDOWN_FORCE      0x1u
#define IC_SHUTDOWN_RESTART    0x2u
#define IC_SHUTDOWN_HIBERNATE  0x4u
#define IC_SHUTDOWN_TEXT_BYTES 2048u

/* Guests insist on all 2060 bytes. */
struct ic_shutdown {
	uint32_t reason;
	uint32_t timeout_seconds;
	uint32_t flags;
	uint8_t text[IC_SHUTDOWN_TEXT_BYTES];
};
ASSERT_SIZE(struct ic_shutdown, 2060);

#define IC_TIMESYNC_SYNC   0x1u /* set the clock */
#define IC_TIMESYNC_SAMPLE 0x2u /* one more sample */

/* Message version 4.0. Times in 100 ns; parent time counts from 1601-01-01 UTC. */
struct ic_timesync {
	uint64_t parent_time_100ns;
	uint64_t reference_time_100ns;
	uint8_t flags;
	uint8_t leap;
	uint8_t stratum;
	uint8_t reserved[3];
} __attribute__((packed));
ASSERT_SIZE(struct ic_timesync, 22);
ASSERT_OFFSET(struct ic_timesync, flags, 16);

/* Message versions 1.0 and 3.0. */
struct ic_timesync_old {
	uint64_t parent_time_100ns;
	uint64_t child_time_100ns;
	uint64_t round_trip_100ns;
	uint8_t flags;
} __attribute__((packed));
ASSERT_SIZE(struct ic_timesync_old, 25);
ASSERT_OFFSET(struct ic_timesync_old, flags, 24);

/* The guest's file systems are written out and stand still from FREEZE to THAW. */
enum ic_vss_operation {
	IC_VSS_FREEZE = 5,
	IC_VSS_THAW = 6,
};

struct ic_vss {
	uint8_t operation; /* enum ic_vss_operation */
	uint8_t reserved[7];
	uint32_t flags;
};
ASSERT_SIZE(struct ic_vss, 12);

#endif
