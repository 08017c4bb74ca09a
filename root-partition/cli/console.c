/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viridis console: copies between the terminal and the VM's pty until Ctrl-], or until the VM
 * ends. When input is not a terminal its end does not end us: output goes on being shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "root-partition/client/client.h"
#include "root-partition/cli/command.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/paths.h"

#define ESCAPE          0x1d /* Ctrl-] */
#define TYPED_BYTES_MAX (1u << 20)

/*
 * A worker may be its guest's: that it answers says that the VM runs, but what we open, and type into, is where
 * its keeper's link leads.
 */
static char *pty_path(const char *name, GError **error)
{
	g_autoptr(json_t) answer = client_ask(name, CONTROL_CONSOLE, error);
	g_autofree char *link = paths_of(name, PATH_CONSOLE);
	const char *path = NULL;

	if (!answer)
		return NULL;
	if (g_file_test(link, G_FILE_TEST_IS_SYMLINK))
		return g_steal_pointer(&link);
	if (!json_text_get_string(json_object_get(answer, "file"), &path))
		path = "nowhere";
	g_set_error(
		error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		"the console of %s goes to %s; define it with '--serial pty' to attach",
		name, path);
	return NULL;
}

static gboolean write_all(int fd, const char *bytes, size_t count)
{
	while (count) {
		ssize_t written = write(fd, bytes, count);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return FALSE;
		bytes += written;
		count -= (size_t)written;
	}
	return TRUE;
}

enum copied {
	COPIED,
	SOURCE_ENDED,
	SINK_FAILED, /* errno says why */
};

/* Shows what the guest has printed. */
static enum copied show(int pty)
{
	char bytes[4096];
	ssize_t count = read(pty, bytes, sizeof(bytes));

	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return COPIED;
	if (count <= 0)
		return SOURCE_ENDED;
	return write_all(STDOUT_FILENO, bytes, (size_t)count) ? COPIED : SINK_FAILED;
}

/*
 * What was typed and the guest has not taken: one that is paused, or does not read its line, has no room for much of it.
 * We wait for it nowhere but in poll(), so that Ctrl-] and what is printed always come through.
 */
static GByteArray *typed;

/* As much as the line has room for now. False: nobody is at its other end. */
static gboolean send_typed(int pty)
{
	ssize_t written = typed->len ? write(pty, typed->data, typed->len) : 0;

	if (written > 0)
		g_byte_array_remove_range(typed, 0, (guint)written);
	return written >= 0 || errno == EINTR || errno == EAGAIN;
}

static gboolean escaped; /* somebody detached */

/*
 * Takes what stands in the input; of a terminal's, an escape ends it, and what was typed before it is still sent. False:
 * there will be no more. From a terminal more is read than the guest takes, or the escape would not be seen; what is beyond
 * TYPED_BYTES_MAX is lost, as on a line.
 */
static gboolean take_input(gboolean terminal)
{
	char bytes[256];
	ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));
	const char *escape;

	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return TRUE;
	escape = terminal && count > 0 ? memchr(bytes, ESCAPE, (size_t)count) : NULL;
	if (escape)
		count = escape - bytes;
	escaped = terminal && (escape || count <= 0);
	if (count > 0 && typed->len + (guint)count <= TYPED_BYTES_MAX)
		g_byte_array_append(typed, (const guint8 *)bytes, (guint)count);
	return count > 0 && !escaped;
}

/* Until one side has enough; the errno of an output that cannot be written, or 0. */
static int copy_both_ways(int pty, gboolean terminal)
{
	struct pollfd fds[] = { { .fd = pty }, { .events = POLLIN } };
	gboolean more = TRUE;

	while (!escaped) {
		gboolean room = terminal || typed->len < TYPED_BYTES_MAX / 2;

		fds[0].events = (short)(POLLIN | (typed->len ? POLLOUT : 0));
		fds[1].fd = more && room ? STDIN_FILENO : -1;
		if (poll(fds, G_N_ELEMENTS(fds), -1) < 0) {
			if (errno != EINTR)
				return 0;
			continue;
		}
		if (fds[0].revents & ~POLLOUT) {
			enum copied shown = show(pty);

			if (shown != COPIED)
				return shown == SINK_FAILED ? errno : 0;
		}
		if (fds[1].revents)
			more = take_input(terminal);
		if (!send_typed(pty))
			return 0;
	}
	return 0;
}

static int attach(int pty, gboolean terminal)
{
	int failure;

	typed = g_byte_array_new();
	failure = copy_both_ways(pty, terminal);
	g_clear_pointer(&typed, g_byte_array_unref);
	return failure;
}

/* The terminal as it was, while it is raw. */
static struct termios terminal_before;

/* Whatever ends us leaves the terminal usable; both calls are safe here. */
static void restore_and_end(int number)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
	raise(number); /* SA_RESETHAND: it ends us now */
}

/* Those that our caller has us ignore stay ignored. */
static void handle_signals(void (*handler)(int number))
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESETHAND };
	struct sigaction before;

	for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
		if (sigaction(signals[i], NULL, &before) == 0 &&
		    before.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

static int attach_terminal(int pty)
{
	struct termios raw;
	int failure;

	if (tcgetattr(STDIN_FILENO, &terminal_before) != 0)
		return attach(pty, FALSE);
	raw = terminal_before;
	cfmakeraw(&raw);
	handle_signals(restore_and_end);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	(void)dprintf(STDERR_FILENO, "Attached; Ctrl-] detaches.\r\n");
	failure = attach(pty, TRUE);
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
	handle_signals(SIG_DFL);
	g_printerr("\nDetached.\n");
	return failure;
}

/*
 * The console is one command's alone: two would each get a part of what the guest prints. The lock goes
 * with the descriptor.
 */
static gboolean lock_console(int pty, const char *name, GError **error)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(pty, F_SETLK, &whole) == 0)
		return TRUE;
	if (fcntl(pty, F_GETLK, &whole) != 0 || whole.l_type == F_UNLCK)
		whole.l_pid = 0;
	g_set_error(
		error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		"the console of %s is attached already, by process %d; detach it there "
		"(Ctrl-]) or end that process",
		name, (int)whole.l_pid);
	return FALSE;
}

/* The VM's pty, open and ours; -1 and an error. */
static int open_console(const char *name, GError **error)
{
	g_autofree char *path = pty_path(name, error);
	int pty;

	if (!path)
		return -1;
	pty = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (pty < 0) {
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST, "%s: %s",
		            path, g_strerror(errno));
	} else if (!lock_console(pty, name, error)) {
		close(pty);
		pty = -1;
	}
	return pty;
}

gboolean command_attach_console(const char *name, gboolean *detached, GError **error)
{
	int pty = open_console(name, error);
	int failure;

	if (pty < 0)
		return FALSE;
	failure = attach_terminal(pty);
	close(pty);
	*detached = escaped;
	if (failure)
		g_set_error(error, DEFINITION_ERROR, DEFINITION_ERROR_HOST,
		            "the output cannot be written: %s", g_strerror(failure));
	return !failure;
}

enum command_status command_console(const struct command *command, int argc, char **argv)
{
	struct command_arguments arguments = { command, argc, argv, NULL, 1, FALSE };
	g_autoptr(GError) error = NULL;
	enum command_status status;
	gboolean detached;
	const char *name;

	if (!command_parse(&arguments, &name, &status))
		return status;
	return command_attach_console(name, &detached, &error) ? COMMAND_DONE :
	                                                         command_fail(error);
}
