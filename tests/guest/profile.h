/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The phases that the group `profile` marks; tests/profiler/works.py knows their names by these numbers. */
#ifndef VSC_TINY_PROFILE_H
#define VSC_TINY_PROFILE_H

#define PROFILE_LOOP     1
#define PROFILE_CPUID    2
#define PROFILE_VMMCALL  3
#define PROFILE_RDMSR    4
#define PROFILE_SELF_IPI 5
#define PROFILE_SIGNAL   6
#define PROFILE_NONE     7
#define PROFILE_FAULT    8

#define PROFILE_VECTOR 0x51

#endif
