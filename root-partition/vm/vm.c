/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The orders of the control socket, the signals of the system, and resets. */
#include "root-partition/vm/vm.h"

#include <glib-unix.h>
#include <signal.h>
#include <viridis/abi/hv_hypercall.h>

#include "root-partition/vm/control.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/vm/vm_status.h"
#include "root-partition/vmbusd/vmbusd.h"

/*
 * A life shorter than this counts as a failure to start; a few of them in a row are a guest's way to try
 * its kernels, more are a loop, which must not use up a processor.
 */
#define QUICK_LIFE_US  (10 * G_USEC_PER_SEC)
#define QUICK_RESETS   3u
#define REST_FIRST_MS  1000u
#define REST_DOUBLINGS 5u /* 32 s */

struct vm {
	struct definition *definition;
	pid_t keeper_pid;
	struct keeper_client *keeper;
	struct serial *serial;
	struct control *control;
	struct machine *machine;
	guint term_source;
	guint int_source;
	unsigned int quick_resets; /* one after the other */
	guint weight;              /* that was ordered; 0: none was */
	bool reset_ordered;        /* not by the guest */
	guint copier; /* the client that copies a file into the guest; 0: none */
};

/* Each has its own: one that is refused must not take the answer of the one under way. */
struct order {
	struct vm *vm;
	struct control_ticket ticket;
	bool ends_copy;
};

static char *one_member(const char *name, const char *value)
{
	g_autoptr(json_t) object = json_object();
	g_autofree char *text = NULL;

	json_text_add_boolean(object, "ok", TRUE);
	if (name)
		json_text_add_string(object, name, value);
	text = json_text_format(object, FALSE);
	return g_strconcat(text, "\n", NULL);
}

static struct order *new_order(struct vm *vm, struct control_ticket ticket)
{
	struct order *order = g_new(struct order, 1);

	*order = (struct order){ .vm = vm, .ticket = ticket };
	return order;
}

static void shutdown_answered(gpointer context, const char *error)
{
	g_autofree struct order *order = context;
	g_autofree char *line =
		error ? control_error_to_json(DEFINITION_ERROR_REFUSED, error) :
			one_member(NULL, NULL);

	control_answer(order->vm->control, order->ticket, line);
}

static void ask_shutdown(struct vm *vm, struct control_ticket ticket, bool reboot)
{
	vmbus_shutdown(vm->machine->vmbus, reboot, shutdown_answered,
	               new_order(vm, ticket));
}

static void stats_counted(gpointer context, json_t *providers)
{
	g_autofree struct order *order = context;
	g_autofree char *line = vm_stats_json(order->vm->machine, providers);

	control_answer(order->vm->control, order->ticket, line);
}

static void ask_stats(struct vm *vm, struct control_ticket ticket)
{
	vmbus_count(vm->machine->vmbus, stats_counted, new_order(vm, ticket));
}

static void devices_renewed(gpointer context, const char *error)
{
	g_autofree struct order *order = context;
	g_autofree char *line =
		error ? control_error_to_json(DEFINITION_ERROR_HOST, error) :
			one_member(NULL, NULL);

	control_answer(order->vm->control, order->ticket, line);
}

static void ask_disks(struct vm *vm, struct control_ticket ticket)
{
	vmbus_renew_disks(vm->machine->vmbus, devices_renewed, new_order(vm, ticket));
}

static void ask_nets(struct vm *vm, struct control_ticket ticket)
{
	vmbus_renew_nets(vm->machine->vmbus, devices_renewed, new_order(vm, ticket));
}

/* What the utility provider said, as it said it, unless it says no. */
static char *guest_answer(json_t *answers, gboolean *ok)
{
	json_t *answer = json_object_get(answers, "util");
	const char *why = "the guest refuses";
	g_autofree char *text = NULL;

	*ok = FALSE;
	if (!answer)
		return control_error_to_json(
			DEFINITION_ERROR_HOST,
			"the utility provider died, or did not answer in time");
	(void)json_text_get_boolean(json_object_get(answer, "ok"), ok);
	(void)json_text_get_string(json_object_get(answer, "error"), &why);
	if (!*ok)
		return control_error_to_json(DEFINITION_ERROR_REFUSED, why);
	text = json_text_format(answer, FALSE);
	return g_strconcat(text, "\n", NULL);
}

static void guest_answered(gpointer context, json_t *answers)
{
	g_autofree struct order *order = context;
	gboolean ok;
	g_autofree char *line = guest_answer(answers, &ok);

	control_answer(order->vm->control, order->ticket, line);
}

/* It is over once it is whole, or something failed. By then it may be another's turn. */
static void copy_answered(gpointer context, json_t *answers)
{
	g_autofree struct order *order = context;
	struct vm *vm = order->vm;
	gboolean ok;
	g_autofree char *line = guest_answer(answers, &ok);

	if (vm->copier == order->ticket.client && (!ok || order->ends_copy))
		vm->copier = 0;
	control_answer(vm->control, order->ticket, line);
}

/* One at a time, and all of one by one connection. */
static char *ask_copy(struct vm *vm, struct control_ticket ticket,
                      const struct control_request *request)
{
	bool begins = request->command == CONTROL_COPY;
	struct order *order;

	if (begins && vm->copier)
		return control_error_to_json(DEFINITION_ERROR_BUSY,
		                             "another copy is under way");
	if (!begins && vm->copier != ticket.client)
		return control_error_to_json(DEFINITION_ERROR_STATE,
		                             "no copy of this connection is under way");
	vm->copier = ticket.client;
	order = new_order(vm, ticket);
	order->ends_copy = request->command == CONTROL_COPY_END;
	vmbus_copy(vm->machine->vmbus, request, copy_answered, order);
	return NULL;
}

static void client_gone(gpointer context, guint client)
{
	struct vm *vm = context;

	if (vm->copier != client)
		return;
	vm->copier = 0;
	if (vm->machine)
		vmbus_cancel_copy(vm->machine->vmbus);
}

static void ask_guest(struct vm *vm, struct control_ticket ticket,
                      const struct control_request *request)
{
	struct order *order = new_order(vm, ticket);

	if (request->command == CONTROL_GUEST)
		vmbus_ask_guest(vm->machine->vmbus, guest_answered, order);
	else if (request->command == CONTROL_ITEM)
		vmbus_set_item(vm->machine->vmbus, request->key,
		               request->has_value ? request->value : NULL, guest_answered,
		               order);
	else
		vmbus_freeze(vm->machine->vmbus, request->seconds, guest_answered, order);
}

static char *console_answer(const struct vm *vm)
{
	const char *pty = serial_pty_path(vm->serial);

	return pty ? one_member("pty", pty) : one_member("file", vm->definition->serial);
}

static char *log_answer(const struct vm *vm)
{
	g_autofree char *path = paths_of(vm->definition->name, PATH_LOG);

	return one_member("path", path);
}

/* `reason` may be NULL. */
static void send_event(struct vm *vm, const char *name, const char *source,
                       const char *reason)
{
	control_event(vm->control,
	              &(struct control_event){ name, source, reason, -1, NULL });
}

/* Who brought such an end of the machine about. */
static const char *end_source(const struct vm *vm, enum machine_end end)
{
	if (end == MACHINE_STOPPED || (end == MACHINE_RESET && vm->reset_ordered))
		return "request";
	return end == MACHINE_FAILED ? "host" : "guest";
}

static void tell_state(struct vm *vm)
{
	g_autofree char *panic = panic_reason(vm->machine);

	if (vm->machine->paused)
		keeper_client_state(vm->keeper, KEEPER_PAUSED, "by request");
	else
		keeper_client_state(vm->keeper, panic ? KEEPER_PANICKED : KEEPER_RUNNING,
		                    panic ? panic : "");
}

/* The hypervisor takes the VPs off their CPUs, and the guest's clocks stand with them. TLFS, TimeFreeze. */
static char *pause_or_resume(struct vm *vm, bool paused)
{
	int result = mshv_set_property(&vm->machine->partition, HV_PROPERTY_TIME_FREEZE,
	                               paused);

	if (result < 0)
		return control_error_to_json(DEFINITION_ERROR_HOST, g_strerror(-result));
	if (vm->machine->paused != paused) {
		vm->machine->paused = paused;
		if (!paused)
			vmbus_resumed(vm->machine->vmbus);
		tell_state(vm);
		send_event(vm, paused ? "paused" : "resumed", "request", NULL);
	}
	return one_member(NULL, NULL);
}

/* Among the VMs that want a CPU at one time. It is the VM's: a new machine gets it too. */
static char *set_weight(struct vm *vm, guint weight)
{
	int result = mshv_set_property(&vm->machine->partition, HV_PROPERTY_CPU_WEIGHT,
	                               weight);

	if (result < 0)
		return control_error_to_json(DEFINITION_ERROR_HOST, g_strerror(-result));
	vm->weight = weight;
	return one_member(NULL, NULL);
}

static gboolean renew_weight(struct vm *vm, GError **error)
{
	int result = vm->weight ? mshv_set_property(&vm->machine->partition,
	                                            HV_PROPERTY_CPU_WEIGHT, vm->weight) :
	                          0;

	return result >= 0 || machine_fail(error, result, "the weight");
}

/* What is the business of the VMM that we are attached to. */
static bool is_its_owner_s(const struct vm *vm, const struct control_request *request)
{
	return vm->definition->attach_pid &&
	       (request->command == CONTROL_RESET || request->command == CONTROL_PAUSE ||
	        request->command == CONTROL_RESUME ||
	        request->command == CONTROL_WEIGHT ||
	        request->command == CONTROL_CONSOLE);
}

/* Only a guest that runs can answer. */
static bool needs_ear(enum control_command command)
{
	return command == CONTROL_SHUTDOWN || command == CONTROL_GUEST ||
	       command == CONTROL_FREEZE || command == CONTROL_THAW ||
	       command == CONTROL_ITEM || command == CONTROL_COPY ||
	       command == CONTROL_COPY_DATA || command == CONTROL_COPY_END;
}

/* What would be lost with a machine that has ended, and rests before there is another. */
static bool needs_life(enum control_command command)
{
	return needs_ear(command) || command == CONTROL_PAUSE ||
	       command == CONTROL_RESUME;
}

static char *refuse_while_resetting(void)
{
	return control_error_to_json(DEFINITION_ERROR_BUSY,
	                             "the machine is being reset, or ends; ask again");
}

/* NULL: the answer comes later, or has been given. */
static char *answer_to(struct vm *vm, struct control_ticket ticket,
                       const struct control_request *request)
{
	if (is_its_owner_s(vm, request))
		return control_error_to_json(DEFINITION_ERROR_UNSUPPORTED,
		                             "another VMM runs it, which has its serial "
		                             "line, and can reset and pause it");
	if (machine_ended(vm->machine) && needs_life(request->command))
		return refuse_while_resetting();
	if (vm->machine->paused && needs_ear(request->command))
		return control_error_to_json(DEFINITION_ERROR_STATE,
		                             "it is paused; resume it first");
	switch (request->command) {
	case CONTROL_STATUS:
		return vm_status_json(vm->machine, vm->keeper_pid);
	case CONTROL_SHUTDOWN:
		ask_shutdown(vm, ticket, request->reboot);
		return NULL;
	case CONTROL_STOP:
		machine_set_end(vm->machine, MACHINE_STOPPED, "stopped by request");
		return one_member(NULL, NULL);
	case CONTROL_RESET:
		vm->reset_ordered |= !machine_ended(vm->machine);
		machine_set_end(vm->machine, MACHINE_RESET, "reset by request");
		return one_member(NULL, NULL);
	case CONTROL_PAUSE:
	case CONTROL_RESUME:
		return pause_or_resume(vm, request->command == CONTROL_PAUSE);
	case CONTROL_CONSOLE:
		return console_answer(vm);
	case CONTROL_STATS:
		ask_stats(vm, ticket);
		return NULL;
	case CONTROL_LOG:
		return log_answer(vm);
	case CONTROL_RESIZE:
		return vmbus_resize(vm->machine->vmbus) ?
		               one_member(NULL, NULL) :
		               control_error_to_json(DEFINITION_ERROR_STATE,
		                                     "it has no disks, or the storage "
		                                     "provider died");
	case CONTROL_DISKS:
		ask_disks(vm, ticket);
		return NULL;
	case CONTROL_NETS:
		ask_nets(vm, ticket);
		return NULL;
	case CONTROL_GUEST:
	case CONTROL_FREEZE:
	case CONTROL_THAW:
	case CONTROL_ITEM:
		ask_guest(vm, ticket, request);
		return NULL;
	case CONTROL_COPY:
	case CONTROL_COPY_DATA:
	case CONTROL_COPY_END:
		return ask_copy(vm, ticket, request);
	case CONTROL_EVENTS:
		control_subscribe(vm->control, ticket);
		return NULL;
	case CONTROL_WEIGHT:
		return set_weight(vm, request->weight);
	case CONTROL_GET_VERSION:
		return control_version_to_json();
	}
	return NULL;
}

static void handle(gpointer context, struct control_ticket ticket,
                   const struct control_request *request)
{
	struct vm *vm = context;
	g_autofree char *answer = NULL;

	if (vm->machine)
		answer = answer_to(vm, ticket, request);
	else
		answer = refuse_while_resetting();
	if (answer)
		control_answer(vm->control, ticket, answer);
}

static void on_panicked(gpointer context)
{
	struct vm *vm = context;
	g_autofree char *reason = panic_reason(vm->machine);

	keeper_client_state(vm->keeper, KEEPER_PANICKED, reason);
	send_event(vm, "panicked", "guest", reason);
}

static void on_told(gpointer context, const struct control_event *event)
{
	struct vm *vm = context;

	control_event(vm->control, event);
}

static gboolean make_machine(struct vm *vm, GError **error)
{
	vm->machine = life_new(vm->definition, vm->keeper, vm->serial, error);
	if (!vm->machine)
		return FALSE;
	vm->machine->panicked = on_panicked;
	vm->machine->panicked_context = vm;
	vm->machine->told = on_told;
	vm->machine->told_context = vm;
	return renew_weight(vm, error);
}

static gboolean on_signal(gpointer data)
{
	struct vm *vm = data;

	if (vm->machine)
		machine_set_end(vm->machine, MACHINE_STOPPED, "stopped by a signal");
	return G_SOURCE_CONTINUE;
}

static int next_serial(gpointer context)
{
	return keeper_client_serial_next(context);
}

/* Orders that came before there was somebody to take them were held back, and come now. */
static void take_orders(struct vm *vm)
{
	sigset_t set;

	vm->term_source = g_unix_signal_add(SIGTERM, on_signal, vm);
	vm->int_source = g_unix_signal_add(SIGINT, on_signal, vm);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

struct vm *vm_new(struct definition *definition, const struct keeper_lent *lent,
                  struct keeper_client *keeper, GError **error)
{
	struct vm *vm = g_new0(struct vm, 1);

	vm->definition = definition;
	vm->keeper = keeper;
	vm->keeper_pid = lent->keeper;
	vm->serial = serial_new(lent->serial, next_serial, keeper);
	vm->control = control_new(lent->control, handle, client_gone, vm);
	take_orders(vm);
	if (!make_machine(vm, error)) {
		vm_free(vm);
		return NULL;
	}
	return vm;
}

/* The old machine goes before the new one comes: there may not be memory for both. */
static gboolean replace_machine(struct vm *vm)
{
	g_autoptr(GError) error = NULL;

	g_clear_pointer(&vm->machine, life_free);
	if (make_machine(vm, &error)) {
		keeper_client_state(vm->keeper, KEEPER_RUNNING, "");
		send_event(vm, "running", "worker", "made anew");
		return TRUE;
	}
	vm_log("vm: cannot start again after the reset: %s", error->message);
	return FALSE;
}

static void record_end(struct vm *vm, enum machine_end end, const char *reason)
{
	static const struct {
		enum keeper_state state;
		const char *event;
	} ends[] = {
		[MACHINE_RUNNING] = { KEEPER_RUNNING, "running" },
		[MACHINE_POWERED_OFF] = { KEEPER_OFF, "off" },
		[MACHINE_RESET] = { KEEPER_FAILED, "failed" },
		[MACHINE_CRASHED] = { KEEPER_CRASHED, "crashed" },
		[MACHINE_FAILED] = { KEEPER_FAILED, "failed" },
		[MACHINE_STOPPED] = { KEEPER_OFF, "off" },
	};

	keeper_client_state(vm->keeper, ends[end].state, reason);
	send_event(vm, ends[end].event, end_source(vm, end), reason);
}

static void stats_kept(gpointer context, json_t *providers)
{
	struct vm **vm = context;
	g_autofree char *text = vm_stats_json((*vm)->machine, providers);

	keeper_client_stats((*vm)->keeper, text);
	*vm = NULL;
}

/* What the machine that has ended counted, for whoever asks later. */
static void keep_stats(struct vm *vm)
{
	struct vm *waiting = vm;

	vmbus_count(vm->machine->vmbus, stats_kept, &waiting);
	while (waiting)
		g_main_context_iteration(NULL, TRUE);
}

/* A machine that resets again and again rests then, longer each time. */
static enum machine_end rest(struct vm *vm, gint64 lived)
{
	guint milliseconds;

	vm->quick_resets = lived < QUICK_LIFE_US ? vm->quick_resets + 1 : 0;
	if (vm->quick_resets <= QUICK_RESETS)
		return MACHINE_RESET;
	milliseconds = REST_FIRST_MS
	               << MIN(vm->quick_resets - QUICK_RESETS - 1, REST_DOUBLINGS);
	vm_log("vm: %u resets, each soon after its start: rests for %u s",
	       vm->quick_resets, milliseconds / 1000);
	return life_rest(vm->machine, milliseconds);
}

static enum machine_end run_machine(struct vm *vm)
{
	gint64 start = g_get_monotonic_time();
	enum machine_end end;

	(void)life_run(vm->machine);
	keep_stats(vm);
	end = vm->machine->end; /* who has stopped it meanwhile was told that it is done */
	if (end != MACHINE_RESET)
		return end;
	send_event(vm, "reset", end_source(vm, end), vm->machine->end_reason);
	vm->reset_ordered = false;
	return rest(vm, g_get_monotonic_time() - start);
}

enum machine_end vm_run(struct vm *vm)
{
	enum machine_end end;

	keeper_client_state(vm->keeper, KEEPER_RUNNING, "");
	end = run_machine(vm);
	while (end == MACHINE_RESET) {
		if (!replace_machine(vm)) {
			record_end(vm, MACHINE_FAILED,
			           "cannot start again after a reset");
			return MACHINE_FAILED;
		}
		end = run_machine(vm);
	}
	record_end(vm, end, vm->machine->end_reason);
	return end;
}

void vm_free(struct vm *vm)
{
	if (vm->machine)
		life_free(vm->machine);
	control_free(vm->control);
	serial_close(vm->serial);
	g_source_remove(vm->term_source);
	g_source_remove(vm->int_source);
	g_free(vm);
}
