/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger of a phase; see ledger.h. */
#include "tests/profiler/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ledger_cell {
	struct ledger_cell *in_block; /* of the same block */
	struct ledger_cell *in_phase; /* of all blocks */
	struct ledger_block *block;
	const struct ledger_context *context;
	uint64_t entries, instructions;
};

static struct ledger_context *contexts;
static struct ledger_cell *cells;
static uint64_t total;

/* A plugin cannot go on without memory, nor can it say so to its caller. */
static void *zeroed(size_t bytes)
{
	void *memory = calloc(1, bytes);

	if (!memory)
		abort();
	return memory;
}

struct ledger_block *ledger_block_new(uint64_t address, unsigned int length)
{
	struct ledger_block *block =
		zeroed(sizeof(*block) + (length + (size_t)1) * sizeof(block->offset[0]));

	block->address = address;
	block->length = length;
	return block;
}

struct ledger_context *ledger_context(enum ledger_party party, unsigned int partition,
                                      const char *label)
{
	struct ledger_context *context;

	for (context = contexts; context; context = context->next)
		if (context->party == party && context->partition == partition &&
		    strcmp(context->label, label) == 0)
			return context;
	context = zeroed(sizeof(*context));
	context->party = party;
	context->partition = partition;
	snprintf(context->label, sizeof(context->label), "%s", label);
	context->next = contexts;
	contexts = context;
	return context;
}

void ledger_clear(void)
{
	while (cells) {
		struct ledger_cell *cell = cells;

		cells = cell->in_phase;
		cell->block->cells = NULL;
		free(cell);
	}
	for (struct ledger_context *context = contexts; context; context = context->next)
		context->count = 0;
	total = 0;
}

static struct ledger_cell *cell_of(struct ledger_block *block,
                                   const struct ledger_context *context)
{
	struct ledger_cell *cell;

	for (cell = block->cells; cell; cell = cell->in_block)
		if (cell->context == context)
			return cell;
	cell = zeroed(sizeof(*cell));
	*cell = (struct ledger_cell){
		.in_block = block->cells,
		.in_phase = cells,
		.block = block,
		.context = context,
	};
	block->cells = cell;
	cells = cell;
	return cell;
}

void ledger_add(struct ledger_block *block, const struct ledger_context *context,
                bool entered, uint64_t instructions)
{
	struct ledger_cell *cell = cell_of(block, context);

	cell->entries += entered;
	cell->instructions += instructions;
	total += instructions;
}

uint64_t ledger_total(void)
{
	return total;
}

static void write_contexts(FILE *file)
{
	static const char *const parties[] = {
		[LEDGER_MACHINE] = "machine",
		[LEDGER_HYPERVISOR] = "hypervisor",
		[LEDGER_ROOT] = "root",
		[LEDGER_CHILD] = "child",
	};
	const struct ledger_context *context = contexts;

	for (unsigned int i = 0; context; context = context->next, i++)
		fprintf(file, "context %u %s %u %" PRIu64 " %s\n", i,
		        parties[context->party], context->partition, context->count,
		        context->label);
}

static unsigned int context_index(const struct ledger_context *wanted)
{
	unsigned int index = 0;

	for (const struct ledger_context *context = contexts; context != wanted;
	     context = context->next)
		index++;
	return index;
}

static void write_cell(FILE *file, const struct ledger_cell *cell)
{
	const struct ledger_block *block = cell->block;

	fprintf(file, "cell %u %#" PRIx64 " %u %" PRIu64 " %" PRIu64 "\n",
	        context_index(cell->context), block->address, block->length,
	        cell->entries, cell->instructions);
	if (cell->context->party != LEDGER_HYPERVISOR)
		return;
	fprintf(file, "block %#" PRIx64 " %u", block->address, block->length);
	for (unsigned int i = 0; i < block->length; i++)
		fprintf(file, " %u", block->offset[i]);
	fprintf(file, "\n");
}

bool ledger_write(const char *path, const struct ledger_phase *phase)
{
	FILE *file = fopen(path, "a");
	bool good;

	if (!file)
		return false;
	fprintf(file,
	        "phase %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64
	        " %" PRIu64 "\n",
	        phase->number, phase->operations, total, phase->idle, phase->unexplained,
	        phase->checked);
	write_contexts(file);
	for (const struct ledger_cell *cell = cells; cell; cell = cell->in_phase)
		write_cell(file, cell);
	fprintf(file, "end\n");
	good = !ferror(file);
	return fclose(file) == 0 && good;
}

bool ledger_note(const char *path, const char *word, uint64_t value)
{
	FILE *file = fopen(path, "a");
	bool good;

	if (!file)
		return false;
	good = fprintf(file, "%s %#" PRIx64 "\n", word, value) > 0;
	return fclose(file) == 0 && good;
}
