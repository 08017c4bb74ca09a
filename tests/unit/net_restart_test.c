/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network provider that is killed, between any two of its instructions, and another in its place: every packet of the
 * guest's is completed once, every section comes back, and the guest notices nothing.
 */
#include "net_play.h"

#include <signal.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* Another process: of this one's memory it has the record and what is the guest's. */
static void replace_provider(void)
{
	const struct net_settings settings = net.state.device.settings;
	struct net_backend backend = net.backend;

	memset(&net, 0, sizeof(net));
	net.record = &record;
	net.backend = backend;
	net.link_up = true;
	net_device_init(&net.state.device, &settings);
	watched = NULL;
	watched_room = NULL;
	borrowed = 0;
	backend_offloads = (struct net_backend_offloads){ false, false };
}

static void lend_again(void)
{
	const struct vsp_loan receive = { RECEIVE_GPADL, receive_buffer, RECEIVE_BYTES };
	const struct vsp_loan send = { SEND_GPADL, send_buffer, SEND_BYTES };

	net_channel_lent(&net, &receive);
	net_channel_lent(&net, &send);
}

static void resume(void)
{
	replace_provider();
	ck_assert(net_channel_resume(&net, &channel));
	net_channel_started(&net.queues[0]);
	lend_again();
}

/* It says that the link is up, by which a guest makes itself known; then nothing is left to say. */
static void expect_announcement(void)
{
	struct rndis_answer answer;
	uint64_t id = expect_packet();

	ck_assert(rndis_answer_read(&answer, receive_buffer + ranges[0].offset,
	                            ranges[0].bytes));
	ck_assert_uint_eq(answer.status, RNDIS_STATUS_MEDIA_CONNECT);
	give_back(id);
	net_channel_pump(&net.queues[0]);
}

static void put_frames(uint64_t first, unsigned int count)
{
	struct nvsp_message message =
		nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, write_frame(section(0), 1000, 3));

	for (unsigned int i = 0; i < count; i++)
		put(first + i, &message);
}

START_TEST(what_was_sent_to_a_dead_provider_is_completed_by_the_next)
{
	bring_up();
	put_frames(100, 20);
	resume();
	ck_assert_uint_ge(signals, 1);
	for (uint64_t id = 100; id < 120; id++)
		expect_status(id, NVSP_STATUS_SUCCESS);
	ck_assert_uint_eq(sends, 20);
	expect_announcement();
	ck_assert(!next());
	ck_assert(backend_offloads.large_frames); /* as the guest wants it */
	ck_assert_ptr_nonnull(watched);
	make_incoming(60, 0);
	let_in(1);
	(void)expect_packet();
}
END_TEST

START_TEST(nothing_is_touched_before_the_buffers_are_lent_again)
{
	bring_up();
	put_frames(100, 1);
	replace_provider();
	ck_assert(net_channel_resume(&net, &channel));
	net_channel_started(&net.queues[0]);
	ck_assert(!next());
	ck_assert_ptr_null(watched);
	ck_assert_uint_eq(sends, 0);
	lend_again();
	expect_status(100, NVSP_STATUS_SUCCESS);
}
END_TEST

/* It tore them down meanwhile: what it sends from a section that is not there any more is refused, and completed. */
START_TEST(buffers_that_the_guest_took_back_meanwhile_are_not_there)
{
	const struct vsp_loan receive = { .gpadl = RECEIVE_GPADL };
	const struct vsp_loan send = { .gpadl = SEND_GPADL };

	bring_up();
	put_frames(100, 1);
	replace_provider();
	ck_assert(net_channel_resume(&net, &channel));
	net_channel_started(&net.queues[0]);
	net_channel_lent(&net, &receive);
	net_channel_lent(&net, &send);
	expect_status(100, NVSP_STATUS_INVALID_RNDIS_PACKET);
	ck_assert_ptr_null(watched);
	lend(NVSP_RECEIVE_BUFFER, RECEIVE_GPADL, receive_buffer, RECEIVE_BYTES);
}
END_TEST

/* The ring is full: what is owed is not put, and what was received is held. Frames may be lost, and completions not. */
START_TEST(what_had_no_room_in_the_ring_is_put_by_the_next)
{
	unsigned int count = 0, completed = 0;
	uint64_t id = 100;

	bring_up();
	make_incoming(60, 0);
	do { /* until a completion is owed */
		put_frames(id++, 1);
		net_channel_pump(&net.queues[0]);
	} while (!net_record_owes(&record.queues[0]));
	let_in(20);
	resume();
	while (next()) {
		if (received.type == VMBUS_PACKET_COMPLETION)
			ck_assert_uint_eq(received.transaction_id, 100 + completed++);
		else
			give_back(received.transaction_id);
		net_channel_pump(&net.queues[0]);
		ck_assert_uint_lt(count++, 10000);
	}
	ck_assert_uint_eq(completed, id - 100);
	ck_assert_uint_eq(record.sections.free_count, 32);
}
END_TEST

START_TEST(a_request_whose_loan_was_not_answered_is_asked_again)
{
	struct nvsp_message message = nvsp_init(NVSP_VERSION_6_1);
	const struct vsp_loan loan = { RECEIVE_GPADL, receive_buffer, RECEIVE_BYTES };

	put(1, &message);
	net_channel_pump(&net.queues[0]);
	(void)expect_completion(1);
	message = nvsp_buffer(NVSP_RECEIVE_BUFFER, RECEIVE_GPADL, NVSP_RECEIVE_BUFFER_ID);
	put(4, &message);
	net_channel_pump(&net.queues[0]);
	replace_provider();
	ck_assert(net_channel_resume(&net, &channel));
	net_channel_started(&net.queues[0]);
	ck_assert_uint_eq(borrowed, RECEIVE_GPADL);
	ck_assert(!next());
	net_channel_lent(&net, &loan);
	ck_assert_uint_eq(expect_completion(4).body.words[0], NVSP_STATUS_SUCCESS);
}
END_TEST

START_TEST(sub_channels_that_were_not_answered_are_asked_for_again)
{
	struct nvsp_message message = nvsp_subchannels(2);

	bring_up();
	put(20, &message);
	net_channel_pump(&net.queues[0]);
	offers_wanted = 0;
	resume();
	ck_assert_uint_eq(offers_wanted, 2);
	expect_announcement();
	net_channel_offered(&net, 2);
	message = expect_completion(20);
	ck_assert_uint_eq(message.body.subchannels.count, 2);
}
END_TEST

/* Each queue stands where it stood; what was sent by one that is not there again waits for it. */
START_TEST(sub_channels_go_on_like_the_first)
{
	struct vsp_channel sub = { .id = 2,
		                   .index = 1,
		                   .in = ring_at(2),
		                   .out = ring_at(3),
		                   .event_in = channel.event_in };
	struct nvsp_message message =
		nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, write_frame(section(0), 1000, 3));
	struct ring_producer sub_out;
	struct ring_consumer sub_in;
	bool signal;

	bring_up();
	(void)net_device_offered(&net.state.device, 2);
	net_save(&net);
	ck_assert(net_channel_open(&net, &sub));
	ck_assert_int_eq(ring_producer_init(&sub_out, &sub.in), RING_OK);
	ck_assert_int_eq(ring_consumer_init(&sub_in, &sub.out), RING_OK);
	for (uint64_t id = 1; id <= 2; id++) {
		ck_assert_int_eq(ring_put_inband(&sub_out, id,
		                                 VMBUS_PACKET_WANTS_COMPLETION, &message,
		                                 sizeof(message), &signal),
		                 RING_OK);
		if (id == 1)
			net_channel_pump(&net.queues[1]);
	}
	replace_provider();
	ck_assert(!net_channel_resume(&net, &sub)); /* without the first */
	ck_assert(net_channel_resume(&net, &channel));
	ck_assert(net_channel_resume(&net, &sub));
	net_channel_started(&net.queues[0]);
	net_channel_started(&net.queues[1]);
	ck_assert_uint_eq(sends, 1);
	lend_again();
	ck_assert_uint_eq(sends, 2);
	for (uint64_t id = 1; id <= 2; id++) {
		ck_assert_int_eq(ring_get(&sub_in, buffer, sizeof(buffer), &received),
		                 RING_OK);
		ck_assert_uint_eq(received.transaction_id, id);
	}
	ck_assert_int_eq(ring_get(&sub_in, buffer, sizeof(buffer), &received),
	                 RING_EMPTY);
}
END_TEST

START_TEST(a_channel_of_which_nothing_is_known_is_refused)
{
	bring_up();
	replace_provider();
	channel.id = 2;
	ck_assert(!net_channel_resume(&net, &channel));
	channel.id = 1;
	record.magic = 0;
	ck_assert(!net_channel_resume(&net, &channel));
	memset(&record, 0, sizeof(record));
	ck_assert(!net_channel_resume(&net, &channel));
	ck_assert(net_channel_open(&net, &channel));
}
END_TEST

/* As one that its guest took over may leave it: refused, or gone on with, and nothing outside is touched. */
START_TEST(a_record_of_any_bytes_does_no_harm)
{
	static struct net_record whole;
	unsigned int seed = 1 + (unsigned int)_i, refused = 0;

	bring_up();
	make_incoming(3000, 0);
	whole = record;
	for (unsigned int round = 0; round < 300; round++) {
		uint8_t *bytes = (uint8_t *)&record;

		record = whole;
		for (unsigned int i = 0; i < 1 + round % 40; i++)
			bytes[8 + (unsigned int)rand_r(&seed) %
			                  (_i ? sizeof(record) - 8 : 4096)] =
				(uint8_t)rand_r(&seed);
		memset(rings[0], 0, PAGE_4K);
		memset(rings[1], 0, PAGE_4K);
		replace_provider();
		if (!net_channel_resume(&net, &channel)) {
			refused++;
			continue;
		}
		net_channel_started(&net.queues[0]);
		lend_again();
		let_in(20);
		ck_assert_uint_le(record.sections.free_count, record.sections.count);
		ck_assert_uint_le(record.sections.count, 32);
	}
	ck_assert_uint_lt(refused, 300);
}
END_TEST

/* ---- A process that is killed ---- */

enum { KILLS = 300, IDS_MAX = 64 };

struct guest {
	uint64_t next_sent, next_completed; /* transaction ids, in their order */
	unsigned int frames;                /* that came */
	bool has[IDS_MAX]; /* a packet of the provider's, by its id, that was not given back */
};

/* Of these pages the next process has what the one before left. */
static void share(void *pages, size_t bytes)
{
	ck_assert_ptr_eq(mmap(pages, bytes, PROT_READ | PROT_WRITE,
	                      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
	                 pages);
}

static struct net_record *shared_record;

static void share_all(void)
{
	share(rings, sizeof(rings));
	share(receive_buffer, sizeof(receive_buffer));
	share(send_buffer, sizeof(send_buffer));
	shared_record = mmap(NULL, sizeof(*shared_record), PROT_READ | PROT_WRITE,
	                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared_record, MAP_FAILED);
}

/* An adapter whose record others will find. */
static void start_shared(void)
{
	share_all();
	setup();
	net_channel_close(&net.queues[0]);
	net.record = shared_record;
	ck_assert(net_channel_open(&net, &channel));
	bring_up();
}

static bool resume_shared(void)
{
	replace_provider();
	net.record = shared_record;
	if (!net_channel_resume(&net, &channel))
		return false;
	net_channel_started(&net.queues[0]);
	lend_again();
	return true;
}

enum { FILES_MAX = 64 };

/*
 * A child's checks are written to what check reads of the test, by an offset that both share: one that is killed as it
 * writes leaves half a message. Its files lead nowhere.
 */
static void leave_files(void)
{
	int nowhere = open("/dev/null", O_RDWR);

	for (int fd = STDERR_FILENO + 1; fd < FILES_MAX; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			(void)dup2(nowhere, fd);
}

/* Serves until it is killed. Requests are none of the frames, and all of them fit into one piece. */
static pid_t start_process(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid != 0)
		return pid;
	leave_files();
	if (!resume_shared())
		_exit(1);
	for (;;) {
		net_channel_pump(&net.queues[0]);
		let_in(2);
	}
}

static void take(struct guest *guest)
{
	uint64_t id = received.transaction_id;

	if (received.type == VMBUS_PACKET_COMPLETION) {
		ck_assert_uint_eq(id, guest->next_completed);
		guest->next_completed++;
		return;
	}
	ck_assert_uint_eq(received.type, VMBUS_PACKET_XFER_PAGES);
	ck_assert_uint_lt(id, IDS_MAX);
	ck_assert(!guest->has[id]);
	guest->has[id] = true;
	guest->frames++;
}

/* Whatever it holds is given back, if the ring has room for that. */
static void give_all_back(struct guest *guest)
{
	struct nvsp_message message = nvsp_rndis_complete(NVSP_STATUS_SUCCESS);
	bool signal;

	for (uint64_t id = 0; id < IDS_MAX; id++)
		if (guest->has[id] &&
		    ring_put_completion(&out, id, &message, 8, &signal) == RING_OK)
			guest->has[id] = false;
}

static void play_guest(struct guest *guest, unsigned int packets)
{
	struct nvsp_message message =
		nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, RNDIS_FRAME_HEAD_BYTES + 1000);
	bool signal;

	for (unsigned int i = 0; i < packets; i++) {
		if (ring_put_inband(&out, guest->next_sent, VMBUS_PACKET_WANTS_COMPLETION,
		                    &message, sizeof(message), &signal) == RING_OK)
			guest->next_sent++;
		while (next())
			take(guest);
		give_all_back(guest);
	}
}

/* Every packet is completed, once and in order; no packet comes twice, and in the end the provider has all sections. */
START_TEST(a_provider_killed_at_any_moment_owes_the_guest_nothing)
{
	struct guest guest = { .next_sent = 1000, .next_completed = 1000 };
	unsigned int seed = 1, died = 0;

	start_shared();
	write_frame(section(0), 1000, 3);
	make_incoming(60, 0);
	for (unsigned int i = 0; i < KILLS; i++) {
		pid_t pid = start_process();
		int status;

		play_guest(&guest, 20 + (unsigned int)rand_r(&seed) % 400);
		usleep((useconds_t)rand_r(&seed) % 1500);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
		ck_assert_int_eq(WTERMSIG(status), SIGKILL);
		died++;
	}
	ck_assert(resume_shared());
	for (unsigned int i = 0; i < 100; i++) {
		while (next())
			take(&guest);
		give_all_back(&guest);
		net_channel_pump(&net.queues[0]);
	}
	ck_assert_uint_eq(died, KILLS);
	ck_assert_uint_gt(guest.next_sent, 1000 + KILLS);
	ck_assert_uint_gt(guest.frames, KILLS);
	ck_assert_uint_eq(guest.next_completed, guest.next_sent);
	ck_assert_uint_eq(shared_record->sections.free_count, 32);
}
END_TEST

/* ---- A process that is killed between any two stores ---- */

/* What the next process may find, of all that the one before could leave. */
struct moment {
	struct net_record record;
	uint8_t rings[sizeof(rings)];
};

enum { MOMENTS_MAX = 1000, STEPS_MAX = 2000000, QUERY_ID = 7000, FRAME_ID = 7001 };

static bool has_changed(const struct moment *last)
{
	const struct net_sections *now = &shared_record->sections;
	const struct net_sections *then = &last->record.sections;

	return memcmp(shared_record, &last->record,
	              offsetof(struct net_record, sections)) ||
	       memcmp(now->state, then->state, 32) || memcmp(now->next, then->next, 64) ||
	       memcmp(rings[0], last->rings, sizeof(struct vmbus_ring_control)) ||
	       memcmp(rings[1], last->rings + sizeof(rings[0]),
	              sizeof(struct vmbus_ring_control));
}

static void note(struct moment *moment)
{
	moment->record = *shared_record;
	memcpy(moment->rings, rings, sizeof(rings));
}

/* A child serves what lies in its ring, instruction by instruction. Returns how many moments differ from those before. */
static unsigned int watch_stores(struct moment *moments)
{
	unsigned int count = 0;
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		leave_files();
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		net_channel_pump(&net.queues[0]);
		coming = 1;
		watched(NULL, 0, &net);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	note(&moments[count++]);
	for (unsigned int i = 0; WIFSTOPPED(status) && i < STEPS_MAX; i++) {
		ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (has_changed(&moments[count - 1]) && count < MOMENTS_MAX)
			note(&moments[count++]);
	}
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_uint_lt(count, MOMENTS_MAX);
	return count;
}

/* An answer to the query, what is known of the link, or a frame; the packet is given back. */
static uint32_t take_answer(void)
{
	struct rndis_answer answer;
	bool is_answer;

	ck_assert_uint_eq(received.type, VMBUS_PACKET_XFER_PAGES);
	ck_assert(xfer_pages_parse(&list, received.header, received.header_bytes,
	                           RECEIVE_BYTES));
	give_back(received.transaction_id);
	is_answer = rndis_answer_read(&answer, receive_buffer + ranges[0].offset,
	                              ranges[0].bytes);
	return is_answer ? answer.type : RNDIS_PACKET;
}

/* Another process finds that moment: each packet has been completed once, the query answered once, all sections come back. */
static void go_on_from(const struct moment *moment)
{
	const struct ring_consumer in_before = in;
	const struct ring_producer out_before = out;
	unsigned int completed = 0, answered = 0, frames = 0;

	*shared_record = moment->record;
	memcpy(rings, moment->rings, sizeof(rings));
	ck_assert(resume_shared());
	while (next()) {
		if (received.type == VMBUS_PACKET_COMPLETION) {
			ck_assert_uint_eq(received.transaction_id,
			                  QUERY_ID + completed++);
		} else {
			uint32_t type = take_answer();

			answered += type == (RNDIS_QUERY | RNDIS_ANSWER);
			frames += type == RNDIS_PACKET;
		}
		net_channel_pump(&net.queues[0]);
	}
	ck_assert_uint_eq(completed, 2);
	ck_assert_uint_eq(answered, 1);
	ck_assert_uint_le(frames, 1);
	ck_assert_uint_eq(shared_record->sections.free_count, 32);
	in = in_before;
	out = out_before;
}

START_TEST(between_any_two_stores_the_next_process_finds_what_is_so)
{
	struct nvsp_message message = nvsp_rndis_packet(
		NVSP_CHANNEL_CONTROL, 1,
		rndis_request(section(1), RNDIS_QUERY, 8, OID_GEN_LINK_SPEED, NULL, 0));
	struct moment *moments = calloc(MOMENTS_MAX, sizeof(*moments));
	unsigned int count;

	ck_assert_ptr_nonnull(moments);
	start_shared();
	rndis_request(section(1), RNDIS_QUERY, 8, OID_GEN_LINK_SPEED, NULL, 0);
	write_frame(section(0), 1000, 3);
	make_incoming(60, 0);
	put(QUERY_ID, &message);
	message = nvsp_rndis_packet(NVSP_CHANNEL_DATA, 0, RNDIS_FRAME_HEAD_BYTES + 1000);
	put(FRAME_ID, &message);
	count = watch_stores(moments);
	ck_assert_uint_gt(count, 30);
	for (unsigned int i = 0; i < count; i++)
		go_on_from(&moments[i]);
	free(moments);
}
END_TEST

static Suite *net_restart_suite(void)
{
	Suite *suite = suite_create("net_restart");
	TCase *tc = tcase_create("net_restart");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_was_sent_to_a_dead_provider_is_completed_by_the_next);
	tcase_add_test(tc, nothing_is_touched_before_the_buffers_are_lent_again);
	tcase_add_test(tc, buffers_that_the_guest_took_back_meanwhile_are_not_there);
	tcase_add_test(tc, what_had_no_room_in_the_ring_is_put_by_the_next);
	tcase_add_test(tc, a_request_whose_loan_was_not_answered_is_asked_again);
	tcase_add_test(tc, sub_channels_that_were_not_answered_are_asked_for_again);
	tcase_add_test(tc, sub_channels_go_on_like_the_first);
	tcase_add_test(tc, a_channel_of_which_nothing_is_known_is_refused);
	tcase_add_loop_test(tc, a_record_of_any_bytes_does_no_harm, 0, 2);
	tcase_add_test(tc, a_provider_killed_at_any_moment_owes_the_guest_nothing);
	tcase_add_test(tc, between_any_two_stores_the_next_process_finds_what_is_so);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(suite, tc);
	return suite;
}

UNIT_MAIN(net_restart_suite)
