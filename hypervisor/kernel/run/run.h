/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every CPU does from the end of the boot on. */
#pragma once

struct cpu;

_Noreturn void cpu_loop(struct cpu *cpu);
