/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers that disks have, as the storage provider sees them: lost, and back. What it says ends up on somebody's
 * terminal, so it is checked; a change is told, and nothing else.
 */
#include <string.h>

#include "root-partition/config/control_json.h"
#include "root-partition/config/json_text.h"
#include "root-partition/config/vm_log.h"
#include "root-partition/vmbusd/internal.h"

#define NEWS_BYTES_MAX 4096u

static const char *text_of(json_t *object, const char *member)
{
	const char *text = "";

	(void)json_text_get_string(json_object_get(object, member), &text);
	return text;
}

/* LUNs, or -1. */
static gint64 lun_of(json_t *object)
{
	gint64 lun = -1;

	if (!json_text_get_int(json_object_get(object, "lun"), &lun))
		return -1;
	return lun < DEFINITION_DISKS_MAX ? lun : -1;
}

static void tell(struct vmbus *vmbus, const char *event, int lun, const char *disk,
                 const char *why)
{
	g_autofree char *said = g_strconcat(disk, why[0] ? ": " : "", why, NULL);
	g_autofree char *text = json_text_make_printable(said, strlen(said));

	g_strdelimit(text, "\n", ' '); /* it is one line */
	vm_log("vmbus: %s: %s", event, text);
	vmbus_tell(vmbus, &(struct control_event){ event, "provider", text, lun, NULL });
}

bool vmbus_take_server_news(struct vmbus *vmbus, enum vmbus_provider kind, uint32_t tag,
                            const char *json)
{
	g_autoptr(json_t) news = NULL;
	gboolean lost;
	gint64 lun;

	if (kind != VMBUS_STORAGE || tag != 0)
		return false;
	news = json_text_parse(json, strlen(json), NEWS_BYTES_MAX, NULL);
	if (!news)
		return false;
	lost = strcmp(text_of(news, "event"), "disk-lost") == 0;
	lun = lun_of(news);
	if (lun < 0 || (!lost && strcmp(text_of(news, "event"), "disk-back") != 0))
		return false;
	if (lost == ((vmbus->lost_disks >> lun & 1) != 0))
		return true;
	vmbus->lost_disks ^= UINT64_C(1) << lun;
	tell(vmbus, lost ? "disk-lost" : "disk-back", (int)lun, text_of(news, "disk"),
	     lost ? text_of(news, "why") : "");
	return true;
}

void vmbus_add_lost_disks(const struct vmbus *vmbus, json_t *object)
{
	json_t *lost_disks;

	if (!vmbus->lost_disks)
		return;
	lost_disks = json_text_add_array(object, "lost-disks");
	for (uint32_t lun = 0; lun < DEFINITION_DISKS_MAX; lun++)
		if (vmbus->lost_disks >> lun & 1)
			(void)json_array_append_new(lost_disks, json_integer(lun));
}
