/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Orders to VMs, as libvirt knows them. */
#include <config.h>

#include "root-partition/libvirt/domain.h"

#include <fcntl.h>
#include <unistd.h>

#include "util/virerror.h"
#include "util/virlog.h"
#include "util/viruuid.h"

#include "root-partition/client/client.h"
#include "root-partition/client/end.h"
#include "root-partition/client/worker.h"
#include "root-partition/config/definition.h"
#include "root-partition/config/macs.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/store.h"
#include "root-partition/libvirt/domain_xml.h"
#include "root-partition/libvirt/network.h"
#include "root-partition/libvirt/registry.h"

#define VIR_FROM_THIS VIR_FROM_HYPERV

VIR_LOG_INIT("viridis.domain");

/* A job lets go of the domain for the time of its work, in which another job has to wait. */
struct job {
	struct viridis_driver *driver;
	virDomainObj *domain;
	char *name;
};

static bool job_begin(struct job *job, struct viridis_driver *driver,
                      virDomainObj *domain, virDomainJob kind)
{
	if (virDomainObjBeginJob(domain, kind) < 0)
		return false;
	*job = (struct job){ .driver = driver,
		             .domain = domain,
		             .name = g_strdup(domain->def->name) };
	return true;
}

/* The work's own error, if there is one, is libvirt's afterwards. */
static int job_end(struct job *job, const GError *error, bool done)
{
	registry_refresh(job->driver);
	virObjectLock(job->domain);
	virDomainObjEndJob(job->domain);
	g_free(job->name);
	if (!done)
		driver_report(error);
	return done ? 0 : -1;
}

/* One that did not come so far as to work. */
static int job_refuse(struct job *job, const char *why)
{
	virDomainObjEndJob(job->domain);
	g_free(job->name);
	virReportError(VIR_ERR_OPERATION_INVALID, "%s", why);
	return -1;
}

static bool start_by_name(struct viridis_driver *driver, const char *name, GError **error)
{
	g_autoptr(definition_pointer) definition = store_load(name, error);

	return definition && macs_check(definition, error) &&
	       registry_check_disks(driver, definition, error) &&
	       network_check(definition, error) && worker_start(name, error);
}

int domain_start(struct viridis_driver *driver, virDomainObj *domain)
{
	g_autoptr(GError) error = NULL;
	struct job job;
	bool done;

	if (!job_begin(&job, driver, domain, VIR_JOB_MODIFY))
		return -1;
	if (virDomainObjIsActive(domain))
		return job_refuse(&job, "domain is already running");
	virObjectUnlock(domain);
	done = start_by_name(driver, job.name, &error);
	return job_end(&job, error, done);
}

int domain_destroy(struct viridis_driver *driver, virDomainObj *domain)
{
	g_autoptr(GError) error = NULL;
	gboolean killed;
	struct job job;
	bool done;

	if (!job_begin(&job, driver, domain, VIR_JOB_DESTROY))
		return -1;
	if (!virDomainObjIsActive(domain))
		return job_refuse(&job, "domain is not running");
	virObjectUnlock(domain);
	done = end_stop(job.name, &killed, &error);
	return job_end(&job, error, done);
}

/* A domain that runs is left its definition until it ends. */
int domain_undefine(struct viridis_driver *driver, virDomainObj *domain)
{
	g_autoptr(GError) error = NULL;
	struct job job;
	bool active;
	bool done;

	if (!job_begin(&job, driver, domain, VIR_JOB_MODIFY))
		return -1;
	if (!domain->persistent)
		return job_refuse(&job, "cannot undefine transient domain");
	active = virDomainObjIsActive(domain);
	virObjectUnlock(domain);
	if (active) {
		done = registry_mark_transient(job.name, true);
		if (!done)
			error = g_error_new(DEFINITION_ERROR, DEFINITION_ERROR_HOST,
			                    "%s cannot be marked as transient", job.name);
	} else {
		done = registry_delete(driver, job.name, &error);
	}
	return job_end(&job, error, done);
}

int domain_set_autostart(struct viridis_driver *driver, virDomainObj *domain,
                         bool autostart)
{
	g_autoptr(definition_pointer) definition = NULL;
	g_autoptr(GError) error = NULL;
	struct job job;
	bool done;

	if (!job_begin(&job, driver, domain, VIR_JOB_MODIFY))
		return -1;
	if (!domain->persistent)
		return job_refuse(&job, "cannot set autostart for transient domain");
	virObjectUnlock(domain);
	definition = store_load(job.name, &error);
	if (definition)
		definition->autostart = autostart;
	done = definition && registry_define(driver, definition, false, &error);
	return job_end(&job, error, done);
}

/* No job: the guest may take its time, and be destroyed meanwhile. */
int domain_shutdown(struct viridis_driver *driver, virDomainObj *domain, bool reboot)
{
	struct control_request request = { .command = CONTROL_SHUTDOWN,
		                           .reboot = reboot };
	g_autofree char *name = g_strdup(domain->def->name);
	gint64 deadline = client_deadline(CLIENT_ANSWER_S);
	g_autoptr(json_t) answer = NULL;
	g_autoptr(GError) error = NULL;
	int fd;

	if (virDomainObjCheckActive(domain) < 0)
		return -1;
	virObjectUnlock(domain);
	fd = client_connect(name, deadline, &error);
	if (fd >= 0) {
		answer = client_request(name, fd, &request, deadline, &error);
		close(fd);
	}
	registry_refresh(driver);
	virObjectLock(domain);
	if (!answer)
		driver_report(error);
	return answer ? 0 : -1;
}

static int order(struct viridis_driver *driver, virDomainObj *domain,
                 const struct control_request *request)
{
	gint64 deadline = client_deadline(CLIENT_ANSWER_S);
	g_autoptr(json_t) answer = NULL;
	g_autoptr(GError) error = NULL;
	struct job job;
	int fd;

	if (!job_begin(&job, driver, domain, VIR_JOB_MODIFY))
		return -1;
	if (!virDomainObjIsActive(domain))
		return job_refuse(&job, "domain is not running");
	virObjectUnlock(domain);
	fd = client_connect(job.name, deadline, &error);
	if (fd >= 0) {
		answer = client_request(job.name, fd, request, deadline, &error);
		close(fd);
	}
	return job_end(&job, error, answer != NULL);
}

int domain_order(struct viridis_driver *driver, virDomainObj *domain,
                 enum control_command command)
{
	return order(driver, domain, &(struct control_request){ .command = command });
}

int domain_set_weight(struct viridis_driver *driver, virDomainObj *domain,
                      unsigned int weight)
{
	if (weight < 1 || weight > CONTROL_WEIGHT_MAX) {
		virReportError(VIR_ERR_INVALID_ARG, "weight %u: 1 to %d", weight,
		               CONTROL_WEIGHT_MAX);
		return -1;
	}
	return order(driver, domain,
	             &(struct control_request){ .command = CONTROL_WEIGHT,
	                                        .weight = weight });
}

/* ---- The console ---- */

/* `viridis console` locks the pty that it has. */
static bool is_attached(const char *path)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int pty = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	bool attached;

	if (pty < 0)
		return false; /* who opens it next says why */
	attached = fcntl(pty, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
	close(pty);
	return attached;
}

/* Where the keeper's link leads is the VM's pty; what the worker says may be its guest's word. */
static char *pty_of(const char *name)
{
	g_autofree char *link = paths_of(name, PATH_CONSOLE);

	return g_file_read_link(link, NULL);
}

static int open_pty(struct viridis_driver *driver, const char *path, virStreamPtr stream,
                    bool force)
{
	g_autoptr(virDomainChrSourceDef) source = virDomainChrSourceDefNew(NULL);
	int result;

	source->type = VIR_DOMAIN_CHR_TYPE_PTY;
	source->data.file.path = g_strdup(path);
	result = is_attached(path) ?
	                 1 :
	                 virChrdevOpen(driver->consoles, source, stream, force);
	if (result == 1)
		virReportError(VIR_ERR_OPERATION_FAILED, "%s",
		               "Active console session exists for this domain");
	return result == 0 ? 0 : -1;
}

int domain_open_console(struct viridis_driver *driver, virDomainObj *domain,
                        const char *device, virStreamPtr stream, bool force)
{
	g_autofree char *pty = NULL;

	if (virDomainObjCheckActive(domain) < 0)
		return -1;
	if (device && STRNEQ(device, "serial0") && STRNEQ(device, "console0")) {
		virReportError(VIR_ERR_INVALID_ARG,
		               "no device '%s': the console is serial0", device);
		return -1;
	}
	pty = pty_of(domain->def->name);
	if (!pty) {
		virReportError(VIR_ERR_OPERATION_UNSUPPORTED,
		               "the console of '%s' goes to a file", domain->def->name);
		return -1;
	}
	return open_pty(driver, pty, stream, force);
}

/* ---- Definitions ---- */

/* Whether the name and the UUID may be this domain's: both are one domain's, or nobody's. */
static bool is_free(struct viridis_driver *driver, const virDomainDef *def)
{
	virDomainObj *by_uuid = virDomainObjListFindByUUID(driver->domains, def->uuid);
	bool taken = by_uuid && STRNEQ(by_uuid->def->name, def->name);
	char text[VIR_UUID_STRING_BUFLEN];

	virUUIDFormat(def->uuid, text);
	if (taken)
		virReportError(VIR_ERR_OPERATION_FAILED,
		               "domain '%s' is already defined with uuid %s",
		               by_uuid->def->name, text);
	virDomainObjEndAPI(&by_uuid);
	return !taken;
}

static bool has_uuid(const struct definition *definition, const unsigned char *uuid)
{
	unsigned char own[VIR_UUID_BUFLEN];

	return definition->uuid && virUUIDParse(definition->uuid, own) == 0 &&
	       memcmp(own, uuid, VIR_UUID_BUFLEN) == 0;
}

/* What is there already; false: it is not to be replaced. */
static bool load_before(virDomainDef *def, bool transient, struct definition **before)
{
	g_autoptr(GError) error = NULL;

	*before = store_load(def->name, &error);
	if (!*before &&
	    !g_error_matches(error, DEFINITION_ERROR, DEFINITION_ERROR_UNKNOWN)) {
		driver_report(error);
		return false;
	}
	if (!*before || (!transient && has_uuid(*before, def->uuid)))
		return true;
	virReportError(VIR_ERR_OPERATION_FAILED,
	               "domain '%s' already exists with uuid %s", def->name,
	               (*before)->uuid ? (*before)->uuid : "of its own");
	return false;
}

static bool keep(struct viridis_driver *driver, const struct definition *definition,
                 bool is_new, bool transient)
{
	g_autoptr(GError) error = NULL;

	if (macs_check(definition, &error) &&
	    registry_mark_transient(definition->name, transient) &&
	    registry_define(driver, definition, is_new, &error))
		return true;
	if (is_new)
		(void)registry_mark_transient(definition->name, false);
	driver_report(error);
	return false;
}

static virDomainObj *define(struct viridis_driver *driver, const char *xml,
                            virDomainDef *def, bool transient)
{
	g_autoptr(definition_pointer) before = NULL;
	g_autoptr(definition_pointer) definition = NULL;
	virDomainObj *domain;

	registry_refresh(driver);
	if (!is_free(driver, def) || !load_before(def, transient, &before))
		return NULL;
	definition = domain_xml_to_definition(xml, def, before, driver->options);
	if (!definition || !keep(driver, definition, !before, transient))
		return NULL;
	registry_refresh(driver);
	domain = virDomainObjListFindByUUID(driver->domains, def->uuid);
	if (!domain)
		virReportError(VIR_ERR_OPERATION_FAILED,
		               "domain '%s' was undefined meanwhile", def->name);
	return domain;
}

virDomainObj *domain_define(struct viridis_driver *driver, const char *xml,
                            virDomainDef *def)
{
	return define(driver, xml, def, false);
}

virDomainObj *domain_create(struct viridis_driver *driver, const char *xml,
                            virDomainDef *def)
{
	g_autofree char *name = g_strdup(def->name);
	virDomainObj *domain;
	bool started;

	registry_expect_start(driver, name, true);
	domain = define(driver, xml, def, true);
	started = domain && domain_start(driver, domain) == 0;
	/* Whoever holds a domain's lock does not wait for the registry's. */
	if (domain)
		virObjectUnlock(domain);
	registry_expect_start(driver, name, false);
	if (domain)
		virObjectLock(domain);
	if (started)
		return domain;
	virDomainObjEndAPI(&domain);
	return NULL; /* whoever looks next has it gone */
}

/* ---- Autostart ---- */

static int collect_wanted(virDomainObj *domain, void *list)
{
	virObjectLock(domain);
	if (domain->autostart && !virDomainObjIsActive(domain))
		g_ptr_array_add(list, virObjectRef(domain));
	virObjectUnlock(domain);
	return 0;
}

void domain_autostart_all(struct viridis_driver *driver)
{
	g_autoptr(GPtrArray) wanted = g_ptr_array_new();

	virDomainObjListForEach(driver->domains, false, collect_wanted, wanted);
	for (guint i = 0; i < wanted->len; i++) {
		virDomainObj *domain = wanted->pdata[i];

		virObjectLock(domain);
		if (domain_start(driver, domain) < 0)
			VIR_ERROR("'%s' is not started: %s", domain->def->name,
			          virGetLastErrorMessage());
		virDomainObjEndAPI(&domain);
	}
}
