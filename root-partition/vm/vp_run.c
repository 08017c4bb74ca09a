/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VP's life: created, run until it intercepts, answered, run on; stopped by a signal. */
#define _GNU_SOURCE /* gettid */
#include "root-partition/vm/vp_run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "root-partition/config/vm_log.h"
#include "root-partition/vm/intercepts.h"

/* Its handler does nothing; it makes RUN_VP return EINTR. */
#define KICK_SIGNAL    SIGUSR1
#define KICK_PERIOD_US 2000

static void on_kick(int number)
{
	(void)number;
}

gboolean vp_create(struct vp *vp, struct machine *machine, uint32_t index, GError **error)
{
	int result;

	*vp = (struct vp){ .machine = machine, .mshv.fd = -1 };
	result = mshv_create_vp(&machine->partition, index, &vp->mshv);
	if (result >= 0)
		result = vp_show_topology(vp, machine->definition->vps);
	if (result < 0) {
		g_autofree char *what = g_strdup_printf("vp%u cannot be created", index);

		return machine_fail(error, result, what);
	}
	return TRUE;
}

void vp_destroy(struct vp *vp)
{
	if (vp->mshv.fd >= 0)
		mshv_close_vp(&vp->mshv);
}

static bool unrecoverable(struct vp *vp, const struct hv_message *message)
{
	struct hv_x64_intercept_header header;

	memcpy(&header, message->payload, sizeof(header));
	panic_unreported(vp->machine, "vp%u triple fault: rip 0x%" G_GINT64_MODIFIER "x",
	                 vp->mshv.index, header.rip);
	return false;
}

static void end_of_interrupt(struct vp *vp, const struct hv_message *message)
{
	struct hv_x64_apic_eoi_message eoi;

	memcpy(&eoi, message->payload, sizeof(eoi));
	machine_lock(vp->machine);
	ioapic_model_eoi(&vp->machine->platform.ioapic, (uint8_t)eoi.vector);
	machine_unlock(vp->machine);
}

static bool answer(struct vp *vp, const struct hv_message *message)
{
	struct hv_x64_io_port_intercept port;
	struct hv_x64_memory_intercept memory;
	struct hv_x64_msr_intercept msr;

	switch (message->type) {
	case HV_MESSAGE_X64_IO_PORT:
		memcpy(&port, message->payload, sizeof(port));
		return vp_port_intercept(vp, &port);
	case HV_MESSAGE_UNMAPPED_GPA:
	case HV_MESSAGE_GPA_INTERCEPT:
		memcpy(&memory, message->payload, sizeof(memory));
		return vp_memory_intercept(vp, &memory);
	case HV_MESSAGE_X64_MSR:
		memcpy(&msr, message->payload, sizeof(msr));
		panic_report(vp, &msr);
		return true;
	case HV_MESSAGE_X64_APIC_EOI:
		end_of_interrupt(vp, message);
		return true;
	case HV_MESSAGE_SINT_DELIVERABLE:
		machine_wake_vmbus(vp->machine);
		return true;
	case HV_MESSAGE_X64_HALT: /* nothing of ours to do: an interrupt wakes it */
		return true;
	case HV_MESSAGE_UNRECOVERABLE_EXCEPTION:
		return unrecoverable(vp, message);
	default:
		machine_set_end(vp->machine, MACHINE_FAILED,
		                "vp%u: unknown intercept 0x%x", vp->mshv.index,
		                message->type);
		return false;
	}
}

static void run(struct vp *vp)
{
	struct hv_message message;

	while (!g_atomic_int_get(&vp->machine->stopping)) {
		int result = mshv_run_vp(&vp->mshv, &message);

		if (result == -EINTR)
			continue;
		if (result < 0) {
			machine_set_end(vp->machine, MACHINE_FAILED,
			                "vp%u cannot run: %s", vp->mshv.index,
			                g_strerror(-result));
			return;
		}
		if (!answer(vp, &message) || machine_ended(vp->machine))
			return;
	}
}

static gpointer vp_thread(gpointer data)
{
	struct vp *vp = data;
	sigset_t kick;

	g_atomic_int_set(&vp->thread_id, gettid());
	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
	run(vp);
	g_atomic_int_set(&vp->gone, 1);
	return NULL;
}

void vp_start(struct vp *vp)
{
	g_autofree char *name = g_strdup_printf("vp%u", vp->mshv.index);
	struct sigaction action = { .sa_handler = on_kick };

	sigaction(KICK_SIGNAL, &action, NULL);
	vp->thread = g_thread_new(name, vp_thread, vp);
}

static void kick_thread(struct vp *vp)
{
	int id = g_atomic_int_get(&vp->thread_id);

	/* ESRCH: the thread has just ended. */
	if (id)
		(void)syscall(SYS_tgkill, getpid(), id, KICK_SIGNAL);
}

/*
 * A signal that comes between the thread's look at `stopping` and its call is lost on it, so it
 * is sent until the thread says that it is gone.
 */
void vp_stop(struct vp *vp)
{
	if (!vp->thread)
		return;
	while (!g_atomic_int_get(&vp->gone)) {
		kick_thread(vp);
		g_usleep(KICK_PERIOD_US);
	}
	g_thread_join(vp->thread);
	vp->thread = NULL;
}

void vp_log_place(struct vp *vp)
{
	uint64_t rip;

	if (mshv_get_register(&vp->mshv, HV_X64_REGISTER_RIP, &rip) == 0)
		vm_log("vp%u: stands at rip 0x%" G_GINT64_MODIFIER "x", vp->mshv.index,
		       rip);
}
