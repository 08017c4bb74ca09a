/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events as lines. */
#include "worker_told.h"

#include "root-partition/config/json_text.h"
#include "root-partition/vmbusd/vmbusd.h"
#include "unit.h"
#include "worker_machine.h"

char *told_events;

void told_hear(gpointer context, const struct control_event *event)
{
	g_autofree char *before = told_events;
	g_autofree char *lun = g_strdup_printf(" %d", event->lun);
	g_autofree char *mac = event->mac ? g_strconcat(" ", event->mac, NULL) : NULL;

	(void)context;
	told_events = g_strconcat(before ? before : "", event->name, " ", event->reason,
	                          event->lun < 0 ? "" : lun, mac ? mac : "", "\n", NULL);
}

char *told_providers(void)
{
	g_autoptr(json_t) object = json_object();

	vmbus_add_providers(machine->vmbus, object);
	return json_text_format(object, FALSE);
}

void told_wait(gint *flag)
{
	for (int i = 0; i < 1000 && !g_atomic_int_get(flag); i++)
		g_usleep(10000);
	ck_assert(g_atomic_int_get(flag));
}
