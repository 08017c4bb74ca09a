/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks and network adapters that come and go under a guest of worker_fake.h. */
#define _GNU_SOURCE
#include "unit.h"

#include <glib/gstdio.h>
#include <string.h>
#include <viridis/abi/vmbus.h>

#include "root-partition/config/definition_disk.h"
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

/* ---- A change of disks ---- */

static const struct {
	const char *path; /* of the one added; NULL: the definition is not there */
	const char *error;
	const char *events;
} changes[] = {
	{ "disk", NULL, "provider-restarted storage\ndevice-added disk 0\n" },
	{ UNWANTED, "a disk that is not wanted", "provider-restarted storage\n" },
	/* Its provider dies, and cannot be had. */
	{ DEADLY, "the storage provider died of the new disks",
	  "provider-restarted storage\n" },
	{ "nbd://127.0.0.1/", "viridis-nbd-connect: No such file",
	  "provider-restarted storage\n" },
	{ "missing", "No such file", "" },
	{ NULL, "no VM is named", "" },
};

static char *change_error;
static gint change_answered;

static void on_changed(gpointer context, const char *error)
{
	(void)context;
	change_error = g_strdup(error);
	g_atomic_int_set(&change_answered, 1);
}

static gboolean ask_change(gpointer data)
{
	(void)data;
	vmbus_renew_disks(machine->vmbus, on_changed, NULL);
	return G_SOURCE_REMOVE;
}

static gpointer child_with_a_new_disk(gpointer data)
{
	uint32_t relid;

	(void)data;
	guest_connect();
	relid = guest_take_offers();
	guest_open(relid);
	g_idle_add(ask_change, NULL);
	told_wait(&change_answered);
	guest_close(relid);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return NULL;
}

/* As `viridis disk add` leaves it. */
static char *define_with(const char *name)
{
	g_autoptr(definition_pointer) changed = definition_new();
	bool remote = strchr(name, ':') != NULL;
	char *path = remote ? g_strdup(name) : g_build_filename(folder, name, NULL);

	changed->name = g_strdup(definition->name);
	changed->memory_bytes = definition->memory_bytes;
	changed->vps = definition->vps;
	changed->kernel = g_strdup(definition->kernel);
	definition_add_disk(changed, path, FALSE);
	definition_complete(changed);
	if (strcmp(name, "missing") != 0 && !remote)
		ck_assert(g_file_set_contents(path, "", 0, NULL));
	ck_assert(store_create(changed, NULL));
	return path;
}

START_TEST(disks_change_under_a_guest_that_runs_or_stay_as_they_were)
{
	g_autofree char *path = changes[_i].path ? define_with(changes[_i].path) : NULL;
	g_autofree char *told = NULL;
	GThread *thread;

	worker_make();
	machine->told = told_hear;
	thread = g_thread_new("child", child_with_a_new_disk, NULL);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	if (changes[_i].error)
		ck_assert_ptr_nonnull(strstr(change_error, changes[_i].error));
	else
		ck_assert_pstr_eq(change_error, NULL);
	told = told_providers();
	ck_assert_str_eq(told, SERVING("serving"));
	ck_assert_str_eq(told_events ? told_events : "", changes[_i].events);
	if (path)
		g_unlink(path);
	g_clear_pointer(&told_events, g_free);
	g_clear_pointer(&change_error, g_free);
}
END_TEST

/* ---- A change of adapters ---- */

#define MAC(last) "02:00:00:00:00:0" last

/* One after the other, to a machine with one adapter; each is what there is to be. */
static const struct {
	const char *nets[3]; /* options; NULL: no more */
	const char *error;
	const char *events;
	unsigned int gone, come; /* how many the guest sees */
} adapter_changes[] = {
	{ { "user,mac=" MAC("1"), "user,mac=" MAC("2") },
	  NULL,
	  "device-added net " MAC("2") "\n",
	  0,
	  1 },
	{ { "user,slot=1,mac=" MAC("2") },
	  NULL,
	  "device-removed net " MAC("1") "\n",
	  1,
	  0 },
	{ { "user,slot=1,mac=" MAC("2") ",mtu=9000" },
	  NULL,
	  "device-removed net " MAC("2") "\ndevice-added net " MAC("2") "\n",
	  1,
	  1 },
	{ { "user,mac=" MAC("3"), "user,mac=" MAC("2") ",mtu=9000" },
	  NULL,
	  "device-added net " MAC("3") "\n",
	  0,
	  1 },
	/* What it took away it brings back. */
	{ { "user,mac=" UNWANTED_MAC, "user,mac=" MAC("2") ",mtu=9000" },
	  "an adapter that is not wanted",
	  "",
	  1,
	  1 },
	{ { "bridge=none0" }, "none0: there is no such network device", "", 0, 0 },
	{ { NULL },
	  NULL,
	  "device-removed net " MAC("3") "\ndevice-removed net " MAC("2") "\n",
	  2,
	  0 },
};

static gboolean ask_adapters(gpointer data)
{
	(void)data;
	vmbus_renew_nets(machine->vmbus, on_changed, NULL);
	return G_SOURCE_REMOVE;
}

/* As `viridis net` leaves it. */
static void define_adapters(const char *const nets[3])
{
	g_autoptr(definition_pointer) changed = definition_new();

	changed->name = g_strdup(definition->name);
	changed->memory_bytes = definition->memory_bytes;
	changed->vps = definition->vps;
	changed->kernel = g_strdup(definition->kernel);
	for (int i = 0; i < 3 && nets[i]; i++)
		ck_assert(definition_net_add(changed, nets[i], NULL));
	definition_complete(changed);
	(void)store_delete(changed->name, NULL); /* there may be none yet */
	ck_assert(store_create(changed, NULL));
}

/* It lets go of what is taken, and of what is offered it takes note. */
static void see_adapters(unsigned int gone, unsigned int come)
{
	struct vmbus_relid_message released = { .header.type = VMBUS_RELID_RELEASED };
	struct vmbus_relid_message rescinded;
	struct hv_message message;

	while (gone--) {
		guest_expect(VMBUS_RESCIND_OFFER, &message);
		memcpy(&rescinded, message.payload, sizeof(rescinded));
		released.relid = rescinded.relid;
		fake_post(&released, sizeof(released));
	}
	while (come--)
		guest_expect(VMBUS_OFFER_CHANNEL, &message);
}

static gpointer child_whose_adapters_change(gpointer data)
{
	static const struct vmbus_guid type = VMBUS_TYPE_NET;

	guest_connect();
	(void)guest_take_offers_of(&type, 8);
	for (gsize i = 0; i < G_N_ELEMENTS(adapter_changes); i++) {
		define_adapters(adapter_changes[i].nets);
		g_atomic_int_set(&change_answered, 0);
		g_idle_add(ask_adapters, NULL);
		told_wait(&change_answered);
		if (adapter_changes[i].error)
			ck_assert_ptr_nonnull(
				strstr(change_error, adapter_changes[i].error));
		else
			ck_assert_pstr_eq(change_error, NULL);
		ck_assert_str_eq(told_events ? told_events : "",
		                 adapter_changes[i].events);
		g_clear_pointer(&told_events, g_free);
		g_clear_pointer(&change_error, g_free);
		see_adapters(adapter_changes[i].gone, adapter_changes[i].come);
	}
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return data;
}

/* A user-mode network's program, which says that it is ready. */
static char *play_passt(void)
{
	char *path = g_build_filename(folder, DEFINITION_NET_PROGRAM, NULL);

	ck_assert(g_file_set_contents(path, "#!/bin/sh\n", -1, NULL));
	ck_assert_int_eq(g_chmod(path, 0755), 0);
	return path;
}

START_TEST(adapters_come_and_go_under_a_guest_that_runs_or_stay_as_they_were)
{
	g_autofree char *path = play_passt();
	GThread *thread;

	ck_assert(definition_net_add(definition, "user,mac=" MAC("1"), NULL));
	definition_net_complete(definition);
	worker_make();
	machine->told = told_hear;
	thread = g_thread_new("child", child_whose_adapters_change, NULL);
	ck_assert_int_eq(life_run(machine), MACHINE_STOPPED);
	g_thread_join(thread);
	g_unlink(path);
}
END_TEST

/* ---- A machine that ends meanwhile ---- */

/* One that would not serve what the change brings: were that there still, there would be no next machine. */
static const struct {
	void (*renew)(struct vmbus *vmbus, vmbus_answered answered, gpointer context);
	const char *disk; /* of the one added; NULL: adapters change */
	const char *nets[3];
} cut_changes[] = {
	{ vmbus_renew_disks, UNWANTED, { NULL } },
	{ vmbus_renew_nets, NULL, { "user,mac=" MAC("1"), "user,mac=" UNWANTED_MAC } },
	{ vmbus_renew_nets, NULL, { "user,slot=1,mac=" UNWANTED_MAC } },
};

/* No provider is heard before the main loop goes on, and it ends then. */
static gboolean ask_and_reset(gpointer data)
{
	const int *row = data;

	cut_changes[*row].renew(machine->vmbus, on_changed, NULL);
	ck_assert_int_eq(g_atomic_int_get(&change_answered), 0);
	machine_set_end(machine, MACHINE_RESET, "reset by request");
	return G_SOURCE_REMOVE;
}

static gpointer child_that_is_reset(gpointer row)
{
	static const struct vmbus_guid type = VMBUS_TYPE_NET;

	guest_connect();
	(void)guest_take_offers_of(&type, 8);
	g_idle_add(ask_and_reset, row);
	return NULL;
}

static gpointer child_after_a_reset(gpointer data)
{
	static const struct vmbus_guid type = VMBUS_TYPE_NET;

	guest_connect();
	(void)guest_take_offers_of(&type, 8);
	machine_set_end(machine, MACHINE_STOPPED, "the test is over");
	return data;
}

static void run_with(GThreadFunc child, gpointer data, enum machine_end end)
{
	GThread *thread;

	worker_make();
	machine->told = told_hear;
	thread = g_thread_new("child", child, data);
	ck_assert_int_eq(life_run(machine), end);
	g_thread_join(thread);
}

/* The keeper's, and the worker's of its adapters. */
static void check_devices(const struct definition *workers)
{
	const GPtrArray *nets[] = { definition->nets, workers->nets };

	ck_assert_uint_eq(definition->disks->len, 0);
	for (gsize i = 0; i < G_N_ELEMENTS(nets); i++) {
		ck_assert_uint_eq(nets[i]->len, 1);
		ck_assert_str_eq(((struct definition_net *)nets[i]->pdata[0])->mac,
		                 MAC("1"));
	}
}

START_TEST(a_reset_during_a_change_leaves_the_devices_there_were_before)
{
	g_autofree char *passt = play_passt();
	g_autofree char *disk = NULL;
	const struct definition *workers;
	int row = _i;

	ck_assert(definition_net_add(definition, "user,mac=" MAC("1"), NULL));
	definition_net_complete(definition);
	if (cut_changes[_i].disk)
		disk = define_with(cut_changes[_i].disk);
	else
		define_adapters(cut_changes[_i].nets);
	run_with(child_that_is_reset, &row, MACHINE_RESET);
	workers = machine->definition;
	g_clear_pointer(&machine, life_free);
	ck_assert_pstr_eq(change_error, "the machine ended");
	check_devices(workers);
	ck_assert_pstr_eq(told_events, NULL);

	run_with(child_after_a_reset, NULL, MACHINE_STOPPED);
	check_devices(machine->definition);
	ck_assert_pstr_eq(told_events, NULL);
	if (disk)
		g_unlink(disk);
	g_unlink(passt);
	g_clear_pointer(&change_error, g_free);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("worker_devices");
	TCase *tcase = tcase_create("devices");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, worker_tear_down);
	tcase_add_loop_test(tcase,
	                    disks_change_under_a_guest_that_runs_or_stay_as_they_were, 0,
	                    G_N_ELEMENTS(changes));
	tcase_add_test(tcase,
	               adapters_come_and_go_under_a_guest_that_runs_or_stay_as_they_were);
	tcase_add_loop_test(tcase,
	                    a_reset_during_a_change_leaves_the_devices_there_were_before,
	                    0, G_N_ELEMENTS(cut_changes));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	return worker_main(argc, argv, make_suite);
}
