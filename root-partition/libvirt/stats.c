/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answer to `stats`, looked through for one disk or one adapter. */
#include <config.h>

#include "root-partition/libvirt/stats.h"

#include "util/virerror.h"
#include "util/virutil.h"

#include "root-partition/client/client.h"
#include "root-partition/config/json_text.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

static JsonObject *ask(virDomainObj *domain)
{
	g_autofree char *name = g_strdup(domain->def->name);
	g_autoptr(GError) error = NULL;
	JsonObject *answer;

	if (virDomainObjCheckActive(domain) < 0)
		return NULL;
	virObjectUnlock(domain);
	answer = client_ask(name, CONTROL_STATS, &error);
	virObjectLock(domain);
	if (!answer)
		driver_report(error);
	return answer;
}

/* -1, libvirt's "not known", where there is none. */
static long long number(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);
	gint64 value = -1;

	if (node)
		(void)json_text_get_int(node, &value);
	return value;
}

static JsonObject *member(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);

	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

/* Of the storage provider's disks the one of that LUN. */
static JsonObject *find_disk(JsonObject *answer, int lun)
{
	JsonObject *storage = member(answer, "storage");
	JsonNode *node = storage ? json_object_get_member(storage, "disks") : NULL;
	JsonArray *disks =
		node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

	for (guint i = 0; disks && i < json_array_get_length(disks); i++) {
		JsonNode *disk = json_array_get_element(disks, i);

		if (JSON_NODE_HOLDS_OBJECT(disk) &&
		    number(json_node_get_object(disk), "lun") == lun)
			return json_node_get_object(disk);
	}
	return NULL;
}

static int nothing_known(const char *what)
{
	virReportError(VIR_ERR_OPERATION_FAILED, "'%s': its provider does not answer",
	               what);
	return -1;
}

int stats_block(virDomainObj *domain, const char *path, virDomainBlockStatsPtr stats)
{
	virDomainDiskDef *disk = virDomainDiskByName(domain->def, path, false);
	g_autoptr(JsonObject) answer = NULL;
	JsonObject *counts;
	int lun;

	if (!disk) {
		virReportError(VIR_ERR_INVALID_ARG, "invalid path: %s", path);
		return -1;
	}
	lun = virDiskNameToIndex(disk->dst);
	answer = ask(domain);
	if (!answer)
		return -1;
	counts = find_disk(answer, lun);
	if (!counts)
		return nothing_known(path);
	stats->rd_req = number(counts, "reads");
	stats->rd_bytes = number(counts, "read-bytes");
	stats->wr_req = number(counts, "writes");
	stats->wr_bytes = number(counts, "written-bytes");
	stats->errs = number(counts, "errors");
	return 0;
}

/* Its place among the adapters: by address, or by the name of its TAP device. */
static int find_interface(const virDomainDef *def, const char *device)
{
	for (size_t i = 0; i < def->nnets; i++) {
		char mac[VIR_MAC_STRING_BUFLEN];

		virMacAddrFormat(&def->nets[i]->mac, mac);
		if (g_ascii_strcasecmp(mac, device) == 0 ||
		    STREQ_NULLABLE(def->nets[i]->ifname, device))
			return (int)i;
	}
	return -1;
}

/* As the guest sees them, which is how libvirt counts. */
int stats_interface(virDomainObj *domain, const char *device,
                    virDomainInterfaceStatsPtr stats)
{
	int index = find_interface(domain->def, device);
	g_autofree char *name = g_strdup_printf("net%d", index);
	g_autoptr(JsonObject) answer = NULL;
	JsonObject *counts;

	if (index < 0) {
		virReportError(VIR_ERR_INVALID_ARG, "invalid interface: %s", device);
		return -1;
	}
	answer = ask(domain);
	if (!answer)
		return -1;
	counts = member(answer, name);
	if (!counts)
		return nothing_known(device);
	stats->rx_bytes = number(counts, "received-bytes");
	stats->rx_packets = number(counts, "received");
	stats->rx_errs = number(counts, "receive-errors");
	stats->rx_drop = -1;
	stats->tx_bytes = number(counts, "sent-bytes");
	stats->tx_packets = number(counts, "sent");
	stats->tx_errs = number(counts, "send-errors");
	stats->tx_drop = -1;
	return 0;
}
