/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Epochs: how one CPU learns that every other has let go of something.
 *
 * EPOCH-1 A CPU that passes an epoch holds no pointer to any object and no window onto any guest's page, and
 *         before it next enters a guest it looks whether translations were removed (npt.h).
 * EPOCH-2 Whoever takes a translation or an object out of reach advances the epoch after that: once every CPU
 *         has passed the new one, nothing can reach it any more.
 *
 * Nobody spins for it: the VP that asked does not get past its call before (vp->wait_epoch), and memory waits in
 * quarantine. A child's VP waits for those CPUs alone that use translations of its partition: run/run.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpu;

/* EPOCH-2 After the removal is visible: the epoch that every CPU must pass. */
uint64_t epoch_advance(void);

/* Whether every CPU has passed it; or one has. */
bool epoch_passed(uint64_t epoch);
bool epoch_cpu_passed(const struct cpu *cpu, uint64_t epoch);

/* EPOCH-1 at the top of the CPU's loop. */
void epoch_pass(struct cpu *cpu);

/* The calling CPU enters no guest and holds nothing until its next epoch_pass(). */
void epoch_idle(struct cpu *cpu);
