/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The protocol as far as one export needs it: fixed newstyle, NBD_OPT_GO, simple replies. */
#define _GNU_SOURCE
#include "hostile_nbd.h"

#include <check.h>
#include <endian.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAGIC         UINT64_C(0x4e42444d41474943)
#define OPTION_MAGIC  UINT64_C(0x49484156454f5054)
#define REPLY_MAGIC   UINT64_C(0x0003e889045565a9)
#define REQUEST_MAGIC UINT32_C(0x25609513)
#define SIMPLE_MAGIC  UINT32_C(0x67446698)

enum { OPT_GO = 7, REP_ACK = 1, REP_INFO = 3, INFO_EXPORT = 0, INFO_BLOCK_SIZE = 3 };
enum { CMD_READ, CMD_WRITE, CMD_DISC, CMD_FLUSH };

#define REP_UNSUPPORTED UINT32_C(0x80000001)
#define REP_TLS         UINT32_C(0x80000005)
#define HAS_FLAGS       1u

#define EXPORT_BYTES (UINT64_C(8) << 20)

struct option {
	uint64_t magic;
	uint32_t option;
	uint32_t bytes;
} __attribute__((packed));

struct option_reply {
	uint64_t magic;
	uint32_t option;
	uint32_t type;
	uint32_t bytes;
} __attribute__((packed));

struct export_info {
	uint16_t type;
	uint64_t bytes;
	uint16_t flags;
} __attribute__((packed));

struct block_info {
	uint16_t type;
	uint32_t minimum;
	uint32_t preferred;
	uint32_t maximum;
} __attribute__((packed));

struct request {
	uint32_t magic;
	uint16_t flags;
	uint16_t type;
	uint64_t cookie;
	uint64_t offset;
	uint32_t bytes;
} __attribute__((packed));

struct reply {
	uint32_t magic;
	uint32_t error;
	uint64_t cookie;
} __attribute__((packed));

static bool get(int fd, void *to, size_t bytes)
{
	return bytes == 0 || recv(fd, to, bytes, MSG_WAITALL) == (ssize_t)bytes;
}

static bool put(int fd, const void *from, size_t bytes)
{
	return send(fd, from, bytes, MSG_NOSIGNAL) == (ssize_t)bytes;
}

static bool skip(int fd, uint32_t bytes)
{
	static char rest[1 << 16];

	for (; bytes; bytes -= bytes < sizeof(rest) ? bytes : sizeof(rest))
		if (!get(fd, rest, bytes < sizeof(rest) ? bytes : sizeof(rest)))
			return false;
	return true;
}

static bool put_reply(int fd, uint32_t option, uint32_t type, const void *data,
                      uint32_t bytes)
{
	struct option_reply reply = { htobe64(REPLY_MAGIC), htobe32(option),
		                      htobe32(type), htobe32(bytes) };

	return put(fd, &reply, sizeof(reply)) && (!data || put(fd, data, bytes));
}

static bool tell_export(const struct hostile *hostile, int fd, uint64_t bytes)
{
	struct export_info export = { htobe16(INFO_EXPORT), htobe64(bytes),
		                      htobe16(hostile->flags | HAS_FLAGS) };
	struct block_info block = { htobe16(INFO_BLOCK_SIZE),
		                    htobe32(hostile->block_minimum),
		                    htobe32(hostile->block_preferred),
		                    htobe32(hostile->block_maximum) };

	return put_reply(fd, OPT_GO, REP_INFO, &export, sizeof(export)) &&
	       (!hostile->block_preferred ||
	        put_reply(fd, OPT_GO, REP_INFO, &block, sizeof(block))) &&
	       put_reply(fd, OPT_GO, REP_ACK, NULL, 0);
}

/* True: the export is served from now on. */
static bool go(const struct hostile *hostile, int fd, uint64_t bytes)
{
	switch (hostile->how) {
	case HOSTILE_LONG_OPTION:
		return put_reply(fd, OPT_GO, REP_INFO, NULL, UINT32_MAX) && false;
	case HOSTILE_CUT_OPTION:
		return put_reply(fd, OPT_GO, REP_INFO, NULL, 12) && false;
	case HOSTILE_NO_INFO:
		return put_reply(fd, OPT_GO, REP_ACK, NULL, 0);
	default:
		return tell_export(hostile, fd, bytes);
	}
}

static bool negotiate(const struct hostile *hostile, int fd, uint64_t bytes)
{
	struct {
		uint64_t magic, option;
		uint16_t flags;
	} __attribute__((packed))
	hello = { htobe64(MAGIC), htobe64(OPTION_MAGIC), htobe16(3) };
	struct option option;
	uint32_t flags;

	if (hostile->how == HOSTILE_MAGIC)
		hello.magic = 0;
	if (!put(fd, &hello, sizeof(hello)) || !get(fd, &flags, sizeof(flags)))
		return false;
	while (get(fd, &option, sizeof(option)) && skip(fd, be32toh(option.bytes))) {
		if (be32toh(option.option) == OPT_GO && hostile->how != HOSTILE_WANTS_TLS)
			return go(hostile, fd, bytes);
		if (!put_reply(fd, be32toh(option.option),
		               hostile->how == HOSTILE_WANTS_TLS ? REP_TLS :
		                                                   REP_UNSUPPORTED,
		               NULL, 0))
			return false;
	}
	return false;
}

static bool answer(int fd, const struct request *request, uint32_t error, bool data)
{
	static const char zeros[1 << 20];
	struct reply reply = { htobe32(SIMPLE_MAGIC), htobe32(error), request->cookie };

	return put(fd, &reply, sizeof(reply)) &&
	       (!data || put(fd, zeros, be32toh(request->bytes)));
}

/* False: the connection ends. */
static bool carry_out(const struct hostile *hostile, int fd, struct request *request)
{
	bool is_read = be16toh(request->type) == CMD_READ;
	struct request lie = *request;

	if (be16toh(request->type) == CMD_FLUSH && hostile->flushes)
		++*hostile->flushes;
	switch (is_read ? hostile->how : HOSTILE_NOT) {
	case HOSTILE_UNKNOWN_COOKIE:
		lie.cookie ^= UINT64_MAX;
		return answer(fd, &lie, 0, true);
	case HOSTILE_REPLY_MAGIC:
		return put(fd, &lie, sizeof(struct reply));
	case HOSTILE_CUT_DATA:
		return answer(fd, &lie, 0, false) && put(fd, &lie, 4) && false;
	case HOSTILE_NO_REPLY:
		return true;
	case HOSTILE_TWO_REPLIES:
		return answer(fd, &lie, 0, true) && answer(fd, &lie, 0, true);
	case HOSTILE_ERROR:
		return answer(fd, &lie, UINT32_MAX, false);
	default:
		return answer(fd, &lie, 0, is_read);
	}
}

static void serve(const struct hostile *hostile, int fd, uint64_t bytes)
{
	struct request request;

	if (hostile->how == HOSTILE_HANGS_UP)
		return;
	while (hostile->how == HOSTILE_MUTE)
		pause();
	if (!negotiate(hostile, fd, bytes))
		return;
	while (get(fd, &request, sizeof(request)) &&
	       be32toh(request.magic) == REQUEST_MAGIC &&
	       be16toh(request.type) != CMD_DISC &&
	       (be16toh(request.type) != CMD_WRITE || skip(fd, be32toh(request.bytes))))
		if (!carry_out(hostile, fd, &request))
			return;
}

static void run(const struct hostile *hostile, int listener)
{
	uint64_t bytes = hostile->bytes ? hostile->bytes : EXPORT_BYTES;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		serve(hostile, fd, bytes);
		close(fd);
		if (hostile->how == HOSTILE_SHRINKS)
			bytes /= 2;
	}
}

pid_t hostile_start(const struct hostile *hostile, const char *socket_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	(void)unlink(socket_path);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		run(hostile, listener);
	close(listener);
	return pid;
}
