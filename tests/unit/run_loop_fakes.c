/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's loop calls on its way, and run_loop_test.c does not ask about: nothing comes of it. */
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/lapic.h"
#include "hypervisor/kernel/base/epoch.h"
#include "hypervisor/kernel/base/panic.h"
#include "hypervisor/kernel/delivery/apic.h"
#include "hypervisor/kernel/delivery/host_interrupt.h"
#include "hypervisor/kernel/delivery/intercept.h"
#include "hypervisor/kernel/delivery/message.h"
#include "hypervisor/kernel/guest/registers.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/timer_queue.h"
#include "hypervisor/kernel/objects/trace.h"
#include "hypervisor/kernel/run/root.h"
#include "hypervisor/kernel/run/root_devices.h"
#include "tests/unit/unit.h"

unsigned int fake_epochs_passed, fake_events_left;

void epoch_pass(struct cpu *self)
{
	(void)self;
	fake_epochs_passed++;
}

void epoch_idle(struct cpu *self)
{
	(void)self;
}

void vp_update_deadline(struct vp *who)
{
	(void)who;
}

/* Meanwhile another CPU raises an event. */
void message_timers_expire(struct vp *who)
{
	if (fake_events_left == 0)
		return;
	fake_events_left--;
	who->events |= EVENTS_TIMER;
}

void vp_raise(struct vp *who, uint32_t event)
{
	who->events |= event;
}

uint64_t partition_reference_time(const struct partition *of)
{
	(void)of;
	return UINT64_C(0x123456789a);
}

/* Of the first timer's count, one value is taken. */
bool registers_write_msr(struct vp *who, uint32_t msr, uint64_t value)
{
	(void)who;
	return msr == HV_MSR_STIMER0_COUNT && value == 1;
}

bool context_xcr0_is_valid(uint64_t value)
{
	return value == 3;
}

void timer_queue_arm(struct cpu *self)
{
	self->timer_rearm = false;
}

void lapic_timer_arm(uint64_t ticks)
{
	(void)ticks;
}

void intercept_sint_deliverable(struct vp *who, uint16_t sints)
{
	(void)who, (void)sints;
}

void apic_set_assist(struct vp *who)
{
	who->assisted = (uint8_t)who->entry.vector;
}

void apic_withdraw_assist(struct vp *who)
{
	who->assisted = 0;
}

void apic_check_assist(struct vp *who)
{
	(void)who;
}

void host_interrupt_end_dropped(struct vp *who, unsigned int word, uint64_t level)
{
	(void)who, (void)word, (void)level;
}

void host_interrupt_end_all(struct vp *who)
{
	(void)who;
}

void root_devices_io(struct vp *who, const struct exit_port *port)
{
	(void)who, (void)port;
}

void root_devices_fault(struct vp *who, const struct exit_fault *fault)
{
	(void)who, (void)fault;
}

void (*panic_describe_vp)(void);

void panic_at(const struct trap_frame *frame, const char *format, ...)
{
	(void)frame;
	ck_abort_msg("panic: %s", format);
}

void root_ended(const char *why)
{
	ck_abort_msg("%s", why);
}

void trace_record(enum viridis_trace_kind kind, const struct vp *who, uint64_t a,
                  uint64_t b)
{
	(void)kind, (void)who, (void)a, (void)b;
}

bool log_allowed(struct log_limit *limit)
{
	(void)limit;
	return false;
}

void log_line(const char *format, ...)
{
	(void)format;
}
