/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One write per line, so that lines of threads do not mix. */
#include "root-partition/vm/vm_log.h"

#include <string.h>
#include <unistd.h>

/* Under `lock`. */
static GMutex lock;
static gint64 burst_second;
static unsigned int burst_lines;
static unsigned int dropped_lines;

static void write_line(const char *text)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
	g_autofree char *line = g_strdup_printf(
		"%s.%03dZ %s\n", time, g_date_time_get_microsecond(now) / 1000, text);

	/* A log that cannot be written has nowhere to say so. */
	(void)!write(STDERR_FILENO, line, strlen(line));
}

void vm_log(const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	write_line(text);
}

/* Whether this line may pass; *lost: how many were held back in seconds that are over. */
static gboolean pass(unsigned int *lost)
{
	gint64 second = g_get_monotonic_time() / G_USEC_PER_SEC;
	gboolean passed;

	g_mutex_lock(&lock);
	*lost = 0;
	if (second != burst_second) {
		*lost = dropped_lines;
		burst_second = second;
		burst_lines = 0;
		dropped_lines = 0;
	}
	passed = burst_lines < VM_LOG_BURST;
	if (passed)
		burst_lines++;
	else
		dropped_lines++;
	g_mutex_unlock(&lock);
	return passed;
}

void vm_log_limited(const char *format, ...)
{
	g_autofree char *text = NULL;
	unsigned int lost;
	va_list args;

	if (!pass(&lost))
		return;
	if (lost)
		vm_log("log: %u lines of the guest's doing left out", lost);
	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	write_line(text);
}
