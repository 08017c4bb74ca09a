/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Epochs: how one CPU learns that every other has let go of something.
 *
 * Each CPU passes a quiescent point at the top of its loop, where it holds no pointer to any object
 * and no window onto any guest's page, and from which it looks whether translations were removed (npt.h)
 * before it next enters a guest. Whoever takes a translation or an object out of reach advances the epoch; once
 * every CPU has passed that epoch, nothing can reach it any more. Nobody spins for it: the VP
 * that asked does not get past its call before (vp->wait_epoch), and memory waits in quarantine.
 */
#ifndef VIRIDIS_KERNEL_EPOCH_H
#define VIRIDIS_KERNEL_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

/* After the removal is visible: the epoch that every CPU must pass. */
uint64_t epoch_advance(void);

bool epoch_passed(uint64_t epoch);

/* Kick every CPU that has not passed `epoch`. */
void epoch_hurry(uint64_t epoch);

/* The calling CPU's quiescent point. */
void epoch_pass(struct cpu *cpu);

/* The calling CPU enters no guest and holds nothing until its next epoch_pass(). */
void epoch_idle(struct cpu *cpu);

#endif
