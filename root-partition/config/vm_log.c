/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One write per line, so that lines of threads and of providers do not mix. */
#include "root-partition/config/vm_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Under `lock`. */
static GMutex lock;
static gint64 burst_second;
static unsigned int burst_lines;
static unsigned int dropped_lines;

/* Held over a line and what it makes necessary; before anything is logged the names are constant. */
static GMutex file_lock;
static char *file_path; /* NULL: stderr is not ours */
static char *old_file_path;
static gboolean renamed; /* the file has its old name, but no new one could be made yet */

static gboolean become_stderr(int fd)
{
	gboolean became = fd >= 0 && dup2(fd, STDERR_FILENO) >= 0;

	if (fd >= 0)
		close(fd);
	return became;
}

static gboolean open_file(void)
{
	int fd = open(file_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	return become_stderr(fd);
}

gboolean vm_log_open(const char *path, const char *old_path, GError **error)
{
	int saved;

	g_free(file_path);
	g_free(old_file_path);
	file_path = g_strdup(path);
	old_file_path = g_strdup(old_path);
	renamed = FALSE;
	if (open_file())
		return TRUE;
	saved = errno;
	g_clear_pointer(&file_path, g_free);
	g_clear_pointer(&old_file_path, g_free);
	g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(saved),
	            "log %s: %s", path, g_strerror(saved));
	return FALSE;
}

/*
 * Where no new file can be had the lines go on into the one that there is, from its start. Was it
 * renamed first, then not before it is twice as long: until then each line tries again.
 */
static void begin_anew_locked(void)
{
	struct stat status;

	if (!file_path || fstat(STDERR_FILENO, &status) != 0 ||
	    status.st_size < (off_t)VM_LOG_BYTES)
		return;
	renamed = renamed || rename(file_path, old_file_path) == 0;
	if (renamed && open_file())
		renamed = FALSE;
	else if (!renamed || status.st_size >= 2 * (off_t)VM_LOG_BYTES)
		(void)!ftruncate(STDERR_FILENO, 0);
}

gboolean vm_log_hand_over(int fd)
{
	g_clear_pointer(&file_path, g_free);
	g_clear_pointer(&old_file_path, g_free);
	return dup2(fd, STDERR_FILENO) >= 0;
}

void vm_log_copy(const char *bytes, gsize count)
{
	g_mutex_lock(&file_lock);
	/* A log that cannot be written has nowhere to say so. */
	(void)!write(STDERR_FILENO, bytes, count);
	begin_anew_locked();
	g_mutex_unlock(&file_lock);
}

static void write_line(const char *text)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
	g_autofree char *line = g_strdup_printf(
		"%s.%03dZ %s\n", time, g_date_time_get_microsecond(now) / 1000, text);

	vm_log_copy(line, strlen(line));
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
