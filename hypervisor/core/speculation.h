/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done so that no partition steers what the processor does ahead of time in another, or here. PURE.
 *
 * A processor without any of the controls below is an emulator's, or its microcode is of before 2018: nothing
 * would be whole there, and nothing more is done. The hypervisor's own indirect branches are retpolines everywhere
 * (CMakeLists.txt), and general registers are cleared at each exit. What a guest does for itself, by SPEC_CTRL
 * and PRED_CMD, is its own.
 */
#pragma once

#include <viridis/base/bits.h>

#define SPECULATION_BARRIER 1u /* IBPB when a CPU goes from one partition to another */
#define SPECULATION_STUFF   2u /* the return predictor is filled at each exit */
/* Automatic IBRS, which empties the return predictor at exits by itself. */
#define SPECULATION_AUTOMATIC 4u

/* `features` is CPUID 0x80000008 EBX, `more` 0x80000021 EAX. APM3 E.4.8, E.4.17 */
static inline unsigned int speculation_choose(uint32_t features, uint32_t more, bool off)
{
	const uint32_t ibpb = BIT32(12), ibrs = BIT32(14), automatic_ibrs = BIT32(8);
	unsigned int barrier = features & ibpb ? SPECULATION_BARRIER : 0;

	if (off)
		return 0;
	if (more & automatic_ibrs)
		return barrier | SPECULATION_AUTOMATIC;
	return features & (ibpb | ibrs) ? barrier | SPECULATION_STUFF : 0;
}
