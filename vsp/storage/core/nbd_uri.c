/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of exports: a walk from left to right, each part into an array of its own. */
#include "vsp/storage/core/nbd_uri.h"

#include <stddef.h>

#define TCP      "nbd://"
#define UNIX     "nbd+unix://"
#define SOCKET   "socket="
#define PORT_MAX 65535u

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_control(char c)
{
	return (c > 0 && c < ' ') || c == 0x7f;
}

/* -1: no such digit. */
static int hexadecimal(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* What follows the prefix; NULL: it does not begin so. */
static const char *behind(const char *text, const char *prefix)
{
	while (*prefix && *text == *prefix) {
		text++;
		prefix++;
	}
	return *prefix ? NULL : text;
}

/* "nbd", perhaps with more of a scheme, and "://". */
bool nbd_uri_is(const char *text)
{
	const char *at = behind(text, "nbd");

	while (at && (is_letter(*at) || *at == '+'))
		at++;
	return at && behind(at, "://") != NULL;
}

/*
 * Decodes up to one of the characters in `ends` or the text's end, and stands there; NULL: it does not fit, or
 * there is a control character, or a '%' without its digits or with those of a NUL.
 */
static const char *decode(const char *at, const char *ends, char *to, size_t bytes)
{
	size_t count = 0;

	for (; *at; at++) {
		char c = *at;

		for (const char *end = ends; *end; end++) {
			if (c == *end) {
				to[count] = '\0';
				return at;
			}
		}
		if (is_control(c))
			return NULL;
		if (c == '%') {
			int high = hexadecimal(at[1]);
			int low = high < 0 ? -1 : hexadecimal(at[2]);

			if (low < 0 || (high == 0 && low == 0))
				return NULL;
			c = (char)(high << 4 | low);
			at += 2;
		}
		if (count == bytes - 1)
			return NULL;
		to[count++] = c;
	}
	to[count] = '\0';
	return at;
}

static bool is_of_host(char c, bool in_brackets)
{
	if (in_brackets)
		return hexadecimal(c) >= 0 || c == ':' || c == '.';
	return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

/* What follows the host, ':' or '/'; NULL: there is none, or it has something else in it. */
static const char *take_host(const char *at, struct nbd_uri *uri)
{
	bool in_brackets = *at == '[';
	size_t count = 0;

	at += in_brackets;
	for (; is_of_host(*at, in_brackets); at++) {
		if (count == sizeof(uri->host) - 1)
			return NULL;
		uri->host[count++] = *at;
	}
	uri->host[count] = '\0';
	if (count == 0 || (in_brackets && *at++ != ']'))
		return NULL;
	return *at == ':' || *at == '/' || *at == '\0' ? at : NULL;
}

static const char *take_port(const char *at, struct nbd_uri *uri)
{
	uint32_t port = 0;

	uri->port = NBD_URI_PORT;
	if (*at != ':')
		return at;
	for (at++; is_digit(*at) && port <= PORT_MAX; at++)
		port = port * 10 + (uint32_t)(*at - '0');
	uri->port = (uint16_t)port;
	return port == 0 || port > PORT_MAX ? NULL : at;
}

static const char *parse_tcp(const char *at, struct nbd_uri *uri)
{
	at = take_host(at, uri);
	if (!at)
		return "a host is needed, by its name or address, as in "
		       "nbd://HOST:PORT/EXPORT";
	at = take_port(at, uri);
	if (!at)
		return "a port is a number from 1 to 65535";
	if (*at != '/')
		return "a '/' is needed behind the host, and then the export's name, "
		       "which may be empty";
	at = decode(at + 1, "?#", uri->export_name, sizeof(uri->export_name));
	if (!at)
		return "the export's name is too long, or has a control character in it, or a "
		       "'%' without two digits";
	return *at ? "it has no parameters" : NULL;
}

static const char *parse_unix(const char *at, struct nbd_uri *uri)
{
	if (*at != '/')
		return "nbd+unix has no host: nbd+unix:///EXPORT?socket=PATH";
	at = decode(at + 1, "?#", uri->export_name, sizeof(uri->export_name));
	if (!at)
		return "the export's name is too long, or has a control character in it, or a "
		       "'%' without two digits";
	at = behind(at, "?" SOCKET);
	if (!at)
		return "'?socket=PATH' is needed behind the export's name, and nothing "
		       "else";
	at = decode(at, "&#", uri->socket, sizeof(uri->socket));
	if (!at)
		return "the socket's path is too long, or has a control character in it, or a "
		       "'%' without two digits";
	if (*at)
		return "'socket' is the only parameter";
	return uri->socket[0] == '/' ? NULL : "the socket needs an absolute path";
}

const char *nbd_uri_parse(const char *text, struct nbd_uri *uri)
{
	const char *at = behind(text, TCP);

	*uri = (struct nbd_uri){ .is_unix = false };
	if (at)
		return parse_tcp(at, uri);
	at = behind(text, UNIX);
	if (!at)
		return "nbd:// and nbd+unix:// are possible; for TLS (nbds) have a "
		       "tunnel in between: 'nbdkit -U SOCKET nbd uri=nbds://...', which "
		       "is nbd+unix:///?socket=SOCKET here";
	uri->is_unix = true;
	return parse_unix(at, uri);
}
