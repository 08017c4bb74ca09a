/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network adapters that are taken from a guest of worker_fake.h that uses them: first a provider has the guest come to rest,
 * the one that serves, or a last one. What each does of it is the provider's affair (net_leave_test).
 */
#define _GNU_SOURCE
#include "unit.h"

#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <viridis/abi/vmbus.h>

#include "root-partition/config/definition_net.h"
#include "root-partition/config/store.h"
#include "root-partition/vmbusd/vmbusd.h"
#include "worker_fake.h"
#include "worker_guest.h"
#include "worker_machine.h"
#include "worker_provider.h"
#include "worker_told.h"

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

#define REMOVED     "device-removed net 02:00:00:00:00:01\n"
#define SOME_DEATHS (2500 * G_TIME_SPAN_MILLISECOND)
#define NOBODY      UINT64_MAX

static const struct {
	const char *vm;
	bool removed;
	bool dies; /* its provider of a signal, again and again, until it is removed or given up */
	int pause_ms; /* so long after the order the guest is paused, twice; 0: before it, once; -1: never */
	uint64_t told; /* by which processes the guest was seen to its rest; 0: by any */
	const char *end; /* of what is told to those who listen */
} ways[] = {
	{ "test", true, false, -1, LEAVES, REMOVED },
	{ "test", true, false, 0, LEAVES, REMOVED },
	/* The process does not count the pause: it is told once more. */
	{ LEAVES_LATE, true, false, 300, 2 * LEAVES, REMOVED },
	{ DIES_LEAVING, true, false, -1, LEAVES + LEAVES_LAST, REMOVED },
	{ NO_LAST, true, false, -1, LEAVES, REMOVED },
	/* Mostly it rests between two lives. */
	{ "test", true, true, -1, 0, REMOVED },
	{ "test", false, true, -1, LEAVES_LAST, "provider-given-up net0\n" },
	{ NO_LAST, false, true, -1, NOBODY, "provider-given-up net0\n" },
};

static gint answered;
static bool refused;
static char *change_error;

static void on_changed(gpointer context, const char *error)
{
	(void)context;
	refused = machine->paused;
	if (refused) {
		ck_assert_ptr_nonnull(strstr(error, "resume it first"));
		return;
	}
	change_error = g_strdup(error);
	g_atomic_int_set(&answered, 1);
}

static gboolean stand_still(gpointer pauses);

static gboolean go_on(gpointer pauses)
{
	ck_assert_int_eq(g_atomic_int_get(&answered), 0);
	machine->paused = false;
	vmbus_resumed(machine->vmbus);
	if (refused)
		vmbus_renew_nets(machine->vmbus, on_changed, NULL);
	if (GPOINTER_TO_INT(pauses) > 1)
		(void)stand_still(GINT_TO_POINTER(GPOINTER_TO_INT(pauses) - 1));
	return G_SOURCE_REMOVE;
}

static gboolean stand_still(gpointer pauses)
{
	machine->paused = true;
	g_timeout_add(250, go_on, pauses);
	return G_SOURCE_REMOVE;
}

static gboolean ask_adapters(gpointer data)
{
	const int *way = data;

	if (ways[*way].pause_ms == 0)
		(void)stand_still(GINT_TO_POINTER(1));
	else if (ways[*way].pause_ms > 0)
		g_timeout_add((guint)ways[*way].pause_ms, stand_still,
		              GINT_TO_POINTER(2));
	vmbus_renew_nets(machine->vmbus, on_changed, NULL);
	return G_SOURCE_REMOVE;
}

/* As `viridis net remove` leaves the definition. */
static void define_without(void)
{
	g_autoptr(definition_pointer) changed = definition_new();

	changed->name = g_strdup(definition->name);
	changed->memory_bytes = definition->memory_bytes;
	changed->vps = definition->vps;
	changed->kernel = g_strdup(definition->kernel);
	definition_complete(changed);
	ck_assert(store_create(changed, NULL));
}

static void check_told(uint64_t told, uint64_t wanted)
{
	if (wanted == 0)
		ck_assert_uint_ne(told, 0);
	else
		ck_assert_uint_eq(told, wanted == NOBODY ? 0 : wanted);
}

static gpointer child_that_loses_it(gpointer data)
{
	static const struct vmbus_guid type = VMBUS_TYPE_NET;
	const int *way = data;
	struct hv_message message;
	uint64_t told = 1;
	uint32_t relid;
	int event;

	guest_connect();
	relid = guest_take_offers_of(&type, 8);
	guest_open(relid);
	event = dup(fake_event_to_child()); /* ours is closed with the channel */
	ck_assert_int_ge(event, 0);
	ck_assert_int_eq(poll(&(struct pollfd){ event, POLLIN, 0 }, 1, 10000), 1);
	if (ways[*way].dies)
		ck_assert_int_eq(write(fake_event_to_host(), &told, sizeof(told)),
		                 sizeof(told));
	if (ways[*way].removed) {
		g_usleep(ways[*way].dies ? SOME_DEATHS : 0);
		g_idle_add(ask_adapters, data);
		told_wait(&answered);
		ck_assert_pstr_eq(change_error, NULL);
	}
	guest_expect(VMBUS_RESCIND_OFFER, &message);
	/* Beside one for each time that the channel was started. */
	ck_assert_int_eq(read(event, &told, sizeof(told)), sizeof(told));
	check_told(told / LEAVES * LEAVES, ways[*way].told);
	close(event);
	guest_close(relid);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

START_TEST(a_guest_loses_an_adapter_when_a_provider_has_seen_it_to_its_rest)
{
	GThread *thread;
	int way = _i;

	g_free(definition->name);
	definition->name = g_strdup(ways[_i].vm);
	ck_assert(definition_net_add(definition, "tap=none,mac=02:00:00:00:00:01", NULL));
	definition_net_complete(definition);
	define_without();
	worker_make();
	machine->told = told_hear;
	thread = g_thread_new("child", child_that_loses_it, &way);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	ck_assert_msg(g_str_has_suffix(told_events, ways[_i].end), "%s", told_events);
	g_clear_pointer(&told_events, g_free);
	ck_assert(store_delete(definition->name, NULL));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("worker_leave");
	TCase *tcase = tcase_create("leave");

	tcase_set_timeout(tcase, 90);
	tcase_add_checked_fixture(tcase, setup, worker_tear_down);
	tcase_add_loop_test(
		tcase, a_guest_loses_an_adapter_when_a_provider_has_seen_it_to_its_rest,
		0, G_N_ELEMENTS(ways));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	return worker_main(argc, argv, make_suite);
}
