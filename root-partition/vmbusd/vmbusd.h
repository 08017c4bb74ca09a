/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's VMBus: the server of vmbus/core, fed with the child's messages, and its channels,
 * each served by a provider process. Main thread only.
 */
#ifndef VIRIDIS_VMBUSD_H
#define VIRIDIS_VMBUSD_H

#include <glib.h>
#include "root-partition/config/json_text.h"
#include <stdbool.h>

struct machine;
struct vmbus;

/* Starts the providers and offers what they serve. */
struct vmbus *vmbus_new(struct machine *machine, GError **error);

/* The VPs stand still. Providers are gone when this returns. */
void vmbus_free(struct vmbus *vmbus);

/*
 * The guest of another VMM goes on without us: its network adapters come to rest, and their providers end; the keeper tells it
 * that they are gone. Takes seconds; runs the main loop.
 */
void vmbus_leave_all(struct vmbus *vmbus);

/* The guest goes on after a pause, in which no adapter is taken from it. */
void vmbus_resumed(struct vmbus *vmbus);

/* Try to deliver what waits: a SINT became deliverable. */
void vmbus_deliver(struct vmbus *vmbus);

/* The member "providers": each that this machine was started with, "serving", "starting" or "died". */
void vmbus_add_providers(const struct vmbus *vmbus, json_t *object);

/* The member "lost-disks", if there are any: LUNs whose server is waited for. */
void vmbus_add_lost_disks(const struct vmbus *vmbus, json_t *object);

/* What the providers count, an object by the name of each that answered in time. Called once, from the main thread. */
typedef void (*vmbus_counted)(gpointer context, json_t *providers);
void vmbus_count(struct vmbus *vmbus, vmbus_counted counted, gpointer context);

/*
 * What the utility provider knows of the guest, and what became of an order to freeze its file systems (0 s: to thaw
 * them). Its answer is the member "util", with "ok"; there is none when it died, or its time was over.
 */
void vmbus_ask_guest(struct vmbus *vmbus, vmbus_counted counted, gpointer context);
void vmbus_freeze(struct vmbus *vmbus, guint seconds, vmbus_counted counted,
                  gpointer context);

/* Likewise: an item for the guest's programs, or, of a NULL value, one less. */
void vmbus_set_item(struct vmbus *vmbus, const char *key, const char *value,
                    vmbus_counted counted, gpointer context);

struct control_request;

/* Likewise: an order to copy a file into the guest, as it came. */
void vmbus_copy(struct vmbus *vmbus, const struct control_request *request,
                vmbus_counted counted, gpointer context);
/* The copy that is under way will not be whole: the guest is to remove what it has. */
void vmbus_cancel_copy(struct vmbus *vmbus);

/* Have the disks looked at, and the guest told of those that have grown; false: there is nobody who could. */
bool vmbus_resize(struct vmbus *vmbus);

/* How an order went, NULL: well. Called once, from the main thread. */
typedef void (*vmbus_answered)(gpointer context, const char *error);

/* Have the disks that the definition's file has by now: another provider takes the present one's place. */
void vmbus_renew_disks(struct vmbus *vmbus, vmbus_answered answered, gpointer context);

/* Likewise its network adapters: one that goes is taken from the guest, one that comes is offered to it. */
void vmbus_renew_nets(struct vmbus *vmbus, vmbus_answered answered, gpointer context);

/* Ask the guest to shut down. NULL error: it will. */
void vmbus_shutdown(struct vmbus *vmbus, bool reboot, vmbus_answered answered,
                    gpointer context);

#endif
