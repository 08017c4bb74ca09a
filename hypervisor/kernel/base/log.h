/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's log: lines of text with a time stamp, kept in a ring and
 * copied to the debug console and, until the root owns it, to COM1. Any context may log.
 */
#pragma once

#include <viridis/abi/hv_hypercall.h>

enum { LOG_LINE_BYTES = 240 };
_Static_assert(LOG_LINE_BYTES + 1 <= VIRIDIS_RING_AHEAD, "with the new line");

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

/* As struct viridis_ring tells it: whole pages, with nothing else in them. */
extern char log_ring[VIRIDIS_LOG_BYTES];
uint64_t log_end(void);

void log_init(void); /* finds the devices; before it lines go to the ring alone */
void log_release_serial(void); /* COM1 is the root's from here on */
/* Take COM1 back, stop honouring the lock: the caller runs alone. */
void log_panic_begin(void);
