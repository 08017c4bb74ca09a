/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a worker (viridis-vm) and a provider (VSP) process say to each other: one SOCK_SEQPACKET
 * socketpair, one message a datagram, each side taking the other for hostile. PURE.
 *
 *   message        way  channel number    offset      count, tail            descriptors
 *   HELLO          w>p  -       version   user        struct vsp_range[]     memfd, lifeline, table
 *   CONFIG         w>p  -       -         -           JSON text              -
 *   OPEN           w>p  yes     index     downstream  u64 page numbers       event in, event out
 *   RESUME         w>p  yes     index     downstream  u64 page numbers       event in, event out
 *   START          w>p  yes     -         -           -                      -
 *   CLOSE          w>p  yes     -         -           -                      -
 *   COMMAND        w>p  -       tag       -           JSON text              -
 *   LEND           w>p  yes     GPADL     -           u64 page numbers       -
 *   RECLAIM        w>p  yes     GPADL     -           -                      -
 *   OFFERED        w>p  yes     how many  -           -                      -
 *   READY          p>w  -       status    -           text (why not)         -
 *   OPENED         p>w  yes     status    -           -                      -
 *   CLOSED         p>w  yes     -         -           -                      -
 *   EVENT          p>w  -       tag or 0  -           JSON text              -
 *   BORROW         p>w  yes     GPADL     -           -                      -
 *   RETURNED       p>w  yes     GPADL     -           -                      -
 *   OFFER          p>w  yes     how many  -           -                      -
 *   LOG            p>w  -       level     -           text                   -
 *
 * HELLO and CONFIG come from the worker's keeper, over the same socket before the worker has it.
 * Order: HELLO, CONFIG, READY; then per channel OPEN, OPENED, START (the guest was told: packets
 * and signals may begin), CLOSE, CLOSED; CLOSE may come any time after OPENED. After CLOSED
 * the provider touches none of the pages that OPEN or LEND named, nor any that a packet named. A
 * status is 0 for "it worked". Text is UTF-8 without NUL. Fields marked "-" are 0.
 *
 * Memory that a guest lends to a channel beside its rings is asked for when a packet names it: BORROW
 * after START, then LEND, without pages when there is no such GPADL, or nothing because CLOSE is on its way.
 * RECLAIM, when the guest wants it back, is answered by RETURNED: from then on none of it is touched.
 *
 * Sub-channels: OFFER after START asks for more channels of the device that this one is the first of; OFFERED says
 * how many the guest will be offered, and comes only when those of a time before are all gone. OPEN tells the index:
 * 0 for what is always offered, 1.. for these, which are taken back when the first is CLOSED.
 *
 * The table is memory of VSP_TABLE_BYTES that outlives the process: all zeros for the first of a machine, and as
 * it was left for one that is started because another died. RESUME, in OPEN's place, is for a channel that the
 * guest went on using meanwhile; its START follows too.
 *
 * The lifeline is the only writing end of a pipe. Nothing is ever written: the worker waits for the end of
 * its last copy, and then knows that nothing of the provider is left. A kernel goes on with I/O after the
 * process that asked for it died; so whatever can hold such I/O (an io_uring) holds the lifeline as well.
 */
#ifndef VIRIDIS_VSP_PROTOCOL_H
#define VIRIDIS_VSP_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/base/assert.h>

#include "vsp/lib/core/memory_map.h"

#define VSP_PROTOCOL_VERSION 5u

/*
 * Users and groups that no person and no other service has, and that own nothing in a file system. A VM's
 * processes run as one of them, by the number of its partition. systemd's list of user ids leaves them free.
 */
#define VSP_USER_FIRST UINT32_C(0x70000000)
#define VSP_USERS      UINT32_C(0x10000)

#define VSP_SOCKET_FD       3 /* where a provider finds its end */
#define VSP_BACKEND_FD      4 /* and what its keeper opened for it, if CONFIG says so */
#define VSP_WAITER_FD       5 /* and what it waits by, if there is a module that has that */
#define VSP_PAGES_MAX       8192u
#define VSP_CHANNELS_MAX    32u /* of a provider */
#define VSP_TEXT_BYTES_MAX  65536u
#define VSP_DESCRIPTORS_MAX 3u
#define VSP_TABLE_BYTES     (UINT64_C(4) << 20)

enum vsp_message_type {
	VSP_HELLO = 1,
	VSP_CONFIG,
	VSP_OPEN,
	VSP_START,
	VSP_CLOSE,
	VSP_COMMAND,
	VSP_LEND,
	VSP_RECLAIM,
	VSP_OFFERED,
	VSP_READY,
	VSP_OPENED,
	VSP_CLOSED,
	VSP_EVENT,
	VSP_LOG,
	VSP_BORROW,
	VSP_RETURNED,
	VSP_OFFER,
	VSP_RESUME,
	VSP_MESSAGE_TYPES,
};

enum vsp_log_level {
	VSP_LOG_ERROR = 0,
	VSP_LOG_WARNING = 1,
	VSP_LOG_INFO = 2,
	VSP_LOG_LEVELS,
};

/* A datagram: this, then the tail that `type` calls for. Both ends run on one machine. */
struct vsp_wire {
	uint32_t type;
	uint32_t bytes; /* of the whole datagram */
	uint32_t channel;
	uint32_t number;
	uint32_t offset;
	uint32_t count; /* of the tail's elements: bytes of text, page numbers, ranges */
};
ASSERT_SIZE(struct vsp_wire, 24);

#define VSP_DATAGRAM_BYTES_MAX \
	(sizeof(struct vsp_wire) + VSP_PAGES_MAX * sizeof(uint64_t))

/* A message in private memory; `tail` points into the datagram's buffer. */
struct vsp_message {
	enum vsp_message_type type;
	uint32_t channel;
	uint32_t number;
	uint32_t offset;
	uint32_t count;
	const void *tail;
};

enum vsp_side { VSP_WORKER, VSP_PROVIDER };

/*
 * Check a datagram of `bytes` that `sender` sent with `descriptors` open files. The buffer is
 * private memory, 8-byte aligned. False: the peer broke the protocol and is not to be trusted.
 */
bool vsp_message_decode(const void *datagram, size_t bytes, unsigned int descriptors,
                        enum vsp_side sender, struct vsp_message *out) MUST_CHECK;

/* The header to send before the tail; its `bytes` says how long header and tail are. */
struct vsp_wire vsp_message_header(const struct vsp_message *message);

/*
 * The user of all processes of a VM whose first partition this is. It goes by how many partitions there were before,
 * which the id holds above its slot: the slot alone may soon be another VM's.
 */
uint32_t vsp_user_of(uint64_t partition_id);

/* "OPEN" and so on, for the log. */
const char *vsp_message_name(enum vsp_message_type type);

#endif
