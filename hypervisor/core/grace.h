/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a child that signals the root keeps the CPU for a while: its grace. It may have more requests to
 * put into its ring, which the provider then takes at one go. PURE: times are in the caller's ticks. D15
 *
 * A child that halts soon after its signal may have had that one request only, and gained nothing by going
 * on. Its next signals get no grace, until one is tried again, or until one comes sooner after the last than
 * the halt did: then there was more to come, and the next ones get their grace whatever comes of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/assert.h>

#define GRACE_SOON_PART 16u /* a halt within this part of the grace is soon */
#define GRACE_RETRY     64u /* signals from one judgement to the next */

/* Of a child's VP. All zeros at first. */
struct grace {
	uint64_t since; /* when its grace began, or it came back from a signal without one */
	uint64_t halt;    /* how soon it has halted when that was judged last */
	uint32_t denied;  /* signals yet to come that get none */
	uint32_t trusted; /* that get one and are not judged */
	bool given;       /* and the VP has not halted since */
	bool away;        /* preempted by its signal */
};

/* The VP begins to run. */
void grace_resumed(struct grace *grace, uint64_t now);

/* It signals. True: it may go on. */
bool grace_begin(struct grace *grace, uint64_t now) MUST_CHECK;

/* It halts; `length` is that of a whole grace. */
void grace_halted(struct grace *grace, uint64_t now, uint64_t length);
