/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forwarded ports: see definition_forward.h. */
#include "root-partition/config/definition_forward.h"

#include <arpa/inet.h>
#include <string.h>

#define FORWARDS_MAX 32u /* of an adapter */

static gboolean invalid(GError **error, const char *text, const char *why)
{
	return definition_invalid(error, "net: hostfwd '%s': %s", text, why);
}

static gboolean parse_port(const char *text, uint16_t *port)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT16, &number, NULL))
		return FALSE;
	*port = (uint16_t)number;
	return TRUE;
}

static gboolean parse_address(const char *text, char address[16])
{
	struct in_addr parsed;

	if (inet_pton(AF_INET, text, &parsed) != 1)
		return FALSE;
	return inet_ntop(AF_INET, &parsed, address, 16) != NULL;
}

gboolean definition_forward_parse(const char *text, struct definition_forward *forward,
                                  GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 5);
	guint count = g_strv_length(parts);

	*forward = (struct definition_forward){ .address = "127.0.0.1" };
	if (count != 3 && count != 4)
		return invalid(error, text, "write for example tcp:8080:80");
	forward->udp = strcmp(parts[0], "udp") == 0;
	if (!forward->udp && strcmp(parts[0], "tcp") != 0)
		return invalid(error, text, "'tcp' and 'udp' are possible");
	if (count == 4 && !parse_address(parts[1], forward->address))
		return invalid(error, text, "the address is one of IPv4, in digits");
	/* passt knows no way back for these where guests have none to the root's loopback. */
	if (forward->udp && g_str_has_prefix(forward->address, "127."))
		return invalid(error, text,
		               "'udp' takes an address of the root's, and not its "
		               "loopback's: udp:192.0.2.1:5353:53");
	if (!parse_port(parts[count - 2], &forward->port) ||
	    !parse_port(parts[count - 1], &forward->guest_port))
		return invalid(error, text, "ports are numbers from 1 to 65535");
	return TRUE;
}

static gboolean overlap(const struct definition_forward *a,
                        const struct definition_forward *b)
{
	return a->udp == b->udp && a->port == b->port &&
	       (strcmp(a->address, b->address) == 0 ||
	        strcmp(a->address, "0.0.0.0") == 0 || strcmp(b->address, "0.0.0.0") == 0);
}

/* Is one of the first `count` of these the same port? */
static gboolean is_taken(const GPtrArray *forwards, guint count,
                         const struct definition_forward *forward)
{
	struct definition_forward other;

	for (guint i = 0; i < count; i++)
		if (definition_forward_parse(forwards->pdata[i], &other, NULL) &&
		    overlap(&other, forward))
			return TRUE;
	return FALSE;
}

gboolean definition_forwards_check(const struct definition *definition, guint index,
                                   GError **error)
{
	const struct definition_net *net = definition->nets->pdata[index];

	if (net->forwards->len > FORWARDS_MAX)
		return definition_invalid(error,
		                          "net: %u 'hostfwd': at most %u are possible",
		                          net->forwards->len, FORWARDS_MAX);
	for (guint i = 0; i < net->forwards->len; i++) {
		const char *text = net->forwards->pdata[i];
		struct definition_forward forward;

		if (!definition_forward_parse(text, &forward, error))
			return FALSE;
		for (guint j = 0; j <= index; j++) {
			const struct definition_net *other = definition->nets->pdata[j];

			if (is_taken(other->forwards,
			             j == index ? i : other->forwards->len, &forward))
				return invalid(error, text, "the port is there twice");
		}
	}
	return TRUE;
}
