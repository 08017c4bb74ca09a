/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keeper.c (the process), answer.c (its replies) and machine.c (what a machine is made of) share. */
#ifndef VIRIDIS_KEEPER_INTERNAL_H
#define VIRIDIS_KEEPER_INTERNAL_H

#include "root-partition/keeper/keeper.h"
#include "root-partition/keeper/protocol.h"
#include "root-partition/libmshv/mshv.h"
#include "root-partition/vmbusd/offers.h"
#include "vsp/lib/datagram.h"
#include "vsp/lib/memory.h"

struct keeper_provider {
	pid_t pid; /* 0: none, or it has been waited for */
	int status;
	int lifeline; /* an attachment's, for keeper_detach(); 0: none */
	pid_t helper; /* opens connections for it, or is its user-mode network; 0: none, or it has been waited for */
	int table; /* -1: there is none yet; the same for all of a machine's, one after the other */
};

struct keeper {
	/* Constant after keeper_new(), but for disks and adapters in it. */
	struct definition *definition;
	GPtrArray *disks_before; /* NULL: they have not been renewed */
	GPtrArray *nets_before;  /* likewise */

	int lock_fd;
	int control_fd;
	int device; /* /dev/mshv */
	struct vsp_guest_memory memory;
	uint32_t user;
	pid_t process; /* ours */

	struct serial_file serial;
	int sockets[2]; /* ours, the worker's; -1 once closed */
	int log[2]; /* a pipe: we read what worker and providers have to say into the VM's log */
	pid_t worker;  /* 0: not forked, or waited for */
	int signal_fd; /* -1: signals are somebody else's */

	struct mshv_partition partition; /* fd -1: the worker has it; the id stays */
	bool memory_used;                /* by a machine that was */
	struct keeper_provider providers[VMBUS_PROVIDERS];

	keeper_started started; /* NULL once it was told */
	gpointer started_context;
};

/* Sets `error` to "what: strerror(-negative_errno)"; false, for the caller to return. */
static inline bool keeper_fail(GError **error, int negative_errno, const char *what)
{
	g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(-negative_errno),
	            "%s: %s", what, g_strerror(-negative_errno));
	return false;
}

/* ---- machine.c ---- */

/* Others may see what the VM has, in a file, as it was at its start or has become. */
void keeper_show_definition(const struct keeper *keeper);

/* Sealed memory of the size that the definition says. */
bool keeper_make_memory(struct keeper *keeper, GError **error);

/*
 * A partition with this memory mapped, for which the last one must have gone. There is one at a time, and one
 * memory for all of them: a worker cannot collect them.
 */
bool keeper_make_partition(struct keeper *keeper, GError **error);

/* The descriptors that the worker gets, which are ours to close: socket, lifeline. `last`: an adapter's, without its network. */
bool keeper_start_provider(struct keeper *keeper, enum vmbus_provider which, bool last,
                           int descriptors[2], GError **error);
/* True when it has ended; there may never have been one. */
bool keeper_provider_ended(struct keeper *keeper, enum vmbus_provider which);
void keeper_kill_providers(struct keeper *keeper);

/* The disks that are wanted (PATH_WANTED), or else the definition's, read anew; and the ones before again. */
bool keeper_renew_disks(struct keeper *keeper, GError **error);
bool keeper_take_disks_back(struct keeper *keeper, GError **error);

/* Likewise its adapters. The provider of one that is another by then, or none, must be gone before there is a next. */
bool keeper_renew_nets(struct keeper *keeper, GError **error);
bool keeper_take_nets_back(struct keeper *keeper, GError **error);

/* ---- user_network.c ---- */

/*
 * Starts passt for the adapter; its other end is `socket`, to be handed to the provider and closed. *pid is a child of ours;
 * 0: none is known.
 */
bool keeper_start_user_network(const struct keeper *keeper,
                               const struct definition_net *net, int *socket, pid_t *pid,
                               GError **error);

/* ---- remote_disks.c ---- */

/*
 * Starts who opens the connections to the NBD servers of the definition's disks, and holds the lifeline until they
 * are over; its other end is `socket`, to be handed to the provider and closed.
 */
bool keeper_start_connector(const struct keeper *keeper, int lifeline, int *socket,
                            pid_t *pid, GError **error);

/* ---- attach.c ---- */

/* The partition and memory of another VMM's machine, in place of ours. */
bool keeper_attach(struct keeper *keeper, GError **error);

/* Once no provider touches its memory any more, its guest is told that the devices are gone. */
void keeper_detach(struct keeper *keeper);

/* A copy of a provider's, which hangs up when its I/O is over. */
void keeper_note_lifeline(struct keeper_provider *provider, int lifeline);

/* ---- answer.c ---- */

/* Takes the next request and answers it; false: the worker is to be ended. */
bool keeper_answer(struct keeper *keeper);

#endif
