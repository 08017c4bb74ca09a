/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The storage provider between its rings and its io_uring. The ring of operations is the test's: what was queued
 * can be looked at, and ends when and as the test says, so that I/O is in flight for as long as is needed.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <viridis/base/bits.h>

#include "vsp/storage/storage.h"

#define RAM_PAGES   64u
#define RING_BYTES  8192u
#define DISK_BYTES  (UINT64_C(1) << 20)
#define WRITE_BYTES 4096u
#define PIECE       3
#define INIT_ID     UINT64_C(0xfffffffffffffffd)

/* ---- What the provider runs on ---- */

/* RAM is two pieces, in a row to the guest and with a page between them to us. */
#define PIECE_PAGES (RAM_PAGES / 2)
#define PIECE_BYTES (PIECE_PAGES * PAGE_4K)

static _Alignas(4096) uint8_t ram[(RAM_PAGES + 1) * PAGE_4K];
static unsigned int lookups;
static struct io_uring_sqe queue[STORAGE_REQUESTS_MAX];
static unsigned int queued; /* and not ended */
static bool held;           /* the kernel holds the memory, as piece PIECE */
static bool closed;
static unsigned int signals; /* to the guest */

bool vsp_ram_around(const struct vsp *vsp, uint64_t gpa, struct vsp_ram *around)
{
	uint64_t first = gpa < PIECE_BYTES ? 0 : PIECE_BYTES;

	(void)vsp;
	lookups++;
	*around = (struct vsp_ram){ first, PIECE_BYTES,
		                    ram + first + (first ? PAGE_4K : 0) };
	return gpa < 2 * PIECE_BYTES;
}

void vsp_channel_signal(struct vsp *vsp, const struct vsp_channel *channel)
{
	(void)vsp;
	(void)channel;
	signals++;
}

void vsp_offer(struct vsp *vsp, const struct vsp_channel *of, uint32_t count)
{
	(void)vsp;
	(void)of;
	(void)count;
}

bool vsp_watch(struct vsp *vsp, int fd, vsp_ready_function ready, void *context)
{
	(void)vsp;
	(void)fd;
	(void)ready;
	(void)context;
	return true;
}

void vsp_channel_closed(struct vsp *vsp, struct vsp_channel *channel)
{
	(void)vsp;
	(void)channel;
	closed = true;
}

void storage_log(struct storage *storage, enum vsp_log_level level, const char *format,
                 ...)
{
	(void)storage;
	(void)level;
	(void)format;
}

bool uring_add_file(struct uring *uring, int fd, unsigned int *file)
{
	(void)uring;
	(void)fd;
	*file = 0;
	return true;
}

int uring_list_piece(const struct uring *uring, const struct iovec *list,
                     unsigned int count)
{
	(void)uring;
	(void)list;
	(void)count;
	return held ? PIECE : -1;
}

struct io_uring_sqe *uring_entry(struct uring *uring)
{
	(void)uring;
	ck_assert_uint_lt(queued, STORAGE_REQUESTS_MAX);
	memset(&queue[queued], 0, sizeof(queue[0]));
	return &queue[queued++];
}

void uring_queue(struct io_uring_sqe *entry, struct uring_io *io)
{
	entry->user_data = (uintptr_t)io;
}

void uring_submit(struct uring *uring)
{
	(void)uring;
}

/* Nothing ends at its submission. */
void uring_reap(struct uring *uring)
{
	(void)uring;
}

/* The operation that was queued first ends so; what it leads to may be queued behind the others. */
static void end_first(int result)
{
	struct uring_io *io = (struct uring_io *)(uintptr_t)queue[0].user_data;

	ck_assert_uint_gt(queued, 0);
	queued--;
	memmove(&queue[0], &queue[1], queued * sizeof(queue[0]));
	io->complete(io, result);
}

/* ---- The guest ---- */

static struct storage *storage;
static struct in_flight_table table;
static struct vsp_channel channel;
static struct ring_producer out;
static struct ring_consumer in;
static uint8_t *ring_pages;
static char disk_path[] = "/tmp/viridis-channel-XXXXXX";

static struct ring_memory ring_at(unsigned int number)
{
	uint8_t *at = ring_pages + number * (PAGE_4K + RING_BYTES);

	return (struct ring_memory){ (struct vmbus_ring_control *)at, at + PAGE_4K,
		                     RING_BYTES };
}

static void put(uint64_t id, const struct storvsc_packet *packet,
                const struct ring_gpa_range *range)
{
	bool signal;
	enum ring_status status =
		range ? ring_put_gpa_direct(&out, id, range, packet, sizeof(*packet),
	                                    &signal) :
			ring_put_inband(&out, id, VMBUS_PACKET_WANTS_COMPLETION, packet,
	                                sizeof(*packet), &signal);

	ck_assert_int_eq(status, RING_OK);
	storage_pump(storage);
}

/* The next answer's id and packet; false: there is none. */
static bool answered(uint64_t *id, struct storvsc_packet *packet)
{
	static _Alignas(8) uint8_t buffer[256];
	struct ring_received received;

	if (ring_get(&in, buffer, sizeof(buffer), &received) != RING_OK)
		return false;
	(void)!ring_release(&in); /* the provider looks for itself */
	ck_assert(vstor_packet_read(packet, received.payload, received.payload_bytes));
	*id = received.transaction_id;
	return true;
}

static bool nothing_answered(void)
{
	struct storvsc_packet packet;
	uint64_t id;

	storage_pump(storage);
	return !answered(&id, &packet);
}

static void expect_answer(uint64_t due)
{
	struct storvsc_packet packet;
	uint64_t id;

	storage_pump(storage);
	ck_assert(answered(&id, &packet));
	ck_assert_uint_eq(id, due);
}

static void expect_result(uint64_t due, uint8_t srb_status)
{
	struct storvsc_packet packet;
	struct vstor_result result;
	uint64_t id;

	storage_pump(storage);
	ck_assert(answered(&id, &packet));
	ck_assert_uint_eq(id, due);
	ck_assert(vstor_result_read(&packet, &result));
	ck_assert_uint_eq(result.srb_status, srb_status);
}

static void command(uint64_t id, enum storvsc_operation operation)
{
	struct storvsc_packet packet;

	vstor_command(operation, &packet);
	put(id, &packet, NULL);
}

static void write_pages(uint64_t id, bool fua, const uint64_t *pfns, uint32_t count)
{
	const uint32_t bytes = count * WRITE_BYTES;
	struct vstor_request request = {
		.cdb_length = 10,
		.cdb = { 0x2a, fua ? 8 : 0, 0, 0, 0, 8, 0, 0, (uint8_t)(bytes / 512), 0 },
		.direction = STORVSC_DATA_OUT,
		.transfer_bytes = bytes,
	};
	struct ring_gpa_range range = { .bytes = bytes,
		                        .page_count = count,
		                        .pfns = pfns };
	struct storvsc_packet packet;

	vstor_execute(&request, &packet);
	put(id, &packet, &range);
}

static void write_10(uint64_t id, bool fua)
{
	const uint64_t pfn = 3;

	write_pages(id, fua, &pfn, 1);
}

static void synchronize_cache(uint64_t id)
{
	struct vstor_request request = { .cdb_length = 10,
		                         .cdb = { 0x35 },
		                         .direction = STORVSC_DATA_NONE };
	struct storvsc_packet packet;

	vstor_execute(&request, &packet);
	put(id, &packet, NULL);
}

static void open_disk(void)
{
	struct storage_disk *disk = &storage->disks[0];
	char error[128];
	int fd = mkstemp(disk_path);

	ck_assert_int_eq(ftruncate(fd, DISK_BYTES), 0);
	close(fd);
	disk->backend =
		(struct backend){ .ops = &backend_file, .uring = &storage->uring };
	ck_assert_msg(backend_file.open(&disk->backend, disk_path, error, sizeof(error)),
	              "%s", error);
	disk->model = (struct scsi_disk){ .blocks = DISK_BYTES / 512,
		                          .max_transfer_blocks = 2048 };
	storage->target.disk[0] = &disk->model;
}

static void open_channel(void)
{
	struct storvsc_packet version;
	struct ring_memory rings[2];

	ring_pages = aligned_alloc(PAGE_4K, 2 * (PAGE_4K + RING_BYTES));
	memset(ring_pages, 0, 2 * (PAGE_4K + RING_BYTES));
	rings[0] = ring_at(0);
	rings[1] = ring_at(1);
	channel = (struct vsp_channel){ .id = 1,
		                        .in = rings[0],
		                        .out = rings[1],
		                        .event_in = eventfd(0, EFD_CLOEXEC),
		                        .event_out = -1 };
	ck_assert_int_eq(ring_producer_init(&out, &rings[0]), RING_OK);
	ck_assert_int_eq(ring_consumer_init(&in, &rings[1]), RING_OK);
	ck_assert(storage_channel_open(storage, &channel));
	command(INIT_ID, STORVSC_BEGIN_INITIALIZATION);
	expect_answer(INIT_ID);
	vstor_query_version(STORVSC_VERSION_6_2, &version);
	put(INIT_ID, &version, NULL);
	expect_answer(INIT_ID);
	command(INIT_ID, STORVSC_QUERY_PROPERTIES);
	expect_answer(INIT_ID);
	command(INIT_ID, STORVSC_END_INITIALIZATION);
	expect_answer(INIT_ID);
}

static void set_up(void)
{
	storage = calloc(1, sizeof(*storage));
	queued = 0;
	closed = false;
	memset(&table, 0, sizeof(table));
	ck_assert(storage_requests_init(storage, &table));
	open_disk();
	open_channel();
}

static void tear_down(void)
{
	while (queued)
		end_first(-EIO);
	storage_channel_close(channel.context);
	ck_assert(closed);
	backend_file.close(&storage->disks[0].backend);
	unlink(disk_path);
	while (storage->free_bounce_count)
		free(storage->free_bounces[--storage->free_bounce_count]);
	free(storage->requests);
	free(storage);
	free(ring_pages);
	close(channel.event_in);
}

/* ---- What reaches the disk ---- */

/* The operation that was queued first writes this memory. */
static void assert_writes(const uint8_t *from, uint64_t bytes)
{
	const struct iovec list = { (void *)(uintptr_t)queue[0].addr, queue[0].len };
	const struct iovec *at = held ? &list :
	                                (const struct iovec *)(uintptr_t)queue[0].addr;

	ck_assert_uint_eq(queue[0].opcode,
	                  held ? IORING_OP_WRITE_FIXED : IORING_OP_WRITEV);
	ck_assert_uint_eq(queue[0].buf_index, held ? PIECE : 0);
	ck_assert_ptr_eq(at->iov_base, from);
	ck_assert_uint_eq(at->iov_len, bytes);
}

START_TEST(a_write_with_fua_is_one_that_is_on_the_disk_when_it_ends)
{
	bool fua = _i & 1;

	held = _i & 2;
	write_10(1, fua);
	ck_assert_uint_eq(queued, 1);
	assert_writes(ram + 3 * PAGE_4K, WRITE_BYTES);
	ck_assert_uint_eq(queue[0].off, 8 * 512);
	ck_assert_int_eq(queue[0].rw_flags, fua ? RWF_DSYNC : 0);
	ck_assert(nothing_answered());
	end_first(WRITE_BYTES);
	expect_result(1, STORVSC_SRB_SUCCESS);
	ck_assert_uint_eq(queued, 0);
}
END_TEST

START_TEST(what_is_left_of_a_short_write_with_fua_has_it_as_well)
{
	held = _i;
	write_10(1, true);
	end_first(512);
	ck_assert(nothing_answered());
	ck_assert_uint_eq(queued, 1);
	ck_assert_int_eq(queue[0].rw_flags, RWF_DSYNC);
	ck_assert_uint_eq(queue[0].off, 9 * 512);
	assert_writes(ram + 3 * PAGE_4K + 512, WRITE_BYTES - 512);
	end_first(-EINTR); /* begun again */
	assert_writes(ram + 3 * PAGE_4K + 512, WRITE_BYTES - 512);
	ck_assert_int_eq(queue[0].rw_flags, RWF_DSYNC);
	end_first(WRITE_BYTES - 512);
	expect_result(1, STORVSC_SRB_SUCCESS);
}
END_TEST

/* Of four pages the middle two lie in a row, which makes three pieces. */
START_TEST(scattered_pages_are_a_list_of_one_operation)
{
	static const uint64_t pfns[] = { 9, 4, 5, 2 };
	const struct iovec *list;

	held = _i;
	write_pages(1, false, pfns, ARRAY_COUNT(pfns));
	ck_assert_uint_eq(queued, 1);
	ck_assert_uint_eq(queue[0].opcode,
	                  held ? URING_OP_WRITEV_FIXED : IORING_OP_WRITEV);
	ck_assert_uint_eq(queue[0].buf_index, held ? PIECE : 0);
	ck_assert_uint_eq(queue[0].len, 3);
	list = (const struct iovec *)(uintptr_t)queue[0].addr;
	for (unsigned int i = 0; i < 3; i++) {
		static const unsigned int first[] = { 9, 4, 2 };

		ck_assert_ptr_eq(list[i].iov_base, ram + first[i] * PAGE_4K);
		ck_assert_uint_eq(list[i].iov_len, i == 1 ? 2 * PAGE_4K : PAGE_4K);
	}
	end_first(3 * WRITE_BYTES + 512); /* what is left is in one piece */
	ck_assert_uint_eq(queued, 1);
	assert_writes(ram + 2 * PAGE_4K + 512, WRITE_BYTES - 512);
	end_first(WRITE_BYTES - 512);
	expect_result(1, STORVSC_SRB_SUCCESS);
	ck_assert_uint_eq(storage->uring.held, held ? 2 : 0);
}
END_TEST

START_TEST(a_piece_of_ram_is_looked_for_once)
{
	static const uint64_t pfns[] = { PIECE_PAGES - 2, PIECE_PAGES - 1, PIECE_PAGES,
		                         PIECE_PAGES + 1, PIECE_PAGES + 3 };
	const struct iovec *list;

	lookups = 0;
	write_pages(1, false, pfns, ARRAY_COUNT(pfns));
	ck_assert_uint_eq(lookups, 2);
	ck_assert_uint_eq(queued, 1);
	ck_assert_uint_eq(queue[0].len, 3);
	list = (const struct iovec *)(uintptr_t)queue[0].addr;
	ck_assert_ptr_eq(list[0].iov_base, ram + PIECE_BYTES - 2 * PAGE_4K);
	ck_assert_uint_eq(list[0].iov_len, 2 * PAGE_4K);
	ck_assert_ptr_eq(list[1].iov_base, ram + PIECE_BYTES + PAGE_4K);
	ck_assert_uint_eq(list[1].iov_len, 2 * PAGE_4K);
	ck_assert_ptr_eq(list[2].iov_base, ram + PIECE_BYTES + 4 * PAGE_4K);
	ck_assert_uint_eq(list[2].iov_len, PAGE_4K);
	end_first(5 * WRITE_BYTES);
	expect_result(1, STORVSC_SRB_SUCCESS);
}
END_TEST

/* The last of these would be page 3, were its number's upper bits lost. */
START_TEST(a_page_that_is_not_ram_is_refused)
{
	static const uint64_t amiss[] = { RAM_PAGES, UINT64_MAX,
		                          (UINT64_C(1) << 52) + 3 };
	const uint64_t pfns[] = { 3, amiss[_i] };

	write_pages(1, false, pfns, ARRAY_COUNT(pfns));
	ck_assert_uint_eq(queued, 0);
	expect_answer(1);
	ck_assert_uint_eq(storage->counts.rejected, 1);
}
END_TEST

START_TEST(a_flush_is_a_flush_of_the_disk_and_answered_after_it)
{
	write_10(1, false);
	end_first(WRITE_BYTES);
	expect_result(1, STORVSC_SRB_SUCCESS);
	synchronize_cache(2);
	ck_assert_uint_eq(queued, 1);
	ck_assert_uint_eq(queue[0].opcode, IORING_OP_FSYNC);
	ck_assert_uint_eq(queue[0].fsync_flags, IORING_FSYNC_DATASYNC);
	ck_assert(nothing_answered());
	end_first(0);
	expect_result(2, STORVSC_SRB_SUCCESS);
	ck_assert_uint_eq(storage->disks[0].counts.flushes, 1);
}
END_TEST

/* Nothing that the guest was told is safe may be lost: a flush that failed is no flush. */
START_TEST(a_flush_that_fails_is_told_so)
{
	synchronize_cache(2);
	end_first(-EIO);
	expect_result(2, STORVSC_SRB_ERROR);
	ck_assert_uint_eq(storage->disks[0].counts.flushes, 0);
	ck_assert_uint_eq(storage->disks[0].counts.errors, 1);
}
END_TEST

START_TEST(a_write_that_is_always_interrupted_is_given_up)
{
	unsigned int tries = 0;

	write_10(1, false);
	for (; queued; tries++)
		end_first(-EINTR);
	ck_assert_uint_eq(tries, 8);
	expect_result(1, STORVSC_SRB_ERROR);
}
END_TEST

/* ---- Signals ---- */

START_TEST(a_batch_of_answers_is_one_signal)
{
	enum { WRITES = 12 };
	struct storvsc_packet packet;
	uint64_t id;

	for (id = 1; id <= WRITES; id++)
		write_10(id, false);
	signals = 0;
	while (queued > WRITES / 2)
		end_first(WRITE_BYTES);
	storage_pump(storage);
	ck_assert_uint_eq(signals, 1);
	/* The guest has not read them yet, and will find the others behind them. */
	while (queued)
		end_first(WRITE_BYTES);
	storage_pump(storage);
	ck_assert_uint_eq(signals, 1);
	while (answered(&id, &packet))
		;
	ck_assert_uint_eq(id, WRITES);
	write_10(20, false);
	ck_assert_uint_eq(signals, 1);
	end_first(WRITE_BYTES);
	expect_result(20, STORVSC_SRB_SUCCESS);
	ck_assert_uint_eq(signals, 2);
	ck_assert_uint_ge(storage->counts.signals_out, signals);
}
END_TEST

/* ---- What is in flight ---- */

START_TEST(a_reset_is_answered_after_all_that_was_in_flight)
{
	enum { WRITES = 12 };

	for (uint64_t id = 1; id <= WRITES; id++)
		write_10(id, false);
	ck_assert_uint_eq(queued, WRITES);
	command(100, STORVSC_RESET_BUS);
	ck_assert(nothing_answered());
	write_10(101, false); /* not begun before the reset is over */
	ck_assert_uint_eq(queued, WRITES);
	for (uint64_t id = 1; id <= WRITES; id++) {
		end_first(WRITE_BYTES);
		expect_result(id, STORVSC_SRB_SUCCESS);
		if (id < WRITES)
			ck_assert(nothing_answered());
	}
	expect_answer(100);
	ck_assert(nothing_answered());
	ck_assert_uint_eq(queued, 1);
	end_first(WRITE_BYTES);
	expect_result(101, STORVSC_SRB_SUCCESS);
}
END_TEST

START_TEST(a_channel_is_closed_after_all_that_was_in_flight)
{
	write_10(1, false);
	write_10(2, false);
	storage_channel_close(channel.context);
	ck_assert(!closed);
	end_first(WRITE_BYTES);
	storage_pump(storage);
	ck_assert(!closed);
	end_first(512); /* and the rest of it */
	storage_pump(storage);
	ck_assert(!closed);
	end_first(WRITE_BYTES - 512);
	storage_pump(storage);
	ck_assert(closed);
	ck_assert(storage_channel_open(storage, &channel));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("storage_channel");
	TCase *tcase = tcase_create("channel");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(
		tcase, a_write_with_fua_is_one_that_is_on_the_disk_when_it_ends, 0, 4);
	tcase_add_loop_test(tcase, what_is_left_of_a_short_write_with_fua_has_it_as_well,
	                    0, 2);
	tcase_add_loop_test(tcase, scattered_pages_are_a_list_of_one_operation, 0, 2);
	tcase_add_test(tcase, a_piece_of_ram_is_looked_for_once);
	tcase_add_loop_test(tcase, a_page_that_is_not_ram_is_refused, 0, 3);
	tcase_add_test(tcase, a_flush_is_a_flush_of_the_disk_and_answered_after_it);
	tcase_add_test(tcase, a_flush_that_fails_is_told_so);
	tcase_add_test(tcase, a_write_that_is_always_interrupted_is_given_up);
	tcase_add_test(tcase, a_batch_of_answers_is_one_signal);
	tcase_add_test(tcase, a_reset_is_answered_after_all_that_was_in_flight);
	tcase_add_test(tcase, a_channel_is_closed_after_all_that_was_in_flight);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
