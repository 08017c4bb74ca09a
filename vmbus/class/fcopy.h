/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File copy into a guest: requests encoded for the server and decoded for the client. A client answers by ic_answer();
 * heads and versions are ic.h's.
 */
#ifndef VIRIDIS_VMBUS_CLASS_FCOPY_H
#define VIRIDIS_VMBUS_CLASS_FCOPY_H

#include <viridis/abi/fcopy.h>

#include "vmbus/class/ic.h"

#define FCOPY_PACKET_BYTES_MAX (IC_HEADERS_BYTES + (uint32_t)sizeof(struct fcopy_write))

/* Bytes of UTF-8, with the zero: Linux's driver gives its daemon no more of a name or a folder than that. */
#define FCOPY_UTF8_BYTES (FCOPY_TEXT_BYTES / 2)

/* ---- Server: encoders fill up to FCOPY_PACKET_BYTES_MAX bytes, return the length ---- */

struct fcopy_file {
	char folder[FCOPY_UTF8_BYTES];
	char name[FCOPY_UTF8_BYTES];
	uint32_t flags; /* FCOPY_FLAG_OVERWRITE, or 0 */
	uint64_t bytes;
};

/* The file of an absolute path; flags and bytes are left as they are. False: it is none, or too long for a packet. */
MUST_CHECK bool fcopy_split(const char *path, struct fcopy_file *file);

MUST_CHECK uint32_t fcopy_encode_start(void *packet, const struct ic_agreement *agreed,
                                       uint8_t transaction_id,
                                       const struct fcopy_file *file);
/* 0: more data than FCOPY_DATA_BYTES. */
MUST_CHECK uint32_t fcopy_encode_write(void *packet, const struct ic_agreement *agreed,
                                       uint8_t transaction_id, uint64_t offset,
                                       const void *data, uint32_t data_bytes);
/* FCOPY_COMPLETE or FCOPY_CANCEL. */
MUST_CHECK uint32_t fcopy_encode_end(void *packet, const struct ic_agreement *agreed,
                                     uint8_t transaction_id,
                                     enum fcopy_operation operation);

/* ---- Client ---- */

struct fcopy_request {
	uint32_t operation;     /* enum fcopy_operation, or any other */
	struct fcopy_file file; /* of FCOPY_START; texts are cut, and end in a zero */
	uint64_t offset;        /* of FCOPY_WRITE */
	const uint8_t *data;    /* likewise, in the message's body */
	uint32_t data_bytes;
};

/* False: no request, or one that is too short for its operation, or for its data. */
MUST_CHECK bool fcopy_decode_request(const struct ic_message *message,
                                     struct fcopy_request *request);

#endif
