/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Worker and guest towards a real viridis-storage with one disk in a temporary file; for two tests of it. */
#ifndef VIRIDIS_TESTS_STORAGE_GUEST_H
#define VIRIDIS_TESTS_STORAGE_GUEST_H

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "provider_host.h"
#include "vmbus/class/scsi.h"
#include "vsp/storage/uring.h"

#define DISK_BYTES  (UINT64_C(8) << 20)
#define RING_PFN    16u
#define RING_PAGES  33u
#define SMALL_PAGES 2u
#define DATA_PFN    1024u
#define DATA_BYTES  (64u << 10)
#define CHANNEL     5u
#define INIT_ID     UINT64_C(0xfffffffffffffffd)

#define ID         "6e2a7d0c5b19f384"
#define DISK_NAMES "\"lun\":0,\"id\":\"" ID "\""

static char disk_path[] = "/tmp/viridis-storage-XXXXXX";
static int disk_fd;
static struct host host;
static struct host_channel channel;

/* ---- The disk ---- */

static inline uint8_t pattern(uint64_t offset)
{
	return (uint8_t)(offset ^ offset >> 9 ^ offset >> 17);
}

static inline void make_disk(uint64_t bytes)
{
	static uint8_t block[1 << 16];

	disk_fd = mkstemp(disk_path);
	ck_assert_int_ge(disk_fd, 0);
	for (uint64_t at = 0; at < bytes; at += sizeof(block)) {
		uint64_t count = bytes - at < sizeof(block) ? bytes - at : sizeof(block);

		for (uint64_t i = 0; i < count; i++)
			block[i] = pattern(at + i);
		ck_assert_int_eq(pwrite(disk_fd, block, count, (off_t)at),
		                 (ssize_t)count);
	}
	ck_assert_int_eq(fsync(disk_fd), 0);
}

static inline bool configure(struct host *to, bool read_only)
{
	char json[512];

	snprintf(json, sizeof(json),
	         "{\"vm\":\"test\",\"channels\":[{\"id\":%u,\"class\":\"scsi\"}],"
	         "\"disks\":[{\"path\":\"%s\",\"read-only\":%s," DISK_NAMES "}]}",
	         CHANNEL, disk_path, read_only ? "true" : "false");
	host_start(to, PROVIDER);
	return host_configure(to, json);
}

static inline void remove_disk(void)
{
	close(disk_fd);
	unlink(disk_path);
}

/* Of memory that it holds: Linux from 6.15 on. */
static inline bool kernel_takes_lists(void)
{
	struct io_uring_probe *probe = io_uring_get_probe();
	bool takes;

	ck_assert_ptr_nonnull(probe);
	takes = io_uring_opcode_supported(probe, URING_OP_READV_FIXED);
	io_uring_free_probe(probe);
	return takes;
}

/* ---- The guest ---- */

static inline void *guest(uint64_t gpa)
{
	return vsp_guest_memory_at(&host.memory, gpa, 1);
}

static inline void put_init(const struct storvsc_packet *packet)
{
	bool signal = false;

	ck_assert_int_eq(ring_put_inband(&channel.out, INIT_ID,
	                                 VMBUS_PACKET_WANTS_COMPLETION, packet,
	                                 sizeof(*packet), &signal),
	                 RING_OK);
	if (signal)
		host_signal(&channel);
}

static inline struct storvsc_packet receive_answer(uint64_t *id)
{
	struct ring_received received;
	struct storvsc_packet answer;

	host_receive(&channel, &received);
	ck_assert_uint_eq(received.type, VMBUS_PACKET_COMPLETION);
	ck_assert(vstor_packet_read(&answer, received.payload, received.payload_bytes));
	*id = received.transaction_id;
	return answer;
}

static inline struct storvsc_packet init_step(const struct storvsc_packet *packet)
{
	struct storvsc_packet answer;
	uint64_t id;

	put_init(packet);
	answer = receive_answer(&id);
	ck_assert_uint_eq(id, INIT_ID);
	ck_assert(vstor_succeeded(&answer));
	return answer;
}

static inline void initialize(void)
{
	struct storvsc_packet packet, answer;

	vstor_command(STORVSC_BEGIN_INITIALIZATION, &packet);
	(void)init_step(&packet);
	vstor_query_version(STORVSC_VERSION_6_2, &packet);
	(void)init_step(&packet);
	vstor_command(STORVSC_QUERY_PROPERTIES, &packet);
	answer = init_step(&packet);
	ck_assert_uint_eq(answer.body.properties.max_transfer_bytes, 1 << 20);
	ck_assert_uint_eq(answer.body.properties.sub_channels_max, 7);
	vstor_command(STORVSC_END_INITIALIZATION, &packet);
	(void)init_step(&packet);
}

static inline void set_up(void)
{
	make_disk(DISK_BYTES);
	ck_assert(configure(&host, false));
	host_open(&host, &channel, CHANNEL, RING_PFN, RING_PAGES);
	initialize();
}

static inline void tear_down(void)
{
	host_close(&channel);
	ck_assert_int_eq(host_stop(&host), 0);
	remove_disk();
}

/* A buffer of `bytes` from `gpa` on, its pages in falling order when `scattered`. */
struct buffer {
	uint64_t gpa;
	uint32_t bytes;
	bool scattered;
};

static inline uint64_t page_of(const struct buffer *buffer, uint32_t index,
                               uint32_t pages)
{
	uint64_t first = buffer->gpa / PAGE_4K;

	return buffer->scattered ? first + pages - 1 - index : first + index;
}

static inline uint32_t pages_of(const struct buffer *buffer)
{
	return (uint32_t)((buffer->gpa % PAGE_4K + buffer->bytes + PAGE_4K - 1) /
	                  PAGE_4K);
}

/* Byte `at` of the buffer. */
static inline uint8_t *byte_of(const struct buffer *buffer, uint32_t at)
{
	uint32_t linear = (uint32_t)(buffer->gpa % PAGE_4K) + at;
	uint64_t page = page_of(buffer, linear / (uint32_t)PAGE_4K, pages_of(buffer));

	return (uint8_t *)guest(page * PAGE_4K) + linear % PAGE_4K;
}

static inline enum ring_status try_put(uint64_t id, const struct vstor_request *request,
                                       const struct buffer *buffer)
{
	struct storvsc_packet packet;
	enum ring_status status;
	uint64_t pfns[300];
	struct ring_gpa_range range = { .pfns = pfns };
	bool signal = false;

	vstor_execute(request, &packet);
	if (buffer->bytes == 0) {
		status = ring_put_inband(&channel.out, id, VMBUS_PACKET_WANTS_COMPLETION,
		                         &packet, sizeof(packet), &signal);
	} else {
		range.bytes = buffer->bytes;
		range.offset = (uint32_t)(buffer->gpa % PAGE_4K);
		range.page_count = pages_of(buffer);
		for (uint32_t i = 0; i < range.page_count; i++)
			pfns[i] = page_of(buffer, i, range.page_count);
		status = ring_put_gpa_direct(&channel.out, id, &range, &packet,
		                             sizeof(packet), &signal);
	}
	if (signal)
		host_signal(&channel);
	return status;
}

static inline struct vstor_result execute(const struct vstor_request *request,
                                          const struct buffer *buffer)
{
	struct storvsc_packet answer;
	struct vstor_result result;
	uint64_t id;

	ck_assert_int_eq(try_put(77, request, buffer), RING_OK);
	answer = receive_answer(&id);
	ck_assert_uint_eq(id, 77);
	ck_assert(vstor_result_read(&answer, &result));
	return result;
}

static inline void assert_good(const struct vstor_result *result, uint32_t bytes)
{
	ck_assert_uint_eq(result->srb_status, STORVSC_SRB_SUCCESS);
	ck_assert_uint_eq(result->scsi_status, 0);
	ck_assert_uint_eq(result->transferred_bytes, bytes);
}

static inline void assert_sense(const struct vstor_result *result, uint8_t key,
                                uint8_t asc)
{
	ck_assert_uint_eq(result->srb_status, STORVSC_SRB_ERROR);
	ck_assert_uint_eq(result->scsi_status, 2);
	ck_assert_uint_eq(result->sense_length, 18);
	ck_assert_uint_eq(result->sense[2], key);
	ck_assert_uint_eq(result->sense[12], asc);
}

static inline struct vstor_request read_or_write_10(uint8_t opcode, uint32_t lba,
                                                    uint16_t blocks)
{
	return (struct vstor_request){
		.cdb_length = 10,
		.cdb = { opcode, 0, (uint8_t)(lba >> 24), (uint8_t)(lba >> 16),
		         (uint8_t)(lba >> 8), (uint8_t)lba, 0, (uint8_t)(blocks >> 8),
		         (uint8_t)blocks, 0 },
		.direction = opcode == 0x28 ? STORVSC_DATA_IN : STORVSC_DATA_OUT,
		.transfer_bytes = blocks * 512u,
	};
}

static inline struct vstor_request command_6(uint8_t opcode)
{
	return (struct vstor_request){
		.cdb_length = 6,
		.cdb = { opcode },
		.direction = STORVSC_DATA_NONE,
	};
}

static const struct buffer no_buffer;

static inline void fill(const struct buffer *buffer, uint8_t salt)
{
	for (uint32_t i = 0; i < buffer->bytes; i++)
		*byte_of(buffer, i) = (uint8_t)(i * 7 + (i >> 8) + salt);
}

static inline void assert_on_disk(const struct buffer *buffer, uint64_t offset)
{
	for (uint32_t i = 0; i < buffer->bytes; i += 512) {
		uint8_t block[512];

		ck_assert_int_eq(pread(disk_fd, block, 512, (off_t)(offset + i)), 512);
		for (uint32_t j = 0; j < 512; j++)
			ck_assert_uint_eq(block[j], *byte_of(buffer, i + j));
	}
}

static inline uint64_t statistic(const char *name)
{
	const struct vsp_message *message;
	char key[32];
	const char *at;

	host_send(&host, VSP_COMMAND, 0, 9, "{\"command\":\"stats\"}");
	message = host_expect(&host, VSP_EVENT);
	ck_assert_uint_eq(message->number, 9);
	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(message->tail, key);
	ck_assert_ptr_nonnull(at);
	at += strlen(key);
	return *at == 't' ? 1 : strtoull(at, NULL, 10); /* true, or a number */
}

#endif
