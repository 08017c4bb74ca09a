/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A definition written as XML, and read out of what libvirt's parser made of XML. */
#include <config.h>

#include "root-partition/libvirt/domain_xml.h"

#include "util/virerror.h"
#include "util/virutil.h"
#include "util/viruuid.h"
#include "util/virxml.h"

#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/libvirt/xml_kept.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

#define DISK_PREFIX "sd"
#define NET_MODEL   "netvsc"
/* More than is possible, so that it is refused and does not wrap. */
#define MEMORY_KIB_MOST (DEFINITION_MEMORY_MAX / 1024 * 2)

/* Adapters that nobody gave an address get Microsoft's prefix for virtual machines. */
virDomainDefParserConfig domain_xml_parser = {
	.macPrefix = { 0x00, 0x15, 0x5d },
	.defArch = VIR_ARCH_X86_64,
	.features = VIR_DOMAIN_DEF_FEATURE_NET_MODEL_STRING,
};

char *(*domain_xml_bridge_of)(const char *network);

/* ---- To XML ---- */

static const struct {
	enum definition_on_crash ours;
	virDomainLifecycleAction theirs;
	const char *word;
} crash_actions[] = {
	{ DEFINITION_ON_CRASH_KEEP, VIR_DOMAIN_LIFECYCLE_ACTION_PRESERVE, "preserve" },
	{ DEFINITION_ON_CRASH_RESTART, VIR_DOMAIN_LIFECYCLE_ACTION_RESTART, "restart" },
	{ DEFINITION_ON_CRASH_STOP, VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY, "destroy" },
};

static const struct {
	enum definition_disk_cache ours;
	virDomainDiskCache theirs;
	const char *word;
} caches[] = {
	{ DEFINITION_CACHE_DIRECT, VIR_DOMAIN_DISK_CACHE_DISABLE, "none" },
	{ DEFINITION_CACHE_DIRECT, VIR_DOMAIN_DISK_CACHE_DEFAULT, NULL },
	{ DEFINITION_CACHE_HOST, VIR_DOMAIN_DISK_CACHE_WRITEBACK, "writeback" },
	{ DEFINITION_CACHE_THROUGH, VIR_DOMAIN_DISK_CACHE_WRITETHRU, "writethrough" },
};

/* <name>text</name>, unless there is no text. */
static void add_text(GString *xml, const char *name, const char *text)
{
	g_autofree char *escaped = text ? g_markup_escape_text(text, -1) : NULL;

	if (escaped)
		g_string_append_printf(xml, "<%s>%s</%s>", name, escaped, name);
}

/* <name attribute='value'/> */
static void add_value(GString *xml, const char *name, const char *attribute,
                      const char *value)
{
	g_autofree char *text =
		g_markup_printf_escaped("<%s %s='%s'/>", name, attribute, value);

	g_string_append(xml, text);
}

static void add_number(GString *xml, const char *name, uint64_t number)
{
	if (number)
		g_string_append_printf(xml, "<%s>%" G_GUINT64_FORMAT "</%s>", name,
		                       number, name);
}

static void add_os(GString *xml, const struct definition *definition)
{
	g_string_append(xml, "<os><type arch='x86_64'>hvm</type>");
	add_text(xml, "kernel", definition->kernel);
	add_text(xml, "initrd", definition->initrd);
	if (definition->cmdline[0])
		add_text(xml, "cmdline", definition->cmdline);
	g_string_append(xml, "</os><features><acpi/><apic/></features>");
}

static const char *cache_word(enum definition_disk_cache cache)
{
	for (size_t i = 0; i < G_N_ELEMENTS(caches); i++)
		if (caches[i].ours == cache)
			return caches[i].word;
	return "none";
}

static bool is_device(const char *path)
{
	return g_str_has_prefix(path, "/dev/");
}

static void add_disk(GString *xml, const struct definition_disk *disk)
{
	g_autofree char *name = virIndexToDiskName(disk->lun, DISK_PREFIX);

	g_string_append_printf(xml,
	                       "<disk type='%s' device='disk'>"
	                       "<driver type='raw' cache='%s'/>",
	                       is_device(disk->path) ? "block" : "file",
	                       cache_word(disk->cache));
	add_value(xml, "source", is_device(disk->path) ? "dev" : "file", disk->path);
	g_string_append_printf(xml, "<target dev='%s' bus='scsi'/>", name);
	if (disk->bps || disk->iops) {
		g_string_append(xml, "<iotune>");
		add_number(xml, "total_bytes_sec", disk->bps);
		add_number(xml, "total_iops_sec", disk->iops);
		g_string_append(xml, "</iotune>");
	}
	g_string_append(xml, disk->read_only ? "<readonly/>" : "");
	add_text(xml, "serial", disk->serial);
	if (disk->identity)
		g_string_append_printf(xml, "<wwn>3%015" G_GINT64_MODIFIER "x</wwn>",
		                       disk->identity & DEFINITION_IDENTITY_MASK);
	g_string_append(xml, "</disk>");
}

static void add_net(GString *xml, const struct definition_net *net)
{
	static const char *const types[] = {
		[DEFINITION_NET_NONE] = "user",
		[DEFINITION_NET_TAP] = "ethernet",
		[DEFINITION_NET_BRIDGE] = "bridge",
		[DEFINITION_NET_USER] = "user",
	};

	g_string_append_printf(xml, "<interface type='%s'>",
	                       net->network ? "network" : types[net->kind]);
	if (net->mac)
		add_value(xml, "mac", "address", net->mac);
	if (net->network) {
		add_value(xml, "source", "network", net->network);
	} else if (net->kind == DEFINITION_NET_BRIDGE) {
		add_value(xml, "source", "bridge", net->device);
	} else if (net->kind == DEFINITION_NET_TAP) {
		g_autofree char *target = g_markup_printf_escaped(
			"<target dev='%s' managed='no'/>", net->device);

		g_string_append(xml, target);
	}
	g_string_append_printf(xml,
	                       "<model type='" NET_MODEL
	                       "'/><mtu size='%u'/></interface>",
	                       net->mtu);
}

static void add_serial(GString *xml, const char *serial)
{
	g_autofree char *source = NULL;

	if (strcmp(serial, "pty") == 0) {
		g_string_append(xml,
		                "<serial type='pty'><target port='0'/></serial>"
		                "<console type='pty'><target type='serial' port='0'/>"
		                "</console>");
		return;
	}
	source = g_markup_printf_escaped("<source path='%s' append='on'/>", serial);
	g_string_append_printf(xml,
	                       "<serial type='file'>%s<target port='0'/></serial>"
	                       "<console type='file'>%s<target type='serial' port='0'/>"
	                       "</console>",
	                       source, source);
}

static void add_devices(GString *xml, const struct definition *definition)
{
	g_string_append(xml, "<devices>");
	for (guint i = 0; i < definition->disks->len; i++)
		add_disk(xml, definition->disks->pdata[i]);
	for (guint i = 0; i < definition->nets->len; i++)
		add_net(xml, definition->nets->pdata[i]);
	add_serial(xml, definition->serial);
	g_string_append(xml, "</devices>");
}

char *domain_xml_from_definition(const struct definition *definition)
{
	GString *xml = g_string_new("<domain type='hyperv'>");

	add_text(xml, "name", definition->name);
	add_text(xml, "uuid", definition->uuid);
	add_text(xml, "title", definition->title);
	add_text(xml, "description", definition->description);
	if (definition->metadata)
		g_string_append(xml, definition->metadata);
	g_string_append_printf(xml,
	                       "<memory unit='bytes'>%" G_GUINT64_FORMAT "</memory>"
	                       "<vcpu>%u</vcpu>",
	                       definition->memory_bytes, definition->vps);
	add_os(xml, definition);
	for (size_t i = 0; i < G_N_ELEMENTS(crash_actions); i++)
		if (crash_actions[i].ours == definition->on_crash)
			add_text(xml, "on_crash", crash_actions[i].word);
	add_devices(xml, definition);
	g_string_append(xml, "</domain>");
	return g_string_free(xml, FALSE);
}

/* The adapter of that address, or NULL. */
static const struct definition_net *find_net(const struct definition *definition,
                                             const char *mac)
{
	for (guint i = 0; definition && i < definition->nets->len; i++) {
		const struct definition_net *net = definition->nets->pdata[i];

		if (net->mac && g_ascii_strcasecmp(net->mac, mac) == 0)
			return net;
	}
	return NULL;
}

char *domain_xml_disk_alias(const struct definition_disk *disk)
{
	return virIndexToDiskName(disk->lun, DISK_PREFIX);
}

/* As libvirt itself names them, and as the counters of the one in that slot are named. */
char *domain_xml_net_alias(const struct definition_net *net)
{
	return net->slot == DEFINITION_SLOT_NONE ? NULL :
	                                           g_strdup_printf("net%u", net->slot);
}

static void name_devices(virDomainDef *def, const struct definition *definition)
{
	for (size_t i = 0; i < def->ndisks; i++) {
		g_free(def->disks[i]->info.alias);
		def->disks[i]->info.alias = g_strdup(def->disks[i]->dst);
	}
	for (size_t i = 0; i < def->nnets; i++) {
		char mac[VIR_MAC_STRING_BUFLEN];
		const struct definition_net *net;

		virMacAddrFormat(&def->nets[i]->mac, mac);
		net = find_net(definition, mac);
		g_clear_pointer(&def->nets[i]->info.alias, g_free);
		if (net)
			def->nets[i]->info.alias = domain_xml_net_alias(net);
	}
}

virDomainDef *domain_xml_to_def(const struct definition *definition,
                                virDomainXMLOption *options)
{
	g_autofree char *xml = domain_xml_from_definition(definition);
	virDomainDef *def = virDomainDefParseString(xml, options, NULL,
	                                            VIR_DOMAIN_DEF_PARSE_INACTIVE);

	if (def)
		name_devices(def, definition);
	return def;
}

/* ---- From XML ---- */

static bool unsupported(const char *format, const char *what) G_GNUC_PRINTF(1, 0);

static bool unsupported(const char *format, const char *what)
{
	g_autofree char *text = g_strdup_printf(format, what ? what : "");

	virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", text);
	return false;
}

static bool invalid(const GError *error)
{
	virReportError(VIR_ERR_CONFIG_UNSUPPORTED, "%s", error->message);
	return false;
}

static bool take_os(struct definition *to, const virDomainDef *def)
{
	if (def->os.type != VIR_DOMAIN_OSTYPE_HVM || def->os.arch != VIR_ARCH_X86_64)
		return unsupported("os/type '%s': only hvm for x86_64 is possible",
		                   virDomainOSTypeToString(def->os.type));
	if (!def->os.kernel)
		return unsupported("os/kernel is missing: %s",
		                   "a domain boots the Linux kernel that is named there");
	to->kernel = g_strdup(def->os.kernel);
	to->initrd = g_strdup(def->os.initrd);
	if (def->os.cmdline) {
		g_free(to->cmdline);
		to->cmdline = g_strdup(def->os.cmdline);
	}
	return true;
}

static bool take_on_crash(struct definition *to, const virDomainDef *def)
{
	for (size_t i = 0; i < G_N_ELEMENTS(crash_actions); i++) {
		if ((int)crash_actions[i].theirs != def->onCrash)
			continue;
		to->on_crash = crash_actions[i].ours;
		return true;
	}
	return unsupported("on_crash '%s': preserve, restart or destroy",
	                   virDomainLifecycleActionTypeToString(def->onCrash));
}

/* As we show it: "3" and 60 bits. */
static bool take_wwn(struct definition_disk *disk, const char *wwn)
{
	guint64 number;

	if (!wwn)
		return true;
	if (strlen(wwn) != 16 || wwn[0] != '3' ||
	    !g_ascii_string_to_unsigned(wwn + 1, 16, 1, DEFINITION_IDENTITY_MASK, &number,
	                                NULL))
		return unsupported("disk/wwn '%s': 3 and 15 digits to base 16", wwn);
	disk->identity = number;
	return true;
}

static bool take_cache(struct definition_disk *disk, virDomainDiskCache cache)
{
	for (size_t i = 0; i < G_N_ELEMENTS(caches); i++) {
		if (caches[i].theirs != cache)
			continue;
		disk->cache = caches[i].ours;
		return true;
	}
	return unsupported("disk/driver/@cache '%s': none, writeback or writethrough",
	                   virDomainDiskCacheTypeToString(cache));
}

static bool take_place(struct definition_disk *disk, const virDomainDiskDef *from)
{
	int index;

	if (from->bus != VIR_DOMAIN_DISK_BUS_SCSI)
		return unsupported("disk/target/@bus '%s': scsi is what there is",
		                   virDomainDiskBusTypeToString(from->bus));
	index = virDiskNameToIndex(from->dst);
	if (index < 0 || !g_str_has_prefix(from->dst, DISK_PREFIX))
		return unsupported("disk/target/@dev '%s': sda, sdb and so on",
		                   from->dst);
	disk->lun = (uint32_t)index;
	return true;
}

/* XML has no words for how long an NBD server is waited for. */
static void keep_timeout(struct definition_disk *disk, const struct definition *before)
{
	for (guint i = 0; before && i < before->disks->len; i++) {
		const struct definition_disk *old = before->disks->pdata[i];

		if (old->lun == disk->lun && strcmp(old->path, disk->path) == 0)
			disk->timeout_s = old->timeout_s;
	}
}

static bool take_disk(struct definition *to, const virDomainDiskDef *from,
                      const struct definition *before)
{
	const char *path = virDomainDiskGetSource(from);
	struct definition_disk *disk;

	if (from->device != VIR_DOMAIN_DISK_DEVICE_DISK)
		return unsupported("disk/@device '%s': only 'disk' is possible",
		                   virDomainDiskDeviceTypeToString(from->device));
	if (!path)
		return unsupported("disk '%s' has no source file or device", from->dst);
	if (from->src->format > VIR_STORAGE_FILE_RAW)
		return unsupported("disk/driver/@type '%s': only raw is possible",
		                   virStorageFileFormatTypeToString(from->src->format));
	disk = definition_add_disk(to, path, from->src->readonly);
	disk->serial = g_strdup(from->serial);
	disk->bps = from->blkdeviotune.total_bytes_sec;
	disk->iops = (uint32_t)MIN(from->blkdeviotune.total_iops_sec, UINT32_MAX);
	if (!take_place(disk, from))
		return false;
	keep_timeout(disk, before);
	return take_wwn(disk, from->wwn) && take_cache(disk, from->cachemode);
}

/* The option that `viridis create` would be given; it makes what an option makes. */
static char *net_option(const virDomainNetDef *from, const char *bridge)
{
	char mac[VIR_MAC_STRING_BUFLEN];
	GString *option = g_string_new(NULL);

	virMacAddrFormat(&from->mac, mac);
	if (bridge)
		g_string_printf(option, "bridge=%s", bridge);
	else if (from->type == VIR_DOMAIN_NET_TYPE_ETHERNET)
		g_string_printf(option, "tap=%s", from->ifname ? from->ifname : "");
	else
		g_string_assign(option, "user");
	g_string_append_printf(option, ",mac=%s", mac);
	if (from->mtu)
		g_string_append_printf(option, ",mtu=%u", from->mtu);
	return g_string_free(option, FALSE);
}

/* Its own, or that of its network, for which libvirt is asked; NULL: it is none, or *failed. */
static char *bridge_of(const virDomainNetDef *from, bool *failed)
{
	char *bridge = NULL;

	*failed = false;
	if (from->type == VIR_DOMAIN_NET_TYPE_BRIDGE)
		return g_strdup(from->data.bridge.brname);
	if (from->type != VIR_DOMAIN_NET_TYPE_NETWORK)
		return NULL;
	if (domain_xml_bridge_of)
		bridge = domain_xml_bridge_of(from->data.network.name);
	else
		unsupported("interface/source/@network '%s': nobody knows its bridge",
		            from->data.network.name);
	*failed = !bridge;
	return bridge;
}

static bool net_type_is_known(const virDomainNetDef *from)
{
	return from->type == VIR_DOMAIN_NET_TYPE_BRIDGE ||
	       from->type == VIR_DOMAIN_NET_TYPE_NETWORK ||
	       from->type == VIR_DOMAIN_NET_TYPE_ETHERNET ||
	       from->type == VIR_DOMAIN_NET_TYPE_USER;
}

static bool take_net(struct definition *to, const virDomainNetDef *from,
                     const struct definition *before)
{
	g_autofree char *option = NULL;
	g_autofree char *bridge = NULL;
	g_autoptr(GError) error = NULL;
	const struct definition_net *old;
	struct definition_net *net;
	bool failed;

	if (!net_type_is_known(from))
		return unsupported(
			"interface/@type '%s': bridge, network, ethernet or user",
			virDomainNetTypeToString(from->type));
	bridge = bridge_of(from, &failed);
	if (failed)
		return false;
	option = net_option(from, bridge);
	if (strchr(bridge ? bridge : from->ifname ? from->ifname : "", ','))
		return unsupported("interface '%s': a name without commas", option);
	if (!definition_net_add(to, option, &error))
		return invalid(error);
	net = to->nets->pdata[to->nets->len - 1];
	if (from->type == VIR_DOMAIN_NET_TYPE_NETWORK)
		net->network = g_strdup(from->data.network.name);
	old = find_net(before, net->mac);
	if (old)
		net->slot = old->slot;
	if (old && old->kind == net->kind) {
		net->queues = old->queues;
		for (guint i = 0; i < old->forwards->len; i++)
			g_ptr_array_add(net->forwards, g_strdup(old->forwards->pdata[i]));
	}
	return true;
}

/* There is one serial line, which there always is. */
static bool take_serial(struct definition *to, const virDomainDef *def)
{
	const virDomainChrSourceDef *source;

	if (def->nserials == 0)
		return true;
	source = def->serials[0]->source;
	if (source->type == VIR_DOMAIN_CHR_TYPE_PTY)
		return true;
	if (source->type != VIR_DOMAIN_CHR_TYPE_FILE)
		return unsupported("serial/@type '%s': pty or file",
		                   virDomainChrTypeToString(source->type));
	g_free(to->serial);
	to->serial = g_strdup(source->data.file.path);
	return true;
}

static bool take_devices(struct definition *to, const virDomainDef *def,
                         const struct definition *before)
{
	for (size_t i = 0; i < def->ndisks; i++)
		if (!take_disk(to, def->disks[i], before))
			return false;
	for (size_t i = 0; i < def->nnets; i++)
		if (!take_net(to, def->nets[i], before))
			return false;
	return take_serial(to, def);
}

static void take_notes(struct definition *to, const virDomainDef *def)
{
	to->title = g_strdup(def->title);
	to->description = g_strdup(def->description);
	if (def->metadata)
		to->metadata = virXMLNodeToString(def->metadata->doc, def->metadata);
}

static bool fill(struct definition *to, const virDomainDef *def,
                 const struct definition *before)
{
	char uuid[VIR_UUID_STRING_BUFLEN];

	if (def->virtType != VIR_DOMAIN_VIRT_HYPERV)
		return unsupported("domain/@type '%s': hyperv is what there is",
		                   virDomainVirtTypeToString(def->virtType));
	virUUIDFormat(def->uuid, uuid);
	to->name = g_strdup(def->name);
	to->uuid = g_strdup(uuid);
	to->memory_bytes = MIN(virDomainDefGetMemoryTotal(def), MEMORY_KIB_MOST) * 1024;
	to->vps = virDomainDefGetVcpusMax(def);
	to->autostart = before && before->autostart;
	take_notes(to, def);
	return take_os(to, def) && take_on_crash(to, def) &&
	       take_devices(to, def, before);
}

/* By name what was written but not seen by libvirt, and with its value what was seen but not by us. */
static bool nothing_is_lost(const char *xml, virDomainDef *def,
                            const struct definition *definition,
                            virDomainXMLOption *options)
{
	g_autoptr(virDomainDef) shown = domain_xml_to_def(definition, options);
	g_autofree char *asked = NULL;
	g_autofree char *given = NULL;
	g_autofree char *missing = NULL;

	if (!shown ||
	    !(asked = virDomainDefFormat(def, options, VIR_DOMAIN_DEF_FORMAT_INACTIVE)) ||
	    !(given = virDomainDefFormat(shown, options, VIR_DOMAIN_DEF_FORMAT_INACTIVE)))
		return false;
	missing = xml_kept_missing(asked, given, true);
	if (!missing)
		missing = xml_kept_missing(xml, given, false);
	return !missing ||
	       unsupported("'%s' asks for what a Viridis domain has not", missing);
}

struct definition *domain_xml_to_definition(const char *xml, virDomainDef *def,
                                            const struct definition *before,
                                            virDomainXMLOption *options)
{
	g_autoptr(definition_pointer) definition = definition_new();
	g_autoptr(GError) error = NULL;

	if (!fill(definition, def, before))
		return NULL;
	if (!definition_check(definition, &error)) {
		invalid(error);
		return NULL;
	}
	definition_complete(definition);
	return nothing_is_lost(xml, def, definition, options) ?
	               g_steal_pointer(&definition) :
	               NULL;
}
