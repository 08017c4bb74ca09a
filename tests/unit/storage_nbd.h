/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Worker and guest towards a real viridis-storage-nbd, whose one disk is a server's; for two tests of it. */
#ifndef VIRIDIS_TESTS_STORAGE_NBD_H
#define VIRIDIS_TESTS_STORAGE_NBD_H

#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "hostile_nbd.h"
#include "storage_guest.h"
#include "vsp/lib/spawn.h"

#define WAIT_STEP_US 5000
#define WAIT_STEPS   2000

static char folder[] = "/tmp/viridis-nbd-XXXXXX";
static char socket_path[64];
static pid_t server;
static pid_t connector;

/* ---- Processes ---- */

static inline uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A server in the foreground, at the socket. */
static inline void start_server(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static inline void start_server(const char *format, ...)
{
	char command[512];
	struct stat status;
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	(void)unlink(socket_path);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	for (unsigned int i = 0; stat(socket_path, &status) != 0; i++) {
		ck_assert_msg(i < WAIT_STEPS && waitpid(server, NULL, WNOHANG) == 0,
		              "no server: %s", command);
		usleep(WAIT_STEP_US);
	}
}

static inline void start_file_server(void)
{
	start_server("exec nbdkit --foreground --unix %s file %s cache=none", socket_path,
	             disk_path);
}

static inline void kill_server(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		ck_assert_int_eq(waitpid(server, NULL, 0), server);
	}
	server = 0;
}

/* All of its threads, when this returns. */
static inline void stop_server(void)
{
	ck_assert_int_eq(kill(server, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(server, NULL, WUNTRACED), server);
}

/* As the keeper does it. */
static inline int make_connector(int lifeline)
{
	struct vsp_spawn with = { .errors = STDERR_FILENO,
		                  .backend = lifeline,
		                  .waiter = -1 };
	char text[512];
	int ends[2], count;

	if (connector > 0)
		(void)waitpid(connector, NULL, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	with.socket = ends[1];
	ck_assert_int_eq(vsp_spawn(CONNECTOR, &with, &connector), 0);
	close(ends[1]);
	count = snprintf(text, sizeof(text), "%u\n0 nbd+unix:///disk?socket=%s\n",
	                 vsp_user_of(HOST_PARTITION), socket_path);
	ck_assert_int_eq(write(ends[0], text, (size_t)count), count);
	return ends[0];
}

static inline const char *configuration(const char *options)
{
	static char json[512];

	snprintf(json, sizeof(json),
	         "{\"vm\":\"test\",\"channels\":[{\"id\":%u,\"class\":\"scsi\"}],"
	         "\"disks\":[{\"path\":\"nbd+unix:///disk?socket=%s\",%s" DISK_NAMES
	         "}]}",
	         CHANNEL, socket_path, options);
	return json;
}

static inline bool connect_disk(const char *options)
{
	host_start(&host, PROVIDER);
	return host_configure(&host, configuration(options));
}

static inline void replace_provider(const char *options)
{
	host_replace(&host, PROVIDER);
	ck_assert(host_configure(&host, configuration(options)));
	host_resume(&channel);
}

static inline void open_disk(const char *options)
{
	ck_assert_msg(connect_disk(options), "%s",
	              (const char *)host.packet.message.tail);
	host_open(&host, &channel, CHANNEL, RING_PFN, RING_PAGES);
	initialize();
}

static inline void make_folder(void)
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0);
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	host_backend = make_connector;
}

static inline void remove_folder(void)
{
	kill_server();
	if (connector > 0)
		ck_assert_int_eq(waitpid(connector, NULL, 0), connector);
	(void)unlink(socket_path);
	(void)rmdir(folder);
}

static inline void set_up_file(void)
{
	make_folder();
	make_disk(DISK_BYTES);
	start_file_server();
}

static inline void set_up_disk(void)
{
	set_up_file();
	open_disk("");
}

static inline void tear_down_disk(void)
{
	tear_down();
	remove_folder();
}

static inline void tear_down_hostile(void)
{
	host_close(&channel);
	ck_assert_int_eq(host_stop(&host), 0);
	remove_folder();
}

static inline void tear_down_file(void)
{
	remove_disk();
	remove_folder();
}

/* Of a disk whose server is lost, or back. */
static inline void expect_news(const char *event, const char *why)
{
	ck_assert_uint_eq(host_expect(&host, VSP_EVENT)->number, 0);
	ck_assert_msg(strstr(host.packet.message.tail, event) &&
	                      strstr(host.packet.message.tail, "\"lun\":0") &&
	                      strstr(host.packet.message.tail, socket_path) &&
	                      strstr(host.packet.message.tail, why),
	              "%s", (const char *)host.packet.message.tail);
}

/* Quicker than assert_on_disk(), which is for little. */
static inline void check_on_disk(const struct buffer *buffer, uint64_t offset)
{
	uint8_t block[512];

	for (uint32_t at = 0; at < buffer->bytes; at += sizeof(block)) {
		ck_assert_int_eq(pread(disk_fd, block, sizeof(block),
		                       (off_t)(offset + at)),
		                 sizeof(block));
		ck_assert_mem_eq(block, byte_of(buffer, at), sizeof(block));
	}
}

#endif
