/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel asks of a processor's virtualization extension. Each vendor's folder fills one
 * struct virt_ops; the boot chooses one. Registers that most exits touch (general purpose, RIP,
 * RFLAGS) live in struct vp_arch while the VP is not in run(); the others are reached by name.
 */
#pragma once

#include <viridis/abi/hv_register.h>
#include <viridis/abi/hv_status.h>

struct vp;

enum gpr {
	GPR_RAX,
	GPR_RCX,
	GPR_RDX,
	GPR_RBX,
	GPR_RSP,
	GPR_RSI = 6,
	GPR_RDI,
	GPR_R8,
	GPR_COUNT = 16
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

/* Types as in the pending interruption register. */
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

/* How the guest is to be entered. */
struct vp_entry {
	struct vp_event event; /* is delivered at once */
	int vector; /* an interrupt for as soon as RFLAGS.IF and the shadow allow, or -1 */
	bool watch_tpr; /* a new task priority is to exit: EXIT_CR8 */
	bool watch_window; /* the moment when an interrupt could be taken is to exit: EXIT_INTERRUPT */
	bool flush; /* what is cached of the VP's translations is stale */
	uint64_t tsc_offset;
};

/* What a guest did. An instruction comes before anything of it has been carried out, but EXIT_SKIP. */
enum exit_kind {
	EXIT_DONE, /* nothing that is still to be done */
	EXIT_CPUID,
	EXIT_RDMSR,
	EXIT_WRMSR,
	EXIT_HYPERCALL, /* from ring 0 of protected mode: is_64bit */
	EXIT_HLT,
	EXIT_XSETBV, /* from ring 0 */
	EXIT_CR8,    /* a new task priority: value */
	EXIT_SKIP,   /* it has no effect here, or the vendor has done it */
	EXIT_WATCH,  /* the vendor's own; the guest goes on with the same instruction */
	EXIT_IO,     /* port */
	EXIT_FAULT,  /* fault */
	EXIT_EXCEPTION, /* it raised one, or is to get it instead of the instruction: vector */
	EXIT_INTERRUPT, /* a physical one, still pending, or an NMI */
	EXIT_TRIPLE_FAULT,
	EXIT_INVALID_STATE, /* the processor refused to enter it */
	EXIT_UNKNOWN
};

struct vp_exit {
	enum exit_kind kind;
	uint8_t stat;          /* enum viridis_vp_stat */
	uint32_t code;         /* the vendor's number: for the log and the trace */
	uint32_t length;       /* of the instruction */
	struct vp_event event; /* whose delivery the exit interrupted: to go in again */
	bool vector_taken;     /* the entry's vector was delivered */
	uint8_t cr8;           /* the task priority now */
	union {
		struct exit_port port;
		struct exit_fault fault;
		uint64_t value;
		uint8_t vector;
		bool is_64bit; /* code of 64 bits */
	};
};

/* The offsets of the first two are known to a vendor's assembler. */
struct vp_arch {
	uint64_t gpr[GPR_COUNT];
	uint64_t guest_ticks; /* of the TSC, in the guest; the kernel takes them after run() */
	uint64_t rip;
	uint64_t rflags;
	bool interrupt_shadow; /* of STI or MOV to SS, over the next instruction */
	/* An NMI is in service; and its IRET has begun, whose end shows at the next exit only. */
	bool nmi_blocked, nmi_returning;
	struct vp_exit exit; /* the last one */
	void *control;       /* the vendor's control block: one page */
	uint64_t control_hpa;
	void *extended_state; /* XSAVE area: one page */
	uint64_t xcr0;
	uint64_t dr[4]; /* DR0-3; DR6 and DR7 are in the control block */
	uint64_t tsc_aux, spec_ctrl;

	/* The vendor's: where that IRET is; bits that the guest has written and the processor has not. */
	uint64_t iret_rip, iret_rsp;
	bool lme_withheld, mce_withheld;
	/* The TLB tag in the control block holds for this CPU and generation alone. */
	unsigned int tag_cpu;
	uint64_t tag_generation;
};

enum { VP_STATE_CS = 1, VP_STATE_SS }; /* in its segments */

/* What every intercept tells of a VP beside struct vp_arch, at once: by name each would be looked up. */
struct vp_state {
	struct hv_x64_segment_register segment[6]; /* ES CS SS DS FS GS */
	uint64_t cr0, cr3, cr4, efer, dr7;
};

/* MSRs, first to last, that describe the machine. A list of them ends with one without rights. */
struct msr_range {
	uint32_t first, last, rights;
	uint64_t value; /* of MSR_TOLD */
};
#define MSR_OF_ROOT BIT32(0) /* the root reads the machine's, without an exit */
#define MSR_TOLD    BIT32(1) /* who does not read the machine's reads the value */
#define MSR_IGNORED BIT32(2) /* written to no effect: every Linux does so */

/*
 * Context of every call: a VP no CPU is running, or on the CPU that owns it; interrupts off.
 */
struct virt_ops {
	const char *name;
	const struct npt_format *npt_format;
	uint32_t processor_vendor; /* HV_PROPERTY_PROCESSOR_VENDOR */
	/* Of the machine, by an allow-list: kernel/guest/msr.c */
	const struct msr_range *msrs;
	uint8_t hypercall[3]; /* the instruction that exits as EXIT_HYPERCALL */
	uint32_t init_exceptions; /* what an INIT of a device's becomes outside of guests: a bit a vector */
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
	 * Enters the guest as `entry` says, until an exit of which vp->arch.exit then tells. Those
	 * that can be carried out at once need not end it: kernel/run/exit.h. A physical interrupt ends it, and stays
	 * pending.
	 */
	void (*run)(struct vp *vp, const struct vp_entry *entry);
	/* The VP leaves this CPU, where nothing of it stays: context_save(), and what is the vendor's own. */
	void (*leave)(struct vp *vp);
	/* Control, debug, segment and table registers, EFER, PAT and the MSRs of SYSCALL and SYSENTER, by name. */
	union hv_register_value (*get_register)(const struct vp *vp, uint32_t name);
	void (*set_register)(struct vp *vp, uint32_t name,
	                     const union hv_register_value *value);
	/* The same values as get_register()'s. */
	void (*get_state)(const struct vp *vp, struct vp_state *state);
};

extern const struct virt_ops *virt;
extern const struct virt_ops svm_ops;

static inline union hv_register_value vp_register(const struct vp *vp, uint32_t name)
{
	return virt->get_register(vp, name);
}
