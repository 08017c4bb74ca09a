/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker's VMBus on a stand-in for the hypervisor (worker_fake.h), down to a provider process. */
#define _GNU_SOURCE
#include "unit.h"

#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <viridis/abi/vmbus.h>

#include "root-partition/config/control_json.h"
#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/store.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/vm/machine.h"
#include "root-partition/vmbusd/vmbusd.h"
#include "vmbus/core/server.h"
#include "worker_fake.h"
#include "worker_guest.h"
#include "worker_io.h"
#include "worker_machine.h"
#include "worker_provider.h"
#include "worker_told.h"

static char *shutdown_error; /* of the last request */

/* Its VPs do nothing. */
static bool idle(struct hv_message *message)
{
	(void)message;
	return false;
}

static void setup(void)
{
	worker_set_up(idle);
}

static void teardown(void)
{
	worker_tear_down();
	g_clear_pointer(&shutdown_error, g_free);
}

static gint shutdown_asked;
static gint shutdown_answered;

static void on_answer(gpointer context, const char *error)
{
	(void)context;
	g_free(shutdown_error);
	shutdown_error = g_strdup(error);
	g_atomic_int_set(&shutdown_answered, 1);
}

static gboolean ask_shutdown(gpointer data)
{
	vmbus_shutdown(machine->vmbus, GPOINTER_TO_INT(data), on_answer, NULL);
	g_atomic_int_set(&shutdown_asked, 1);
	return G_SOURCE_REMOVE;
}

static void request_shutdown(gboolean reboot)
{
	g_atomic_int_set(&shutdown_answered, 0);
	g_idle_add(ask_shutdown, GINT_TO_POINTER(reboot));
	told_wait(&shutdown_answered);
}

/* The child, beside the main loop. */
static gpointer child(gpointer data)
{
	struct pollfd signal = { .events = POLLIN };
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	request_shutdown(FALSE);
	ck_assert_ptr_nonnull(strstr(shutdown_error, "does not listen"));
	guest_open(relid);
	signal.fd = fake_event_to_child();
	ck_assert_int_eq(poll(&signal, 1, 10000), 1); /* the provider's, when started */
	request_shutdown(FALSE);
	ck_assert_ptr_null(shutdown_error);
	request_shutdown(TRUE);
	ck_assert_str_eq(shutdown_error, "not now");
	guest_close(relid);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(a_channel_goes_from_offer_to_provider_and_back)
{
	GThread *thread;

	worker_make();
	thread = g_thread_new("child", child, NULL);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
}
END_TEST

static const struct {
	gboolean reboot;
	enum machine_end end;
	const char *error; /* of the answer to the shutdown */
} late[] = {
	{ FALSE, MACHINE_POWERED_OFF, NULL },
	{ TRUE, MACHINE_RESET, NULL },
	{ FALSE, MACHINE_RESET, "the machine ended" },
	{ TRUE, MACHINE_POWERED_OFF, "the machine ended" },
	{ FALSE, MACHINE_CRASHED, "the machine ended" },
	{ FALSE, MACHINE_STOPPED, "the machine ended" },
};

/* It ends before its provider said anything. */
static gpointer child_that_ends(gpointer data)
{
	const int *row = data;

	guest_connect();
	guest_open(guest_take_offers());
	g_idle_add(ask_shutdown, GINT_TO_POINTER(late[*row].reboot));
	told_wait(&shutdown_asked);
	machine_set_end(machine, late[*row].end, "the guest's doing");
	return NULL;
}

START_TEST(a_shutdown_not_answered_before_the_end_is_judged_by_the_end)
{
	GThread *thread;

	g_free(definition->name);
	definition->name = g_strdup(SILENT);
	worker_make();
	thread = g_thread_new("child", child_that_ends, &_i);
	ck_assert_int_eq(life_run(machine), late[_i].end);
	g_thread_join(thread);
	ck_assert(!g_atomic_int_get(&shutdown_answered));
	g_clear_pointer(&machine, life_free);
	ck_assert(g_atomic_int_get(&shutdown_answered));
	ck_assert_pstr_eq(shutdown_error, late[_i].error);
}
END_TEST

/* One more than the server takes before it has delivered an answer: the last is held. */
#define POSTS (SERVER_QUEUE_CAPACITY(0u, 0u) + 1u)

static gpointer child_that_reads_late(gpointer data)
{
	struct hv_message message;
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	fake_fill_slot(true);
	for (uint32_t number = 1; number <= POSTS; number++)
		guest_post_rings(relid, number);
	ck_assert(fake_posts_read());
	fake_fill_slot(false);
	for (uint32_t number = 1; number <= POSTS; number++)
		guest_expect(VMBUS_GPADL_CREATED, &message);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(every_message_is_answered_though_the_child_reads_late)
{
	GThread *thread;

	worker_make();
	thread = g_thread_new("child", child_that_reads_late, NULL);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
}
END_TEST

#define CYCLES 60u

static gpointer child_that_opens_and_closes(gpointer data)
{
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	for (unsigned int i = 0; i < CYCLES; i++) {
		guest_open(relid);
		guest_close(relid);
	}
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(a_guest_that_opens_and_closes_for_ever_does_not_fill_the_log)
{
	g_autofree char *path = g_build_filename(folder, "log", NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	gint64 start = g_get_monotonic_time();
	gint64 seconds;
	GThread *thread;

	ck_assert(vm_log_open(path, "/nonexistent/old", NULL));
	worker_make();
	thread = g_thread_new("child", child_that_opens_and_closes, NULL);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	seconds = (g_get_monotonic_time() - start) / G_USEC_PER_SEC;
	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	g_unlink(path);
	lines = g_strsplit(text, "\n", -1);
	/* Every second it takes, and one that it does not fill; the machine's own lines. */
	ck_assert_int_le(g_strv_length(lines), (seconds + 2) * (VM_LOG_BURST + 1) + 8);
	ck_assert_int_lt(g_strv_length(lines), 2 * CYCLES);
}
END_TEST

START_TEST(a_provider_that_is_not_there_is_an_error_that_names_it)
{
	g_autofree char *path = g_build_filename(folder, PROVIDER, NULL);
	g_autoptr(GError) error = NULL;

	g_unlink(path);
	worker_make_fails(&error);
	ck_assert_ptr_nonnull(strstr(error->message, PROVIDER));
}
END_TEST

/* The child signals, and its provider dies of it (provider_signalled()). */
static gpointer child_of_dying_provider(gpointer data)
{
	struct hv_message message;
	uint64_t one = 1;
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	guest_open(relid);
	ck_assert_int_eq(write(fake_event_to_host(), &one, sizeof(one)), sizeof(one));
	for (int channel = 0; channel < 5; channel++) /* all that it served */
		guest_expect(VMBUS_RESCIND_OFFER, &message);
	request_shutdown(FALSE);
	ck_assert_ptr_nonnull(strstr(shutdown_error, "provider died"));
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(a_provider_that_dies_is_told_and_its_channels_are_rescinded)
{
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	GThread *thread;

	worker_make();
	machine->told = told_hear;
	before = told_providers();
	ck_assert_str_eq(before, SERVING("serving"));
	thread = g_thread_new("child", child_of_dying_provider, NULL);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	after = told_providers();
	ck_assert_str_eq(after, SERVING("died"));
	/* It was started again, but not for ever: the signal that kills it stays. */
	ck_assert_ptr_nonnull(
		strstr(told_events, "provider-restarted util\nprovider-died util\n"));
	ck_assert(g_str_has_suffix(told_events, "provider-given-up util\n"));
	g_clear_pointer(&told_events, g_free);
}
END_TEST

/* Its channel stays open over the death of its provider, and no signal is lost. */
static gpointer child_of_returning_provider(gpointer data)
{
	struct pollfd signal = { .events = POLLIN };
	uint64_t one = 1;
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	guest_open(relid);
	signal.fd = fake_event_to_child();
	ck_assert_int_eq(poll(&signal, 1, 10000), 1); /* it started */
	ck_assert_int_eq(read(signal.fd, &one, sizeof(one)), sizeof(one));
	ck_assert_int_eq(write(fake_event_to_host(), &one, sizeof(one)), sizeof(one));
	ck_assert_int_eq(poll(&signal, 1, 10000), 1); /* the second one answers */
	request_shutdown(FALSE);
	ck_assert_pstr_eq(shutdown_error, NULL);
	guest_close(relid);
	guest_open(relid);
	guest_close(relid);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

/* Nor does an adapter leave the guest, which waits for the end of all that it sent before it lets go of one. */
static gpointer child_of_returning_adapter(gpointer data)
{
	static const struct vmbus_guid type = VMBUS_TYPE_NET;
	struct pollfd signal = { .events = POLLIN };
	uint64_t one = 1;
	uint32_t relid;

	guest_connect();
	relid = guest_take_offers_of(&type, 8);
	guest_open(relid);
	signal.fd = fake_event_to_child();
	ck_assert_int_eq(poll(&signal, 1, 10000), 1); /* it started */
	ck_assert_int_eq(read(signal.fd, &one, sizeof(one)), sizeof(one));
	ck_assert_int_eq(write(fake_event_to_host(), &one, sizeof(one)), sizeof(one));
	ck_assert_int_eq(poll(&signal, 1, 10000), 1); /* the second one answers */
	guest_close(relid);
	guest_open(relid);
	guest_close(relid);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return data;
}

START_TEST(an_adapter_whose_provider_dies_stays_and_goes_on)
{
	GThread *thread;

	g_free(definition->name);
	definition->name = g_strdup(DIES_ONCE);
	ck_assert(definition_net_add(definition, "tap=none", NULL));
	definition_net_complete(definition);
	worker_make();
	machine->told = told_hear;
	thread = g_thread_new("child", child_of_returning_adapter, NULL);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	ck_assert_str_eq(told_events, "provider-died net0\nprovider-restarted net0\n");
	g_clear_pointer(&told_events, g_free);
}
END_TEST

START_TEST(a_provider_that_dies_is_started_again_and_goes_on)
{
	g_autofree char *told = NULL;
	GThread *thread;

	g_free(definition->name);
	definition->name = g_strdup(DIES_ONCE);
	worker_make();
	machine->told = told_hear;
	thread = g_thread_new("child", child_of_returning_provider, NULL);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	told = told_providers();
	ck_assert_str_eq(told, SERVING("serving"));
	ck_assert_str_eq(told_events, "provider-died util\nprovider-restarted util\n");
	g_clear_pointer(&told_events, g_free);
}
END_TEST

/* ---- What a guest lends ---- */

static uint8_t *last_byte_lent(void)
{
	return machine->memory.base + 0x106 * 4096 + 4095; /* guest_post_rings() */
}

/* It lends memory, and takes it back while its channel is open, or as it closes. */
static gpointer child_that_lends(gpointer data)
{
	bool closes = *(const int *)data;
	struct vmbus_relid_message close_message = { .header.type = VMBUS_CLOSE_CHANNEL };
	struct hv_message message;
	uint32_t relid;

	guest_connect();
	relid = guest_take_offers();
	guest_open(relid);
	request_shutdown(FALSE);
	ck_assert_str_eq(shutdown_error, "no such memory");
	guest_post_rings(relid, 2);
	guest_expect(VMBUS_GPADL_CREATED, &message);
	request_shutdown(FALSE);
	ck_assert_ptr_null(shutdown_error);
	close_message.relid = relid;
	if (closes)
		fake_post(&close_message, sizeof(close_message));
	guest_tear_down(relid, 2);
	ck_assert_uint_eq(*last_byte_lent(), BORROWED);
	if (closes)
		guest_tear_down(relid, 1);
	else
		guest_close(relid);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(memory_that_was_lent_is_the_guests_when_its_provider_has_let_go)
{
	GThread *thread;

	g_free(definition->name);
	definition->name = g_strdup(BORROWS);
	worker_make();
	thread = g_thread_new("child", child_that_lends, &_i);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
}
END_TEST

/* It lends memory, and takes it back when its provider is dead, or another serves, which was lent nothing. */
static gpointer child_whose_borrower_dies(gpointer data)
{
	struct hv_message message;
	uint64_t one = 1;
	uint32_t relid;

	guest_connect();
	relid = guest_take_offers();
	guest_open(relid);
	guest_post_rings(relid, 2);
	guest_expect(VMBUS_GPADL_CREATED, &message);
	request_shutdown(FALSE);
	ck_assert_ptr_null(shutdown_error);
	ck_assert_int_eq(write(fake_event_to_host(), &one, sizeof(one)), sizeof(one));
	g_usleep(*(const int *)data * 400000u);
	guest_tear_down(relid, 2);
	guest_close(relid);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(memory_that_was_lent_to_a_provider_that_died_is_the_guests_again)
{
	GThread *thread;

	g_free(definition->name);
	definition->name = g_strdup(BORROWS);
	worker_make();
	machine->told = told_hear;
	thread = g_thread_new("child", child_whose_borrower_dies, &_i);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	ck_assert(g_str_has_prefix(told_events, "provider-died util\n"));
	ck_assert_ptr_null(strstr(strchr(told_events, '\n'), "provider-died"));
	g_clear_pointer(&told_events, g_free);
}
END_TEST

/* ---- Sub-channels ---- */

static uint32_t expect_sub_channel(uint32_t index)
{
	static const struct vmbus_guid type = VMBUS_TYPE_SHUTDOWN;
	struct vmbus_offer_channel offer;
	struct hv_message message;

	guest_expect(VMBUS_OFFER_CHANNEL, &message);
	memcpy(&offer, message.payload, sizeof(offer));
	ck_assert_mem_eq(&offer.type, &type, sizeof(type));
	ck_assert_uint_eq(offer.sub_channel_index, index);
	return offer.relid;
}

static void release(uint32_t relid)
{
	struct vmbus_relid_message message = { .header.type = VMBUS_RELID_RELEASED,
		                               .relid = relid };

	fake_post(&message, sizeof(message));
}

/* The two others are rescinded when it is closed, before or after its rings are given back. */
static void close_with_sub_channels(uint32_t relid)
{
	struct vmbus_relid_message closing = { .header.type = VMBUS_CLOSE_CHANNEL,
		                               .relid = relid };
	struct vmbus_gpadl_teardown teardown = { .header.type = VMBUS_GPADL_TEARDOWN,
		                                 .relid = relid,
		                                 .gpadl = 1 };
	unsigned int rescinded = 0, torn_down = 0;

	fake_post(&closing, sizeof(closing));
	fake_post(&teardown, sizeof(teardown));
	for (unsigned int i = 0; i < 3; i++) {
		struct vmbus_message_header head;
		struct hv_message message;

		ck_assert(fake_receive(&message));
		memcpy(&head, message.payload, sizeof(head));
		rescinded += head.type == VMBUS_RESCIND_OFFER;
		torn_down += head.type == VMBUS_GPADL_TORNDOWN;
	}
	ck_assert(rescinded == 2 && torn_down == 1);
}

/* Its driver comes back before the guest has let go of what it had: the new ones wait for that. */
static gpointer child_with_sub_channels(gpointer data)
{
	struct hv_message message;
	uint32_t first, subs[2];

	(void)data;
	guest_connect();
	first = guest_take_offers();
	guest_open(first);
	subs[0] = expect_sub_channel(1);
	subs[1] = expect_sub_channel(2);
	close_with_sub_channels(first);
	guest_open(first);
	release(subs[0]);
	/* Nothing but what is answered comes before the second is released. */
	guest_post_rings(first, 9);
	guest_expect(VMBUS_GPADL_CREATED, &message);
	release(subs[1]);
	ck_assert_uint_eq(expect_sub_channel(1), subs[0]);
	ck_assert_uint_eq(expect_sub_channel(2), subs[1]);
	guest_tear_down(first, 9);
	/* A new connection has none, but those it asks for. */
	guest_connect();
	ck_assert_uint_eq(guest_take_offers(), first);
	guest_open(first);
	(void)expect_sub_channel(1);
	(void)expect_sub_channel(2);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(sub_channels_come_and_go_with_the_first)
{
	GThread *thread;

	g_free(definition->name);
	definition->name = g_strdup(OFFERS);
	worker_make();
	thread = g_thread_new("child", child_with_sub_channels, NULL);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
}
END_TEST

/* ---- What providers count ---- */

static char *counted;

static void on_counted(gpointer context, json_t *providers)
{
	(void)context;
	counted = json_text_format(providers, FALSE);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
}

static gboolean count(gpointer data)
{
	(void)data;
	vmbus_count(machine->vmbus, on_counted, NULL);
	return G_SOURCE_REMOVE;
}

/* Sequences that do something to a terminal are no counters, nor is what is nested without end. */
static const char *const counts[][2] = {
	{ "test", "{\"util\":" COUNTERS "{}}}}}}" },
	{ SILENT, "{}" }, /* it has time, but not for ever */
};

START_TEST(counters_are_told_and_nothing_else)
{
	g_free(definition->name);
	definition->name = g_strdup(counts[_i][0]);
	worker_make();
	g_idle_add(count, NULL);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	ck_assert_str_eq(counted, counts[_i][1]);
	g_free(counted);
}
END_TEST

/* ---- What outlives a provider ---- */

static gint provider_died;

static gboolean look_at_provider(gpointer data)
{
	g_autofree char *told = told_providers();

	(void)data;
	g_atomic_int_set(&provider_died, strstr(told, "died") != NULL);
	return g_atomic_int_get(&provider_died) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

/* That it died is told at once, whatever becomes of its I/O. */
static void kill_provider(void)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(fake_event_to_host(), &one, sizeof(one)), sizeof(one));
	g_timeout_add(1, look_at_provider, NULL);
	told_wait(&provider_died);
}

static gpointer child_of_lingering_provider(gpointer data)
{
	struct hv_message message;
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	guest_open(relid);
	kill_provider();
	guest_expect(VMBUS_RESCIND_OFFER, &message);
	ck_assert(io_is_over());
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

/* The guest gives up its channel itself, and may use the pages as soon as that is answered. */
static gpointer child_that_closes_on_lingering_provider(gpointer data)
{
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	guest_open(relid);
	kill_provider();
	guest_close(relid);
	ck_assert(io_is_over());
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

static gpointer child_that_stops_on_lingering_provider(gpointer data)
{
	(void)data;
	guest_connect();
	guest_open(guest_take_offers());
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

static const GThreadFunc lingering[] = {
	child_of_lingering_provider,
	child_that_closes_on_lingering_provider,
	child_that_stops_on_lingering_provider,
};

START_TEST(a_provider_is_gone_when_its_io_is_over_and_not_before)
{
	GThread *kernel = io_start(worker_io_path);
	GThread *thread;

	g_free(definition->name);
	definition->name = g_strdup(LINGERS);
	worker_make();
	thread = g_thread_new("child", lingering[_i], NULL);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	g_clear_pointer(&machine, life_free);
	ck_assert(io_is_over());
	g_thread_join(kernel);
}
END_TEST

START_TEST(disks_whose_paths_no_message_holds_are_an_error_that_says_so)
{
	g_autofree char *name = g_strnfill(2000, 'x');
	g_autofree char *path = g_strconcat("/", name, NULL);
	g_autoptr(GError) error = NULL;

	for (unsigned int disk = 0; disk < DEFINITION_DISKS_MAX; disk++)
		definition_add_disk(definition, path, FALSE);
	definition_complete(definition);
	worker_make_fails(&error);
	ck_assert_msg(strstr(error->message, "shorter paths"), "%s", error->message);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("worker_vmbus");
	TCase *tcase = tcase_create("vmbus");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_channel_goes_from_offer_to_provider_and_back);
	tcase_add_loop_test(tcase,
	                    a_shutdown_not_answered_before_the_end_is_judged_by_the_end,
	                    0, G_N_ELEMENTS(late));
	tcase_add_test(tcase, every_message_is_answered_though_the_child_reads_late);
	tcase_add_test(tcase,
	               a_guest_that_opens_and_closes_for_ever_does_not_fill_the_log);
	tcase_add_test(tcase, a_provider_that_is_not_there_is_an_error_that_names_it);
	tcase_add_test(tcase,
	               a_provider_that_dies_is_told_and_its_channels_are_rescinded);
	tcase_add_test(tcase, sub_channels_come_and_go_with_the_first);
	tcase_add_test(tcase, an_adapter_whose_provider_dies_stays_and_goes_on);
	tcase_add_loop_test(
		tcase, memory_that_was_lent_to_a_provider_that_died_is_the_guests_again,
		0, 2);
	tcase_add_test(tcase, a_provider_that_dies_is_started_again_and_goes_on);
	tcase_add_loop_test(
		tcase, memory_that_was_lent_is_the_guests_when_its_provider_has_let_go, 0,
		2);
	tcase_add_loop_test(tcase, counters_are_told_and_nothing_else, 0, 2);
	tcase_add_loop_test(tcase, a_provider_is_gone_when_its_io_is_over_and_not_before,
	                    0, G_N_ELEMENTS(lingering));
	tcase_add_test(tcase,
	               disks_whose_paths_no_message_holds_are_an_error_that_says_so);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	return worker_main(argc, argv, make_suite);
}
