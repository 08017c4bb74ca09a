/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Definitions of VMs: what is accepted, that every refusal names its reason, and their files. */
#include "unit.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel_image.h"
#include "root-partition/bzimage/boot_params.h"
#include "root-partition/config/definition_disk.h"
#include "root-partition/config/definition_host.h"
#include "root-partition/config/definition_json.h"
#include "root-partition/config/paths.h"
#include "root-partition/config/size_text.h"
#include "root-partition/config/store.h"

static const char whole[] =
	"{ \"name\": \"web-1\", \"memory\": \"512M\", \"vps\": 2, \"kernel\": \"/k\","
	"  \"initrd\": \"/i\", \"cmdline\": \"console=ttyS0\","
	"  \"disks\": [ { \"path\": \"/d1\" }, { \"path\": \"/d2\", \"read-only\": true } ],"
	"  \"serial\": \"/tmp/serial\" }";

static struct definition *parse(const char *text, GError **error)
{
	return definition_parse(text, strlen(text), error);
}

START_TEST(a_definition_survives_the_way_to_text_and_back)
{
	g_autoptr(definition_pointer) first = parse(whole, NULL);
	g_autoptr(definition_pointer) second = NULL;
	g_autofree char *text = NULL;
	const struct definition_disk *disk;

	ck_assert_ptr_nonnull(first);
	text = definition_to_json(first);
	second = parse(text, NULL);
	ck_assert_ptr_nonnull(second);
	ck_assert_str_eq(second->name, "web-1");
	ck_assert_uint_eq(second->memory_bytes, 512u << 20);
	ck_assert_uint_eq(second->vps, 2);
	ck_assert_str_eq(second->kernel, "/k");
	ck_assert_str_eq(second->initrd, "/i");
	ck_assert_str_eq(second->cmdline, "console=ttyS0");
	ck_assert_str_eq(second->serial, "/tmp/serial");
	ck_assert_uint_eq(second->disks->len, 2);
	disk = second->disks->pdata[1];
	ck_assert_str_eq(disk->path, "/d2");
	ck_assert(disk->read_only);
}
END_TEST

START_TEST(what_is_noted_with_a_definition_is_kept)
{
	g_autoptr(definition_pointer) first =
		parse("{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\","
	              "\"autostart\":true,\"title\":\"T\",\"description\":\"D\","
	              "\"metadata\":\"<m/>\"}",
	              NULL);
	g_autoptr(definition_pointer) second = NULL;
	g_autofree char *text = NULL;

	ck_assert_ptr_nonnull(first);
	text = definition_to_json(first);
	second = parse(text, NULL);
	ck_assert_ptr_nonnull(second);
	ck_assert(second->autostart);
	ck_assert_str_eq(second->title, "T");
	ck_assert_str_eq(second->description, "D");
	ck_assert_str_eq(second->metadata, "<m/>");
}
END_TEST

START_TEST(a_machine_that_is_attached_to_needs_no_kernel)
{
	g_autoptr(definition_pointer) first = parse(
		"{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"attach\":4711}", NULL);
	g_autoptr(definition_pointer) second = NULL;
	g_autofree char *text = NULL;

	ck_assert_ptr_nonnull(first);
	text = definition_to_json(first);
	second = parse(text, NULL);
	ck_assert_ptr_nonnull(second);
	ck_assert_uint_eq(second->attach_pid, 4711);
	ck_assert_ptr_null(second->kernel);
	/* Nor is one asked for where a serial line must not go into any of the VM's files. */
	g_free(second->serial);
	second->serial = g_strdup("/dev/null");
	ck_assert(definition_host_check(second, NULL));
}
END_TEST

/* ---- Identities ---- */

#define MUST "\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\""
#define UUID "\"uuid\":\"7b6e1f0a-43d7-4c58-9d0e-5a2f6b9c1d3e\""

static const struct definition_disk *disk_of(const struct definition *definition,
                                             guint index)
{
	ck_assert_uint_lt(index, definition->disks->len);
	return definition->disks->pdata[index];
}

/* What the storage provider made of a VM's name and a disk's place before definitions had ids. */
START_TEST(the_disks_of_an_old_file_keep_their_names)
{
	g_autoptr(definition_pointer) old = parse(
		"{" MUST ",\"disks\":[{\"path\":\"/d1\"},{\"path\":\"/d2\"}]}", NULL);
	g_autoptr(definition_pointer) again = NULL;
	g_autofree char *text = NULL;

	ck_assert_ptr_nonnull(old);
	ck_assert_ptr_null(old->uuid);
	for (guint i = 0; i < 2; i++) {
		uint64_t hash =
			(UINT64_C(0xcbf29ce484222325) ^ 'a') * UINT64_C(0x100000001b3);

		hash = (hash ^ (0x100 + i)) * UINT64_C(0x100000001b3);
		ck_assert_uint_eq(disk_of(old, i)->lun, i);
		ck_assert_uint_eq(disk_of(old, i)->identity, hash);
	}
	/* Once written with a UUID the second one keeps them without the first. */
	ck_assert(definition_give_uuid(old));
	ck_assert(!definition_give_uuid(old));
	text = definition_to_json(old);
	again = parse(text, NULL);
	g_ptr_array_remove_index(again->disks, 0);
	g_clear_pointer(&text, g_free);
	text = definition_to_json(again);
	g_clear_pointer(&again, definition_free);
	again = parse(text, NULL);
	ck_assert_str_eq(again->uuid, old->uuid);
	ck_assert_uint_eq(disk_of(again, 0)->lun, 1);
	ck_assert_uint_eq(disk_of(again, 0)->identity, disk_of(old, 1)->identity);
}
END_TEST

START_TEST(a_disk_that_is_added_takes_nobody_s_names)
{
	static const char with_two[] =
		"{" MUST "," UUID ",\"disks\":[{\"path\":\"/new\"},{\"path\":\"/d2\","
		"\"lun\":1,\"id\":\"1111111111111111\"},{\"path\":\"/d1\",\"lun\":0,"
		"\"id\":\"2222222222222222\"}]}";
	g_autoptr(definition_pointer) definition = parse(with_two, NULL);
	g_autoptr(definition_pointer) again = parse(with_two, NULL);

	ck_assert_ptr_nonnull(definition);
	ck_assert_uint_eq(disk_of(definition, 0)->lun, 2);
	ck_assert_uint_ne(disk_of(definition, 0)->identity, 0);
	ck_assert_uint_eq(disk_of(definition, 0)->identity, disk_of(again, 0)->identity);
	ck_assert_uint_eq(disk_of(definition, 1)->identity, 0x1111111111111111);
	ck_assert_uint_eq(disk_of(definition, 2)->lun, 0);
}
END_TEST

/* Read-only disks may be one file; to the guest they are two disks. */
START_TEST(two_disks_of_one_path_are_two)
{
	g_autoptr(definition_pointer)
		definition = parse("{" MUST "," UUID
	                           ",\"disks\":[{\"path\":\"/d\",\"read-only\":true},"
	                           "{\"path\":\"/d\",\"read-only\":true}]}",
	                           NULL);

	ck_assert_ptr_nonnull(definition);
	ck_assert_uint_ne((disk_of(definition, 0)->identity ^
	                   disk_of(definition, 1)->identity) &
	                          DEFINITION_IDENTITY_MASK,
	                  0);
}
END_TEST

START_TEST(what_may_be_left_out_has_its_default)
{
	g_autoptr(definition_pointer) definition = parse(
		"{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\"}", NULL);

	ck_assert_ptr_nonnull(definition);
	ck_assert_ptr_null(definition->initrd);
	ck_assert_str_eq(definition->cmdline, "");
	ck_assert_str_eq(definition->serial, "pty");
	ck_assert_uint_eq(definition->disks->len, 0);
}
END_TEST

/* Brackets, quotes and slashes inside a string are text: systemd's and dracut's options have them. */
START_TEST(what_a_string_holds_is_no_structure)
{
	static const char cmdline[] = "[[[[[[[[[[ {{{{{{{{{{ ]]]]]]]]]] ' // /* # \\ \"";
	g_autoptr(definition_pointer) first = parse(whole, NULL);
	g_autoptr(definition_pointer) second = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;

	g_free(first->cmdline);
	first->cmdline = g_strdup(cmdline);
	text = definition_to_json(first);
	second = parse(text, &error);
	ck_assert_msg(second != NULL, "%s: %s", text, error ? error->message : "");
	ck_assert_str_eq(second->cmdline, cmdline);
}
END_TEST

static const struct {
	const char *text;
	const char *names; /* what the message must contain */
} refused[] = {
	{ "", "JSON" },
	{ "[]", "object" },
	{ "{", "" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1}", "kernel" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"kernel\":\"/k\"}", "vps" },
	{ "{\"name\":\"a\",\"vps\":1,\"kernel\":\"/k\"}", "memory" },
	{ "{\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\"}", "name" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\",\"cmdlin\":\"\"}",
	  "cmdlin" },
	{ "{\"name\":\"a\",\"memory\":8,\"vps\":1,\"kernel\":\"/k\"}", "memory" },
	{ "{\"name\":\"a\",\"memory\":\"8X\",\"vps\":1,\"kernel\":\"/k\"}", "8X" },
	{ "{\"name\":\"a\",\"memory\":\"-8M\",\"vps\":1,\"kernel\":\"/k\"}", "-8M" },
	{ "{\"name\":\"a\",\"memory\":\"99999999999G\",\"vps\":1,\"kernel\":\"/k\"}",
	  "G" },
	{ "{\"name\":\"a\",\"memory\":\"7M\",\"vps\":1,\"kernel\":\"/k\"}", "7M" },
	{ "{\"name\":\"a\",\"memory\":\"129G\",\"vps\":1,\"kernel\":\"/k\"}", "129G" },
	{ "{\"name\":\"a\",\"memory\":\"8193K\",\"vps\":1,\"kernel\":\"/k\"}", "8193K" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":0,\"kernel\":\"/k\"}", "vps 0" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":65,\"kernel\":\"/k\"}", "vps 65" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":-1,\"kernel\":\"/k\"}", "vps" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1.5,\"kernel\":\"/k\"}", "vps" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":\"1\",\"kernel\":\"/k\"}", "vps" },
	{ "{\"name\":\"a/b\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\"}", "a/b" },
	{ "{\"name\":\"..\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\"}", ".." },
	{ "{\"name\":\"\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\"}", "name" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"k\"}", "kernel" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\",\"serial\":\"x\"}",
	  "serial" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\",\"disks\":{}}",
	  "disks" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\",\"disks\":[{}]}",
	  "path" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\",\"disks\":[1]}",
	  "disks" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\",\"disks\":[{\"path\":\"d\"}]}",
	  "disk 'd'" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\","
	  "\"disks\":[{\"path\":\"/d\",\"read-only\":1}]}",
	  "read-only" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"kernel\":\"/k\","
	  "\"disks\":[{\"path\":\"/d\",\"size\":1}]}",
	  "size" },
	{ "{" MUST ",\"uuid\":\"x\"}", "uuid 'x'" },
	{ "{" MUST ",\"uuid\":1}", "uuid" },
	{ "{" MUST ",\"attach\":7}", "its own VMM" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"attach\":0}", "attach" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"attach\":-7}", "attach" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"attach\":\"7\"}", "attach" },
	{ "{\"name\":\"a\",\"memory\":\"8M\",\"vps\":1,\"attach\":7,"
	  "\"initrd\":\"/i\"}",
	  "its own VMM" },
	{ "{" MUST ",\"on-crash\":\"explode\"}", "explode" },
	{ "{" MUST ",\"on-crash\":true}", "on-crash" },
	{ "{" MUST ",\"disks\":[{\"path\":\"/d\",\"lun\":64}]}", "LUN 64" },
	{ "{" MUST ",\"disks\":[{\"path\":\"/d\",\"lun\":-1}]}", "LUN" },
	{ "{" MUST ",\"disks\":[{\"path\":\"/d\",\"lun\":\"0\"}]}", "lun" },
	{ "{" MUST ",\"disks\":[{\"path\":\"/d\",\"id\":7}]}", "id" },
	{ "{" MUST ",\"disks\":[{\"path\":\"/d\",\"id\":\"0x11111111111111\"}]}", "id" },
	{ "{" MUST ",\"disks\":[{\"path\":\"/d\",\"id\":\"f000000000000000\"}]}",
	  "may not be 0" },
	{ "{" MUST
	  ",\"disks\":[{\"path\":\"/d\",\"lun\":3},{\"path\":\"/e\",\"lun\":3}]}",
	  "LUN 3 is another disk's" },
	{ "{" MUST ",\"disks\":[{\"path\":\"/d\",\"id\":\"1111111111111111\"},"
	  "{\"path\":\"/e\",\"id\":\"f111111111111111\"}]}",
	  "another disk's" },
	{ "{" MUST ",\"disks\":[{\"path\":\"nbd://h\"}]}", "'nbd://h': a '/'" },
	{ "{" MUST ",\"disks\":[{\"path\":\"nbds://h/x\"}]}", "TLS" },
	{ "{" MUST ",\"disks\":[{\"path\":\"nbd://h/x\\n\"}]}", "disk" },
	{ "{" MUST ",\"disks\":[{\"path\":\"nbd://h/x\",\"cache\":\"host\"}]}",
	  "for files" },
	{ "{" MUST ",\"disks\":[{\"path\":\"nbd://h/x\",\"timeout\":86401}]}",
	  "86400 seconds at most" },
	{ "{" MUST ",\"disks\":[{\"path\":\"nbd://h/x\",\"timeout\":-1}]}", "timeout" },
	{ "{" MUST ",\"disks\":[{\"path\":\"nbd://h/x\",\"timeout\":\"1\"}]}",
	  "timeout" },
	{ "{" MUST ",\"disks\":[{\"path\":\"/d\",\"timeout\":1}]}",
	  "only an NBD server" },
	{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "JSON" },
	/* What hides brackets from who counts them. */
	{ "{\"a\":\"\\\"\",\"b\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "JSON" },
	{ "{/*\"*/\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "JSON" },
	{ "{//\"\n\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "JSON" },
	{ "{'\"':[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "JSON" },
	{ "{#\"\n\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "JSON" },
	{ "\"\\", "escape" },
	{ "{\"name\": \"a\", \"name\": \"b\"}", "duplicate" },
	{ "{} {}", "JSON" },
	{ "\xff\xfe", "JSON" },
};

START_TEST(every_refusal_names_what_is_wrong)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(parse(refused[_i].text, &error));
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(strstr(error->message, refused[_i].names), "'%s' lacks '%s'",
	              error->message, refused[_i].names);
}
END_TEST

/* The parser recurses. */
START_TEST(text_that_nests_deeply_is_refused)
{
	g_autofree char *brackets = g_strnfill(DEFINITION_JSON_BYTES / 2, '[');
	g_autofree char *text = g_strconcat("{\"name\": ", brackets, NULL);
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(parse(text, &error));
	ck_assert_msg(strstr(error->message, "depth") != NULL, "%s", error->message);
}
END_TEST

/* As options may have them: a definition's text could not be read again. */
START_TEST(bytes_that_are_no_text_are_refused_wherever_they_are)
{
	static const char *const named[] = { "kernel", "initrd", "cmdline", "serial",
		                             "disk" };
	g_autoptr(definition_pointer) definition = parse(whole, NULL);
	struct definition_disk *disk = definition->disks->pdata[1];
	char **members[] = { &definition->kernel, &definition->initrd,
		             &definition->cmdline, &definition->serial, &disk->path };
	g_autoptr(GError) error = NULL;

	ck_assert(definition_check(definition, NULL));
	g_free(*members[_i]);
	*members[_i] = g_strdup("/x\xff");
	ck_assert(!definition_check(definition, &error));
	ck_assert_msg(g_str_has_prefix(error->message, named[_i]) &&
	                      strstr(error->message, "UTF-8"),
	              "%s", error->message);
}
END_TEST

START_TEST(sizes_are_read_and_written_alike)
{
	static const char *const sizes[] = { "512M", "2G", "8192G", "3K", "5", "0" };
	uint64_t bytes;

	for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autofree char *text = NULL;
		uint64_t again;

		ck_assert(size_text_parse(sizes[i], &bytes, NULL));
		text = size_text_format(bytes);
		ck_assert(size_text_parse(text, &again, NULL));
		ck_assert_uint_eq(bytes, again);
	}
	ck_assert(!size_text_parse("", &bytes, NULL));
	ck_assert(!size_text_parse("M", &bytes, NULL));
	ck_assert(!size_text_parse("1MM", &bytes, NULL));
	ck_assert(!size_text_parse("18446744073709551615K", &bytes, NULL));
}
END_TEST

START_TEST(files_and_memory_the_host_lacks_are_named)
{
	g_autoptr(definition_pointer) definition = parse(whole, NULL);
	g_autoptr(GError) error = NULL;

	ck_assert(!definition_host_check(definition, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "kernel /k"));
	g_clear_error(&error);
	g_free(definition->kernel);
	definition->kernel = g_strdup("/dev/null");
	ck_assert(!definition_host_check(definition, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "not a regular file"));
}
END_TEST

/* ---- One file as two disks ---- */

static char *folder;
static char *file;
static char *linked;
static char *kernel;

static char *empty_file(const char *name)
{
	char *path = g_build_filename(folder, name, NULL);

	ck_assert(g_file_set_contents(path, "", 0, NULL));
	return path;
}

static char *kernel_file(const char *name)
{
	char *path = g_build_filename(folder, name, NULL);
	uint8_t image[KERNEL_IMAGE_BYTES];

	kernel_image_fill(image);
	ck_assert(g_file_set_contents(path, (const char *)image, sizeof(image), NULL));
	return path;
}

static void make_files(void)
{
	folder = g_dir_make_tmp("viridis-XXXXXX", NULL);
	ck_assert_ptr_nonnull(folder);
	file = kernel_file("file");
	kernel = kernel_file("kernel");
	linked = g_build_filename(folder, "linked", NULL);
	ck_assert_int_eq(symlink(file, linked), 0);
}

static void remove_files(void)
{
	g_unlink(file);
	g_unlink(linked);
	g_unlink(kernel);
	g_rmdir(folder);
	g_free(file);
	g_free(linked);
	g_free(kernel);
	g_free(folder);
}

static const struct {
	gboolean by_link;
	gboolean first_read_only;
	gboolean second_read_only;
	gboolean accepted;
} twice[] = {
	{ FALSE, FALSE, FALSE, FALSE }, { FALSE, FALSE, TRUE, FALSE },
	{ FALSE, TRUE, FALSE, FALSE },  { FALSE, TRUE, TRUE, TRUE },
	{ TRUE, FALSE, FALSE, FALSE },  { TRUE, TRUE, TRUE, TRUE },
};

START_TEST(a_file_is_two_disks_only_if_neither_is_written)
{
	g_autoptr(definition_pointer) definition = definition_new();
	const char *second = twice[_i].by_link ? linked : file;
	g_autoptr(GError) error = NULL;

	definition->memory_bytes = DEFINITION_MEMORY_MIN;
	definition->kernel = g_strdup(kernel);
	definition_add_disk(definition, kernel, FALSE); /* another file is no matter */
	definition_add_disk(definition, file, twice[_i].first_read_only);
	definition_add_disk(definition, second, twice[_i].second_read_only);
	ck_assert_int_eq(definition_host_check(definition, &error), twice[_i].accepted);
	if (!twice[_i].accepted)
		ck_assert_msg(strstr(error->message, second) &&
		                      strstr(error->message, "read-only"),
		              "%s", error->message);
}
END_TEST

/* ---- What cannot boot ---- */

static const struct {
	uint32_t offset, bytes;
	uint64_t value;
	gsize length;
	const char *why; /* NULL: accepted */
} kernels[] = {
	{ 0, 0, 0, KERNEL_IMAGE_BYTES, NULL },
	{ BP_BOOT_FLAG, 2, 0, KERNEL_IMAGE_BYTES, "not a Linux kernel" },
	{ BP_HEADER_MAGIC, 4, 0, KERNEL_IMAGE_BYTES, "not a Linux kernel" },
	{ BP_VERSION, 2, 0x204, KERNEL_IMAGE_BYTES, "older than 2.12" },
	{ BP_XLOADFLAGS, 2, 0, KERNEL_IMAGE_BYTES, "no 64-bit entry" },
	{ BP_LOADFLAGS, 1, 0, KERNEL_IMAGE_BYTES, "no 64-bit entry" }, /* a zImage */
	{ BP_KERNEL_ALIGNMENT, 4, 3, KERNEL_IMAGE_BYTES, "makes no sense" },
	{ 0, 0, 0, KERNEL_IMAGE_BYTES - 512, "shorter than its header says" },
	{ 0, 0, 0, 700, "shorter than its header says" },
	{ 0, 0, 0, 0, "not a Linux kernel" },
	{ BP_INIT_SIZE, 4, 64 << 20, KERNEL_IMAGE_BYTES, "does not fit" },
	{ 0, 0, 0, (gsize)1 << 40, "does not fit" },
};

START_TEST(a_kernel_that_cannot_boot_is_refused_by_name)
{
	g_autoptr(definition_pointer) definition = definition_new();
	g_autoptr(GError) error = NULL;
	int fd = open(kernel, O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(pwrite(fd, &kernels[_i].value, kernels[_i].bytes,
	                        (off_t)kernels[_i].offset),
	                 kernels[_i].bytes);
	ck_assert_int_eq(ftruncate(fd, (off_t)kernels[_i].length), 0);
	close(fd);
	definition->memory_bytes = DEFINITION_MEMORY_MIN;
	definition->kernel = g_strdup(kernel);
	ck_assert_int_eq(definition_host_check(definition, &error), !kernels[_i].why);
	if (kernels[_i].why)
		ck_assert_msg(strstr(error->message, kernel) &&
		                      strstr(error->message, kernels[_i].why),
		              "%s", error->message);
}
END_TEST

/* ---- Where the serial line goes ---- */

static const struct {
	const char *serial; /* NULL: `file`, which is also what `use` says */
	enum { NOTHING, KERNEL, INITRD, DISK, DISK_READ_ONLY, OLD_DISK } use;
	const char *named; /* NULL: accepted */
} serials[] = {
	{ NULL, NOTHING, NULL },
	{ NULL, KERNEL, "kernel" },
	{ NULL, INITRD, "initrd" },
	{ NULL, DISK, "disk" },
	{ NULL, DISK_READ_ONLY, "disk" },
	{ NULL, OLD_DISK, "disk" }, /* "linked.old" is one */
	{ "/dev/null", NOTHING, NULL },
	{ "pty", NOTHING, NULL },
	{ "/nonexistent/serial", NOTHING, "No such file" },
	{ "/proc/version/serial", NOTHING, "Not a directory" },
	{ "/tmp", NOTHING, "Is a directory" },
	{ "/proc/sys/serial", NOTHING, "Permission denied" },
};

START_TEST(a_serial_line_goes_where_it_can_be_written_and_nothing_is_lost)
{
	g_autoptr(definition_pointer) definition = definition_new();
	const char *serial = serials[_i].serial ? serials[_i].serial : linked;
	g_autofree char *old = empty_file("linked.old");
	g_autoptr(GError) error = NULL;

	definition->memory_bytes = DEFINITION_MEMORY_MIN;
	definition->kernel = g_strdup(serials[_i].use == KERNEL ? file : kernel);
	definition->initrd = g_strdup(serials[_i].use == INITRD ? file : NULL);
	if (serials[_i].use == OLD_DISK)
		definition_add_disk(definition, old, FALSE);
	else if (serials[_i].use >= DISK)
		definition_add_disk(definition, file, serials[_i].use == DISK_READ_ONLY);
	g_free(definition->serial);
	definition->serial = g_strdup(serial);
	ck_assert_msg(definition_host_check(definition, &error) == !serials[_i].named,
	              "%s: %s", serial, error ? error->message : "accepted");
	if (serials[_i].named)
		ck_assert_msg(g_str_has_prefix(error->message, "serial ") &&
		                      strstr(error->message, serials[_i].named),
		              "%s", error->message);
	g_unlink(old);
}
END_TEST

START_TEST(a_serial_file_that_is_not_there_yet_is_made_by_the_worker)
{
	g_autoptr(definition_pointer) definition = definition_new();
	g_autoptr(GError) error = NULL;

	definition->memory_bytes = DEFINITION_MEMORY_MIN;
	definition->kernel = g_strdup(kernel);
	g_free(definition->serial);
	definition->serial = g_build_filename(folder, "new", NULL);
	ck_assert_msg(definition_host_check(definition, &error), "%s",
	              error ? error->message : "");
	ck_assert_int_ne(g_access(definition->serial, F_OK), 0);
}
END_TEST

/* ---- Their files ---- */

static char *stored;
static char *aside;
static unsigned int folder_syncs;

/* Instead of the C library's. */
int fsync(int fd)
{
	struct stat status;

	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
		folder_syncs++;
	return (int)syscall(SYS_fsync, fd);
}

static void make_store(void)
{
	make_files();
	g_setenv("VIRIDIS_STATE_DIR", folder, TRUE);
	stored = paths_of("web-1", PATH_DEFINITION);
	aside = paths_of("web-1", PATH_DEFINITION_NEW);
	folder_syncs = 0;
}

static void remove_store(void)
{
	g_unlink(stored);
	g_unlink(aside);
	g_free(stored);
	g_free(aside);
	remove_files();
}

START_TEST(a_create_after_an_interrupted_one_leaves_what_that_linked_alone)
{
	g_autoptr(definition_pointer) definition = parse(whole, NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	ck_assert(store_create(definition, NULL));
	ck_assert_int_eq(link(stored, aside), 0);
	ck_assert(g_file_get_contents(stored, &before, NULL, NULL));
	definition->vps = 3;
	ck_assert(!store_create(definition, &error));
	ck_assert(g_error_matches(error, DEFINITION_ERROR, DEFINITION_ERROR_EXISTS));
	ck_assert(g_file_get_contents(stored, &after, NULL, NULL));
	ck_assert_str_eq(after, before);
	ck_assert_int_ne(g_access(aside, F_OK), 0);
}
END_TEST

START_TEST(a_name_that_is_made_or_removed_is_on_the_disk)
{
	g_autoptr(definition_pointer) definition = parse(whole, NULL);

	ck_assert(store_create(definition, NULL));
	ck_assert_uint_eq(folder_syncs, 1);
	ck_assert(store_delete("web-1", NULL));
	ck_assert_uint_eq(folder_syncs, 2);
}
END_TEST

START_TEST(a_definition_is_replaced_in_one_step)
{
	g_autoptr(definition_pointer) definition = parse(whole, NULL);
	g_autoptr(definition_pointer) again = NULL;

	ck_assert(store_create(definition, NULL));
	ck_assert(definition_give_uuid(definition));
	ck_assert(store_replace(definition, NULL));
	ck_assert_uint_eq(folder_syncs, 2);
	again = store_load("web-1", NULL);
	ck_assert_str_eq(again->uuid, definition->uuid);
	ck_assert_int_ne(g_access(aside, F_OK), 0);
}
END_TEST

START_TEST(what_an_interrupted_create_left_aside_is_taken_over)
{
	g_autoptr(definition_pointer) definition = parse(whole, NULL);
	g_autoptr(definition_pointer) again = NULL;

	ck_assert(g_file_set_contents(aside, "{ half", -1, NULL));
	ck_assert(store_create(definition, NULL));
	again = store_load("web-1", NULL);
	ck_assert_ptr_nonnull(again);
	ck_assert_uint_eq(again->vps, 2);
	ck_assert_int_ne(g_access(aside, F_OK), 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("definition");
	TCase *tcase = tcase_create("json");

	tcase_add_test(tcase, a_definition_survives_the_way_to_text_and_back);
	tcase_add_test(tcase, what_is_noted_with_a_definition_is_kept);
	tcase_add_test(tcase, a_machine_that_is_attached_to_needs_no_kernel);
	tcase_add_test(tcase, the_disks_of_an_old_file_keep_their_names);
	tcase_add_test(tcase, a_disk_that_is_added_takes_nobody_s_names);
	tcase_add_test(tcase, two_disks_of_one_path_are_two);
	tcase_add_test(tcase, what_may_be_left_out_has_its_default);
	tcase_add_test(tcase, what_a_string_holds_is_no_structure);
	tcase_add_test(tcase, text_that_nests_deeply_is_refused);
	tcase_add_loop_test(tcase, every_refusal_names_what_is_wrong, 0,
	                    G_N_ELEMENTS(refused));
	tcase_add_loop_test(tcase, bytes_that_are_no_text_are_refused_wherever_they_are,
	                    0, 5);
	tcase_add_test(tcase, sizes_are_read_and_written_alike);
	tcase_add_test(tcase, files_and_memory_the_host_lacks_are_named);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("disks");
	tcase_add_checked_fixture(tcase, make_files, remove_files);
	tcase_add_loop_test(tcase, a_kernel_that_cannot_boot_is_refused_by_name, 0,
	                    G_N_ELEMENTS(kernels));
	tcase_add_loop_test(tcase, a_file_is_two_disks_only_if_neither_is_written, 0,
	                    G_N_ELEMENTS(twice));
	tcase_add_loop_test(
		tcase, a_serial_line_goes_where_it_can_be_written_and_nothing_is_lost, 0,
		G_N_ELEMENTS(serials));
	tcase_add_test(tcase, a_serial_file_that_is_not_there_yet_is_made_by_the_worker);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("store");
	tcase_add_checked_fixture(tcase, make_store, remove_store);
	tcase_add_test(tcase,
	               a_create_after_an_interrupted_one_leaves_what_that_linked_alone);
	tcase_add_test(tcase, a_name_that_is_made_or_removed_is_on_the_disk);
	tcase_add_test(tcase, a_definition_is_replaced_in_one_step);
	tcase_add_test(tcase, what_an_interrupted_create_left_aside_is_taken_over);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(make_suite)
