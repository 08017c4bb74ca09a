/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device is attached to a definition as text: what the whole would be as XML has the device's XML put into it, and is
 * read as if somebody had defined it so. All that is checked of a domain is checked then.
 *
 * What a VM that runs has is in a file of its keeper's (PATH_RUNNING). What it is to have is put into another
 * (PATH_WANTED) for the time of the order, so that the definition can stay as it is.
 */
#include <config.h>

#include "root-partition/libvirt/change.h"

#include <unistd.h>

#include "conf/domain_event.h"
#include "util/virerror.h"
#include "util/virutil.h"
#include "util/virxml.h"

#include "root-partition/client/client.h"
#include "root-partition/config/definition_json.h"
#include "root-partition/config/definition_net.h"
#include "root-partition/config/macs.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/store.h"
#include "root-partition/libvirt/domain_xml.h"
#include "root-partition/libvirt/network.h"
#include "root-partition/libvirt/registry.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

#define DEVICES_END "</devices></domain>"

/* Makes another definition of the one; NULL and libvirt's error. */
typedef struct definition *(*change_function)(struct viridis_driver *driver,
                                              const struct definition *before,
                                              const void *context);

static bool unsupported(const char *what)
{
	virReportError(VIR_ERR_OPERATION_UNSUPPORTED, "%s", what);
	return false;
}

/* ---- Definitions ---- */

static struct definition *copy(const struct definition *definition)
{
	g_autofree char *json = definition_to_json(definition);
	g_autoptr(GError) error = NULL;
	struct definition *made = definition_parse(json, strlen(json), &error);

	if (!made)
		driver_report(error);
	return made;
}

/* Whether all values make sense. */
static struct definition *checked(struct definition *definition)
{
	g_autoptr(GError) error = NULL;

	if (definition_check(definition, &error))
		return definition;
	driver_report(error);
	definition_free(definition);
	return NULL;
}

static bool write_wanted(const struct definition *definition, char *path)
{
	g_autofree char *json = definition_to_json(definition);
	g_autoptr(GError) error = NULL;

	if (g_file_set_contents(path, json, -1, &error))
		return true;
	driver_report(error);
	return false;
}

/* The worker goes on with the devices it has when it cannot have these. */
static bool apply_live(const struct definition *wanted, enum control_command order)
{
	g_autofree char *path = paths_of(wanted->name, PATH_WANTED);
	g_autoptr(json_t) answer = NULL;
	g_autoptr(GError) error = NULL;

	if (!write_wanted(wanted, path))
		return false;
	answer = client_ask(wanted->name, order, &error);
	unlink(path);
	if (!answer)
		driver_report(error);
	return answer != NULL;
}

void change_forget_orders(void)
{
	g_autoptr(GPtrArray) names = store_list(NULL);

	for (guint i = 0; names && i < names->len; i++) {
		g_autofree char *path = paths_of(names->pdata[i], PATH_WANTED);

		(void)unlink(path); /* mostly there is none */
	}
}

static bool apply_config(struct viridis_driver *driver,
                         const struct definition *definition)
{
	g_autoptr(GError) error = NULL;

	if (macs_check(definition, &error) &&
	    registry_define(driver, definition, false, &error))
		return true;
	driver_report(error);
	return false;
}

/* Those that it has not had before: what it has is not to be in the way of what is taken from it. */
static bool new_nets_are_served(const struct definition *before,
                                const struct definition *after)
{
	g_autoptr(GPtrArray) nets = g_ptr_array_new();
	const struct definition added = { .name = after->name, .nets = nets };
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < after->nets->len; i++) {
		struct definition_net *net = after->nets->pdata[i];
		const struct definition_net *old = definition_net_in(before, net->slot);

		if (!old || !definition_net_same(old, net))
			g_ptr_array_add(nets, net);
	}
	if (macs_check(&added, &error) && network_check(&added, &error))
		return true;
	driver_report(error);
	return false;
}

/* As above; where none has come there is nothing to ask. */
static bool new_disks_are_free(struct viridis_driver *driver,
                               const struct definition *before,
                               const struct definition *after)
{
	g_autoptr(GError) error = NULL;

	if (after->disks->len <= before->disks->len ||
	    registry_check_disks(driver, after, &error))
		return true;
	driver_report(error);
	return false;
}

static struct definition *load(const char *name, bool running)
{
	g_autofree char *path = paths_of(name, PATH_RUNNING);
	g_autoptr(GError) error = NULL;
	struct definition *definition = running ? store_load_file(path, &error) :
	                                          store_load(name, &error);

	if (!definition)
		driver_report(error);
	return definition;
}

struct change {
	change_function make;
	const void *context;
	unsigned int flags;
	enum control_command order; /* of a worker whose devices change */
};

/* The domain is not locked. */
static bool carry_out(struct viridis_driver *driver, const char *name,
                      const struct change *change)
{
	g_autoptr(definition_pointer) config = NULL;
	g_autoptr(definition_pointer) live = NULL;
	g_autoptr(definition_pointer) new_config = NULL;
	g_autoptr(definition_pointer) new_live = NULL;

	if (change->flags & VIR_DOMAIN_AFFECT_CONFIG) {
		config = load(name, false);
		new_config = config ? change->make(driver, config, change->context) :
		                      NULL;
		if (!new_config)
			return false;
	}
	if (change->flags & VIR_DOMAIN_AFFECT_LIVE) {
		live = load(name, true);
		new_live = live ? change->make(driver, live, change->context) : NULL;
		if (!new_live || !new_nets_are_served(live, new_live) ||
		    !new_disks_are_free(driver, live, new_live) ||
		    !apply_live(new_live, change->order))
			return false;
	}
	return !new_config || apply_config(driver, new_config);
}

/* `flags` are what virDomainObjUpdateModificationImpact() made of libvirt's. */
static int change_domain(struct viridis_driver *driver, virDomainObj *domain,
                         const struct change *change)
{
	g_autofree char *name = NULL;
	virErrorPtr why = NULL;
	bool done;

	if (virDomainObjBeginJob(domain, VIR_JOB_MODIFY) < 0)
		return -1;
	name = g_strdup(domain->def->name);
	virObjectUnlock(domain);
	done = carry_out(driver, name, change);
	virErrorPreserveLast(&why);
	registry_refresh(driver);
	virErrorRestore(&why);
	virObjectLock(domain);
	virDomainObjEndJob(domain);
	return done ? 0 : -1;
}

/* `what` says what cannot be done to a domain that runs. */
static bool only_config(virDomainObj *domain, unsigned int *flags, const char *what)
{
	if (virDomainObjUpdateModificationImpact(domain, flags) < 0)
		return false;
	return !(*flags & VIR_DOMAIN_AFFECT_LIVE) || unsupported(what);
}

/* ---- Devices ---- */

/* What it is, and its XML as one element without what may stand around it. */
struct device {
	virDomainDeviceDef *def;
	char *xml;
};

static void device_clear(struct device *device)
{
	virDomainDeviceDefFree(device->def);
	g_free(device->xml);
}

static bool is_known(const virDomainDeviceDef *device)
{
	if (device->type == VIR_DOMAIN_DEVICE_DISK ||
	    device->type == VIR_DOMAIN_DEVICE_NET)
		return true;
	virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
	               "a device of type '%s' cannot come or go",
	               virDomainDeviceTypeToString(device->type));
	return false;
}

static bool device_parse(struct device *device, struct viridis_driver *driver,
                         virDomainObj *domain, const char *xml, unsigned int flags)
{
	g_autoptr(xmlDoc)
		document = virXMLParseStringCtxt(xml, "(device_definition)", NULL);

	*device = (struct device){ 0 };
	if (!document)
		return false;
	device->xml = virXMLNodeToString(document, xmlDocGetRootElement(document));
	device->def = device->xml ?
	                      virDomainDeviceDefParse(device->xml, domain->def,
	                                              driver->options, NULL, flags) :
	                      NULL;
	return device->def && is_known(device->def);
}

/* `others` with the device; what its XML has no words for is taken from `before`. */
static struct definition *put_device(struct viridis_driver *driver,
                                     const struct definition *others,
                                     const struct definition *before,
                                     const struct device *device)
{
	g_autofree char *shown = domain_xml_from_definition(others);
	g_autoptr(GString) xml = g_string_new(shown);
	g_autoptr(virDomainDef) def = NULL;

	g_string_truncate(xml, xml->len - strlen(DEVICES_END));
	g_string_append(xml, device->xml);
	g_string_append(xml, DEVICES_END);
	def = virDomainDefParseString(xml->str, driver->options, NULL,
	                              VIR_DOMAIN_DEF_PARSE_INACTIVE);
	return def ? domain_xml_to_definition(xml->str, def, before, driver->options) :
	             NULL;
}

static struct definition *with_device(struct viridis_driver *driver,
                                      const struct definition *before,
                                      const void *context)
{
	return put_device(driver, before, before, context);
}

/* A disk is known by its place, an adapter by its address. */
static bool is_disk(const struct definition_disk *disk, const virDomainDiskDef *wanted)
{
	const char *path = virDomainDiskGetSource(wanted);

	return (int)disk->lun == virDiskNameToIndex(wanted->dst) &&
	       (!path || STREQ(path, disk->path));
}

static bool is_net(const struct definition_net *net, const virDomainNetDef *wanted)
{
	char mac[VIR_MAC_STRING_BUFLEN];

	virMacAddrFormat(&wanted->mac, mac);
	return net->mac && g_ascii_strcasecmp(net->mac, mac) == 0;
}

static bool remove_disk(struct definition *definition, const virDomainDiskDef *wanted)
{
	for (guint i = 0; i < definition->disks->len; i++)
		if (is_disk(definition->disks->pdata[i], wanted))
			return g_ptr_array_remove_index(definition->disks, i);
	virReportError(VIR_ERR_DEVICE_MISSING, "disk %s not found", wanted->dst);
	return false;
}

static bool remove_net(struct definition *definition, const virDomainNetDef *wanted)
{
	for (guint i = 0; i < definition->nets->len; i++)
		if (is_net(definition->nets->pdata[i], wanted))
			return g_ptr_array_remove_index(definition->nets, i);
	virReportError(VIR_ERR_DEVICE_MISSING, "%s",
	               "no device matching this MAC address found");
	return false;
}

static struct definition *without_device(struct viridis_driver *driver,
                                         const struct definition *before,
                                         const void *context)
{
	const struct device *device = context;
	struct definition *after = copy(before);
	bool removed;

	(void)driver;
	if (!after)
		return NULL;
	removed = device->def->type == VIR_DOMAIN_DEVICE_DISK ?
	                  remove_disk(after, device->def->data.disk) :
	                  remove_net(after, device->def->data.net);
	if (removed)
		return after;
	definition_free(after);
	return NULL;
}

static struct definition *with_device_changed(struct viridis_driver *driver,
                                              const struct definition *before,
                                              const void *context)
{
	const struct device *device = context;
	g_autoptr(definition_pointer) others = NULL;

	if (device->def->type != VIR_DOMAIN_DEVICE_NET) {
		unsupported("device 'disk': it is not changed where it is; detach it and "
		            "attach it");
		return NULL;
	}
	others = without_device(driver, before, context);
	return others ? put_device(driver, others, before, device) : NULL;
}

static int change_device(struct viridis_driver *driver, virDomainObj *domain,
                         const char *xml, change_function make, unsigned int flags,
                         unsigned int parse_flags)
{
	struct device device;
	struct change change = { .make = make, .context = &device };
	int result = -1;

	if (device_parse(&device, driver, domain, xml, parse_flags) &&
	    virDomainObjUpdateModificationImpact(domain, &flags) == 0) {
		change.flags = flags;
		change.order = device.def->type == VIR_DOMAIN_DEVICE_NET ? CONTROL_NETS :
		                                                           CONTROL_DISKS;
		result = change_domain(driver, domain, &change);
	}
	device_clear(&device);
	return result;
}

int change_attach(struct viridis_driver *driver, virDomainObj *domain, const char *xml,
                  unsigned int flags)
{
	return change_device(driver, domain, xml, with_device, flags,
	                     VIR_DOMAIN_DEF_PARSE_INACTIVE);
}

int change_detach(struct viridis_driver *driver, virDomainObj *domain, const char *xml,
                  unsigned int flags)
{
	return change_device(driver, domain, xml, without_device, flags,
	                     VIR_DOMAIN_DEF_PARSE_INACTIVE |
	                             VIR_DOMAIN_DEF_PARSE_SKIP_VALIDATE);
}

int change_update(struct viridis_driver *driver, virDomainObj *domain, const char *xml,
                  unsigned int flags)
{
	return change_device(driver, domain, xml, with_device_changed, flags,
	                     VIR_DOMAIN_DEF_PARSE_INACTIVE);
}

static bool remove_named(struct definition *definition, const char *alias)
{
	for (guint i = 0; i < definition->disks->len; i++) {
		g_autofree char *name =
			domain_xml_disk_alias(definition->disks->pdata[i]);

		if (STREQ(name, alias))
			return g_ptr_array_remove_index(definition->disks, i);
	}
	for (guint i = 0; i < definition->nets->len; i++) {
		g_autofree char *name = domain_xml_net_alias(definition->nets->pdata[i]);

		if (STREQ_NULLABLE(name, alias))
			return g_ptr_array_remove_index(definition->nets, i);
	}
	virReportError(VIR_ERR_DEVICE_MISSING,
	               "no disk or interface found with alias '%s'", alias);
	return false;
}

static struct definition *without_named(struct viridis_driver *driver,
                                        const struct definition *before,
                                        const void *context)
{
	struct definition *after = copy(before);

	(void)driver;
	if (!after || remove_named(after, context))
		return after;
	definition_free(after);
	return NULL;
}

int change_detach_alias(struct viridis_driver *driver, virDomainObj *domain,
                        const char *alias, unsigned int flags)
{
	if (virDomainObjUpdateModificationImpact(domain, &flags) < 0)
		return -1;
	/* What is attached to it alone has its slot: the definition counts otherwise. */
	if (flags & VIR_DOMAIN_AFFECT_CONFIG) {
		unsupported("a definition's devices have no aliases, a running domain's "
		            "have; detach it by its target, address or XML");
		return -1;
	}
	return change_domain(driver, domain,
	                     &(struct change){ without_named, alias, flags,
	                                       STRPREFIX(alias, "net") ? CONTROL_NETS :
	                                                                 CONTROL_DISKS });
}

/* ---- Processors and memory ---- */

static struct definition *with_vcpus(struct viridis_driver *driver,
                                     const struct definition *before, const void *context)
{
	struct definition *after = copy(before);

	(void)driver;
	if (!after)
		return NULL;
	after->vps = *(const unsigned int *)context;
	return checked(after);
}

int change_vcpus(struct viridis_driver *driver, virDomainObj *domain, unsigned int count,
                 unsigned int flags)
{
	if (!only_config(domain, &flags,
	                 "the processors of a domain that runs cannot be changed"))
		return -1;
	return change_domain(driver, domain,
	                     &(struct change){ with_vcpus, &count, flags, 0 });
}

static struct definition *with_memory(struct viridis_driver *driver,
                                      const struct definition *before,
                                      const void *context)
{
	struct definition *after = copy(before);

	(void)driver;
	if (!after)
		return NULL;
	after->memory_bytes = *(const uint64_t *)context;
	return checked(after);
}

int change_memory(struct viridis_driver *driver, virDomainObj *domain,
                  unsigned long long kib, unsigned int flags)
{
	uint64_t bytes = MIN(kib, DEFINITION_MEMORY_MAX / 512) * 1024;

	if (!only_config(domain, &flags,
	                 "the memory of a domain that runs cannot be changed"))
		return -1;
	return change_domain(driver, domain,
	                     &(struct change){ with_memory, &bytes, flags, 0 });
}

/* ---- Notes ---- */

struct note {
	int type;
	const char *text; /* NULL: it is to go */
	const char *key;
	const char *uri;
};

static void set_text(char **to, const char *text)
{
	g_free(*to);
	*to = text && text[0] ? g_strdup(text) : NULL;
}

static xmlNodePtr element_of(xmlNodePtr root, const char *uri)
{
	for (xmlNodePtr child = root->children; child; child = child->next)
		if (child->type == XML_ELEMENT_NODE && child->ns &&
		    STREQ_NULLABLE((const char *)child->ns->href, uri))
			return child;
	return NULL;
}

/* All of the tree; libxml2 has bounded its depth. */
static void set_namespace(xmlNodePtr node, xmlNsPtr namespace)
{
	if (node->type == XML_ELEMENT_NODE)
		xmlSetNs(node, namespace);
	for (xmlNodePtr child = node->children; child; child = child->next)
		set_namespace(child, namespace);
}

static bool add_element(xmlNodePtr root, const struct note *note)
{
	g_autoptr(xmlDoc)
		document = virXMLParseStringCtxt(note->text, "(metadata_xml)", NULL);
	xmlNodePtr element = document ? xmlDocGetRootElement(document) : NULL;
	xmlNsPtr namespace;

	if (!element)
		return false;
	namespace =
		xmlNewNs(element, (const xmlChar *)note->uri, (const xmlChar *)note->key);
	if (!namespace) {
		virReportError(VIR_ERR_INVALID_ARG, "no namespace is made of '%s'",
		               note->key);
		return false;
	}
	set_namespace(element, namespace);
	xmlAddChild(root, xmlDocCopyNode(element, root->doc, 1));
	return true;
}

/* The whole of the metadata with the element of that namespace replaced, added or gone; NULL and libvirt's error. */
static char *with_element(const char *metadata, const struct note *note)
{
	g_autoptr(xmlDoc) whole = virXMLParseStringCtxt(
		metadata ? metadata : "<metadata/>", "(metadata)", NULL);
	xmlNodePtr root = whole ? xmlDocGetRootElement(whole) : NULL;
	xmlNodePtr old;

	if (!root)
		return NULL;
	while ((old = element_of(root, note->uri))) {
		xmlUnlinkNode(old);
		xmlFreeNode(old);
	}
	if (note->text && !add_element(root, note))
		return NULL;
	return xmlFirstElementChild(root) ? virXMLNodeToString(whole, root) :
	                                    g_strdup("");
}

static struct definition *with_note(struct viridis_driver *driver,
                                    const struct definition *before, const void *context)
{
	const struct note *note = context;
	struct definition *after = copy(before);
	g_autofree char *metadata = NULL;

	(void)driver;
	if (!after)
		return NULL;
	if (note->type == VIR_DOMAIN_METADATA_TITLE) {
		set_text(&after->title, note->text);
	} else if (note->type == VIR_DOMAIN_METADATA_DESCRIPTION) {
		set_text(&after->description, note->text);
	} else if ((metadata = with_element(before->metadata, note))) {
		set_text(&after->metadata, metadata);
	} else {
		definition_free(after);
		return NULL;
	}
	return checked(after);
}

/* They are the definition's, and seen of the domain that runs as well. */
int change_metadata(struct viridis_driver *driver, virDomainObj *domain, int type,
                    const char *text, const char *key, const char *uri,
                    unsigned int flags)
{
	struct note note = { type, text, key, uri };

	if (type < 0 || type >= VIR_DOMAIN_METADATA_LAST) {
		virReportError(VIR_ERR_INVALID_ARG, "unknown metadata type '%d'", type);
		return -1;
	}
	if (virDomainObjUpdateModificationImpact(domain, &flags) < 0)
		return -1;
	if (change_domain(driver, domain,
	                  &(struct change){ with_note, &note, VIR_DOMAIN_AFFECT_CONFIG,
	                                    0 }) < 0)
		return -1;
	virObjectEventStateQueue(driver->events, virDomainEventMetadataChangeNewFromObj(
							 domain, type, uri));
	return 0;
}
