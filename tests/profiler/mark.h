/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Marks: instructions by which code under test tells the profiler where it is. A mark is a NOP of seven bytes
 * (0F 1F /0 with a displacement of 32 bits, never accessed) whose displacement says what it
 * marks and whose RAX holds a value. Without the profiler it does nothing, on any machine and at any privilege.
 */
#ifndef TESTS_PROFILER_MARK_H
#define TESTS_PROFILER_MARK_H

#define PROFILE_MARK_MAGIC 0x56a70000
#define PROFILE_MARK_MASK  0xffffff00
#define PROFILE_MARK_BYTES 7

/* What a mark says; RAX. */
#define PROFILE_BEGIN 0 /* a phase, of this number, begins behind the mark */
#define PROFILE_END   1 /* it ended in front of it; how many operations were made */
#define PROFILE_BEGIN_CHILD \
	2 /* begins, and ends in front of a child's first instruction */
#define PROFILE_TEXT        3 /* runtime address of a guest's image, for its symbols */
#define PROFILE_TASK        4 /* Linux: offset of `current` in a CPU's area */
#define PROFILE_TASK_NAMED  5 /* Linux: address of init_task */
#define PROFILE_TASK_SWITCH 6 /* Linux: address of finish_task_switch */
#define PROFILE_KEEP \
	7 /* address of a struct profile_kept: the profiler keeps the bytes */

#ifdef __ASSEMBLER__

#define PROFILE_MARK(what)      \
	.byte 0x0f, 0x1f, 0x80; \
	.long PROFILE_MARK_MAGIC | (what)

#else

#include <stdint.h>

/* Kept beside the profiler's own file, with the name behind that one's. The pages are in memory. */
struct profile_kept {
	char name[16]; /* small letters */
	uint64_t address, bytes;
};

#define PROFILE_MARK(what, value)                                                   \
	__asm__ volatile(".byte 0x0f, 0x1f, 0x80\n\t.long %c0"                      \
	                 :                                                          \
	                 : "i"(PROFILE_MARK_MAGIC | (what)), "a"((uint64_t)(value)) \
	                 : "memory")

#endif
#endif
