/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keeper as it is, but for the fork. */
#include "worker_keeper.h"

#include "unit.h"

#include "root-partition/config/state.h"

static struct keeper *keeper;
static struct keeper_client *client;
static struct keeper_lent lent;
static GThread *thread;

static gpointer serve(gpointer data)
{
	(void)data;
	keeper_serve(keeper, NULL, NULL);
	return NULL;
}

void worker_keeper_start(struct definition *definition)
{
	g_autoptr(GError) error = NULL;

	keeper = keeper_new(definition, state_lock(definition->name, NULL), &error);
	ck_assert_msg(keeper != NULL, "%s", error ? error->message : "");
	lent = keeper_lend(keeper);
	client = keeper_client_new(lent.socket);
	thread = g_thread_new("keeper", serve, NULL);
}

void worker_keeper_stop(void)
{
	keeper_client_free(client);
	g_thread_join(thread);
	keeper_free(keeper);
}

struct keeper_client *worker_keeper_client(void)
{
	return client;
}

const struct keeper_lent *worker_keeper_lent(void)
{
	return &lent;
}
