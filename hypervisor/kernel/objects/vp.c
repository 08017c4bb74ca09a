/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual processors: life, suspension, events, timers. Invariants VP-1 to VP-4: vp.h */
#include "hypervisor/kernel/objects/vp.h"
#include <viridis/base/mem.h>
#include "hypervisor/arch/x86/context.h"
#include "hypervisor/arch/x86/paging.h"
#include "hypervisor/arch/x86/smp.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/core/tsc_skew.h"
#include "hypervisor/kernel/objects/partition.h"
#include "hypervisor/kernel/objects/sched.h"
#include "hypervisor/kernel/objects/timer_queue.h"

/* The virtual APIC timer counts once every so many TSC ticks. */
#define APIC_CLOCK_PER_TICK 16

static void assign_pages(struct vp *vp)
{
	vp->arch.control = vp->pages[VP_PAGE_CONTROL];
	vp->arch.control_hpa = frame_map_hpa(vp->arch.control);
	vp->arch.extended_state = vp->pages[VP_PAGE_EXTENDED_STATE];
	vp->intercept_page = vp->pages[VP_PAGE_INTERCEPT];
	vp->register_page = vp->pages[VP_PAGE_REGISTERS];
	memcpy(vp->cpuid, &vp->pages[VP_PAGE_CPUID], sizeof(vp->cpuid));
	for (unsigned int i = 0; i < VP_OVERLAYS; i++)
		vp->overlays[i].page = vp->pages[VP_PAGE_OVERLAYS + i];
}

struct vp *vp_create(struct partition *partition, uint32_t index, struct pool *pool)
{
	unsigned int count = partition->is_root ? VP_PAGES_ROOT : VP_PAGES;
	void *pages[VP_PAGES];
	struct vp *vp;

	if (!pool_allocate_all(pool, pages, count))
		return NULL;
	vp = pages[VP_PAGE_SELF];
	memcpy(vp->pages, pages, sizeof(pages[0]) * count);
	vp->page_count = count;
	assign_pages(vp);
	vp->partition = partition;
	vp->index = index;
	vp->bound = partition->is_root ? cpus[index] : NULL;
	list_init(&vp->timer_node);
	vp->timer_deadline = TIMER_NEVER;
	vp->suspend = SUSPEND_EXPLICIT;
	message_inbox_init(&vp->messages);
	message_source_init(&vp->intercept_source, HV_SINT_INTERCEPT,
	                    &vp->intercept_message, 1);
	vp->lapic.config = (struct vlapic_config){
		.apic_id = vp->bound ? vp->bound->apic_id : index,
		.clock_per_tick = APIC_CLOCK_PER_TICK,
		.bootstrap = index == 0,
		.level_as_edge = partition->level_as_edge,
	};
	virt->vp_init(vp);
	vp_reset(vp);
	if (index != 0 || partition->is_root)
		vp->suspend |= SUSPEND_STARTUP;
	sched_add(vp, partition->weight);
	return vp;
}

void *vp_take_spare_page_locked(struct vp *vp)
{
	return vp->page_count > VP_PAGES_FIXED ? vp->pages[--vp->page_count] : NULL;
}

uint64_t vp_show_page(struct vp *vp, uint32_t type, bool shown)
{
	uint64_t hpa = frame_map_hpa(type == HV_VP_STATE_PAGE_REGISTERS ?
	                                     (void *)vp->register_page :
	                                     vp->intercept_page);

	partition_map_root(hpa, NPT_LEVEL_4K, shown ? NPT_READ | NPT_WRITE : 0);
	vp->page_shown[type] = shown;
	return hpa;
}

void vp_free(struct vp *vp, struct pool *pool)
{
	ASSERT(vp->sched_state == VP_BLOCKED && !vp->running_on);
	message_source_withdraw(&vp->intercept_source);
	timer_queue_set(vp, TIMER_NEVER);
	vp_show_page(vp, HV_VP_STATE_PAGE_REGISTERS, false);
	vp_show_page(vp, HV_VP_STATE_PAGE_INTERCEPT_MESSAGE, false);
	message_inbox_close(&vp->messages);
	pool_free_all(pool, vp->pages, vp->page_count);
}

void vp_reset_registers(struct vp *vp)
{
	virt->vp_reset(vp);
	vp->entry.event.valid = false;
	vp->entry.vector = VLAPIC_NO_VECTOR;
	vp->nmi_pending = 0;
	vp->arch.nmi_blocked = vp->arch.nmi_returning = false;
	vp->halted = false;
	vp->extint = 0;
	vp->interrupt_notify = false;
}

void vp_reset(struct vp *vp)
{
	vlapic_reset(&vp->lapic);
	synic_reset(&vp->synic);
	stimers_reset(&vp->stimers);
	context_reset(vp);
	vp_reset_registers(vp);
	vp->assisted = 0;
	vp->tsc_adjust = 0;
}

/* VP-3: the bit comes before the look at running_on and the kick. */
static void raise_event(struct vp *vp, uint32_t event, enum sched_wake how)
{
	uint32_t before = __atomic_fetch_or(&vp->events, event, __ATOMIC_SEQ_CST);
	struct cpu *cpu;

	if (event & before & EVENTS_NMI)
		__atomic_fetch_or(&vp->events, EVENTS_NMI_MORE, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) & SUSPEND_HALT) {
		vp_resume_on(vp, SUSPEND_HALT, how);
		return;
	}
	cpu = __atomic_load_n(&vp->running_on, __ATOMIC_SEQ_CST);
	if (before == 0 && cpu && cpu != this_cpu()) {
		smp_kick(cpu);
	} else if (!cpu && vp->bound) {
		sched_recall(vp, how);
	}
}

void vp_raise(struct vp *vp, uint32_t event)
{
	raise_event(vp, event, SCHED_WAKE);
}

/* For its owner to take. */
static __attribute__((noinline)) void leave_interrupt(struct vp *vp, uint8_t vector,
                                                      bool level, enum sched_wake how)
{
	uint64_t *levels = &vp->posted_level[vector / 64], bit = BIT64(vector % 64);

	if (level)
		__atomic_fetch_or(levels, bit, __ATOMIC_RELAXED);
	else if (__atomic_load_n(levels, __ATOMIC_RELAXED) & bit)
		__atomic_fetch_and(levels, ~bit, __ATOMIC_RELAXED);
	/* Release: whoever takes the vector sees its trigger mode. */
	__atomic_fetch_or(&vp->posted[vector / 64], bit, __ATOMIC_RELEASE);
	raise_event(vp, EVENTS_INTERRUPT(vector / 64), how);
}

void vp_post_interrupt(struct vp *vp, uint8_t vector, bool level, enum sched_wake how)
{
	struct cpu *cpu = this_cpu();
	bool runs_here = __atomic_load_n(&vp->running_on, __ATOMIC_RELAXED) == cpu;

	/* It runs here or can nowhere else (VP-1). What its APIC does not accept is lost. */
	if (level || (!runs_here && vp->bound != cpu)) {
		leave_interrupt(vp, vector, level, how);
		return;
	}
	(void)vlapic_accept(&vp->lapic, vector, false);
	/* The bit is set here alone. */
	if (__atomic_load_n(&vp->suspend, __ATOMIC_RELAXED) & SUSPEND_HALT)
		vp_resume_on(vp, SUSPEND_HALT, how);
	else if (runs_here)
		cpu->vp_waits = true;
	else
		raise_event(vp, 0, how);
}

void vp_await_epoch(struct vp *vp)
{
	vp->wait_epoch = epoch_advance();
	this_cpu()->vp_waits = true;
}

void vp_resume_on(struct vp *vp, uint32_t suspend_bits, enum sched_wake how)
{
	if (__atomic_and_fetch(&vp->suspend, ~suspend_bits, __ATOMIC_SEQ_CST) == 0)
		sched_wake(vp, how);
}

void vp_resume(struct vp *vp, uint32_t suspend_bits)
{
	vp_resume_on(vp, suspend_bits, SCHED_WAKE);
}

void vp_suspend(struct vp *vp, uint32_t suspend_bits)
{
	__atomic_fetch_or(&vp->suspend, suspend_bits, __ATOMIC_SEQ_CST);
	sched_stop(vp);
	vp_raise(vp, EVENTS_STOP);
}

bool vp_is_stopped(const struct vp *vp)
{
	return __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) != 0 &&
	       sched_is_blocked(vp);
}

bool vp_claim(struct vp *vp)
{
	if (__atomic_fetch_or(&vp->suspend, SUSPEND_CLAIMED, __ATOMIC_SEQ_CST) &
	    SUSPEND_CLAIMED)
		return false;
	if (vp_is_stopped(vp))
		return true;
	vp_resume(vp, SUSPEND_CLAIMED);
	vp_raise(vp, EVENTS_STOP);
	return false;
}

/* INIT is carried out when the VP next runs, which is after SIPI. */
void vp_post_init(struct vp *vp)
{
	__atomic_fetch_or(&vp->suspend, SUSPEND_STARTUP, __ATOMIC_SEQ_CST);
	vp_raise(vp, EVENTS_INIT);
}

/* SIPI counts only while the VP waits for it. */
void vp_post_startup(struct vp *vp, uint8_t vector)
{
	if (!(__atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) & SUSPEND_STARTUP))
		return;
	vp->startup_vector = vector;
	vp_raise(vp, EVENTS_STARTUP);
	vp_resume(vp, SUSPEND_STARTUP);
}

/* Where an event still waits, its delivery raised this exception. APM2 8.2.9 */
void vp_exception(struct vp *vp, uint8_t vector)
{
	const struct vp_event *event = &vp->entry.event;
	uint32_t first =
		event->valid && event->type == EVENT_EXCEPTION ? BIT32(event->vector) : 0;
	bool faulted = first & (EXCEPTIONS_CONTRIBUTORY | BIT32(EXCEPTION_PF));
	bool faults = BIT32(vector) & (EXCEPTIONS_CONTRIBUTORY | BIT32(EXCEPTION_PF));

	if (faults && (first & BIT32(EXCEPTION_DF))) {
		vp->entry.event.valid = false;
		vp_raise(vp, EVENTS_SHUTDOWN);
		return;
	}
	if (faulted && faults && (vector != EXCEPTION_PF || first & BIT32(EXCEPTION_PF)))
		vector = EXCEPTION_DF;
	vp->entry.event = (struct vp_event){
		.valid = true,
		.type = EVENT_EXCEPTION,
		.vector = vector,
		.has_error = BIT32(vector) & EXCEPTIONS_WITH_ERROR,
	};
	stat_count(vp->stats, VIRIDIS_VP_STAT_EXCEPTIONS_INJECTED);
}

/* An instruction that was carried out for the guest is a single step too. APM2 13.1.3 */
void vp_advance(struct vp *vp)
{
	union hv_register_value dr6;

	vp->arch.rip += vp->arch.exit.length;
	vp->arch.rflags &= ~RFLAGS_RF;
	vp->arch.interrupt_shadow = false;
	if (!(vp->arch.rflags & RFLAGS_TF))
		return;
	dr6.reg64 = vp_register(vp, HV_X64_REGISTER_DR6).reg64 | DR6_BS;
	virt->set_register(vp, HV_X64_REGISTER_DR6, &dr6);
	vp_exception(vp, EXCEPTION_DB);
}

/* The page by which guests count the reference time is right for VPs that agree. TLFS 12.7 */
void vp_adjust_tsc(struct vp *vp, uint64_t adjust)
{
	struct hv_reference_tsc_page *page = vp->partition->tsc_overlay.page;

	vp->tsc_adjust = adjust;
	if (adjust != 0)
		__atomic_store_n(&page->sequence, 0, __ATOMIC_RELEASE);
}

/* Rounded up: never before the reference time has reached the expiration. No machine lives 2^62 ticks. */
static uint64_t synthetic_deadline(const struct vp *vp)
{
	uint64_t units = stimers_deadline(&vp->stimers);
	uint64_t ticks = units == STIMER_NEVER ? TIMER_NEVER : tsc_from_100ns(units);

	return ticks >= BIT64(62) ? TIMER_NEVER : vp->partition->tsc_origin + ticks + 1;
}

/* The earlier of the APIC's timer and the synthetic ones, in this CPU's TSC. */
void vp_update_deadline(struct vp *vp)
{
	uint64_t deadline = synthetic_deadline(vp), apic;

	if (vlapic_timer_deadline(&vp->lapic, &apic) && apic < deadline)
		deadline = apic;
	if (deadline != TIMER_NEVER)
		deadline = tsc_from_first(deadline - partition_tsc_offset(vp->partition),
		                          this_cpu()->tsc_skew);
	timer_queue_set(vp, deadline);
}
