/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Crash reports: read, logged, kept for later questions, and followed by what the definition wants. */
#include "root-partition/vm/panic.h"

#include <string.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/base/bits.h>

#include "root-partition/config/json_text.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/vm/vp.h"

/* A guest may report without end; so many are logged line by line. */
#define REPORTS_LOGGED 4u

#define REASON_CHARACTERS 200

/* ---- Text ---- */

static char *copy_line(const char *from)
{
	g_autofree char *line = g_strndup(from, strcspn(from, "\n"));
	glong length = g_utf8_strlen(line, -1);

	return g_strstrip(g_utf8_substring(line, 0, MIN(length, REASON_CHARACTERS)));
}

char *panic_find_reason(const char *text)
{
	static const char *const marks[] = { "Kernel panic - ",
		                             "panic: ", "Unable to handle ", "BUG: " };
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	const char *last = "";

	for (gsize i = 0; i < G_N_ELEMENTS(marks); i++) {
		const char *at = strstr(text, marks[i]);

		if (at)
			return copy_line(at);
	}
	for (char **line = lines; *line; line++)
		if (g_strstrip(*line)[0])
			last = *line;
	return copy_line(last);
}

/* ---- Reports ---- */

/* From the guest's memory; NULL when there is none that could be one. */
static char *read_text(const struct machine *machine, const guint64 *parameters)
{
	guint64 gpa = parameters[3], bytes = parameters[4];
	g_autofree char *copy = NULL;
	const void *at;

	if (bytes == 0 || bytes > PANIC_TEXT_BYTES)
		return NULL;
	at = vsp_guest_memory_at(&machine->memory, gpa, bytes);
	if (!at)
		return NULL;
	copy = g_memdup2(at, bytes); /* the guest's other VPs may still write to it */
	return json_text_make_printable(copy, strnlen(copy, bytes));
}

static char *format_parameters(const guint64 *parameters)
{
	GString *text = g_string_new(NULL);

	for (unsigned int i = 0; i < PANIC_PARAMETERS; i++)
		g_string_append_printf(text, "%s0x%" G_GINT64_MODIFIER "x", i ? " " : "",
		                       parameters[i]);
	return g_string_free(text, FALSE);
}

static void log_report(uint32_t vp, const char *parameters, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

	vm_log("vp%u crash: %s", vp, parameters);
	for (char **line = lines; *line; line++)
		if ((*line)[0])
			vm_log("vp%u crash: %s", vp, *line);
}

/* Gives the number of reports, this one included, as far as that matters. */
static guint keep_report(struct machine *machine, const guint64 *parameters,
                         const char *text, const char *reason)
{
	struct panic *panic = &machine->panic;
	guint reports;

	machine_lock(machine);
	memcpy(panic->parameters, parameters, sizeof(panic->parameters));
	if (text) {
		g_free(panic->text);
		panic->text = g_strdup(text);
	}
	g_free(panic->reason);
	panic->reason = g_strdup(reason);
	panic->reports = MIN(panic->reports + 1, REPORTS_LOGGED + 1);
	reports = panic->reports;
	machine_unlock(machine);
	return reports;
}

static void follow_definition(struct machine *machine, const char *reason)
{
	machine_tell_panic(machine);
	switch (machine->definition->on_crash) {
	case DEFINITION_ON_CRASH_KEEP:
		break;
	case DEFINITION_ON_CRASH_RESTART:
		machine_set_end(machine, MACHINE_RESET,
		                "the guest panicked and is restarted: %s", reason);
		break;
	case DEFINITION_ON_CRASH_STOP:
		machine_set_end(machine, MACHINE_CRASHED, "the guest panicked: %s",
		                reason);
		break;
	}
}

static gboolean read_parameters(struct vp *vp, guint64 *parameters)
{
	for (unsigned int i = 0; i < PANIC_PARAMETERS; i++) {
		uint64_t value;

		if (mshv_get_register(&vp->mshv, HV_REGISTER_GUEST_CRASH_P0 + i,
		                      &value) != 0)
			return FALSE;
		parameters[i] = value;
	}
	return TRUE;
}

void panic_report(struct vp *vp, const struct hv_x64_msr_intercept *write)
{
	gboolean has_text = (write->rdx << 32 & HV_CRASH_MESSAGE) != 0;
	guint64 parameters[PANIC_PARAMETERS] = { 0 };
	g_autofree char *numbers = NULL;
	g_autofree char *reason = NULL;
	g_autofree char *text = NULL;

	if (write->msr_number != HV_MSR_CRASH_CTL || !read_parameters(vp, parameters))
		return;
	numbers = format_parameters(parameters);
	if (has_text)
		text = read_text(vp->machine, parameters);
	reason = text ? panic_find_reason(text) : g_strconcat("crash ", numbers, NULL);
	if (keep_report(vp->machine, parameters, text, reason) <= REPORTS_LOGGED)
		log_report(vp->mshv.index, numbers, text);
	else
		vm_log_limited("vp%u crash: %s, again", vp->mshv.index, numbers);
	follow_definition(vp->machine, reason);
}

void panic_unreported(struct machine *machine, const char *format, ...)
{
	gboolean restarts = machine->definition->on_crash == DEFINITION_ON_CRASH_RESTART;
	g_autofree char *reason = NULL;
	va_list args;

	va_start(args, format);
	reason = g_strdup_vprintf(format, args);
	va_end(args);
	machine_set_end(machine, restarts ? MACHINE_RESET : MACHINE_CRASHED, "%s%s",
	                restarts ? "the guest crashed and is restarted: " : "", reason);
}

/* ---- What is told of it ---- */

char *panic_reason(struct machine *machine)
{
	char *reason;

	machine_lock(machine);
	reason = g_strdup(machine->panic.reason);
	machine_unlock(machine);
	return reason;
}

void panic_add(struct machine *machine, json_t *object)
{
	g_autofree char *parameters = NULL;
	g_autofree char *reason = NULL;
	g_autofree char *text = NULL;
	json_t *panic;

	machine_lock(machine);
	reason = g_strdup(machine->panic.reason);
	text = g_strdup(machine->panic.text);
	parameters = format_parameters(machine->panic.parameters);
	machine_unlock(machine);
	if (!reason)
		return;
	panic = json_text_add_object(object, "panic");
	json_text_add_string(panic, "reason", reason);
	json_text_add_string(panic, "parameters", parameters);
	json_text_add_string(panic, "text", text ? text : "");
}

void panic_clear(struct panic *panic)
{
	g_clear_pointer(&panic->text, g_free);
	g_clear_pointer(&panic->reason, g_free);
}
