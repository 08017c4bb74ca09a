/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel asks of a processor's virtualization extension. Each vendor's folder fills one
 * struct virt_ops; the boot chooses one. Registers that most exits touch (general purpose, RIP,
 * RFLAGS) live in struct vp_arch and are moved at each entry and exit; the others are reached by
 * name.
 */
#ifndef VIRIDIS_ARCH_VIRT_H
#define VIRIDIS_ARCH_VIRT_H

#include <viridis/abi/hv_register.h>
#include <viridis/abi/hv_status.h>

struct npt_format;
struct vp;

enum gpr {
	GPR_RAX,
	GPR_RCX,
	GPR_RDX,
	GPR_RBX,
	GPR_RSP,
	GPR_RSI = 6,
	GPR_RDI,
	GPR_COUNT = 16
};

/* The offsets of gpr[] are known to svm/run.S. */
struct vp_arch {
	uint64_t gpr[GPR_COUNT];
	uint64_t rip, next_rip; /* next: past the instruction that exited */
	uint64_t rflags;
	bool interrupt_shadow; /* of STI or MOV to SS, over the next instruction */
	/* At the last exit: the task priority, and whether vp->presented has not been taken. */
	uint8_t cr8;
	bool vector_pending;
	void *control; /* the vendor's control block: one page */
	uint64_t control_hpa;
	void *extended_state; /* XSAVE area: one page */
	uint64_t xcr0;
	bool lme_withheld, mce_withheld; /* svm/registers.c */
	uint64_t dr[4];                  /* DR0-3; DR6 and DR7 are in the control block */
	uint64_t tsc_aux, spec_ctrl;
	/* The TLB tag (ASID) in the control block holds for this CPU and generation alone. */
	unsigned int tag_cpu;
	uint64_t tag_generation;
};

/* A port that the guest reads or writes. */
struct exit_port {
	uint16_t port;
	uint8_t bytes;
	bool in, string, rep;
};

/* An access that the nested tables do not allow. */
struct exit_fault {
	uint64_t gpa;
	bool present, write, fetch, table_walk;
};

/* An event to inject at the next entry. Types as in the pending interruption register. */
enum event_type {
	EVENT_EXTERNAL = 0,
	EVENT_NMI = 2,
	EVENT_EXCEPTION = 3,
	EVENT_SOFTWARE = 4
};

struct vp_event {
	bool valid;
	enum event_type type;
	uint8_t vector;
	bool has_error;
	uint32_t error;
};

/*
 * Context of every call: a VP no CPU is running, or on the CPU that owns it; interrupts off.
 */
struct virt_ops {
	const char *name;
	const struct npt_format *npt_format;
	/* Why this processor cannot run guests so, in plain words; NULL: it can. CPUID and MSR reads only. */
	const char *(*reject_reason)(void);
	void (*global_init)(void); /* once, before any cpu_on */
	void (*cpu_on)(void);
	/* Boot: the root's accesses to these ports exit; a child's always do. */
	void (*intercept_root_ports)(uint16_t first, unsigned int count);
	/* Boot: the root reads these MSRs, first to last, as they are. */
	void (*permit_root_reads)(uint32_t first, uint32_t last);
	/* The control block and XSAVE pages are set in vp->arch; zeroed. A vp_reset follows. */
	void (*vp_init)(struct vp *vp);
	void (*vp_reset)(struct vp *vp); /* registers as after INIT. SDM3 table 10-1 */
	/*
	 * Before the entries to come: the guest is to get vp->reinject at once, and vp->presented as soon as
	 * RFLAGS.IF and the shadow allow. `flush`: what is cached of the VP's translations is stale.
	 */
	void (*load_events)(struct vp *vp, bool flush);
	/*
	 * Enters the guest and returns at its exit, interrupts off. A physical interrupt ends the
	 * guest's run and stays pending. What the exit interrupted in delivery is in vp->reinject
	 * then, to go in again.
	 */
	void (*run)(struct vp *vp);
	/* The VP leaves this CPU, where nothing of it stays: context_save(), and what is the vendor's own. */
	void (*leave)(struct vp *vp);
	/*
	 * Tells the kernel what the exit was: kernel/run/exit.h. True: of a kind that touches the VP's general
	 * registers alone, unless it says so (vp->quiet, vp->reinject, wait_epoch, atomics).
	 */
	bool (*handle_exit)(struct vp *vp);
	bool (*write_cr4)(struct vp *vp, uint64_t value); /* false: #GP */
	/* Control, debug, segment and table registers, EFER, PAT and the MSRs of SYSCALL and SYSENTER, by name. */
	union hv_register_value (*get_register)(const struct vp *vp, uint32_t name);
	void (*set_register)(struct vp *vp, uint32_t name,
	                     const union hv_register_value *value);
};

extern const struct virt_ops *virt;
extern const struct virt_ops svm_ops;

static inline union hv_register_value vp_register(const struct vp *vp, uint32_t name)
{
	return virt->get_register(vp, name);
}

/* APM2 4.9.1 */
static inline unsigned int vp_cpl(const struct vp *vp)
{
	return vp_register(vp, HV_X64_REGISTER_SS).segment.attributes >> 5 & 3;
}

#endif
