/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User-mode networks: passt stands between an adapter's provider and the root's own sockets. It gets one end of a
 * stream socket, has the rights of the VM's user, puts itself into namespaces and ends when the other end is closed.
 * It goes into the background when it is ready, and its first process then ends with 0: until that we wait, and know
 * why it could not.
 *
 * One that spins does not end so, and is killed when its provider has ended. The process in the background becomes a child
 * of ours, as we take over what our children leave: nothing that it says or does can make us take another for it, and
 * its number is nobody else's until we have waited for it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "root-partition/config/definition_forward.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/config/json_text.h"
#include "root-partition/keeper/internal.h"

/* A test has less time. */
#ifndef START_MS
#define START_MS 10000
#endif
#define SOCKET_FD    3
#define SOCKET_BYTES (1 << 20) /* that may wait in the socket */

/*
 * What guests of such networks are used to find, wherever they run: nothing of it has to do with the root's own
 * addresses, and for IPv4 none of the root's interfaces has to be up. What listens at the root's loopback is not for guests.
 */
static const char *const fixed_arguments[] = {
	"--quiet",   "--address", "10.0.2.15",  "--netmask",         "24",
	"--gateway", "10.0.2.2",  "--mac-addr", "52:55:0a:00:02:02", "--no-map-gw",
};

/* IPv6, where the root has it: the interface's link-local address is what passt speaks to the root's neighbours from. */
static const char *const ipv6_arguments[] = {
	"--address", "fd76:6972:6964::15", "--gateway", "fe80::2", "--interface",
};
static const char *const ipv4_arguments[] = { "--ipv4-only", "--interface", "lo" };

static void add_argument(GPtrArray *arguments, char *argument)
{
	g_ptr_array_add(arguments, argument);
}

static void add_arguments(GPtrArray *arguments, const char *const *all, gsize count)
{
	for (gsize i = 0; i < count; i++)
		add_argument(arguments, g_strdup(all[i]));
}

/* An interface that is up and has such an address, which is where packets to others of its link leave; or NULL. */
static char *find_ipv6_interface(void)
{
	struct ifaddrs *all, *at;
	char *found = NULL;

	if (getifaddrs(&all) != 0)
		return NULL;
	for (at = all; at && !found; at = at->ifa_next) {
		const struct sockaddr_in6 *address = (const void *)at->ifa_addr;

		if (address && address->sin6_family == AF_INET6 &&
		    (at->ifa_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP &&
		    IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr))
			found = g_strdup(at->ifa_name);
	}
	freeifaddrs(all);
	return found;
}

static void add_families(GPtrArray *arguments)
{
	char *interface = find_ipv6_interface();

	if (!interface) {
		add_arguments(arguments, ipv4_arguments, G_N_ELEMENTS(ipv4_arguments));
		return;
	}
	add_arguments(arguments, ipv6_arguments, G_N_ELEMENTS(ipv6_arguments));
	add_argument(arguments, interface);
}

static GPtrArray *arguments_for(const struct keeper *keeper,
                                const struct definition_net *net)
{
	GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);
	struct definition_forward forward;

	add_argument(arguments, g_strdup(DEFINITION_NET_PROGRAM));
	add_arguments(arguments, fixed_arguments, G_N_ELEMENTS(fixed_arguments));
	add_families(arguments);
	add_argument(arguments, g_strdup("--fd"));
	add_argument(arguments, g_strdup_printf("%d", SOCKET_FD));
	add_argument(arguments, g_strdup("--runas"));
	add_argument(arguments, g_strdup_printf("%u:%u", keeper->user, keeper->user));
	add_argument(arguments, g_strdup("--mtu"));
	add_argument(arguments, g_strdup_printf("%u", net->mtu));
	for (guint i = 0; i < net->forwards->len; i++) {
		if (!definition_forward_parse(net->forwards->pdata[i], &forward, NULL))
			continue; /* the definition was checked */
		add_argument(arguments,
		             g_strdup(forward.udp ? "--udp-ports" : "--tcp-ports"));
		add_argument(arguments,
		             g_strdup_printf("%s/%u:%u", forward.address, forward.port,
		                             forward.guest_port));
	}
	g_ptr_array_add(arguments, NULL);
	return arguments;
}

/* Orders that we hold back for a worker are none for it. */
static int spawn(char **arguments, int socket, int errors, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int result;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
	                                 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY,
	                                 0);
	posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(&actions, socket, SOCKET_FD);
	posix_spawn_file_actions_addclosefrom_np(&actions, SOCKET_FD + 1);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	result = posix_spawnp(pid, arguments[0], &actions, &attributes, arguments,
	                      environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return result;
}

/* ---- The process in the background ---- */

/* Its parent's number, as /proc has it behind a name that may have anything in it; 0: it has gone. */
static pid_t read_parent(const char *pid)
{
	g_autofree char *path = g_build_filename("/proc", pid, "stat", NULL);
	g_autofree char *text = NULL;
	const char *behind;
	int parent;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	behind = strrchr(text, ')');
	return behind && sscanf(behind, ") %*c %d", &parent) == 1 ? parent : 0;
}

static bool is_known(const struct keeper *keeper, pid_t pid)
{
	for (int which = 0; which < VMBUS_PROVIDERS; which++)
		if (keeper->providers[which].pid == pid ||
		    keeper->providers[which].helper == pid)
			return true;
	return keeper->worker == pid;
}

/* All children of ours that are none of the VM's processes: those are not touched here, whatever /proc shows of them. */
static GArray *list_children(const struct keeper *keeper)
{
	GArray *children = g_array_new(FALSE, FALSE, sizeof(pid_t));
	GDir *all = g_dir_open("/proc", 0, NULL);
	const char *name;

	while (all && (name = g_dir_read_name(all))) {
		pid_t pid = (pid_t)g_ascii_strtoull(name, NULL, 10);

		if (pid > 0 && !is_known(keeper, pid) && read_parent(name) == getpid())
			g_array_append_val(children, pid);
	}
	if (all)
		g_dir_close(all);
	return children;
}

static bool has_pid(const GArray *pids, pid_t pid)
{
	for (guint i = 0; i < pids->len; i++)
		if (g_array_index(pids, pid_t, i) == pid)
			return true;
	return false;
}

/* The child that there was not before; 0: there is none, or it is not wanted. Any other is ended. */
static pid_t adopt(const struct keeper *keeper, const GArray *before, bool wanted)
{
	g_autoptr(GArray) now = list_children(keeper);
	pid_t found = 0;

	for (guint i = 0; i < now->len; i++) {
		pid_t pid = g_array_index(now, pid_t, i);

		if (has_pid(before, pid) || waitpid(pid, NULL, WNOHANG) != 0)
			continue;
		if (wanted && found == 0) {
			found = pid;
			continue;
		}
		kill(pid, SIGKILL);
		(void)!waitpid(pid, NULL, 0); /* it is ours */
	}
	return found;
}

/* ---- Its start ---- */

/* What it says until it closes its error output, which it does when it is ready or ends; false: it does neither. */
static bool hear(int errors, char *text, size_t bytes)
{
	gint64 deadline = g_get_monotonic_time() + START_MS * 1000;
	struct pollfd polled = { .fd = errors, .events = POLLIN };
	size_t filled = 0;
	char rest[256];

	for (;;) {
		gint64 left_ms = (deadline - g_get_monotonic_time()) / 1000;
		bool room = filled < bytes - 1;
		ssize_t got;

		text[filled] = 0;
		if (left_ms <= 0 || poll(&polled, 1, (int)left_ms) == 0)
			return false;
		got = read(errors, room ? text + filled : rest,
		           room ? bytes - 1 - filled : sizeof(rest));
		if (got == 0)
			return true;
		if (got > 0 && room)
			filled += (size_t)got;
	}
}

/* The last line is the one that says why it ends. */
static bool refuse(char *text, GError **error)
{
	g_autofree char *printable = NULL;
	char *line;

	g_strchomp(text);
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	printable = json_text_make_printable(line, strlen(line));
	g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: %s",
	            DEFINITION_NET_PROGRAM,
	            printable[0] ? printable : "it ended without a word");
	return false;
}

static bool start_first(const struct keeper *keeper, const struct definition_net *net,
                        int socket, GError **error)
{
	g_autoptr(GPtrArray) arguments = arguments_for(keeper, net);
	char text[1024] = "";
	int errors[2], status = 0, result;
	bool heard;
	pid_t pid;

	if (pipe2(errors, O_CLOEXEC) != 0)
		return keeper_fail(error, -errno, DEFINITION_NET_PROGRAM);
	result = spawn((char **)arguments->pdata, socket, errors[1], &pid);
	close(errors[1]);
	heard = result == 0 && hear(errors[0], text, sizeof(text));
	close(errors[0]);
	if (result)
		return keeper_fail(error, -result, DEFINITION_NET_PROGRAM);
	if (!heard)
		kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !heard)
		return keeper_fail(error, -ETIMEDOUT, DEFINITION_NET_PROGRAM);
	return status == 0 || refuse(text, error);
}

/* Whatever of it is left when it cannot start is ended. */
static bool start(const struct keeper *keeper, const struct definition_net *net,
                  int socket, pid_t *pid, GError **error)
{
	g_autoptr(GArray) before = list_children(keeper);
	bool started;

	/* Where that is not possible we know no process of it, as before we had any. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	started = start_first(keeper, net, socket, error);
	*pid = adopt(keeper, before, started);
	return started;
}

bool keeper_start_user_network(const struct keeper *keeper,
                               const struct definition_net *net, int *socket, pid_t *pid,
                               GError **error)
{
	const int bytes = SOCKET_BYTES;
	int ends[2];
	bool started;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return keeper_fail(error, -errno, DEFINITION_NET_PROGRAM);
	/* Where that is not permitted it holds less, and frames go in smaller bursts. */
	(void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	started = fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 &&
	          start(keeper, net, ends[1], pid, error);
	close(ends[1]);
	if (started)
		*socket = ends[0];
	else
		close(ends[0]);
	return started;
}
