/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No network: no frame comes, and those that go are lost. */
#include "vsp/net/backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

/* Whatever the guest was promised is kept, so that what another process left is taken up. */
static bool none_open(struct net_backend *backend, const struct net_config *config,
                      char *error, size_t error_bytes)
{
	static const struct net_backend_offloads all = { true, true };

	(void)config;
	backend->capabilities = all;
	backend->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); /* never readable */
	if (backend->fd < 0)
		snprintf(error, error_bytes, "no network: %s", strerror(errno));
	return backend->fd >= 0;
}

static void set_offloads(struct net_backend *backend,
                         const struct net_backend_offloads *offloads)
{
	(void)backend;
	(void)offloads;
}

static ssize_t none_receive(struct net_backend *backend, const struct iovec *memory,
                            int memory_count)
{
	(void)backend;
	(void)memory;
	(void)memory_count;
	errno = EAGAIN;
	return -1;
}

static ssize_t none_send(struct net_backend *backend, const struct iovec *memory,
                         int memory_count)
{
	ssize_t bytes = 0;

	(void)backend;
	for (int i = 0; i < memory_count; i++)
		bytes += (ssize_t)memory[i].iov_len;
	return bytes;
}

const struct net_backend_ops net_backend_none = {
	.name = "none",
	.open = none_open,
	.set_offloads = set_offloads,
	.receive = none_receive,
	.send = none_send,
};
