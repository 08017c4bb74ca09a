/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger of a phase: how many instructions each context executed in each block of code.
 *
 * A block is what QEMU translates at once: a straight run of instructions that starts at one address. A context
 * says on whose account they went, and why: its party, and a label (the task in the root, the
 * exit that the hypervisor deals with). Only the thread that runs the CPUs may call these.
 */
#ifndef TESTS_PROFILER_LEDGER_H
#define TESTS_PROFILER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

enum { LEDGER_LABEL_BYTES = 48 };

enum ledger_party {
	LEDGER_MACHINE, /* firmware and boot loader, before the first VMRUN */
	LEDGER_HYPERVISOR,
	LEDGER_ROOT,
	LEDGER_CHILD,
};

struct ledger_context {
	struct ledger_context *next;
	enum ledger_party party;
	unsigned int partition; /* of a child: 1 the first that was seen */
	char label[LEDGER_LABEL_BYTES];
	uint64_t count; /* of what the label names: exits, switches to the task */
};

struct ledger_cell;

struct ledger_block {
	uint64_t address;
	struct ledger_cell *cells; /* those of this phase */
	unsigned int length;       /* instructions */
	uint16_t offset[];         /* of each, and of what follows the last */
};

struct ledger_block *ledger_block_new(uint64_t address, unsigned int length);

/* The one of these properties; made when it is new. */
struct ledger_context *ledger_context(enum ledger_party party, unsigned int partition,
                                      const char *label);

/* All is zero again. */
void ledger_clear(void);

/* A run through the block from its start (`entered`) or from further on. */
void ledger_add(struct ledger_block *block, const struct ledger_context *context,
                bool entered, uint64_t instructions);

/* What ledger_add() was given since ledger_clear(). */
uint64_t ledger_total(void);

struct ledger_phase {
	uint64_t number, operations;
	uint64_t idle;       /* ticks for which the CPUs stood in HLT */
	int64_t unexplained; /* ticks of the TSC beyond instructions and HLT */
	uint64_t checked;    /* instructions for which that was compared */
};

/*
 * Appends the phase and the ledger to a file:
 *
 *	phase NUMBER OPERATIONS INSTRUCTIONS IDLE UNEXPLAINED CHECKED
 *	context INDEX PARTY PARTITION COUNT LABEL
 *	cell INDEX ADDRESS LENGTH ENTRIES INSTRUCTIONS
 *	block ADDRESS LENGTH OFFSET...			(of the hypervisor's blocks)
 *	end
 */
bool ledger_write(const char *path, const struct ledger_phase *phase);

/* Appends a line. */
bool ledger_note(const char *path, const char *word, uint64_t value);

#endif
