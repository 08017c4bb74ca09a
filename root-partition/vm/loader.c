/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the files of a definition; where their bytes go is decided in model/boot.c. */
#include "root-partition/vm/loader.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root-partition/config/kernel_file.h"
#include "root-partition/vm/dsdt.h"
#include "root-partition/vm/model/acpi_tables.h"
#include "root-partition/vm/model/boot.h"
#include "root-partition/vm/vp.h"

static gboolean file_error(GError **error, const char *what, const char *path,
                           const char *why)
{
	g_set_error(error, MACHINE_ERROR, MACHINE_ERROR_FAILED, "%s %s: %s", what, path,
	            why);
	return FALSE;
}

static int open_file(struct machine *machine, enum keeper_request_type file,
                     uint64_t *bytes, GError **error)
{
	int fd = keeper_client_file(machine->keeper, file, error);
	struct stat status;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) != 0) {
		close(fd);
		(void)machine_fail(error, -errno, "kernel or initrd");
		return -1;
	}
	*bytes = (uint64_t)status.st_size;
	return fd;
}

/* The file may have changed since it was measured: exactly `bytes`, or an error. */
static gboolean read_all(int fd, void *to, uint64_t bytes)
{
	uint64_t done = 0;

	while (done < bytes) {
		ssize_t now = read(fd, (char *)to + done, bytes - done);

		if (now < 0 && errno == EINTR)
			continue;
		if (now <= 0)
			return FALSE;
		done += (uint64_t)now;
	}
	return TRUE;
}

static gboolean load_initrd(struct machine *machine, int fd, const struct boot_plan *plan,
                            GError **error)
{
	const char *path = machine->definition->initrd;
	void *to;

	if (fd < 0 || plan->boot.initrd_bytes == 0)
		return TRUE;
	to = vsp_guest_memory_at(&machine->memory, plan->boot.initrd_gpa,
	                         plan->boot.initrd_bytes);
	if (!to || !read_all(fd, to, plan->boot.initrd_bytes))
		return file_error(error, "initrd", path, "cannot be read to its end");
	return TRUE;
}

static gboolean write_tables(struct machine *machine, GError **error)
{
	struct acpi_tables_input input = {
		.vp_count = machine->definition->vps,
		.dsdt = dsdt_table,
		.dsdt_bytes = dsdt_table_bytes,
	};

	if (!acpi_tables_build(machine->memory.base + ACPI_AREA_GPA, &input))
		return machine_fail(error, -ENOSPC, "ACPI tables");
	return TRUE;
}

static gboolean place(struct machine *machine, const struct boot_input *input,
                      int initrd_fd, GError **error)
{
	const char *path = machine->definition->kernel;
	struct boot_plan plan;
	enum bzimage_result result = boot_plan(input, &plan);
	struct hv_register_assoc *registers;
	void *kernel;

	if (result == BZIMAGE_OK)
		result = boot_write(input, &plan, machine->memory.base);
	if (result == BZIMAGE_NO_ROOM)
		return file_error(error, "kernel", path, KERNEL_FILE_NO_ROOM);
	if (result != BZIMAGE_OK)
		return file_error(error, "kernel", path, bzimage_describe(result));
	kernel = vsp_guest_memory_at(&machine->memory, plan.kernel_gpa,
	                             plan.image.kernel_bytes);
	if (!kernel)
		return file_error(error, "kernel", path, "does not fit into the memory");
	memcpy(kernel, (const char *)input->kernel + plan.image.setup_bytes,
	       plan.image.kernel_bytes);
	registers = g_new0(struct hv_register_assoc, BOOT_REGISTERS_MAX);
	machine->boot_register_count = boot_registers(&plan, registers);
	machine->boot_registers = registers;
	return load_initrd(machine, initrd_fd, &plan, error) &&
	       write_tables(machine, error);
}

/* A copy, not a mapping: the file may shrink while it is being parsed. */
static char *read_kernel(struct machine *machine, uint64_t *bytes, GError **error)
{
	const struct definition *definition = machine->definition;
	int fd = open_file(machine, KEEPER_KERNEL, bytes, error);
	g_autofree char *kernel = NULL;
	const char *why;

	if (fd < 0)
		return NULL;
	why = kernel_file_reject_reason(fd, *bytes, definition->memory_bytes);
	if (!why) {
		kernel = g_try_malloc(*bytes);
		if (!kernel || !read_all(fd, kernel, *bytes))
			why = "cannot be read to its end";
	}
	close(fd);
	if (!why)
		return g_steal_pointer(&kernel);
	file_error(error, "kernel", definition->kernel, why);
	return NULL;
}

static gboolean load_kernel(struct machine *machine, int initrd_fd, uint64_t initrd_bytes,
                            GError **error)
{
	const struct definition *definition = machine->definition;
	struct boot_input input = {
		.ram_bytes = definition->memory_bytes,
		.initrd_bytes = initrd_bytes,
		.command_line = definition->cmdline,
	};
	g_autofree char *kernel = NULL;
	uint64_t kernel_bytes;

	kernel = read_kernel(machine, &kernel_bytes, error);
	if (!kernel)
		return FALSE;
	input.kernel = kernel;
	input.kernel_bytes = kernel_bytes;
	return place(machine, &input, initrd_fd, error);
}

gboolean loader_load(struct machine *machine, GError **error)
{
	const struct definition *definition = machine->definition;
	uint64_t initrd_bytes = 0;
	gboolean loaded;
	int initrd = -1;

	if (definition->initrd) {
		initrd = open_file(machine, KEEPER_INITRD, &initrd_bytes, error);
		if (initrd < 0)
			return FALSE;
	}
	loaded = load_kernel(machine, initrd, initrd_bytes, error);
	if (initrd >= 0)
		close(initrd);
	return loaded;
}

gboolean loader_set_registers(struct machine *machine, GError **error)
{
	int result = mshv_set_registers(&machine->vps[0].mshv, machine->boot_registers,
	                                machine->boot_register_count);

	if (result < 0)
		return machine_fail(error, result, "the first VP's registers");
	return TRUE;
}
