/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of exports of NBD servers, as nbd-client, qemu and libnbd write them too:
 *
 *   nbd://HOST[:PORT]/EXPORT             by TCP, port 10809 unless said; an IPv6 address stands in brackets
 *   nbd+unix:///EXPORT?socket=PATH       by a socket in the file system, PATH is absolute
 *
 * EXPORT may be empty, which is a server's default, and may contain '/'. In EXPORT and PATH %XX is the byte of that
 * number. All else that such a name can have elsewhere (a user, TLS, other parameters) is refused and named. PURE.
 */
#ifndef VIRIDIS_VSP_STORAGE_NBD_URI_H
#define VIRIDIS_VSP_STORAGE_NBD_URI_H

#include <stdbool.h>
#include <stdint.h>
#include <viridis/base/assert.h>

#define NBD_URI_PORT         10809u
#define NBD_URI_HOST_BYTES   254u  /* a name of the DNS */
#define NBD_URI_SOCKET_BYTES 108u  /* unix(7) */
#define NBD_URI_EXPORT_BYTES 1025u /* ours: the protocol has 4096 */

/* Texts end with a NUL. */
struct nbd_uri {
	bool is_unix;
	uint16_t port;
	char host[NBD_URI_HOST_BYTES];     /* of TCP: without brackets */
	char socket[NBD_URI_SOCKET_BYTES]; /* of UNIX */
	char export_name[NBD_URI_EXPORT_BYTES];
};

/* Whether this is meant to be such a name, and no file's. */
MUST_CHECK bool nbd_uri_is(const char *text);

/* NULL, and *uri; or what is wrong with it. */
MUST_CHECK const char *nbd_uri_parse(const char *text, struct nbd_uri *uri);

#endif
