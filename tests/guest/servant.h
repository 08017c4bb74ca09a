/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child that does one thing at a time for its parent: the parent sets the VP's registers and lets it go, the VP
 * does it and says so, or the interrupt or exception that came instead. Shared by servant.c and
 * servant_code.S. Addresses are the child's; GVA = GPA for the first GiB.
 */
#ifndef VSC_TINY_SERVANT_H
#define VSC_TINY_SERVANT_H

#define SERVANT_PAGES     64
#define SERVANT_TABLES    0x1000 /* three pages: PML4, PDPT, PD */
#define SERVANT_IDT       0x5000
#define SERVANT_GDT       0x6000
#define SERVANT_STACKS    0x8000 /* downwards, one for each VP */
#define SERVANT_CODE      0x10000
#define SERVANT_STARTUP   0x18000 /* real-mode code, for a SIPI */
#define SERVANT_SIMP      0x20000
#define SERVANT_SIEFP     0x21000
#define SERVANT_HYPERCALL 0x22000
#define SERVANT_BLOCK     0x23000 /* of the hypercalls it makes */
#define SERVANT_COUNTER   0x24000
#define SERVANT_SCRATCH   0x28000 /* up to its end: its parent's, to try things on */
#define SERVANT_HOLE      0x600000

#define SERVANT_SAYS    0x80 /* a port: done, and what came of it in RAX */
#define SERVANT_WAS_CUT 0x81 /* a port: a vector came, which is in RAX */
#define SERVANT_STARTED 0x56
#define SERVANT_WAKE    0xf1 /* a vector that ends its HLT and nothing else */
#define SERVANT_PAUSE \
	2500000 /* turns of a loop before each signal: who sleeps so long is run at once */
#define SERVANT_STUB_BYTES 16 /* of each vector's handler */

#define SERVANT_CODE64 0x10 /* selectors */
#define SERVANT_DATA   0x18

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/abi/hv_synic.h>

#define SERVANT_VPS     2u
#define SERVANT_DEPOSIT 96u

struct servant {
	uint64_t id;
	unsigned int vps;
	uint8_t *memory; /* SERVANT_PAGES in a row, its GPA 0 first */
	const volatile struct hv_message *intercept[SERVANT_VPS];
};

enum servant_task {
	SERVANT_RDMSR,   /* RCX -> RAX, all 64 bits */
	SERVANT_WRMSR,   /* RCX, RAX */
	SERVANT_CPUID,   /* RAX, RCX -> RAX, the others in their registers */
	SERVANT_LOAD,    /* of the 8 bytes at RCX -> RAX */
	SERVANT_STORE,   /* of RAX to the 8 bytes at RCX */
	SERVANT_VMMCALL, /* RCX, RDX -> RAX */
	SERVANT_SIGNAL, /* the same, RAX times, each with a mark for the profiler, then HLT */
	SERVANT_HALT,  /* takes interrupts; says nothing */
	SERVANT_COUNT, /* up, at SERVANT_COUNTER; says nothing */
};

enum servant_end {
	SERVANT_DONE,   /* value: what it said */
	SERVANT_CUT,    /* value: the vector */
	SERVANT_OTHER,  /* value: the type of the intercept's message */
	SERVANT_SILENT, /* nothing came */
};

struct servant_answer {
	enum servant_end end;
	uint64_t value;
};

/* With `privileges`, or (0) those every child is given. False: a step failed, and a note says which. */
bool servant_make(struct servant *servant, uint64_t privileges, unsigned int vps);

/* Gone, and every page that it had is back and wiped? */
bool servant_end(struct servant *servant);

/* Where we see an address of its memory. */
void *servant_memory(const struct servant *servant, uint64_t gpa);

/* Lets a VP go; what it comes to, within `ms`. The VP is stopped then, but for SERVANT_SILENT. */
bool servant_start(const struct servant *servant, unsigned int vp, enum servant_task task,
                   uint64_t rax, uint64_t rcx, uint64_t rdx);
struct servant_answer servant_wait(const struct servant *servant, unsigned int vp,
                                   uint64_t ms);

/* Both, of VP 0. */
struct servant_answer servant_do(const struct servant *servant, enum servant_task task,
                                 uint64_t rax, uint64_t rcx, uint64_t rdx);

/* Lets a VP go where it stands. */
bool servant_resume(const struct servant *servant, unsigned int vp);

/* Stops it wherever it is. */
bool servant_stop(const struct servant *servant, unsigned int vp);

/* Does VP 0 see `value` in the 8 bytes at `gva`? */
bool servant_sees(const struct servant *servant, uint64_t gva, uint64_t value);

/* Has VP 0 said `value` to the task? */
bool servant_says(const struct servant *servant, enum servant_task task, uint64_t rax,
                  uint64_t rcx, uint64_t value);

#endif
#endif
