/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File copy into a guest: see fcopy.h. The layouts are in abi/fcopy.h. */
#include "vmbus/class/fcopy.h"

#include <stddef.h>
#include <viridis/base/cursor.h>
#include <viridis/base/mem.h>

#include "vmbus/class/utf16.h"

/* Where a body, and a member of one, is within the packet. */
#define BODY(packet)        ((uint8_t *)(packet) + IC_HEADERS_BYTES)
#define START(body, member) ((body) + offsetof(struct fcopy_start, member))
#define WRITE(body, member) ((body) + offsetof(struct fcopy_write, member))

/* ---- Server ---- */

static bool put_text(char to[FCOPY_UTF8_BYTES], const char *text, size_t bytes)
{
	if (bytes >= FCOPY_UTF8_BYTES)
		return false;
	memcpy(to, text, bytes);
	to[bytes] = '\0';
	return true;
}

/* The longest is a folder and a name with the '/' between them. */
bool fcopy_split(const char *path, struct fcopy_file *file)
{
	size_t bytes = 0, name = 0;

	if (path[0] != '/')
		return false;
	while (path[bytes] != '\0' && bytes < (size_t)FCOPY_UTF8_BYTES * 2) {
		if (path[bytes++] == '/')
			name = bytes;
	}
	return name != bytes && put_text(file->name, path + name, bytes - name) &&
	       put_text(file->folder, path, name > 1 ? name - 1 : 1);
}

static uint32_t encode(void *packet, const struct ic_agreement *agreed,
                       uint8_t transaction_id, uint32_t operation, uint32_t body_bytes)
{
	memcpy(BODY(packet) + offsetof(struct fcopy_header, operation), &operation,
	       sizeof(operation));
	return ic_encode_heads(packet, IC_FCOPY, agreed, transaction_id, body_bytes);
}

uint32_t fcopy_encode_start(void *packet, const struct ic_agreement *agreed,
                            uint8_t transaction_id, const struct fcopy_file *file)
{
	uint8_t *body = BODY(packet);

	memset(body, 0, sizeof(struct fcopy_start));
	(void)utf16_encode(file->name, START(body, name), FCOPY_TEXT_BYTES);
	(void)utf16_encode(file->folder, START(body, folder), FCOPY_TEXT_BYTES);
	memcpy(START(body, flags), &file->flags, sizeof(file->flags));
	memcpy(START(body, file_bytes), &file->bytes, sizeof(file->bytes));
	return encode(packet, agreed, transaction_id, FCOPY_START,
	              sizeof(struct fcopy_start));
}

/* Always of one length: what the data leaves free is zeros. */
uint32_t fcopy_encode_write(void *packet, const struct ic_agreement *agreed,
                            uint8_t transaction_id, uint64_t offset, const void *data,
                            uint32_t data_bytes)
{
	uint8_t *body = BODY(packet);

	if (data_bytes > FCOPY_DATA_BYTES)
		return 0;
	memset(body, 0, sizeof(struct fcopy_write));
	memcpy(WRITE(body, offset), &offset, sizeof(offset));
	memcpy(WRITE(body, data_bytes), &data_bytes, sizeof(data_bytes));
	memcpy(WRITE(body, data), data, data_bytes);
	return encode(packet, agreed, transaction_id, FCOPY_WRITE,
	              sizeof(struct fcopy_write));
}

uint32_t fcopy_encode_end(void *packet, const struct ic_agreement *agreed,
                          uint8_t transaction_id, enum fcopy_operation operation)
{
	memset(BODY(packet), 0, sizeof(struct fcopy_header));
	return encode(packet, agreed, transaction_id, operation,
	              sizeof(struct fcopy_header));
}

/* ---- Client ---- */

static bool decode_start(const struct ic_message *message, struct fcopy_file *file)
{
	const uint8_t *body = message->body;

	if (message->body_bytes < sizeof(struct fcopy_start))
		return false;
	utf16_decode(START(body, name), FCOPY_TEXT_BYTES, file->name, sizeof(file->name));
	utf16_decode(START(body, folder), FCOPY_TEXT_BYTES, file->folder,
	             sizeof(file->folder));
	memcpy(&file->flags, START(body, flags), sizeof(file->flags));
	memcpy(&file->bytes, START(body, file_bytes), sizeof(file->bytes));
	return true;
}

static bool decode_write(struct cursor *c, struct fcopy_request *request)
{
	cursor_skip(c, sizeof(uint32_t));
	request->offset = cursor_le64(c);
	request->data_bytes = cursor_le32(c);
	request->data = cursor_take(c, request->data_bytes);
	return !c->overrun && request->data_bytes <= FCOPY_DATA_BYTES;
}

bool fcopy_decode_request(const struct ic_message *message, struct fcopy_request *request)
{
	struct cursor c = cursor_over(message->body, message->body_bytes);

	memset(request, 0, sizeof(*request));
	request->operation = cursor_le32(&c);
	cursor_skip(&c, sizeof(struct fcopy_header) - sizeof(uint32_t));
	if (c.overrun || message->header.type != IC_FCOPY)
		return false;
	switch (request->operation) {
	case FCOPY_START:
		return decode_start(message, &request->file);
	case FCOPY_WRITE:
		return decode_write(&c, request);
	default:
		return true;
	}
}
