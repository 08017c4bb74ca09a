/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's machine: its partition, memory, devices and VPs, and what all of these may ask of it. life.h
 * makes, runs and ends one.
 *
 * Each VP has a thread, which runs its devices'
 * accesses under `lock` by machine_lock() and machine_unlock(); the latter carries out what the
 * devices want: interrupts, serial output, the end. Anything else (VMBus, serial lines, control)
 * is the main thread's alone.
 */
#ifndef VIRIDIS_VM_MACHINE_H
#define VIRIDIS_VM_MACHINE_H

#include <glib.h>
#include <stdbool.h>

#include "root-partition/libmshv/mshv.h"
#include "root-partition/config/definition.h"
#include "root-partition/keeper/client.h"
#include "root-partition/vm/model/platform.h"
#include "root-partition/vm/panic.h"
#include "root-partition/vm/serial.h"
#include "vsp/lib/memory.h"

struct vp;
struct vmbus;
struct control_event;

enum machine_end {
	MACHINE_RUNNING,
	MACHINE_POWERED_OFF,
	MACHINE_RESET,
	MACHINE_CRASHED, /* the guest cannot go on: triple fault, nonsense it executed */
	MACHINE_FAILED,  /* we cannot go on */
	MACHINE_STOPPED, /* we were asked to */
};

struct machine {
	struct definition
		*definition; /* the owner's; of its adapters vmbusd keeps the list */

	/* Constant after life_new(). */
	struct keeper_client *keeper;
	struct mshv_partition partition;
	struct vsp_guest_memory memory;
	struct vp *vps; /* vp_count of them; none of a machine that another VMM runs */
	uint32_t vp_count;
	int wake_fd; /* eventfd: VP threads wake the main loop */
	struct hv_register_assoc *boot_registers; /* of the first VP, by the loader */
	uint32_t boot_register_count;

	/* Main thread. */
	struct serial *serial; /* the owner's; outlives the machine */
	struct vmbus *vmbus;
	GMainLoop *loop;
	guint wake_source;
	guint clock_source; /* the clock's next interrupt */
	guint owner_source; /* the VMM that we are attached to */
	guint rest_source;  /* life_rest() waits for it */
	bool paused;
	void (*panicked)(gpointer context); /* the owner's, once the guest has; or NULL */
	gpointer panicked_context;
	/* The owner's: something happened that those who listen are to know; or NULL. */
	void (*told)(gpointer context, const struct control_event *event);
	gpointer told_context;

	gint stopping; /* atomic: VP threads leave as soon as they see it */

	GMutex lock;
	/* Under `lock`. */
	struct platform platform;
	GByteArray *output; /* serial bytes for the main thread */
	bool input_waits;   /* the main thread holds input back until there is room */
	uint64_t clock_event; /* of the platform, as the main thread knows it or is about to */
	bool clock_waits;
	bool vmbus_waits; /* a SINT became deliverable */
	bool panic_waits; /* the owner is to be told */
	struct panic panic;
	enum machine_end end;
	char *end_reason;
	uint8_t ports_told[65536 / 8]; /* a bit for each port logged as nobody's */
	GHashTable
		*pages_told; /* likewise page numbers of memory, PAGES_TOLD_MAX of them */
};

/* The first word counts, but a reset gives way to a stop. Any thread, lock not held. */
void machine_set_end(struct machine *machine, enum machine_end end, const char *format,
                     ...) G_GNUC_PRINTF(3, 4);
bool machine_ended(struct machine *machine);

void machine_lock(struct machine *machine);
void machine_unlock(struct machine *machine);

/* Now, for the devices. */
void machine_time(struct platform_time *now);

/*
 * Log an access that no device answers: once for each port, and once for each page of memory,
 * lock not held.
 */
void machine_tell_port(struct machine *machine, uint32_t vp, uint16_t port);
void machine_tell_memory(struct machine *machine, uint32_t vp, uint64_t gpa);

/* Any thread: have the main thread look at the VMBus queue again; tell the owner of a panic. */
void machine_wake_vmbus(struct machine *machine);
void machine_tell_panic(struct machine *machine);

#define MACHINE_ERROR machine_error_quark()
GQuark machine_error_quark(void);
#define MACHINE_ERROR_FAILED 0

/* Sets `error` to "what: strerror(-negative_errno)"; false, for the caller to return. */
gboolean machine_fail(GError **error, int negative_errno, const char *what);

#endif
