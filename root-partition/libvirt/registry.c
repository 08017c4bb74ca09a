/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of domains, compared with the store. */
#include <config.h>

#include "root-partition/libvirt/registry.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/domain_event.h"
#include "util/virerror.h"
#include "util/virlog.h"

#include "root-partition/client/client.h"
#include "root-partition/client/end.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/disk_users.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/state.h"
#include "root-partition/config/store.h"
#include "root-partition/libvirt/domain_xml.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

VIR_LOG_INIT("viridis.registry");

#define OBSERVE_TRIES 8

/* A file as it was when it was read; another one has another number or time. */
struct mark {
	ino_t inode; /* 0: it has not been read */
	struct timespec changed;
	off_t bytes;
};

struct known {
	struct mark definition;
	struct mark running; /* what the VM that runs has */
	gboolean seen;       /* in the refresh under way */
	char *refused;       /* why it is not in the list, or NULL */
};

/* How a VM is, by its state file and its lock. */
struct observed {
	gboolean alive;
	pid_t keeper;
	char *state;
	char *reason;
};

/* ---- Events ---- */

static void tell(struct viridis_driver *driver, virDomainObj *domain, int type,
                 int detail)
{
	virObjectEventStateQueue(driver->events,
	                         virDomainEventLifecycleNewFromObj(domain, type, detail));
}

/* ---- Transient domains ---- */

static char *transient_path(const char *name)
{
	return g_strdup_printf("%s/%s.transient", paths_run_dir(), name);
}

bool registry_mark_transient(const char *name, bool transient)
{
	g_autofree char *path = transient_path(name);

	if (!transient)
		return unlink(path) == 0 || errno == ENOENT;
	return g_file_set_contents(path, "", 0, NULL);
}

void registry_expect_start(struct viridis_driver *driver, const char *name, bool expected)
{
	g_mutex_lock(&driver->refresh);
	if (expected)
		g_hash_table_add(driver->starting, g_strdup(name));
	else
		g_hash_table_remove(driver->starting, name);
	g_mutex_unlock(&driver->refresh);
}

static bool is_transient(const char *name)
{
	g_autofree char *path = transient_path(name);

	return access(path, F_OK) == 0;
}

/* ---- Definitions ---- */

static void known_free(gpointer data)
{
	struct known *known = data;

	g_free(known->refused);
	g_free(known);
}

/* True when the file has changed since it was marked; then it is marked anew. */
static bool mark(struct mark *mark, const struct stat *status)
{
	if (mark->inode == status->st_ino && mark->bytes == status->st_size &&
	    mark->changed.tv_sec == status->st_mtim.tv_sec &&
	    mark->changed.tv_nsec == status->st_mtim.tv_nsec)
		return false;
	*mark = (struct mark){ status->st_ino, status->st_mtim, status->st_size };
	return true;
}

/* libvirt tells domains apart by UUID; an old definition gets its own now, unless somebody is at it. */
static bool give_uuid(struct definition *definition)
{
	int lock;
	bool given;

	if (definition->uuid)
		return true;
	lock = state_lock(definition->name, NULL);
	if (lock < 0)
		return false;
	given = definition_give_uuid(definition) && store_replace(definition, NULL);
	state_unlock(definition->name, lock);
	return given;
}

/* A domain that runs has its definition's: nothing of the machine depends on them. */
static void share_notes(virDomainDef *to, const virDomainDef *from)
{
	g_free(to->title);
	to->title = g_strdup(from->title);
	g_free(to->description);
	to->description = g_strdup(from->description);
	xmlFreeNode(to->metadata);
	to->metadata = from->metadata ? xmlCopyNode(from->metadata, 1) : NULL;
}

/* Into the list; why not, or NULL. One that VMBus devices for another VMM's machine are made by is no domain. */
static char *add(struct viridis_driver *driver, const char *name)
{
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(virDomainDef) def = NULL;
	virDomainDef *old = NULL;
	virDomainObj *domain;

	definition = store_load(name, &error);
	if (!definition)
		return g_strdup(error->message);
	if (definition->attach_pid)
		return g_strdup("it belongs to another VMM's machine");
	if (!give_uuid(definition))
		return g_strdup("it has no UUID yet");
	def = domain_xml_to_def(definition, driver->options);
	domain = def ? virDomainObjListAdd(driver->domains, &def, driver->options, 0,
	                                   &old) :
	               NULL;
	if (!domain)
		return g_strdup(virGetLastErrorMessage());
	domain->autostart = definition->autostart;
	if (!is_transient(name))
		tell(driver, domain, VIR_DOMAIN_EVENT_DEFINED,
		     domain->persistent ? VIR_DOMAIN_EVENT_DEFINED_UPDATED :
		                          VIR_DOMAIN_EVENT_DEFINED_ADDED);
	domain->persistent = !is_transient(name);
	if (domain->newDef)
		share_notes(domain->def, domain->newDef);
	virDomainDefFree(old);
	virDomainObjEndAPI(&domain);
	return NULL;
}

static void look_at_definition(struct viridis_driver *driver, const char *name)
{
	g_autofree char *path = paths_of(name, PATH_DEFINITION);
	struct known *known = g_hash_table_lookup(driver->known, name);
	struct stat status;

	if (stat(path, &status) != 0)
		return;
	if (!known) {
		known = g_new0(struct known, 1);
		g_hash_table_insert(driver->known, g_strdup(name), known);
	}
	known->seen = TRUE;
	if (!mark(&known->definition, &status))
		return;
	g_free(known->refused);
	known->refused = add(driver, name);
	if (known->refused)
		VIR_WARN("%s is not shown: %s", name, known->refused);
	/* It is read again when it was given its UUID, which is no news by then. */
}

/* ---- States ---- */

/* Two looks, between which it may start or end; one that agrees with itself is what counts. */
static bool observe(const char *name, struct observed *observed)
{
	for (unsigned int tries = 0; tries < OBSERVE_TRIES; tries++) {
		g_free(observed->state);
		g_free(observed->reason);
		observed->reason = NULL;
		observed->state = client_state(name, &observed->reason, NULL);
		if (!observed->state || !state_holder(name, &observed->keeper, NULL))
			return false;
		observed->alive = observed->keeper > 0;
		if (observed->alive == client_state_alive(observed->state))
			return true;
	}
	return false;
}

static const struct live_state {
	const char *word;
	virDomainState state;
	int reason;
	int event, detail; /* of a domain that was there before */
} live_states[] = {
	{ "running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED,
	  VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED },
	{ "paused", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER, VIR_DOMAIN_EVENT_SUSPENDED,
	  VIR_DOMAIN_EVENT_SUSPENDED_PAUSED },
	{ "panicked", VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED,
	  VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_PANICKED },
};

static const struct live_state *live_state_of(const char *word)
{
	for (size_t i = 0; i < G_N_ELEMENTS(live_states); i++)
		if (strcmp(live_states[i].word, word) == 0)
			return &live_states[i];
	return &live_states[0];
}

static void begin_life(struct viridis_driver *driver, virDomainObj *domain,
                       const struct observed *observed)
{
	const struct live_state *state = live_state_of(observed->state);

	(void)virDomainObjSetDefTransient(driver->options, domain, NULL);
	domain->def->id = observed->keeper;
	domain->pid = observed->keeper;
	virDomainObjSetState(domain, state->state, state->reason);
	tell(driver, domain, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED);
	if (driver->inhibit)
		driver->inhibit(true, driver->inhibit_context);
}

/* `state` and `reason` are the worker's last words. */
static void end_life(struct viridis_driver *driver, virDomainObj *domain,
                     const struct observed *observed)
{
	int reason = VIR_DOMAIN_SHUTOFF_SHUTDOWN;
	int detail = VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN;

	if (strcmp(observed->state, "crashed") == 0) {
		reason = VIR_DOMAIN_SHUTOFF_CRASHED;
		detail = VIR_DOMAIN_EVENT_STOPPED_CRASHED;
	} else if (strcmp(observed->state, "off") != 0) {
		reason = VIR_DOMAIN_SHUTOFF_FAILED;
		detail = VIR_DOMAIN_EVENT_STOPPED_FAILED;
	} else if (g_str_has_prefix(observed->reason, "stopped")) {
		reason = VIR_DOMAIN_SHUTOFF_DESTROYED;
		detail = VIR_DOMAIN_EVENT_STOPPED_DESTROYED;
	}
	virDomainObjSetState(domain, VIR_DOMAIN_SHUTOFF, reason);
	tell(driver, domain, VIR_DOMAIN_EVENT_STOPPED, detail);
	virDomainObjRemoveTransientDef(domain);
	domain->def->id = -1;
	domain->pid = 0;
	if (driver->inhibit)
		driver->inhibit(false, driver->inhibit_context);
}

static void go_on_living(struct viridis_driver *driver, virDomainObj *domain,
                         const struct observed *observed)
{
	const struct live_state *state = live_state_of(observed->state);
	int reason = state->reason;

	if (virDomainObjGetState(domain, NULL) == state->state)
		return;
	if (state->state == VIR_DOMAIN_RUNNING)
		reason = VIR_DOMAIN_RUNNING_UNPAUSED;
	virDomainObjSetState(domain, state->state, reason);
	tell(driver, domain, state->event, state->detail);
}

static void look_at_state(struct viridis_driver *driver, virDomainObj *domain,
                          const struct observed *observed)
{
	bool was = virDomainObjIsActive(domain);
	bool another = was && observed->alive && domain->def->id != observed->keeper;

	if (was && (!observed->alive || another))
		end_life(driver, domain, observed);
	if (observed->alive && (!was || another))
		begin_life(driver, domain, observed);
	else if (observed->alive)
		go_on_living(driver, domain, observed);
}

/* ---- What a VM that runs has ---- */

static bool has_disk(const virDomainDef *def, const virDomainDiskDef *disk)
{
	for (size_t i = 0; i < def->ndisks; i++)
		if (STREQ(def->disks[i]->dst, disk->dst) &&
		    STREQ_NULLABLE(virDomainDiskGetSource(def->disks[i]),
		                   virDomainDiskGetSource((virDomainDiskDef *)disk)))
			return true;
	return false;
}

static bool has_net(const virDomainDef *def, const virDomainNetDef *net)
{
	for (size_t i = 0; i < def->nnets; i++)
		if (virMacAddrCmp(&def->nets[i]->mac, &net->mac) == 0 &&
		    STREQ_NULLABLE(def->nets[i]->info.alias, net->info.alias))
			return true;
	return false;
}

static void tell_removed(struct viridis_driver *driver, virDomainObj *domain,
                         const char *alias)
{
	virObjectEventStateQueue(driver->events,
	                         virDomainEventDeviceRemovedNewFromObj(domain, alias));
}

static void tell_added(struct viridis_driver *driver, virDomainObj *domain,
                       const char *alias)
{
	virObjectEventStateQueue(driver->events,
	                         virDomainEventDeviceAddedNewFromObj(domain, alias));
}

static void tell_devices(struct viridis_driver *driver, virDomainObj *domain,
                         const virDomainDef *old)
{
	const virDomainDef *new = domain->def;

	for (size_t i = 0; i < old->ndisks; i++)
		if (!has_disk(new, old->disks[i]))
			tell_removed(driver, domain, old->disks[i]->info.alias);
	for (size_t i = 0; i < old->nnets; i++)
		if (!has_net(new, old->nets[i]))
			tell_removed(driver, domain, old->nets[i]->info.alias);
	for (size_t i = 0; i < new->ndisks; i++)
		if (!has_disk(old, new->disks[i]))
			tell_added(driver, domain, new->disks[i]->info.alias);
	for (size_t i = 0; i < new->nnets; i++)
		if (!has_net(old, new->nets[i]))
			tell_added(driver, domain, new->nets[i]->info.alias);
}

static virDomainDef *load_running(struct viridis_driver *driver, const char *path)
{
	g_autoptr(definition_pointer) definition = store_load_file(path, NULL);

	return definition ? domain_xml_to_def(definition, driver->options) : NULL;
}

/* What it has is its keeper's word, whoever changed it and whatever its definition is by now. */
static void look_at_running(struct viridis_driver *driver, virDomainObj *domain,
                            struct known *known)
{
	g_autofree char *path = paths_of(domain->def->name, PATH_RUNNING);
	bool first = known->running.inode == 0;
	g_autoptr(virDomainDef) old = NULL;
	virDomainDef *def;
	struct stat status;

	if (stat(path, &status) != 0 || !mark(&known->running, &status))
		return;
	def = load_running(driver, path);
	if (!def)
		return;
	old = domain->def;
	def->id = old->id;
	domain->def = def;
	if (domain->newDef)
		share_notes(domain->def, domain->newDef);
	if (!first)
		tell_devices(driver, domain, old);
}

/* ---- What is no more ---- */

/* A domain that runs on without a definition is as transient as one that is marked. */
static void set_persistent(struct viridis_driver *driver, virDomainObj *domain,
                           bool persistent)
{
	if (domain->persistent && !persistent)
		tell(driver, domain, VIR_DOMAIN_EVENT_UNDEFINED,
		     VIR_DOMAIN_EVENT_UNDEFINED_REMOVED);
	domain->persistent = persistent;
}

/* The definition of a transient domain that has ended goes, and then the domain does. */
static void end_transience(const char *name)
{
	g_autoptr(GError) error = NULL;

	if (end_delete(name, &error) ||
	    g_error_matches(error, DEFINITION_ERROR, DEFINITION_ERROR_UNKNOWN))
		(void)registry_mark_transient(name, false);
	else
		VIR_WARN("%s is not undefined: %s", name, error->message);
}

static int collect_name(virDomainObj *domain, void *names)
{
	virObjectLock(domain);
	g_ptr_array_add(names, g_strdup(domain->def->name));
	virObjectUnlock(domain);
	return 0;
}

/* True: it has gone, and was perhaps in the way of another definition of its name, which is to be read again. */
static bool look_at_domain(struct viridis_driver *driver, const char *name)
{
	virDomainObj *domain = virDomainObjListFindByName(driver->domains, name);
	struct known *known = g_hash_table_lookup(driver->known, name);
	struct observed observed = { 0 };
	bool defined = known && known->seen && !known->refused;
	bool makes_room = false;

	if (!domain)
		return false;
	set_persistent(driver, domain, defined && !is_transient(name));
	if (observe(name, &observed)) {
		look_at_state(driver, domain, &observed);
		if (known && observed.alive)
			look_at_running(driver, domain, known);
		else if (known)
			known->running = (struct mark){ 0 };
		if (!observed.alive && defined && is_transient(name) &&
		    !g_hash_table_contains(driver->starting, name)) {
			end_transience(name);
			defined = false;
		}
	}
	if (!defined && !virDomainObjIsActive(domain)) {
		virDomainObjListRemove(driver->domains, domain);
		makes_room = known && known->seen;
	}
	virDomainObjEndAPI(&domain);
	g_free(observed.state);
	g_free(observed.reason);
	if (makes_room)
		known->definition = (struct mark){ 0 };
	return makes_room;
}

static gboolean was_not_seen(gpointer name, gpointer value, gpointer context)
{
	struct known *known = value;
	gboolean seen = known->seen;

	(void)name;
	(void)context;
	known->seen = FALSE;
	return !seen;
}

/* True: some definitions are to be read again. */
static bool look_at_all(struct viridis_driver *driver, const GPtrArray *defined)
{
	g_autoptr(GPtrArray) listed = g_ptr_array_new_with_free_func(g_free);
	bool again = false;

	for (guint i = 0; i < defined->len; i++)
		look_at_definition(driver, defined->pdata[i]);
	virDomainObjListForEach(driver->domains, false, collect_name, listed);
	for (guint i = 0; i < listed->len; i++)
		again |= look_at_domain(driver, listed->pdata[i]);
	return again;
}

static void refresh_locked(struct viridis_driver *driver)
{
	g_autoptr(GPtrArray) defined = store_list(NULL);

	if (!defined)
		return; /* what cannot be known now is left as it was */
	if (look_at_all(driver, defined))
		(void)look_at_all(
			driver,
			defined); /* what it makes room for by that comes next time */
	g_hash_table_foreach_remove(driver->known, was_not_seen, NULL);
}

/* In the place of the one of its name; under the VM's own lock, unless it runs, whose keeper has that. */
static bool replace(const struct definition *definition, GError **error)
{
	pid_t holder;
	bool done;
	int lock;

	if (!state_holder(definition->name, &holder, error))
		return false;
	if (holder)
		return store_replace(definition, error);
	lock = state_lock(definition->name, error);
	if (lock < 0)
		return false;
	done = store_replace(definition, error);
	state_unlock(definition->name, lock);
	return done;
}

bool registry_define(struct viridis_driver *driver, const struct definition *definition,
                     bool is_new, GError **error)
{
	bool done;

	g_mutex_lock(&driver->refresh);
	done = is_new ? store_create(definition, error) : replace(definition, error);
	g_mutex_unlock(&driver->refresh);
	return done;
}

/* Under the lock, as whoever looks who holds a VM's own lock would make us lose it (file_lock.h). */
bool registry_delete(struct viridis_driver *driver, const char *name, GError **error)
{
	bool deleted;

	g_mutex_lock(&driver->refresh);
	deleted = end_delete(name, error);
	g_mutex_unlock(&driver->refresh);
	return deleted;
}

bool registry_check_disks(struct viridis_driver *driver,
                          const struct definition *definition, GError **error)
{
	bool done;

	g_mutex_lock(&driver->refresh);
	done = disk_users_check(definition, error);
	g_mutex_unlock(&driver->refresh);
	return done;
}

void registry_refresh(struct viridis_driver *driver)
{
	g_mutex_lock(&driver->refresh);
	refresh_locked(driver);
	g_mutex_unlock(&driver->refresh);
	virResetLastError();
}

/* ---- Start and end ---- */

bool registry_start(struct viridis_driver *driver)
{
	g_autoptr(GError) error = NULL;

	g_mutex_init(&driver->refresh);
	driver->known =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, known_free);
	driver->starting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (paths_make(&error)) {
		registry_refresh(driver);
		return true;
	}
	driver_report(error);
	return false;
}

void registry_stop(struct viridis_driver *driver)
{
	g_hash_table_unref(driver->starting);
	g_hash_table_unref(driver->known);
	g_mutex_clear(&driver->refresh);
}
