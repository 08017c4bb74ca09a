/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's log: lines of text with a time stamp, kept in a ring of LOG_RING_BYTES and
 * copied to the debug console and, until the root owns it, to COM1. Any context may log. And the panic,
 * which is the last that is logged.
 */
#ifndef VIRIDIS_KERNEL_LOG_H
#define VIRIDIS_KERNEL_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum { LOG_RING_BYTES = 65536, LOG_LINE_BYTES = 240 };

/* One line each; the new line is added. Longer text is cut at LOG_LINE_BYTES. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define log_warning(...) log_line("warning: " __VA_ARGS__)
#define log_error(...)   log_line("error: " __VA_ARGS__)

/*
 * A rate limit for lines that a guest can cause (one static object per place): at most
 * LOG_LIMIT_BURST lines a second; what was held back is told with the next line let through.
 */
enum { LOG_LIMIT_BURST = 8 };
struct log_limit {
	uint64_t second; /* atomic */
	uint32_t used;   /* atomic: of them, those held back included */
};
bool log_allowed(struct log_limit *limit);
#define log_limited(...)                          \
	do {                                      \
		static struct log_limit limit_;   \
		if (log_allowed(&limit_))         \
			log_warning(__VA_ARGS__); \
	} while (0)

/* The ring, while nobody writes to it; byte n of the *end ever logged is at n % LOG_RING_BYTES. */
const char *log_open(uint64_t *end);
void log_close(void);

void log_init(void); /* finds the devices; before it lines go to the ring alone */
void log_release_serial(void); /* COM1 is the root's from here on */
/* Take COM1 back, stop honouring the lock: the caller runs alone. */
void log_panic_begin(void);

/* ---- The end: for our own bugs only. Nothing that a guest or the root sends may lead here. ---- */

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

/* Supplied by the code that runs VPs: log which one this CPU had in hand, if any. */
void panic_describe_vp(void);

#endif
