/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TAP devices of Linux (Documentation/networking/tuntap.rst), with the virtio-net header: large
 * frames and open checksums go through the root's network stack as its own do.
 */
#define _GNU_SOURCE
#include "vsp/net/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vsp/net/config.h"
#include "vsp/net/core/net_device.h"
#include "vsp/net/core/net_offload.h"

#define TUN_PATH "/dev/net/tun"

static bool failed(char *error, size_t error_bytes, const char *name, const char *what)
{
	snprintf(error, error_bytes, "network '%s': %s: %s", name, what, strerror(errno));
	return false;
}

static bool refused(char *error, size_t error_bytes, const char *name, const char *why)
{
	snprintf(error, error_bytes, "network '%s': %s", name, why);
	return false;
}

/* Attach to the TAP device `name`, which the kernel makes where there is none. */
static bool attach(struct net_backend *backend, struct ifreq *request)
{
	/* One that was made for several queues wants to be told so. */
	static const short flags[] = { IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
		                       IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
		                               IFF_MULTI_QUEUE };
	int header_bytes = sizeof(struct net_header);

	backend->fd = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (backend->fd < 0)
		return false;
	for (unsigned int i = 0; i < 2; i++) {
		request->ifr_flags = flags[i];
		if (ioctl(backend->fd, TUNSETIFF, request) == 0)
			return ioctl(backend->fd, TUNSETVNETHDRSZ, &header_bytes) == 0;
		if (errno != EINVAL)
			return false;
	}
	return false;
}

static bool has_second_queue(const char *name)
{
	char path[64 + IFNAMSIZ];

	snprintf(path, sizeof(path), "/sys/class/net/%s/queues/tx-1", name);
	return access(path, F_OK) == 0;
}

static bool open_tap(struct net_backend *backend, const char *name, char *error,
                     size_t error_bytes)
{
	struct ifreq request = { 0 };

	strcpy(request.ifr_name, name);
	if (if_nametoindex(name) == 0)
		return refused(error, error_bytes, name, "there is no such device");
	if (attach(backend, &request)) {
		/* One for several queues takes us beside another VM. */
		if (!has_second_queue(name))
			return true;
		errno = EBUSY;
	}
	if (errno == EBUSY)
		return refused(error, error_bytes, name, "the TAP device is in use");
	if (errno == EINVAL)
		return refused(error, error_bytes, name, "it is no TAP device");
	return failed(error, error_bytes, name, "cannot attach to it");
}

/* An order to the device of that name. */
static bool order(int control, struct ifreq *request, unsigned long what)
{
	return ioctl(control, what, request) == 0;
}

/*
 * The bridge takes the lowest address of its ports for its own: ours is a high one. Up comes
 * last, as the bridge then begins to send.
 */
static bool join(int control, struct ifreq *tap, const struct net_config *config)
{
	struct ifreq bridge = { 0 };
	struct ifreq request = *tap;

	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(request.ifr_hwaddr.sa_data, config->mac, sizeof(config->mac));
	request.ifr_hwaddr.sa_data[0] = (char)0xfe;
	if (!order(control, &request, SIOCSIFHWADDR))
		return false;
	request.ifr_mtu = (int)config->mtu;
	if (!order(control, &request, SIOCSIFMTU))
		return false;
	strcpy(bridge.ifr_name, config->bridge);
	bridge.ifr_ifindex = (int)if_nametoindex(tap->ifr_name);
	if (!order(control, &bridge, SIOCBRADDIF))
		return false;
	if (!order(control, &request, SIOCGIFFLAGS))
		return false;
	request.ifr_flags |= IFF_UP;
	return order(control, &request, SIOCSIFFLAGS);
}

static bool is_bridge(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge", name);
	return access(path, F_OK) == 0;
}

static bool open_port(struct net_backend *backend, const struct net_config *config,
                      char *error, size_t error_bytes)
{
	struct ifreq request = { .ifr_name = "viridis%d" };
	const char *bridge = config->bridge;
	bool joined;
	int control;

	if (if_nametoindex(bridge) == 0)
		return refused(error, error_bytes, bridge, "there is no such device");
	if (!is_bridge(bridge))
		return refused(error, error_bytes, bridge, "it is no bridge");
	if (!attach(backend, &request))
		return failed(error, error_bytes, bridge, "cannot make a TAP device");
	control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (control < 0)
		return failed(error, error_bytes, bridge, "cannot make a socket");
	joined = join(control, &request, config);
	close(control);
	return joined || failed(error, error_bytes, bridge, "cannot add a port to it");
}

static void set_offloads(struct net_backend *backend,
                         const struct net_backend_offloads *offloads)
{
	unsigned int flags = 0;

	if (offloads->checksums)
		flags = TUN_F_CSUM;
	if (offloads->checksums && offloads->large_frames)
		flags |= TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	/* All kernels of today know these flags; one that did not would give no offloads. */
	(void)ioctl(backend->fd, TUNSETOFFLOAD, flags);
}

static bool tap_open(struct net_backend *backend, const struct net_config *config,
                     char *error, size_t error_bytes)
{
	static const struct net_backend_offloads none, all = { true, true };
	bool done = config->tap[0] ? open_tap(backend, config->tap, error, error_bytes) :
	                             open_port(backend, config, error, error_bytes);

	if (!done)
		return false;
	backend->capabilities = all;
	set_offloads(backend, &none);
	return true;
}

static ssize_t tap_receive(struct net_backend *backend, const struct iovec *memory,
                           int memory_count)
{
	return readv(backend->fd, memory, memory_count);
}

static ssize_t tap_send(struct net_backend *backend, const struct iovec *memory,
                        int memory_count)
{
	return writev(backend->fd, memory, memory_count);
}

const struct net_backend_ops net_backend_tap = {
	.name = "tap",
	.open = tap_open,
	.set_offloads = set_offloads,
	.receive = tap_receive,
	.send = tap_send,
};
