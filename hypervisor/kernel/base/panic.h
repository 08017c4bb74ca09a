/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end: for our own bugs only. Nothing that a guest or the root sends may lead here. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct trap_frame;

/* Print message, registers if there is a frame, backtrace, CPU and VP; stop every CPU. */
#define panic(...) panic_at(0, __VA_ARGS__)
_Noreturn void panic_at(const struct trap_frame *frame, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

/* In every build: an invariant that does not hold is our bug. */
#define ASSERT(condition)                                                    \
	do {                                                                 \
		if (__builtin_expect(!(condition), 0))                       \
			panic("%s:%d: %s does not hold", __FILE__, __LINE__, \
			      #condition);                                   \
	} while (0)

extern uint64_t __stack_chk_guard; /* the compiler's, chosen once */

bool panic_in_progress(void);
_Noreturn void panic_stop(void); /* what every other CPU does then */

/* Set by the code that runs VPs: logs which one this CPU had in hand, if any. */
extern void (*panic_describe_vp)(void);
