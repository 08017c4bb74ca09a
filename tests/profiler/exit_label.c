/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an exit was, in words; see exit_label.h. */
#include "tests/profiler/exit_label.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	EXIT_EXCEPTION = 0x40,
	EXIT_INTR = 0x60,
	EXIT_VINTR = 0x64,
	EXIT_IOIO = 0x7b,
	EXIT_MSR = 0x7c,
	EXIT_VMMCALL = 0x81,
	EXIT_NPF = 0x400,
	EXIT_INVALID = 0xffffffff,
};

#define INTERRUPTED_VALID UINT64_C(0x80000000)
#define INTERRUPTED_TYPE  UINT64_C(0x700)
#define FAULT_WRITE       2u
#define FAULT_FETCH       16u

static const char *const names[] = {
	[0x14] = "write cr4", [0x18] = "write cr8", [0x60] = "interrupt",
	[0x61] = "nmi",       [0x62] = "smi",       [0x63] = "init",
	[0x64] = "window",    [0x6e] = "rdtsc",     [0x6f] = "rdpmc",
	[0x72] = "cpuid",     [0x73] = "rsm",       [0x74] = "iret",
	[0x76] = "invd",      [0x77] = "pause",     [0x78] = "hlt",
	[0x79] = "invlpg",    [0x7a] = "invlpga",   [0x7d] = "task switch",
	[0x7f] = "shutdown",  [0x80] = "vmrun",     [0x87] = "rdtscp",
	[0x89] = "wbinvd",    [0x8a] = "monitor",   [0x8b] = "mwait",
	[0x8d] = "xsetbv",
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

/*
 * An interrupt comes between instructions, and so does what its delivery runs into; everything else is
 * the doing of an instruction that is not finished.
 */
bool exit_carried_out(const struct exit_facts *facts)
{
	uint32_t code = (uint32_t)facts->code;

	if (code >= EXIT_INTR && code <= EXIT_VINTR)
		return true;
	return (facts->interrupted & INTERRUPTED_VALID) &&
	       !(facts->interrupted & INTERRUPTED_TYPE);
}

static void describe(char *text, size_t size, const struct exit_facts *facts,
                     uint64_t rcx)
{
	uint32_t code = (uint32_t)facts->code;

	if (code == EXIT_MSR)
		snprintf(text, size, "%s %" PRIx32, facts->info_1 ? "wrmsr" : "rdmsr",
		         (uint32_t)rcx);
	else if (code == EXIT_VMMCALL)
		snprintf(text, size, "call %04" PRIx64, rcx & 0xffff);
	else if (code == EXIT_IOIO)
		snprintf(text, size, "%s %" PRIx64, facts->info_1 & 1 ? "in" : "out",
		         facts->info_1 >> 16 & 0xffff);
	else if (code == EXIT_NPF)
		snprintf(text, size, "fault %c %" PRIx64,
		         facts->info_1 & FAULT_FETCH ? 'x' :
		         facts->info_1 & FAULT_WRITE ? 'w' :
		                                       'r',
		         facts->info_2 >> 12 << 12);
	else if (code >= EXIT_EXCEPTION && code < EXIT_EXCEPTION + 32)
		snprintf(text, size, "exception %" PRIu32, code - EXIT_EXCEPTION);
	else if (code == EXIT_INVALID)
		snprintf(text, size, "refused");
	else if (code < NAMES && names[code])
		snprintf(text, size, "%s", names[code]);
	else
		snprintf(text, size, "exit %" PRIx32, code);
}

void exit_label(char *text, size_t size, unsigned int partition,
                const struct exit_facts *facts, uint64_t rcx)
{
	char what[32];

	describe(what, sizeof(what), facts, rcx);
	if (partition == 0)
		snprintf(text, size, "root %s", what);
	else
		snprintf(text, size, "child%u %s", partition, what);
}
