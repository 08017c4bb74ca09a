/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual processors.
 *
 * VP-1 A VP runs, and its owner-only fields change, on one CPU at a time: the one that scheduled it,
 *      or, while it is stopped, the one whose hypercall of the parent has claimed it.
 * VP-2 A VP may run while vp->suspend is 0. Who clears the last bit wakes it; who finds a bit set
 *      after a run takes it off its CPU, and looks again under the scheduler's lock.
 * VP-3 vp->events says that its CPU must look at it before the next entry. A bit is set before the kick;
 *      the owner clears all of them with interrupts off, so that a later kick ends the coming run at once.
 * VP-4 Everything a VP can ever need is allocated when it is created.
 */
#pragma once

#include <viridis/abi/viridis_intercept.h>
#include "hypervisor/arch/x86/virt.h"
#include "hypervisor/core/grace.h"
#include "hypervisor/core/run_queue.h"
#include "hypervisor/core/stimer.h"
#include "hypervisor/core/synic.h"
#include "hypervisor/core/vlapic.h"
#include "hypervisor/kernel/objects/message_source.h"

struct pool;

/* vp->suspend: reasons not to run */
#define SUSPEND_EXPLICIT  BIT32(0) /* by the parent */
#define SUSPEND_INTERCEPT BIT32(1) /* an intercept waits for the parent's answer */
#define SUSPEND_STARTUP   BIT32(2) /* waits for SIPI */
#define SUSPEND_HALT      BIT32(3) /* halted, and nothing for the owner to look at */
#define SUSPEND_PARTITION BIT32(4) /* the partition is not active, or frozen */
#define SUSPEND_CLAIMED   BIT32(5) /* a hypercall has it to itself: vp_claim() */

/* vp->events: things for the owner to look at */
#define EVENTS_SHUTDOWN BIT32(0) /* it has triple-faulted, or reset itself */
#define EVENTS_TIMER    BIT32(1) /* its deadline has come */
#define EVENTS_NMI      BIT32(2)
#define EVENTS_INIT     BIT32(3)
#define EVENTS_STARTUP  BIT32(4) /* startup_vector */
#define EVENTS_STOP     BIT32(5) /* look at suspend */
#define EVENTS_NMI_MORE BIT32(6) /* another, while one was on its way */
/* posted_extint, and posted[word] */
#define EVENTS_INTERRUPT(word) BIT32(EVENTS_INTERRUPT_SHIFT + (word))
#define EVENTS_INTERRUPT_SHIFT 7

/* vp->extint: there is one */
#define VP_EXTINT 0x100u

/* Pages mapped over the guest's own memory while a register enables them. D11 */
enum overlay { OVERLAY_ASSIST, OVERLAY_SIMP, OVERLAY_SIEFP, VP_OVERLAYS };

struct overlay_page {
	void *page;
	uint64_t gpa; /* where it shows, while shown */
	bool shown;
	/* The leaf that was there; flags 0: none. */
	uint64_t hidden_hpa;
	uint32_t hidden_flags;
};

/* Why a VP may run, or has something to look at: sched.h */
enum sched_wake {
	SCHED_WAKE,
	SCHED_LEND, /* the root's VP on this CPU asks, and only waits for this one */
	SCHED_SIGNAL, /* an event flag was raised: the sender may go on for its grace, core/grace.h */
};

enum vp_sched_state { VP_BLOCKED, VP_QUEUED, VP_RUNNING };

/*
 * What the parent has registered of CPUID, for all VPs or for one, which has as many as the models of VMMs have leaves.
 * The count is that of all pages, in the first.
 */
#define CPUID_PER_PAGE 63u
#define CPUID_PAGES    3u
struct cpuid_results {
	uint32_t count, reserved;
	struct hv_input_register_intercept_result result[CPUID_PER_PAGE];
};
_Static_assert(sizeof(struct cpuid_results) <= 4096, "a page");

static inline struct hv_input_register_intercept_result *
cpuid_result(struct cpuid_results *const *pages, uint32_t number)
{
	return &pages[number / CPUID_PER_PAGE]->result[number % CPUID_PER_PAGE];
}

/* The pages that a VP takes from the pool. The last ones become page tables when its overlays need such. */
enum vp_page {
	VP_PAGE_SELF,
	VP_PAGE_CONTROL,
	VP_PAGE_EXTENDED_STATE,
	VP_PAGE_INTERCEPT,
	VP_PAGE_REGISTERS,
	VP_PAGE_OVERLAYS,
	VP_PAGES_ROOT = VP_PAGE_OVERLAYS + VP_OVERLAYS, /* a root's VP has these */
	VP_PAGE_CPUID = VP_PAGES_ROOT,
	VP_PAGES_FIXED = VP_PAGE_CPUID + CPUID_PAGES,
	VP_PAGES = VP_PAGES_FIXED + 8
};

#define CPUID_ANSWERS 8

struct vp {
	/* owner only, VP-1; a vendor's assembler knows its place */
	struct vp_arch arch;

	/* constant after creation */
	struct partition *partition;
	uint32_t index;
	struct cpu *bound; /* a root's VP: the CPU it lives on */
	struct viridis_intercept_page *intercept_page;
	struct hv_register_page *register_page;
	struct cpuid_results *cpuid[CPUID_PAGES]; /* a child's: of this VP alone */

	/* owner only, VP-1 */
	struct vlapic lapic;
	struct synic synic;
	struct stimers stimers;
	struct overlay_page overlays[VP_OVERLAYS];
	uint64_t assist_msr;
	uint64_t tsc_adjust; /* what it has set its TSC ahead of the partition's */
	uint64_t crash[5];
	struct vp_state state; /* as get_state() told it last */
	uint64_t mtrr_def_type, mtrr_base[16], mtrr_mask[16], mtrr_fixed[11];
	struct vp_entry entry; /* the next one; its event may have been interrupted */
	uint64_t turn;         /* grows whenever what CPUID says of it may have changed */
	struct cpuid_answer {
		uint64_t turn; /* of the VP, when it was given */
		uint32_t leaf, subleaf;
		struct cpuid_regs regs;
	} cpuid_answers[CPUID_ANSWERS];
	bool lone_vector; /* no interrupt waits; or one that is alone: vlapic_is_lone() */
	bool quiet;       /* no event waits but the entry's vector, if it has one */
	bool halted;      /* has executed HLT and got no interrupt since */
	uint8_t assisted; /* the vector for which the "no EOI required" bit is up; 0: none */

	bool page_shown[2]; /* to the root, by enum hv_vp_state_page_type */
	union {
		struct {
			/* Deliverability notifications the parent asked for: of SINTs, and of an interrupt's window. */
			uint16_t sint_notify;
			bool interrupt_notify;
			uint8_t nmi_pending; /* NMIs that wait, at most two */
			uint16_t extint; /* a PIC's that waits, its vector and VP_EXTINT; 0: none */
		};
		uint64_t seldom; /* 0: there is none of this */
	};
	uint8_t startup_vector;
	uint64_t wait_epoch;    /* not entered before this epoch has passed; 0: none */
	bool epoch_hurried;     /* the others were kicked for it */
	bool flushes;           /* it waits for no more than flush_asked of others */
	uint64_t removals_seen; /* what its TLB entries are younger than: npt.h */
	uint64_t stats[VIRIDIS_VP_STAT_COUNT];

	/* partition lock: the first page_count are its own */
	void *pages[VP_PAGES];
	unsigned int page_count;

	/* atomic */
	union {
		struct {
			uint32_t suspend, events;
		};
		uint64_t pending; /* 0: the VP may run, and its owner has nothing to look at */
	};
	uint32_t resumed_by; /* the parent's VP that let it run last */
	uint16_t posted_extint;
	uint64_t posted[VLAPIC_WORDS], posted_level[VLAPIC_WORDS]; /* by other CPUs */
	struct cpu *running_on;                                    /* NULL: on none */
	bool flush_asked; /* another VP's doing: its own translations are stale */

	/* messages lock */
	struct message_inbox messages;
	struct message_source intercept_source;
	struct hv_message intercept_message; /* "look at my intercept page" */

	/* scheduler lock */
	struct run_entity entity;
	struct grace grace;
	enum vp_sched_state sched_state;
	struct cpu *last_cpu;

	/* timers lock of timer_cpu */
	struct list timer_node;
	uint64_t timer_deadline; /* TSC */
	struct cpu *timer_cpu;   /* changed by the owner alone */
};

_Static_assert(sizeof(struct vp) <= 4096, "a VP is one page");

/* NULL: the pool has not enough pages. A root's VP has none for page tables, which are in the reserve. */
struct vp *vp_create(struct partition *partition, uint32_t index, struct pool *pool);

/* A zeroed page for an overlay's page table, or NULL. */
void *vp_take_spare_page_locked(struct vp *vp);

/* Shows the root the register or intercept page, by enum hv_vp_state_page_type, or hides it; its HPA. */
uint64_t vp_show_page(struct vp *vp, uint32_t type, bool shown);

/*
 * Out of every list, out of the root's sight, and its pages back. The VP is claimed for good and no longer in
 * its partition; who has found it before may look at it until the next epoch.
 */
void vp_free(struct vp *vp, struct pool *pool);

/* As at power-up; x86 state, virtual APIC, SynIC, timers. */
void vp_reset(struct vp *vp);
void vp_reset_registers(struct vp *vp); /* and the events that wait, as INIT does */

/* Anyone, any CPU. */
void vp_raise(struct vp *vp, uint32_t event);
void vp_post_interrupt(struct vp *vp, uint8_t vector, bool level, enum sched_wake how);
void vp_post_init(struct vp *vp);
void vp_post_startup(struct vp *vp, uint8_t vector);
void vp_resume(struct vp *vp, uint32_t suspend_bits); /* clears bits; wakes it at 0 */
void vp_resume_on(struct vp *vp, uint32_t suspend_bits, enum sched_wake how);
void vp_suspend(struct vp *vp,
                uint32_t suspend_bits); /* sets bits, kicks; stops by the next epoch */

/* Suspended and off every CPU. */
bool vp_is_stopped(const struct vp *vp);

/*
 * A VP that has stopped, or is to. Whoever has claimed it may touch its owner-only state, then takes the bit
 * away again. False: another has it, or it is still on its way off a CPU: try again.
 */
bool vp_claim(struct vp *vp) MUST_CHECK;

/* The owner: its TSC; the others' and the reference time stay as they are. */
void vp_adjust_tsc(struct vp *vp, uint64_t adjust);

/* The owner: the next timer deadline may have changed. */
void vp_update_deadline(struct vp *vp);

/* The VP that runs here is not entered before every CPU has let go of what is out of reach now. epoch.h */
void vp_await_epoch(struct vp *vp);

/* The owner: raise an exception in the guest at the next entry; its error code, if it has one, is 0. */
void vp_exception(struct vp *vp, uint8_t vector);

/* RIP past the instruction that exited. */
void vp_advance(struct vp *vp);
