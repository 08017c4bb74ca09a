/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a worker asks of its keeper: one datagram a request, one a reply, one request at a time. Nothing in it
 * names a file, a program, a user or a process: these follow from the VM's definition, which the keeper read.
 *
 *   request          number     text         reply: values           descriptors
 *   MACHINE          -          -            partition id            partition, memory
 *   KERNEL, INITRD   -          -            -                       the file, to read
 *   PROVIDER         which      -            -                       its socket, its lifeline
 *   PROVIDER_LAST    which      -            -                       likewise: an adapter's, without its network
 *   PROVIDER_STATE   which      -            ended, wait status      -
 *   PROVIDER_KILL    which      -            -                       -
 *   POOL             -          -            deposited, used, pinned -
 *   SERIAL_NEXT      -          -            -                       the new file, or none: begun anew
 *   DISKS            0, 1       -            LUNs gone, LUNs new     -
 *   NETS             0, 1       -            slots gone, slots new,  -
 *                                            each slot's MAC
 *   STATE            a state    why          -                       -
 *   STATS            -          JSON         -                       -
 *   NOT_STARTED      -          why          -                       -
 *
 * A request that breaks these rules ends the worker; one that cannot be done is answered with the reason.
 */
#ifndef VIRIDIS_KEEPER_PROTOCOL_H
#define VIRIDIS_KEEPER_PROTOCOL_H

#include <stdint.h>

#define KEEPER_TEXT_BYTES_MAX (128u << 10)
#define KEEPER_WHY_BYTES_MAX  2048u
#define KEEPER_NETS_MAX       8u
#define KEEPER_VALUES         (2u + KEEPER_NETS_MAX)

enum keeper_request_type {
	KEEPER_MACHINE = 1,
	KEEPER_KERNEL,
	KEEPER_INITRD,
	KEEPER_PROVIDER,
	KEEPER_PROVIDER_STATE,
	KEEPER_PROVIDER_KILL,
	KEEPER_POOL,
	KEEPER_SERIAL_NEXT,
	KEEPER_STATE,
	KEEPER_STATS,
	KEEPER_NOT_STARTED,
	KEEPER_DISKS,
	KEEPER_NETS,
	KEEPER_PROVIDER_LAST,
	KEEPER_REQUESTS,
};

/* The disks of the next storage provider, or the adapters: as the definition's file has them by now, or as they were before. */
enum keeper_devices {
	KEEPER_DEVICES_RENEW,
	KEEPER_DEVICES_BACK,
	KEEPER_DEVICES_ORDERS,
};

/* How the VM is, for state.h. The first RUNNING is also what `viridis start` waits for. */
enum keeper_state {
	KEEPER_RUNNING,
	KEEPER_PANICKED,
	KEEPER_PAUSED,
	KEEPER_OFF,
	KEEPER_CRASHED,
	KEEPER_FAILED,
	KEEPER_STATES,
};

/* Text follows, to the datagram's end, in either direction. */
struct keeper_request {
	uint32_t type;
	uint32_t number;
};

struct keeper_reply {
	uint64_t failed; /* the text says why */
	uint64_t values[KEEPER_VALUES];
};

#endif
