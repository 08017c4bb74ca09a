/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NDIS objects: see ndis.h. The layouts are in abi/ndis.h. */
#include "vmbus/class/ndis.h"

#include <stddef.h>
#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>
#include <viridis/base/mem.h>

#define ETHERNET_BYTES 14u /* before IP */

uint8_t ndis_revision(const void *information, uint32_t information_bytes)
{
	struct cursor c = cursor_over(information, information_bytes);
	uint8_t revision;

	cursor_skip(&c, 1);
	revision = cursor_u8(&c);
	return revision != 0 ? revision : 1;
}

/* ---- Offloads ---- */

static void fill_checksums(struct ndis_checksum_offload *ip, uint32_t protocols, bool tx,
                           bool rx)
{
	ip->tx_encapsulation = tx ? NDIS_ENCAPSULATION_802_3 : 0;
	ip->tx = tx ? protocols : 0;
	ip->rx_encapsulation = rx ? NDIS_ENCAPSULATION_802_3 : 0;
	ip->rx = rx ? protocols : 0;
}

uint32_t ndis_offload_write(struct ndis_offload *object, uint8_t revision,
                            const struct ndis_offloads *offloads)
{
	static const uint16_t bytes[] = { NDIS_OFFLOAD_BYTES_1, NDIS_OFFLOAD_BYTES_2,
		                          NDIS_OFFLOAD_BYTES_3 };
	const struct ndis_lso lso = {
		.encapsulation = NDIS_ENCAPSULATION_802_3,
		.bytes_max = offloads->lso_bytes,
		.segments_min = 2,
	};

	if (revision > ARRAY_COUNT(bytes))
		revision = ARRAY_COUNT(bytes);
	memset(object, 0, sizeof(*object));
	object->header.type = NDIS_TYPE_OFFLOAD;
	object->header.revision = revision;
	object->header.bytes = bytes[revision - 1];
	fill_checksums(&object->ipv4,
	               NDIS_CHECKSUM_IP_OPTIONS | NDIS_CHECKSUM_TCP_OPTIONS |
	                       NDIS_CHECKSUM_TCP | NDIS_CHECKSUM_UDP,
	               offloads->checksum_tx, offloads->checksum_rx);
	if (offloads->ipv4_checksum_tx)
		object->ipv4.tx |= NDIS_CHECKSUM_IP;
	fill_checksums(&object->ipv6,
	               NDIS_CHECKSUM_IP_OPTIONS | NDIS_CHECKSUM_TCP_OPTIONS |
	                       NDIS_CHECKSUM_TCP | NDIS_CHECKSUM_UDP,
	               offloads->checksum_tx, offloads->checksum_rx);
	if (offloads->lso) {
		object->lso_ipv4 = lso;
		object->lso_ipv6 = lso;
		object->lso_ipv6_options = NDIS_LSO_IPV6_EXTENSIONS |
		                           NDIS_LSO_IPV6_OPTIONS;
	}
	object->rsc_ipv4 = offloads->rsc;
	object->rsc_ipv6 = offloads->rsc;
	return object->header.bytes;
}

/* A setting of one protocol or'ed into what all of them together need. */
static void add_checksum(uint8_t setting, bool *said, bool *tx, bool *rx)
{
	if (setting == NDIS_CHECKSUM_UNCHANGED)
		return;
	*said = true;
	*tx |= setting == NDIS_CHECKSUM_TX || setting == NDIS_CHECKSUM_TX_RX;
	*rx |= setting == NDIS_CHECKSUM_RX || setting == NDIS_CHECKSUM_TX_RX;
}

static void read_checksums(struct ndis_offloads *offloads,
                           const struct ndis_offload_parameters *p)
{
	const uint8_t settings[] = { p->tcp_ipv4_checksum, p->udp_ipv4_checksum,
		                     p->tcp_ipv6_checksum, p->udp_ipv6_checksum };
	bool said = false, tx = false, rx = false;

	for (unsigned int i = 0; i < ARRAY_COUNT(settings); i++)
		add_checksum(settings[i], &said, &tx, &rx);
	if (!said)
		return;
	offloads->checksum_tx = tx;
	offloads->checksum_rx = rx;
}

static void read_switch(uint8_t ipv4, uint8_t ipv6, bool *on)
{
	if (ipv4 != NDIS_UNCHANGED || ipv6 != NDIS_UNCHANGED)
		*on = ipv4 == NDIS_ON || ipv6 == NDIS_ON;
}

bool ndis_offload_parameters_read(struct ndis_offloads *offloads, const void *information,
                                  uint32_t information_bytes)
{
	struct ndis_offload_parameters p = { .flags = 0 };
	bool said = false, rx = false;

	if (information_bytes < NDIS_OFFLOAD_PARAMETERS_BYTES_1)
		return false;
	memcpy(&p, information,
	       information_bytes < sizeof(p) ? information_bytes : sizeof(p));
	if (p.header.type != NDIS_TYPE_DEFAULT || p.header.revision == 0 ||
	    p.header.bytes < NDIS_OFFLOAD_PARAMETERS_BYTES_1 ||
	    p.header.bytes > information_bytes)
		return false;
	read_checksums(offloads, &p);
	if (p.ipv4_checksum != NDIS_CHECKSUM_UNCHANGED) {
		offloads->ipv4_checksum_tx = false;
		add_checksum(p.ipv4_checksum, &said, &offloads->ipv4_checksum_tx, &rx);
	}
	read_switch(p.lso_ipv4, p.lso_ipv6, &offloads->lso);
	if (p.header.revision >= 3)
		read_switch(p.rsc_ipv4, p.rsc_ipv6, &offloads->rsc);
	return true;
}

struct ndis_encapsulation ndis_encapsulation(void)
{
	const struct ndis_encapsulation_of ethernet = {
		.enabled = NDIS_ENCAPSULATION_ON,
		.type = NDIS_ENCAPSULATION_802_3,
		.header_bytes = ETHERNET_BYTES,
	};

	return (struct ndis_encapsulation){
		.header = { NDIS_TYPE_ENCAPSULATION, 1,
		            sizeof(struct ndis_encapsulation) },
		.ipv4 = ethernet,
		.ipv6 = ethernet,
	};
}

static bool is_ethernet(const struct ndis_encapsulation_of *ip)
{
	return ip->enabled != NDIS_ENCAPSULATION_ON ||
	       (ip->type == NDIS_ENCAPSULATION_802_3 &&
	        ip->header_bytes == ETHERNET_BYTES);
}

bool ndis_encapsulation_read(const void *information, uint32_t information_bytes)
{
	struct cursor c = cursor_over(information, information_bytes);
	struct ndis_encapsulation object;

	cursor_copy(&c, &object, sizeof(object));
	return !c.overrun && object.header.type == NDIS_TYPE_ENCAPSULATION &&
	       object.header.revision != 0 && object.header.bytes >= sizeof(object) &&
	       object.header.bytes <= information_bytes && is_ethernet(&object.ipv4) &&
	       is_ethernet(&object.ipv6);
}

/* ---- The link ---- */

struct ndis_link_state ndis_link_state(bool up, uint64_t speed)
{
	return (struct ndis_link_state){
		.header = { NDIS_TYPE_DEFAULT, 1, sizeof(struct ndis_link_state) },
		.media = up ? NDIS_LINK_CONNECTED : NDIS_LINK_DISCONNECTED,
		.duplex = NDIS_LINK_FULL_DUPLEX,
		.speed = { speed, speed },
	};
}

/* ---- Receive-side scaling ---- */

uint32_t ndis_rss_capabilities_write(struct ndis_rss_capabilities *object,
                                     uint8_t revision, uint32_t queues)
{
	memset(object, 0, sizeof(*object));
	object->header.type = NDIS_TYPE_RSS_CAPABILITIES;
	object->header.revision = revision < 2 ? 1 : 2;
	object->header.bytes = revision < 2 ? NDIS_RSS_CAPABILITIES_BYTES_1 :
	                                      NDIS_RSS_CAPABILITIES_BYTES_2;
	object->flags = NDIS_RSS_TOEPLITZ | NDIS_RSS_CAPABILITY_IPV4 |
	                NDIS_RSS_CAPABILITY_IPV6 | NDIS_RSS_CAPABILITY_DPC;
	object->messages = queues;
	object->queues = queues;
	if (revision >= 2)
		object->indirection_entries = NDIS_RSS_INDIRECTION_ENTRIES;
	return object->header.bytes;
}

/* `count` entries of 32 bits; the table has a power of two of them. */
static bool read_indirection(struct ndis_rss *rss, uint32_t queues, struct cursor *c,
                             uint32_t bytes)
{
	uint32_t count = bytes / (uint32_t)sizeof(uint32_t);

	if (bytes % sizeof(uint32_t) != 0 || count == 0 ||
	    count > NDIS_RSS_INDIRECTION_ENTRIES || (count & (count - 1)) != 0)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t queue = cursor_le32(c);

		if (queue >= queues)
			return false;
		rss->entries[i] = (uint8_t)queue;
	}
	rss->entry_count = count;
	return !c->overrun;
}

bool ndis_rss_parameters_read(struct ndis_rss *rss, uint32_t queues,
                              const void *information, uint32_t information_bytes)
{
	struct cursor c = cursor_over(information, information_bytes);
	struct ndis_rss_parameters p = { .flags = 0 };
	struct ndis_rss next = *rss;

	cursor_copy(&c, &p, NDIS_RSS_PARAMETERS_BYTES_1);
	if (c.overrun || p.header.type != NDIS_TYPE_RSS_PARAMETERS ||
	    p.header.bytes > information_bytes)
		return false;
	next.enabled = !(p.flags & NDIS_RSS_DISABLE);
	if (!(p.flags & NDIS_RSS_HASH_UNCHANGED))
		next.hash = p.hash;
	if (next.enabled && !(p.flags & NDIS_RSS_INDIRECTION_UNCHANGED)) {
		c.at = 0;
		cursor_skip(&c, p.indirection_offset);
		if (!read_indirection(&next, queues, &c, p.indirection_bytes))
			return false;
	}
	if (next.enabled && !(p.flags & NDIS_RSS_KEY_UNCHANGED)) {
		c.at = 0;
		cursor_skip(&c, p.key_offset);
		if (p.key_bytes != NDIS_RSS_KEY_BYTES)
			return false;
		cursor_copy(&c, next.key, NDIS_RSS_KEY_BYTES);
	}
	if (c.overrun)
		return false;
	*rss = next;
	return true;
}

/* ---- Parameters by name ---- */

static bool is_text(struct cursor c, const char *text, uint32_t bytes)
{
	for (uint32_t i = 0; text[i] != 0; i++, bytes -= 2)
		if (bytes < 2 || cursor_le16(&c) != (uint8_t)text[i])
			return false;
	return bytes == 0;
}

/* -1: not a digit. */
static int hexadecimal(uint16_t character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	if (character >= 'A' && character <= 'F')
		return character - 'A' + 10;
	return -1;
}

static bool read_digits(uint8_t mac[NDIS_MAC_BYTES], struct cursor *c)
{
	for (unsigned int i = 0; i < NDIS_MAC_BYTES; i++) {
		int high = hexadecimal(cursor_le16(c));
		int low = hexadecimal(cursor_le16(c));

		if (high < 0 || low < 0)
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return !c->overrun;
}

static bool read_address(uint8_t mac[NDIS_MAC_BYTES], struct cursor value,
                         const struct ndis_config_parameter *p)
{
	static const uint8_t none[NDIS_MAC_BYTES];
	uint8_t chosen[NDIS_MAC_BYTES];

	if (p->type != NDIS_CONFIG_STRING || p->value_bytes != 4 * NDIS_MAC_BYTES ||
	    !read_digits(chosen, &value))
		return false;
	/* The lowest bit of the first byte: a group of stations. */
	if ((chosen[0] & 1) || memcmp(chosen, none, sizeof(none)) == 0)
		return false;
	memcpy(mac, chosen, sizeof(chosen));
	return true;
}

/* A keyword's values from 0 on are its field's from 1 on, where 0 is no change. */
static const struct keyword {
	const char *name;
	uint16_t last; /* digit */
	uint16_t offset;
} keywords[] = {
#define KEYWORD(name, last, field)                                          \
	{                                                                   \
		name, last, offsetof(struct ndis_offload_parameters, field) \
	}
	KEYWORD("*IPChecksumOffloadIPv4", '3', ipv4_checksum),
	KEYWORD("*TCPChecksumOffloadIPv4", '3', tcp_ipv4_checksum),
	KEYWORD("*TCPChecksumOffloadIPv6", '3', tcp_ipv6_checksum),
	KEYWORD("*UDPChecksumOffloadIPv4", '3', udp_ipv4_checksum),
	KEYWORD("*UDPChecksumOffloadIPv6", '3', udp_ipv6_checksum),
	KEYWORD("*LsoV2IPv4", '1', lso_ipv4),
	KEYWORD("*LsoV2IPv6", '1', lso_ipv6),
	KEYWORD("*RscIPv4", '1', rsc_ipv4),
	KEYWORD("*RscIPv6", '1', rsc_ipv6),
#undef KEYWORD
};

static const struct keyword *find_keyword(struct cursor name, uint32_t bytes)
{
	for (unsigned int i = 0; i < ARRAY_COUNT(keywords); i++)
		if (is_text(name, keywords[i].name, bytes))
			return &keywords[i];
	return NULL;
}

static bool read_keyword(struct ndis_offload_parameters *offloads,
                         const struct keyword *keyword, struct cursor value,
                         const struct ndis_config_parameter *p)
{
	uint16_t digit = cursor_le16(&value);

	if (p->type != NDIS_CONFIG_STRING || p->value_bytes != sizeof(digit) ||
	    value.overrun || digit < '0' || digit > keyword->last)
		return false;
	((uint8_t *)offloads)[keyword->offset] = (uint8_t)(1 + digit - '0');
	return true;
}

enum ndis_parameter ndis_parameter_read(uint8_t mac[NDIS_MAC_BYTES],
                                        struct ndis_offload_parameters *offloads,
                                        const void *information,
                                        uint32_t information_bytes)
{
	struct cursor c = cursor_over(information, information_bytes);
	struct cursor name = c, value = c, name_end, value_end;
	struct ndis_config_parameter p;
	const struct keyword *keyword;

	cursor_copy(&c, &p, sizeof(p));
	cursor_skip(&name, p.name_offset);
	cursor_skip(&value, p.value_offset);
	name_end = name;
	value_end = value;
	cursor_skip(&name_end, p.name_bytes);
	cursor_skip(&value_end, p.value_bytes);
	if (c.overrun || name_end.overrun || value_end.overrun || p.name_bytes == 0)
		return NDIS_PARAMETER_INVALID;
	if (is_text(name, "NetworkAddress", p.name_bytes))
		return read_address(mac, value, &p) ? NDIS_PARAMETER_ADDRESS :
		                                      NDIS_PARAMETER_INVALID;
	keyword = find_keyword(name, p.name_bytes);
	if (!keyword)
		return NDIS_PARAMETER_OTHER;
	return read_keyword(offloads, keyword, value, &p) ? NDIS_PARAMETER_OFFLOAD :
	                                                    NDIS_PARAMETER_INVALID;
}
