/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all parts of a machine may ask of it, from any thread. */
#include "root-partition/vm/machine.h"

#include <unistd.h>
#include <viridis/base/bits.h>

#include "root-partition/config/vm_log.h"

#define PAGES_TOLD_MAX 256u

G_DEFINE_QUARK(viridis - machine - error - quark, machine_error)

gboolean machine_fail(GError **error, int negative_errno, const char *what)
{
	g_set_error(error, MACHINE_ERROR, MACHINE_ERROR_FAILED, "%s: %s", what,
	            g_strerror(-negative_errno));
	return FALSE;
}

static void wake(struct machine *machine)
{
	uint64_t one = 1;

	(void)!write(machine->wake_fd, &one, sizeof(one)); /* full: it is awake already */
}

/*
 * Who stops the VM is told that it is done, so a reset not carried out yet must give way. It does to
 * nothing else: its guest may run into a triple fault until its VPs are stopped.
 */
static bool overrules_locked(const struct machine *machine, enum machine_end end)
{
	return machine->end == MACHINE_RUNNING ||
	       (machine->end == MACHINE_RESET && end == MACHINE_STOPPED);
}

void machine_set_end(struct machine *machine, enum machine_end end, const char *format,
                     ...)
{
	va_list args;

	g_mutex_lock(&machine->lock);
	if (overrules_locked(machine, end)) {
		va_start(args, format);
		machine->end = end;
		g_free(machine->end_reason);
		machine->end_reason = g_strdup_vprintf(format, args);
		va_end(args);
		vm_log("machine: %s", machine->end_reason);
	}
	g_mutex_unlock(&machine->lock);
	wake(machine);
}

bool machine_ended(struct machine *machine)
{
	bool ended;

	g_mutex_lock(&machine->lock);
	ended = machine->end != MACHINE_RUNNING;
	g_mutex_unlock(&machine->lock);
	return ended;
}

void machine_wake_vmbus(struct machine *machine)
{
	g_mutex_lock(&machine->lock);
	machine->vmbus_waits = true;
	g_mutex_unlock(&machine->lock);
	wake(machine);
}

void machine_tell_panic(struct machine *machine)
{
	g_mutex_lock(&machine->lock);
	machine->panic_waits = true;
	g_mutex_unlock(&machine->lock);
	wake(machine);
}

void machine_lock(struct machine *machine)
{
	g_mutex_lock(&machine->lock);
}

void machine_tell_port(struct machine *machine, uint32_t vp, uint16_t port)
{
	uint8_t *byte = &machine->ports_told[port / 8];
	uint8_t bit = (uint8_t)(1u << port % 8);
	bool told;

	g_mutex_lock(&machine->lock);
	told = *byte & bit;
	*byte |= bit;
	g_mutex_unlock(&machine->lock);
	if (!told)
		vm_log_limited("vp%u io: port 0x%x is nobody's", vp, port);
}

void machine_tell_memory(struct machine *machine, uint32_t vp, uint64_t gpa)
{
	gpointer page = GSIZE_TO_POINTER(gpa / PAGE_4K);
	bool told;

	g_mutex_lock(&machine->lock);
	told = g_hash_table_size(machine->pages_told) >= PAGES_TOLD_MAX ||
	       !g_hash_table_add(machine->pages_told, page);
	g_mutex_unlock(&machine->lock);
	if (!told)
		vm_log_limited("vp%u memory: nothing is at 0x%" G_GINT64_MODIFIER "x", vp,
		               gpa);
}

static void deliver(struct machine *machine, const struct ioapic_delivery *delivery)
{
	struct mshv_interrupt interrupt = {
		.type = delivery->mode,
		.destination = delivery->destination,
		.vector = delivery->vector,
		.level = delivery->level,
		.logical = delivery->logical,
	};
	int error = mshv_assert_interrupt(&machine->partition, &interrupt);

	if (error) /* a destination nobody has: on a bus it would go unheard too */
		vm_log_limited("ioapic: vector 0x%x to %u: %s", delivery->vector,
		               delivery->destination, g_strerror(-error));
}

/* Serial bytes to the main thread; true when it has to be woken for this. */
static bool move_output(struct machine *machine)
{
	struct platform *platform = &machine->platform;
	bool was_empty = machine->output->len == 0;

	if (platform->output_count == 0)
		return false;
	g_byte_array_append(machine->output, platform->output, platform->output_count);
	platform->output_count = 0;
	return was_empty;
}

void machine_time(struct platform_time *now)
{
	now->unix_seconds = (uint64_t)(g_get_real_time() / G_USEC_PER_SEC);
	now->monotonic_ns = (uint64_t)g_get_monotonic_time() * 1000;
}

/* True when the main thread has to be woken for this. */
static bool note_clock_event(struct machine *machine)
{
	uint64_t event = platform_event(&machine->platform);

	if (event == machine->clock_event)
		return false;
	machine->clock_event = event;
	machine->clock_waits = true;
	return true;
}

void machine_unlock(struct machine *machine)
{
	struct ioapic_delivery deliveries[IOAPIC_MODEL_PINS];
	enum platform_power power = machine->platform.power;
	unsigned int count = 0;
	bool must_wake = move_output(machine);

	must_wake |= note_clock_event(machine);

	while (count < IOAPIC_MODEL_PINS &&
	       ioapic_model_take(&machine->platform.ioapic, &deliveries[count]))
		count++;
	if (machine->input_waits && platform_input_room(&machine->platform))
		must_wake = true;
	g_mutex_unlock(&machine->lock);

	for (unsigned int i = 0; i < count; i++)
		deliver(machine, &deliveries[i]);
	if (power == PLATFORM_OFF)
		machine_set_end(machine, MACHINE_POWERED_OFF, "the guest powered off");
	else if (power == PLATFORM_RESET)
		machine_set_end(machine, MACHINE_RESET, "the guest reset");
	else if (must_wake)
		wake(machine);
}
