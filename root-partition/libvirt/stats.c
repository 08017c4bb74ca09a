/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answers to `stats` and `guest`, looked through for what libvirt asks. */
#include <config.h>

#include "root-partition/libvirt/stats.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datatypes.h"
#include "util/virerror.h"
#include "util/virfile.h"
#include "util/virtypedparam.h"
#include "util/virutil.h"

#include "root-partition/client/client.h"
#include "root-partition/config/json_text.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

static json_t *ask_for(virDomainObj *domain, enum control_command command)
{
	g_autofree char *name = g_strdup(domain->def->name);
	g_autoptr(GError) error = NULL;
	json_t *answer;

	if (virDomainObjCheckActive(domain) < 0)
		return NULL;
	virObjectUnlock(domain);
	answer = client_ask(name, command, &error);
	virObjectLock(domain);
	if (!answer)
		driver_report(error);
	return answer;
}

static json_t *ask(virDomainObj *domain)
{
	return ask_for(domain, CONTROL_STATS);
}

/* -1, libvirt's "not known", where there is none. */
static long long number(json_t *object, const char *name)
{
	gint64 value = -1;

	(void)json_text_get_int(json_object_get(object, name), &value);
	return value;
}

static json_t *member(json_t *object, const char *name)
{
	json_t *node = json_object_get(object, name);

	return json_is_object(node) ? node : NULL;
}

/* The objects of a list; the list is the caller's to free, they are not. */
static GPtrArray *objects(json_t *object, const char *name)
{
	json_t *array = json_object_get(object, name);
	GPtrArray *found = g_ptr_array_new();

	for (gsize i = 0; i < json_array_size(array); i++) {
		json_t *element = json_array_get(array, i);

		if (json_is_object(element))
			g_ptr_array_add(found, element);
	}
	return found;
}

/* Of the storage provider's disks the one of that LUN. */
static json_t *find_disk(json_t *answer, int lun)
{
	g_autoptr(GPtrArray) disks = objects(member(answer, "storage"), "disks");

	for (guint i = 0; i < disks->len; i++)
		if (number(disks->pdata[i], "lun") == lun)
			return disks->pdata[i];
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
	g_autoptr(json_t) answer = NULL;
	json_t *counts;
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

int stats_block_params(virDomainObj *domain, const char *path,
                       virTypedParameterPtr params, int *count)
{
	virDomainBlockStatsStruct stats;
	const struct {
		const char *name;
		const long long *value;
	} fields[] = {
		{ VIR_DOMAIN_BLOCK_STATS_READ_REQ, &stats.rd_req },
		{ VIR_DOMAIN_BLOCK_STATS_READ_BYTES, &stats.rd_bytes },
		{ VIR_DOMAIN_BLOCK_STATS_WRITE_REQ, &stats.wr_req },
		{ VIR_DOMAIN_BLOCK_STATS_WRITE_BYTES, &stats.wr_bytes },
		{ VIR_DOMAIN_BLOCK_STATS_ERRS, &stats.errs },
	};

	if (*count == 0) {
		*count = G_N_ELEMENTS(fields);
		return 0;
	}
	if (stats_block(domain, path, &stats) < 0)
		return -1;
	*count = MIN(*count, (int)G_N_ELEMENTS(fields));
	for (int i = 0; i < *count; i++)
		if (virTypedParameterAssign(&params[i], fields[i].name,
		                            VIR_TYPED_PARAM_LLONG, *fields[i].value) < 0)
			return -1;
	return 0;
}

int stats_block_size(virDomainObj *domain, const char *path, virDomainBlockInfoPtr info)
{
	virDomainDiskDef *disk = virDomainDiskByName(domain->def, path, false);
	const char *source = disk ? virDomainDiskGetSource(disk) : NULL;
	struct stat status;
	off_t end;
	int fd;

	if (!source) {
		virReportError(VIR_ERR_INVALID_ARG, "invalid path: %s", path);
		return -1;
	}
	fd = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
	if (end < 0 || fstat(fd, &status) < 0) {
		virReportSystemError(errno, "cannot look at '%s'", source);
		VIR_FORCE_CLOSE(fd);
		return -1;
	}
	close(fd);
	info->capacity = (unsigned long long)end;
	info->physical = (unsigned long long)end;
	info->allocation = S_ISREG(status.st_mode) ?
	                           (unsigned long long)status.st_blocks * 512 :
	                           (unsigned long long)end;
	return 0;
}

/* An adapter by its address, or by the name of its TAP device; NULL: there is none such. */
static const virDomainNetDef *find_interface(const virDomainDef *def, const char *device)
{
	for (size_t i = 0; i < def->nnets; i++) {
		char mac[VIR_MAC_STRING_BUFLEN];

		virMacAddrFormat(&def->nets[i]->mac, mac);
		if (g_ascii_strcasecmp(mac, device) == 0 ||
		    STREQ_NULLABLE(def->nets[i]->ifname, device))
			return def->nets[i];
	}
	return NULL;
}

/* What the worker calls it by; a domain that has been read has aliases. */
static const char *name_of(const virDomainNetDef *net)
{
	return net->info.alias ? net->info.alias : "net";
}

/* As the guest sees them, which is how libvirt counts. */
int stats_interface(virDomainObj *domain, const char *device,
                    virDomainInterfaceStatsPtr stats)
{
	const virDomainNetDef *net = find_interface(domain->def, device);
	/* While the worker is asked, the domain may get other devices in the place of this one. */
	g_autofree char *name = net ? g_strdup(name_of(net)) : NULL;
	g_autoptr(json_t) answer = NULL;
	json_t *counts;

	if (!name) {
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

/* ---- Processors ---- */

static unsigned long long time_of(json_t *vp)
{
	return (unsigned long long)MAX(number(vp, "time-ns"), 0);
}

static unsigned long long time_of_all(json_t *answer)
{
	g_autoptr(GPtrArray) vps = objects(answer, "vps");
	unsigned long long sum = 0;

	for (guint i = 0; i < vps->len; i++)
		sum += time_of(vps->pdata[i]);
	return sum;
}

unsigned long long stats_cpu_time(virDomainObj *domain)
{
	g_autoptr(json_t) answer = NULL;

	if (!virDomainObjIsActive(domain))
		return 0;
	answer = ask(domain);
	virResetLastError();
	return answer ? time_of_all(answer) : 0;
}

/* The hypervisor moves a VP as it likes, so each may be on every CPU. */
int stats_vcpus(virDomainObj *domain, virVcpuInfoPtr infos, int count,
                unsigned char *maps, int map_bytes)
{
	g_autoptr(json_t) answer = ask(domain);
	g_autoptr(GPtrArray) vps = NULL;

	if (!answer)
		return -1;
	vps = objects(answer, "vps");
	count = MIN(count, (int)virDomainDefGetVcpus(domain->def));
	for (int i = 0; i < count; i++)
		infos[i] = (virVcpuInfo){
			.number = (unsigned int)i,
			.state = VIR_VCPU_RUNNING,
			.cpuTime = i < (int)vps->len ? time_of(vps->pdata[i]) : 0,
			.cpu = VIR_VCPU_INFO_CPU_UNAVAILABLE,
		};
	if (maps)
		memset(maps, 0xff, (size_t)count * (size_t)map_bytes);
	return count;
}

int stats_weight(virDomainObj *domain, unsigned int *weight)
{
	g_autoptr(json_t) answer = ask(domain);

	if (!answer)
		return -1;
	*weight = (unsigned int)MAX(number(answer, "weight"), 0);
	return 0;
}

/* ---- All at once ---- */

/* libvirt's own list of them changes from version to version. */
struct params {
	virTypedParameterPtr first;
	int count;
};

/* The next, with that name; its type and its value are the caller's to set. */
static virTypedParameterPtr add(struct params *params, const char *format, ...)
	G_GNUC_PRINTF(2, 3);

static virTypedParameterPtr add(struct params *params, const char *format, ...)
{
	virTypedParameterPtr param;
	va_list args;

	params->first = g_renew(virTypedParameter, params->first, params->count + 1);
	param = &params->first[params->count++];
	memset(param, 0, sizeof(*param));
	va_start(args, format);
	g_vsnprintf(param->field, sizeof(param->field), format, args);
	va_end(args);
	return param;
}

static void set_int(virTypedParameterPtr param, int value)
{
	param->type = VIR_TYPED_PARAM_INT;
	param->value.i = value;
}

static void set_uint(virTypedParameterPtr param, unsigned int value)
{
	param->type = VIR_TYPED_PARAM_UINT;
	param->value.ui = value;
}

static void set_ullong(virTypedParameterPtr param, unsigned long long value)
{
	param->type = VIR_TYPED_PARAM_ULLONG;
	param->value.ul = value;
}

static void set_string(virTypedParameterPtr param, const char *value)
{
	param->type = VIR_TYPED_PARAM_STRING;
	param->value.s = g_strdup(value);
}

static void add_number(struct params *params, json_t *object, const char *name,
                       const char *group, size_t index, const char *field)
{
	long long value = number(object, name);

	if (value >= 0)
		set_ullong(add(params, "%s.%zu.%s", group, index, field),
		           (unsigned long long)value);
}

static void add_state(struct params *params, virDomainObj *domain)
{
	int reason;
	int state = virDomainObjGetState(domain, &reason);

	set_int(add(params, "state.state"), state);
	set_int(add(params, "state.reason"), reason);
}

static void add_balloon(struct params *params, virDomainObj *domain)
{
	unsigned long long kib = virDomainDefGetMemoryTotal(domain->def);

	set_ullong(add(params, "balloon.current"),
	           virDomainObjIsActive(domain) ? kib : 0);
	set_ullong(add(params, "balloon.maximum"), kib);
}

static void add_vcpus(struct params *params, virDomainObj *domain, json_t *answer)
{
	g_autoptr(GPtrArray) vps = objects(answer, "vps");

	set_uint(add(params, "vcpu.current"), virDomainDefGetVcpus(domain->def));
	set_uint(add(params, "vcpu.maximum"), virDomainDefGetVcpusMax(domain->def));
	for (guint i = 0; i < vps->len; i++) {
		set_int(add(params, "vcpu.%u.state", i), VIR_VCPU_RUNNING);
		add_number(params, vps->pdata[i], "time-ns", "vcpu", i, "time");
	}
}

static void add_interfaces(struct params *params, virDomainObj *domain, json_t *answer)
{
	static const struct {
		const char *ours, *theirs;
	} fields[] = {
		{ "received-bytes", "rx.bytes" },
		{ "received", "rx.pkts" },
		{ "receive-errors", "rx.errs" },
		{ "sent-bytes", "tx.bytes" },
		{ "sent", "tx.pkts" },
		{ "send-errors", "tx.errs" },
	};

	set_uint(add(params, "net.count"), (unsigned int)domain->def->nnets);
	for (size_t i = 0; i < domain->def->nnets; i++) {
		const char *name = name_of(domain->def->nets[i]);
		json_t *counts = answer ? member(answer, name) : NULL;
		const char *device = domain->def->nets[i]->ifname;

		set_string(add(params, "net.%zu.name", i), device ? device : name);
		for (size_t field = 0; counts && field < G_N_ELEMENTS(fields); field++)
			add_number(params, counts, fields[field].ours, "net", i,
			           fields[field].theirs);
	}
}

static void add_blocks(struct params *params, virDomainObj *domain, json_t *answer)
{
	static const struct {
		const char *ours, *theirs;
	} fields[] = {
		{ "reads", "rd.reqs" },   { "read-bytes", "rd.bytes" },
		{ "writes", "wr.reqs" },  { "written-bytes", "wr.bytes" },
		{ "flushes", "fl.reqs" }, { "errors", "errors" },
		{ "bytes", "capacity" },
	};

	set_uint(add(params, "block.count"), (unsigned int)domain->def->ndisks);
	for (size_t i = 0; i < domain->def->ndisks; i++) {
		virDomainDiskDef *disk = domain->def->disks[i];
		json_t *counts =
			answer ? find_disk(answer, virDiskNameToIndex(disk->dst)) : NULL;

		set_string(add(params, "block.%zu.name", i), disk->dst);
		set_string(add(params, "block.%zu.path", i),
		           virDomainDiskGetSource(disk));
		for (size_t field = 0; counts && field < G_N_ELEMENTS(fields); field++)
			add_number(params, counts, fields[field].ours, "block", i,
			           fields[field].theirs);
	}
}

virDomainStatsRecordPtr stats_record(virConnectPtr conn, virDomainObj *domain,
                                     unsigned int wanted)
{
	struct params params = { 0 };
	g_autoptr(json_t) answer = virDomainObjIsActive(domain) &&
	                                           wanted & ~VIR_DOMAIN_STATS_STATE ?
	                                   ask(domain) :
	                                   NULL;
	virDomainStatsRecordPtr record = g_new0(virDomainStatsRecord, 1);

	virResetLastError(); /* one that does not answer has no counters */
	if (wanted & VIR_DOMAIN_STATS_STATE)
		add_state(&params, domain);
	if (wanted & VIR_DOMAIN_STATS_CPU_TOTAL && answer)
		set_ullong(add(&params, "cpu.time"), time_of_all(answer));
	if (wanted & VIR_DOMAIN_STATS_BALLOON)
		add_balloon(&params, domain);
	if (wanted & VIR_DOMAIN_STATS_VCPU)
		add_vcpus(&params, domain, answer);
	if (wanted & VIR_DOMAIN_STATS_INTERFACE)
		add_interfaces(&params, domain, answer);
	if (wanted & VIR_DOMAIN_STATS_BLOCK)
		add_blocks(&params, domain, answer);
	record->dom =
		virGetDomain(conn, domain->def->name, domain->def->uuid, domain->def->id);
	record->params = params.first;
	record->nparams = params.count;
	return record;
}

/* ---- Addresses ---- */

static void add_address(virDomainInterfacePtr interface, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "/", 2);
	virDomainIPAddressPtr address;
	guint64 prefix = 0;

	if (!parts[0])
		return;
	if (parts[1])
		(void)g_ascii_string_to_unsigned(parts[1], 10, 0, 128, &prefix, NULL);
	interface->addrs =
		g_renew(virDomainIPAddress, interface->addrs, interface->naddrs + 1);
	address = &interface->addrs[interface->naddrs++];
	address->type = strchr(parts[0], ':') ? VIR_IP_ADDR_TYPE_IPV6 :
	                                        VIR_IP_ADDR_TYPE_IPV4;
	address->addr = g_strdup(parts[0]);
	address->prefix = (unsigned int)prefix;
}

static virDomainInterfacePtr interface_of(const virDomainDef *def, json_t *adapter)
{
	virDomainInterfacePtr interface = g_new0(virDomainInterface, 1);
	json_t *list = json_object_get(adapter, "addresses");
	const virDomainNetDef *net = NULL;
	const char *text = NULL;

	if (json_text_get_string(json_object_get(adapter, "mac"), &text)) {
		interface->hwaddr = g_strdup(text);
		net = find_interface(def, text);
	}
	interface->name = g_strdup(net ? name_of(net) : "net");
	for (gsize i = 0; i < json_array_size(list); i++)
		if (json_text_get_string(json_array_get(list, i), &text))
			add_address(interface, text);
	return interface;
}

int stats_addresses(virDomainObj *domain, virDomainInterfacePtr **interfaces)
{
	g_autoptr(json_t) answer = ask_for(domain, CONTROL_GUEST);
	g_autoptr(GPtrArray) adapters = NULL;

	if (!answer)
		return -1;
	adapters = objects(answer, "adapters");
	*interfaces = g_new0(virDomainInterfacePtr, adapters->len + 1);
	for (guint i = 0; i < adapters->len; i++)
		(*interfaces)[i] = interface_of(domain->def, adapters->pdata[i]);
	return (int)adapters->len;
}
