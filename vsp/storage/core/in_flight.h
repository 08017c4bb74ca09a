/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a controller has taken out of its rings and not answered yet, in memory that outlives its process:
 * whoever comes next takes these packets up as if the guest had just sent them. A process can die between
 * any two stores, and none of its stores is lost by that. PURE.
 *
 * F1 A packet is either in the ring, from `taken`'s index on, or in a busy slot: one store of `taken` moves it.
 * F2 A slot that is to be answered is named by `answering` with the index behind its answer before that answer
 *    can be seen: if the ring's write index stands there, it has been answered, else it has not.
 * F3 While `answering` names a slot, nothing but its answer is put into the ring.
 *
 * One who was taken over by its guest can have written anything here, so all of it is checked like what comes
 * from the guest: the bytes of a packet are parsed anew, and numbers are within their bounds or not used.
 */
#ifndef VIRIDIS_VSP_STORAGE_IN_FLIGHT_H
#define VIRIDIS_VSP_STORAGE_IN_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/assert.h>

#define IN_FLIGHT_SLOTS        256u
#define IN_FLIGHT_CHANNELS     32u
#define IN_FLIGHT_DISKS        64u
#define IN_FLIGHT_PACKET_BYTES 8192u

/* A packet as it stood in the ring: what follows its descriptor, and what the descriptor said of it. */
struct in_flight_slot {
	uint32_t busy;
	uint32_t channel;
	uint32_t sequence; /* of the channel's packets */
	uint16_t type;
	uint16_t flags;
	uint32_t header_bytes;
	uint32_t payload_bytes;
	uint64_t transaction_id;
	_Alignas(8) uint8_t bytes[IN_FLIGHT_PACKET_BYTES];
};

struct in_flight_channel {
	uint32_t id; /* 0: free */
	uint32_t reserved;
	uint64_t taken;     /* sequence of the last packet << 32 | index behind it (F1) */
	uint64_t answering; /* slot + 1 << 32 | index behind the answer; 0: none (F2) */
};

/* That its server is lost, the worker has been told. */
#define IN_FLIGHT_DISK_LOST (UINT32_C(1) << 31)

/* What a process knew of a disk that is not this machine's, for one that cannot reach it yet. The owner's. */
struct in_flight_disk {
	uint64_t identity; /* 0: none */
	uint64_t bytes;
	uint32_t features;    /* and IN_FLIGHT_DISK_LOST */
	uint32_t block_bytes; /* at least */
	uint32_t physical_block_bytes;
	uint32_t transfer_bytes; /* at most */
};

struct in_flight_table {
	uint64_t magic;
	uint64_t luns;      /* the owner's: disks that the guest knows of */
	uint64_t grown;     /* and those of which it may not know that they have grown */
	uint64_t handshake; /* the owner's: how far the guest's driver has come */
	struct in_flight_channel channels[IN_FLIGHT_CHANNELS];
	struct in_flight_slot slots[IN_FLIGHT_SLOTS];
	struct in_flight_disk disks[IN_FLIGHT_DISKS]; /* by LUN */
};

/* Makes it empty unless there was an owner before; true when there was. */
bool in_flight_init(struct in_flight_table *table);

/* A channel that is opened anew; what there was of it is forgotten. NULL: too many. */
struct in_flight_channel *in_flight_open(struct in_flight_table *table, uint32_t id,
                                         uint32_t read_index);
/* One that goes on; NULL: there is none. */
struct in_flight_channel *in_flight_find(struct in_flight_table *table, uint32_t id);
void in_flight_close(struct in_flight_table *table, struct in_flight_channel *channel);

/* Where the ring is to be read from. */
uint32_t in_flight_read_index(const struct in_flight_channel *channel);

/* The slot's packet is ours from now on; or one that has no slot, as nobody waits for an answer. F1 */
void in_flight_take(struct in_flight_channel *channel, struct in_flight_slot *slot,
                    uint32_t index_behind);
void in_flight_skip(struct in_flight_channel *channel, uint32_t index_behind);

/* Around the putting of an answer: F2. `slot` counts from 0. */
void in_flight_answer(struct in_flight_channel *channel, uint32_t slot,
                      uint32_t index_behind);
void in_flight_answer_has_no_room(struct in_flight_channel *channel);
void in_flight_answered(struct in_flight_table *table, struct in_flight_channel *channel,
                        uint32_t slot);

/*
 * After the death of an owner: slots[] gets the numbers of those that are to be taken up again, in their order,
 * and how many they are is returned. *answered is the one whose answer the guest has, if it was not noted any
 * more (what it did beside the answer counts), or IN_FLIGHT_SLOTS. It is freed.
 */
uint32_t in_flight_resume(struct in_flight_table *table,
                          struct in_flight_channel *channel, uint32_t write_index,
                          uint16_t slots[IN_FLIGHT_SLOTS], uint32_t *answered);

#endif
