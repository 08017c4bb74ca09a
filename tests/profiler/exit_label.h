/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an exit was, in words, from the VMCB. APM2, appendices B and C */
#ifndef TESTS_PROFILER_EXIT_LABEL_H
#define TESTS_PROFILER_EXIT_LABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXIT_FACTS_OFFSET 0x70

/* The VMCB from there on. */
struct exit_facts {
	uint64_t code, info_1, info_2, interrupted;
};

/* Was the last instruction that the guest started carried out? Not if it was intercepted, or faulted. */
bool exit_carried_out(const struct exit_facts *facts);

/* As "root wrmsr 40000084" or "child1 fault w feb00000"; rcx is the guest's. */
void exit_label(char *text, size_t size, unsigned int partition,
                const struct exit_facts *facts, uint64_t rcx);

#endif
