/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network adapter over VMBus: the handshake; ARP and ICMP echo answered at 10.77.0.20 (address=N: .N) until pings=N of
 * them were; then blast=N frames to whoever asked first. What is sent is UDP to port 9, which nobody answers. With
 * keep=N no section of the receive buffer is given back any more: N frames come at least, and no more than it holds.
 */
#include "tests/guest/groups.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsc/lib/clock.h"
#include "vsc/lib/guest.h"
#include "vsc/lib/tap.h"
#include "vsc/net/net.h"

#define RING_PAGES     17u
#define WAIT_MS        120000u
#define KEEP_MS        600000u
#define ETHERNET_BYTES 14u
#define IPV4_BYTES     20u
#define UDP_BYTES      8u
#define ARP_BYTES      28u
#define TYPE_IPV4      0x0800u
#define TYPE_ARP       0x0806u
#define PROTOCOL_ICMP  1u
#define PROTOCOL_UDP   17u
#define ECHO_REQUEST   8u

static const struct vmbus_guid type = VMBUS_TYPE_NET;
static uint8_t address[4] = { 10, 77, 0, 20 };

static uint64_t arps, echoes;
static uint8_t peer_mac[NDIS_MAC_BYTES], peer_address[4];

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The Internet checksum. RFC 1071 */
static uint32_t checksum(const uint8_t *data, uint32_t bytes)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i + 1 < bytes; i += 2)
		sum += get16(data + i);
	if (bytes % 2)
		sum += (uint32_t)data[bytes - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static void put_ethernet(const struct net *net, uint8_t *frame, const uint8_t *to,
                         uint32_t ethertype)
{
	memcpy(frame, to, NDIS_MAC_BYTES);
	memcpy(frame + NDIS_MAC_BYTES, net->mac, NDIS_MAC_BYTES);
	put16(frame + 12, ethertype);
}

/* RFC 826 */
static void answer_arp(struct net *net, const uint8_t *frame, uint32_t bytes)
{
	static const uint8_t request[] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	const uint8_t *arp = frame + ETHERNET_BYTES;
	uint8_t out[ETHERNET_BYTES + ARP_BYTES];

	if (bytes < sizeof(out) || memcmp(arp, request, sizeof(request)) != 0 ||
	    memcmp(arp + 24, address, 4) != 0)
		return;
	memcpy(peer_mac, arp + 8, sizeof(peer_mac));
	memcpy(peer_address, arp + 14, sizeof(peer_address));
	put_ethernet(net, out, peer_mac, TYPE_ARP);
	memcpy(out + ETHERNET_BYTES, request, 7);
	out[ETHERNET_BYTES + 7] = 2;
	memcpy(out + ETHERNET_BYTES + 8, net->mac, NDIS_MAC_BYTES);
	memcpy(out + ETHERNET_BYTES + 14, address, 4);
	memcpy(out + ETHERNET_BYTES + 18, arp + 8, 10);
	arps += net_send(net, out, sizeof(out));
}

/* RFC 792; the checksum changes by what the type does. */
static void answer_echo(struct net *net, const uint8_t *frame, uint32_t bytes)
{
	const uint8_t *ip = frame + ETHERNET_BYTES;
	uint8_t out[NET_FRAME_BYTES_MAX];
	uint8_t *icmp = out + ETHERNET_BYTES + IPV4_BYTES;
	uint32_t length;

	if (bytes < ETHERNET_BYTES + IPV4_BYTES + 8 || bytes > sizeof(out) ||
	    ip[0] != 0x45 || ip[9] != PROTOCOL_ICMP || ip[IPV4_BYTES] != ECHO_REQUEST ||
	    memcmp(ip + 16, address, 4) != 0)
		return;
	length = get16(ip + 2);
	if (length < IPV4_BYTES + 8 || length > bytes - ETHERNET_BYTES)
		return;
	memcpy(out, frame, ETHERNET_BYTES + length);
	put_ethernet(net, out, frame + NDIS_MAC_BYTES, TYPE_IPV4);
	memcpy(out + ETHERNET_BYTES + 12, address, 4);
	memcpy(out + ETHERNET_BYTES + 16, ip + 12, 4);
	icmp[0] = 0;
	put16(icmp + 2, 0);
	put16(icmp + 2, checksum(icmp, length - IPV4_BYTES));
	echoes += net_send(net, out, ETHERNET_BYTES + length);
}

static void take_frame(struct net *net, const uint8_t *frame, uint32_t bytes)
{
	if (bytes < ETHERNET_BYTES)
		return;
	if (get16(frame + 12) == TYPE_ARP)
		answer_arp(net, frame, bytes);
	else if (get16(frame + 12) == TYPE_IPV4)
		answer_echo(net, frame, bytes);
}

static uint32_t make_datagram(const struct net *net, uint8_t *frame)
{
	static const uint8_t head[] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, PROTOCOL_UDP };
	uint8_t *ip = frame + ETHERNET_BYTES;
	uint32_t ip_bytes = NET_FRAME_BYTES_MAX - ETHERNET_BYTES;

	memset(frame, 0, NET_FRAME_BYTES_MAX);
	put_ethernet(net, frame, peer_mac, TYPE_IPV4);
	memcpy(ip, head, sizeof(head));
	put16(ip + 2, ip_bytes);
	memcpy(ip + 12, address, 4);
	memcpy(ip + 16, peer_address, 4);
	put16(ip + 10, checksum(ip, IPV4_BYTES));
	put16(ip + IPV4_BYTES, 9);
	put16(ip + IPV4_BYTES + 2, 9);
	put16(ip + IPV4_BYTES + 4, ip_bytes - IPV4_BYTES);
	return NET_FRAME_BYTES_MAX;
}

static void blast(struct net *net, uint64_t count)
{
	static uint8_t frame[NET_FRAME_BYTES_MAX];
	uint64_t deadline = clock_deadline(WAIT_MS);
	uint32_t bytes = make_datagram(net, frame);
	uint64_t before = net->sent, left = count;
	bool sound = true;

	while (left != 0 && sound && !clock_passed(deadline)) {
		if (net_send(net, frame, bytes)) {
			left--;
			continue;
		}
		sound = net_poll(net);
		vmbus_pump();
	}
	ok(net_settle(net), "what was sent was taken");
	ok(net->sent - before >= count, "%lu frames were sent", count);
	ok_equal(net->refused, 0, "and none was refused");
}

static void serve(struct net *net, uint64_t pings)
{
	uint64_t deadline = clock_deadline(WAIT_MS);
	bool sound = true;

	while (echoes < pings && sound && !clock_passed(deadline)) {
		sound = net_poll(net);
		vmbus_pump();
	}
	ok(sound, "the ring stays sound");
	ok_equal(echoes, pings, "echoes were answered");
	ok(pings == 0 || arps != 0, "and the address was asked for");
}

static void keep(struct net *net, uint64_t least)
{
	uint64_t deadline = clock_deadline(KEEP_MS);
	uint64_t before = net->received;
	bool sound = true, told = false;

	if (least == 0)
		return;
	net->keeps = true;
	note("keeps what comes");
	while (sound && !clock_passed(deadline)) {
		sound = net_poll(net);
		vmbus_pump();
		if (!told && net->received - before >= least)
			told = ok(true, "%lu frames are kept", least);
	}
	ok(told && sound, "the ring stays sound meanwhile");
}

void group_net(void)
{
	static struct net net;
	struct client_channel *channel;

	address[3] = (uint8_t)guest_option_number("address", address[3]);
	if (!ok(vmbus_connect(0) && vmbus_request_offers(), "VMBus is connected"))
		return;
	channel = client_find(vmbus_client(), &type, 0);
	if (!channel) {
		skip("no network adapter is offered");
	} else if (ok(vmbus_pipe_open(&net.pipe, channel, RING_PAGES),
	              "the adapter opens") &&
	           ok(net_start(&net, take_frame), "its handshake is done")) {
		note("address %x:%x:%x:%x:%x:%x", net.mac[0], net.mac[1], net.mac[2],
		     net.mac[3], net.mac[4], net.mac[5]);
		serve(&net, guest_option_number("pings", 0));
		blast(&net, guest_option_number("blast", 0));
		keep(&net, guest_option_number("keep", 0));
		ok(vmbus_pipe_close(&net.pipe), "the adapter closes");
		ok(net_end(&net), "and gives its buffers back");
	}
	ok(vmbus_unload(), "UNLOAD is answered");
}
