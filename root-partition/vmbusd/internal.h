/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vmbusd.c (the server and its messages) and channel.c (its channels) share. */
#ifndef VIRIDIS_VMBUSD_INTERNAL_H
#define VIRIDIS_VMBUSD_INTERNAL_H

#include "root-partition/vm/machine.h"
#include "root-partition/vmbusd/offers.h"
#include "root-partition/vmbusd/provider.h"
#include "root-partition/vmbusd/vmbusd.h"
#include "vmbus/core/server.h"

#define VMBUS_CHANNELS \
	80u /* of all devices, and the sub-channels of all network adapters */
#define VMBUS_GPADLS            160u
#define VMBUS_PFNS              32768u /* what 64 MiB of rings take */
#define VMBUS_QUEUE             SERVER_QUEUE_CAPACITY(VMBUS_CHANNELS, VMBUS_GPADLS)
#define VMBUS_MESSAGE_FDS       2u
#define VMBUS_CONNECTION(relid) (0x10000u + (relid)) /* the guest signals it */

/* A GPADL whose pages a provider has. */
struct vmbus_loan {
	uint32_t relid; /* 0: the slot is free */
	uint32_t gpadl;
	bool wanted; /* the guest tears it down and waits for the provider */
};

/* What a channel's provider knows of it. Another process that takes a dead one's place knows nothing. */
enum vmbus_link {
	VMBUS_LINK_NONE,
	VMBUS_LINK_ASKED, /* OPEN or RESUME is on its way */
	VMBUS_LINK_UP,
};

/* How often a provider was started again, and whether that is worth doing. */
struct vmbus_restarts {
	unsigned int lives;      /* that ended, of those counted here */
	unsigned int short_ones; /* of them, one after the other, the last ones */
	gint64 served_us;        /* by those that ended */
	gint64 ready_us;         /* since when the present one serves; 0: not yet */
	guint source;            /* rests before the next one */
};

/* A change of disks that is under way. */
struct vmbus_renewal {
	vmbus_answered answered; /* NULL: there is none */
	gpointer context;
	bool replaced; /* the provider that had the disks before has ended */
	char *error;   /* it failed, and the disks before are taken again */
	uint64_t luns_gone, luns_come; /* a bit for each */
};

/* A change of network adapters that is under way; a bit for each slot. */
struct vmbus_adapter_change {
	vmbus_answered answered; /* NULL: there is none */
	gpointer context;
	char *error;       /* it failed, and the adapters before are taken again */
	GPtrArray *before; /* those of the definition */
	uint32_t gone, come;
	uint32_t leaving; /* their providers have still to end */
	uint32_t coming;  /* their providers have still to serve */
};

/* An adapter that is being taken from the guest. */
struct vmbus_leave {
	bool begun;
	bool last;  /* its last process was begun: none follows */
	bool over;  /* its process ends, and then the guest loses it */
	bool waits; /* to be ordered, once more it may be: the guest is paused, or was */
	uint32_t tag; /* of the order that its process has; 0: it has none */
	guint source; /* the limit */
};

/* A channel, by relid. */
struct vmbus_channel {
	const struct vmbus_class *class; /* NULL: no such channel */
	uint32_t first;                  /* of a sub-channel: its device's; else 0 */
	uint32_t index;                  /* of a sub-channel, from 1 */
	uint32_t wanted;  /* sub-channels, when those of a time before are gone */
	uint32_t granted; /* those that were offered since it was opened */
	enum vmbus_link link;
	int event_in; /* -1 while not open */
	int event_out;
	bool in_assigned;  /* the child's signal goes to event_in */
	bool out_assigned; /* event_out raises the channel's flag in the child */
};

struct vmbus_message_source {
	struct vmbus *vmbus;
	int fd;
	guint source;
	bool held; /* `message` was BUSY for the server */
	struct hv_message message;
};

struct vmbus {
	struct server server; /* first: server_ops get its address */
	struct machine *machine;
	struct provider *providers[VMBUS_PROVIDERS]; /* NULL: not needed, or gone */
	struct vmbus_restarts restarts[VMBUS_PROVIDERS];
	struct vmbus_renewal renewal;
	struct vmbus_adapter_change adapter_change;
	struct vmbus_leave leaves[VMBUS_PROVIDERS];
	uint64_t lost_disks;   /* LUNs whose server is waited for */
	bool ends;             /* the keeper tells the guest what it loses */
	bool stopped_by_pause; /* the guest's heart: no news */
	struct vmbus_channel channels[VMBUS_CHANNELS + 1];
	struct vmbus_loan loans[VMBUS_GPADLS];

	struct vmbus_message_source sources[VMBUS_MESSAGE_FDS];
	guint retry_source;
	guint retry_ms;
	bool delivering;

	uint32_t last_tag;    /* of an order */
	GPtrArray *questions; /* struct vmbus_question, under way */

	/* The one shutdown request under way. */
	uint32_t shutdown_tag;
	bool shutdown_reboots;
	vmbus_answered answered;
	gpointer answered_context;

	/* The server's memory. */
	struct server_channel server_channels[VMBUS_CHANNELS];
	struct gpadl gpadls[VMBUS_GPADLS];
	uint64_t pfns[VMBUS_PFNS];
	struct server_message queue[VMBUS_QUEUE];
};

extern const struct server_ops vmbus_channel_ops;
extern const struct provider_events vmbus_provider_events;

/* Start the providers and offer the classes; in channel.c and offer.c. */
gboolean vmbus_offer_all(struct vmbus *vmbus, GError **error);
struct provider *vmbus_provider_of(struct vmbus *vmbus, uint32_t relid);
bool vmbus_provider_serves(const struct vmbus *vmbus, enum vmbus_provider provider);

/* It takes orders, or will do so again. */
bool vmbus_provider_returns(const struct vmbus *vmbus, enum vmbus_provider provider);

/* In restart.c: the provider's life is over; false: the guest loses its devices. And the end of all that waits for another. */
bool vmbus_restart(struct vmbus *vmbus, enum vmbus_provider kind, const char *why);
void vmbus_end_restarts(struct vmbus *vmbus);
/* The next is begun from the main loop; and is not, if it rests still. */
void vmbus_begin_later(struct vmbus *vmbus, enum vmbus_provider kind);
void vmbus_cancel_restart(struct vmbus *vmbus, enum vmbus_provider kind);

/*
 * In adapters.c: what became of a provider. False: it has nothing to do with a change of adapters that is under way.
 * `why` may be NULL.
 */
bool vmbus_adapter_gone(struct vmbus *vmbus, enum vmbus_provider kind, const char *why);
bool vmbus_adapter_failed(struct vmbus *vmbus, enum vmbus_provider kind, const char *why);
bool vmbus_adapter_came(struct vmbus *vmbus, enum vmbus_provider kind);
/* The change is over if nothing of it is waited for; and the end of one that is under way. */
void vmbus_settle_adapters(struct vmbus *vmbus);
void vmbus_end_adapter_change(struct vmbus *vmbus);
/*
 * In leave.c. The guest is to lose this provider's devices: false when nothing is to be waited for. Else its process ends
 * once the guest is at rest, or has had its time, and the channels may be dropped then.
 */
bool vmbus_leave(struct vmbus *vmbus, enum vmbus_provider kind);
bool vmbus_leaves(const struct vmbus *vmbus, enum vmbus_provider kind);
/* Its guest has a channel of it open, so there may be something that it waits for. */
bool vmbus_is_used(const struct vmbus *vmbus, enum vmbus_provider kind);
/* A process of one that leaves serves, has said something, or is gone; false: of the last there was no other, and it is over. */
bool vmbus_leave_ready(struct vmbus *vmbus, enum vmbus_provider kind);
bool vmbus_leave_answered(struct vmbus *vmbus, enum vmbus_provider kind, uint32_t tag);
bool vmbus_leave_goes_on(struct vmbus *vmbus, enum vmbus_provider kind);
void vmbus_end_leaves(struct vmbus *vmbus);

/* A new one serves: its channels are taken up, in channel.c. */
void vmbus_resume_channels(struct vmbus *vmbus, enum vmbus_provider kind);
void vmbus_provider_ready(gpointer context, struct provider *provider);
/* In offer.c: one that is free and no device's; 0: there is none. */
uint32_t vmbus_free_relid(const struct vmbus *vmbus);
/* What such a provider serves, when one does and nothing of it is left with the guest from a time before. */
void vmbus_offer_again(struct vmbus *vmbus, enum vmbus_provider kind);
/* There is no provider any more, so its devices are taken from the guest; in channel.c. */
void vmbus_drop_channels(struct vmbus *vmbus, enum vmbus_provider kind);
/* VMBUS_PROVIDERS: none of ours. */
enum vmbus_provider vmbus_kind_of(const struct vmbus *vmbus,
                                  const struct provider *provider);

/* In servers.c: an event of the storage provider's, if it is one. */
bool vmbus_take_server_news(struct vmbus *vmbus, enum vmbus_provider kind, uint32_t tag,
                            const char *json);

/* In loan.c: memory that a guest lends to a channel beside its rings. */
void vmbus_lend(struct vmbus *vmbus, struct provider *provider, uint32_t relid,
                uint32_t gpadl);
void vmbus_loan_returned(struct vmbus *vmbus, uint32_t relid, uint32_t gpadl);
/* Its provider has let go of all that the channel was lent. */
void vmbus_end_loans(struct vmbus *vmbus, uint32_t relid);
/* The guest tears it down; server_release_complete() follows when no provider has it. */
void vmbus_release(struct vmbus *vmbus, uint32_t relid, uint32_t gpadl);

/* In sub_channel.c: a provider wants `count` more channels of the device that `relid` is the first of. */
void vmbus_offer_more(struct vmbus *vmbus, uint32_t relid, uint32_t count);
/* The first is closed: what was offered beside it is taken from the guest. */
void vmbus_take_back(struct vmbus *vmbus, uint32_t relid);
/* One of them is gone for good. */
void vmbus_sub_channel_gone(struct vmbus *vmbus, uint32_t first);

/* For the next order to a provider. Never 0, which marks events that nobody asked for. */
uint32_t vmbus_new_tag(struct vmbus *vmbus);

/* In counters.c: an event that may answer a question; and the end of all, with what is known. */
bool vmbus_take_counters(struct vmbus *vmbus, enum vmbus_provider provider, uint32_t tag,
                         const char *json);
void vmbus_end_questions(struct vmbus *vmbus);

/* Those who listen to the VM's events hear of it; in channel.c. */
struct control_event;
void vmbus_tell(const struct vmbus *vmbus, const struct control_event *event);

/* End the shutdown request, if there is one, with this answer. */
void vmbus_answer_shutdown(struct vmbus *vmbus, const char *error);
/* The relid of the first class with that name, or 0. */
uint32_t vmbus_find_class(const struct vmbus *vmbus, const char *name);

#endif
