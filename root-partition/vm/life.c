/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine made, run, and taken down: its parts put together, and the main loop that they wake. */
#include "root-partition/vm/life.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "root-partition/keeper/attached.h"
#include "root-partition/vm/loader.h"
#include "root-partition/vm/vp_run.h"
#include "root-partition/vmbusd/vmbusd.h"

#define CLOCK_WAIT_MAX_US (60 * G_USEC_PER_SEC)

/* ---- The main loop ---- */

/* Bytes from the serial line; returns how many fit. */
static gsize take_input(gpointer context, const guint8 *bytes, gsize count)
{
	struct machine *machine = context;
	gsize room;

	machine_lock(machine);
	room = platform_input_room(&machine->platform);
	if (count > room)
		count = room;
	platform_input(&machine->platform, bytes, (unsigned int)count);
	machine->input_waits = platform_input_room(&machine->platform) == 0;
	machine_unlock(machine);
	return count;
}

static gboolean on_clock(gpointer data);

/* Looked at again after a while, as the root's clock may be set meanwhile. */
static void set_clock(struct machine *machine, uint64_t event)
{
	gint64 wait = (gint64)event * G_USEC_PER_SEC - g_get_real_time();

	if (machine->clock_source)
		g_source_remove(machine->clock_source);
	machine->clock_source = 0;
	if (event)
		machine->clock_source = g_timeout_add(
			(guint)(CLAMP(wait, 0, CLOCK_WAIT_MAX_US) + 999) / 1000, on_clock,
			machine);
}

static gboolean on_clock(gpointer data)
{
	struct machine *machine = data;
	struct platform_time now;
	uint64_t event;

	machine->clock_source = 0;
	machine_time(&now);
	machine_lock(machine);
	platform_tick(&machine->platform, now.unix_seconds);
	event = platform_event(&machine->platform);
	machine_unlock(machine);
	set_clock(machine, event);
	return G_SOURCE_REMOVE;
}

/* What was left for the main thread, taken out in one go. */
struct woken {
	GByteArray *output;
	bool input;
	bool vmbus;
	bool clock;
	uint64_t clock_event;
	bool panicked;
	bool ended;
};

static struct woken take_woken(struct machine *machine)
{
	struct woken woken;

	g_mutex_lock(&machine->lock);
	woken.output = machine->output;
	machine->output = g_byte_array_new();
	woken.input = machine->input_waits && platform_input_room(&machine->platform);
	if (woken.input)
		machine->input_waits = false;
	woken.clock = machine->clock_waits;
	woken.clock_event = machine->clock_event;
	machine->clock_waits = false;
	woken.vmbus = machine->vmbus_waits;
	machine->vmbus_waits = false;
	woken.panicked = machine->panic_waits;
	machine->panic_waits = false;
	woken.ended = machine->end != MACHINE_RUNNING;
	g_mutex_unlock(&machine->lock);
	return woken;
}

static gboolean on_wake(gint fd, GIOCondition condition, gpointer data)
{
	struct machine *machine = data;
	struct woken woken;
	uint64_t count;

	(void)condition;
	(void)!read(fd, &count, sizeof(count));
	woken = take_woken(machine);
	serial_write(machine->serial, woken.output->data, woken.output->len);
	g_byte_array_unref(woken.output);
	if (woken.input)
		serial_resume_input(machine->serial);
	if (woken.clock)
		set_clock(machine, woken.clock_event);
	if (woken.vmbus)
		vmbus_deliver(machine->vmbus);
	if (woken.panicked && machine->panicked)
		machine->panicked(machine->panicked_context);
	if (woken.ended)
		g_main_loop_quit(machine->loop);
	return G_SOURCE_CONTINUE;
}

/* ---- Making one ---- */

static gboolean on_owner_gone(gint fd, GIOCondition condition, gpointer data)
{
	struct machine *machine = data;

	(void)fd;
	(void)condition;
	machine->owner_source = 0;
	machine_set_end(machine, MACHINE_POWERED_OFF, "the VMM that runs it ended");
	return G_SOURCE_REMOVE;
}

/* Another VMM's. Where its memory is seen is asked anew, which the keeper's answer has no room for. */
static gboolean take_attached(struct machine *machine, GError **error)
{
	int memory;

	if (!keeper_client_machine(machine->keeper, &machine->partition.fd,
	                           &machine->partition.id, &memory, error))
		return FALSE;
	close(memory);
	machine->owner_source =
		g_unix_fd_add(machine->partition.fd, G_IO_HUP, on_owner_gone, machine);
	return attached_memory(&machine->partition, &machine->memory, error);
}

/* By the keeper, which has mapped the one into the other. */
static gboolean take_partition(struct machine *machine, GError **error)
{
	struct vsp_map map;
	int memory;

	if (machine->definition->attach_pid)
		return take_attached(machine, error);
	vsp_map_for_ram(&map, machine->definition->memory_bytes);
	if (!keeper_client_machine(machine->keeper, &machine->partition.fd,
	                           &machine->partition.id, &memory, error))
		return FALSE;
	if (vsp_guest_memory_init(&machine->memory, &map, memory))
		return TRUE;
	close(memory);
	return machine_fail(error, -errno, "guest memory");
}

static gboolean create_vps(struct machine *machine, GError **error)
{
	for (uint32_t i = 0; i < machine->vp_count; i++)
		if (!vp_create(&machine->vps[i], machine, i, error))
			return FALSE;
	return TRUE;
}

static void init_vps(struct machine *machine)
{
	machine->vps = g_new0(struct vp, machine->vp_count);
	for (uint32_t i = 0; i < machine->vp_count; i++)
		machine->vps[i].mshv.fd = -1;
}

static gboolean begin(struct machine *machine, GError **error)
{
	return loader_load(machine, error) && create_vps(machine, error) &&
	       loader_set_registers(machine, error);
}

struct machine *life_new(struct definition *definition, struct keeper_client *keeper,
                         struct serial *serial, GError **error)
{
	g_autoptr(machine_pointer) machine = g_new0(struct machine, 1);

	machine->definition = definition;
	machine->vp_count = definition->attach_pid ? 0 : definition->vps;
	machine->keeper = keeper;
	machine->serial = serial;
	machine->partition.fd = -1;
	machine->memory.fd = -1;
	machine->output = g_byte_array_new();
	machine->pages_told = g_hash_table_new(NULL, NULL);
	machine->loop = g_main_loop_new(NULL, FALSE);
	machine->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g_mutex_init(&machine->lock);
	init_vps(machine);
	platform_reset(&machine->platform);
	machine->wake_source = g_unix_fd_add(machine->wake_fd, G_IO_IN, on_wake, machine);

	if (!take_partition(machine, error) ||
	    (!definition->attach_pid && !begin(machine, error)))
		return NULL;
	machine->vmbus = vmbus_new(machine, error);
	if (!machine->vmbus)
		return NULL;
	serial_set_input(serial, take_input, machine);
	return g_steal_pointer(&machine);
}

enum machine_end life_run(struct machine *machine)
{
	for (uint32_t i = 0; i < machine->vp_count; i++)
		vp_start(&machine->vps[i]);
	g_main_loop_run(machine->loop);
	if (machine->owner_source && machine->end == MACHINE_STOPPED)
		vmbus_leave_all(machine->vmbus);
	g_atomic_int_set(&machine->stopping, 1);
	for (uint32_t i = 0; i < machine->vp_count; i++)
		vp_stop(&machine->vps[i]);
	for (uint32_t i = 0; machine->end == MACHINE_STOPPED && i < machine->vp_count;
	     i++)
		vp_log_place(&machine->vps[i]);
	serial_write(machine->serial, machine->output->data, machine->output->len);
	g_byte_array_set_size(machine->output, 0);
	return machine->end;
}

static gboolean on_rested(gpointer data)
{
	struct machine *machine = data;

	machine->rest_source = 0;
	g_main_loop_quit(machine->loop);
	return G_SOURCE_REMOVE;
}

static enum machine_end end_of(struct machine *machine)
{
	enum machine_end end;

	g_mutex_lock(&machine->lock);
	end = machine->end;
	g_mutex_unlock(&machine->lock);
	return end;
}

/* Whatever else wakes the main loop ends it, because the machine has ended. */
enum machine_end life_rest(struct machine *machine, guint milliseconds)
{
	machine->rest_source = g_timeout_add(milliseconds, on_rested, machine);
	while (machine->rest_source && end_of(machine) == MACHINE_RESET)
		g_main_loop_run(machine->loop);
	if (machine->rest_source)
		g_source_remove(machine->rest_source);
	machine->rest_source = 0;
	return end_of(machine);
}

void life_free(struct machine *machine)
{
	serial_set_input(machine->serial, NULL, NULL);
	if (machine->vmbus)
		vmbus_free(machine->vmbus);
	for (uint32_t i = 0; i < machine->vp_count; i++)
		vp_destroy(&machine->vps[i]);
	g_free(machine->vps);
	if (machine->partition.fd >= 0)
		mshv_close_partition(&machine->partition);
	if (machine->memory.fd >= 0)
		vsp_guest_memory_fini(&machine->memory);
	set_clock(machine, 0);
	if (machine->owner_source)
		g_source_remove(machine->owner_source);
	g_source_remove(machine->wake_source);
	close(machine->wake_fd);
	g_main_loop_unref(machine->loop);
	g_byte_array_unref(machine->output);
	g_hash_table_unref(machine->pages_told);
	g_free(machine->boot_registers);
	g_free(machine->end_reason);
	panic_clear(&machine->panic);
	g_mutex_clear(&machine->lock);
	g_free(machine);
}
