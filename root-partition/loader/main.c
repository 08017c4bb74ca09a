/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting the root, in the root: the machine is described to the hypervisor, and the kernel is loaded.
 * Module `kernel` is a bzImage, module `initrd` stays where the boot loader put it. Zero page and command
 * line lie in this image, below 1 MiB.
 */
#include "root-partition/loader/loader.h"
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "hypervisor/core/multiboot2.h"
#include "root-partition/loader/core/efi_map.h"

uint64_t loader_main(void); /* called by entry.S; returns the kernel's entry */

uint8_t zero_page[BOOT_PARAMS_BYTES] __attribute__((aligned(PAGE_4K)));
static uint8_t rsdp_copy[PAGE_4K] __attribute__((aligned(PAGE_4K)));
static char command_line[2048];
static struct boot_info info;
static struct boot_tags tags;
static struct loader_memory memory;

int memcmp(const void *a, const void *b, size_t bytes)
{
	const uint8_t *left = a, *right = b;

	for (size_t i = 0; i < bytes; i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

static void put(const char *text)
{
	enum { COM1 = 0x3f8, DEBUG_CONSOLE = 0xe9 };

	for (; *text; text++) {
		__asm__ volatile("outb %0, %w1" : : "a"(*text), "d"(COM1));
		__asm__ volatile("outb %0, %w1" : : "a"(*text), "d"(DEBUG_CONSOLE));
	}
}

void loader_say(const char *text)
{
	put("root loader: ");
	put(text);
	put("\r\n");
}

void loader_stop(const char *why)
{
	loader_say(why);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void check(enum bzimage_result result)
{
	if (result != BZIMAGE_OK)
		loader_stop(bzimage_describe(result));
}

/* The module whose command line starts with that word; what follows it goes to *arguments. */
static const struct multiboot2_module *find_module(const char *name,
                                                   const char **arguments)
{
	for (unsigned int i = 0; i < tags.module_count; i++) {
		const char *line = tags.modules[i].command_line;
		size_t match = 0;

		while (name[match] && line[match] == name[match])
			match++;
		if (name[match] || (line[match] && line[match] != ' '))
			continue;
		*arguments = line + match + (line[match] == ' ');
		return &tags.modules[i];
	}
	return NULL;
}

/* The boot loader gives a copy alone; another for the kernel, or 0. */
static uint64_t copy_rsdp(void)
{
	if (tags.rsdp_bytes == 0)
		return 0;
	memcpy(rsdp_copy, tags.rsdp, tags.rsdp_bytes);
	return (uint64_t)rsdp_copy;
}

/* To its place, and the memory behind it cleared as it expects. */
static uint64_t place_kernel(const struct multiboot2_module *kernel,
                             const struct bzimage *image)
{
	uint64_t load;

	check(bzimage_place(image, memory.free, memory.free_count, &load));
	memcpy((void *)load, (const void *)(kernel->start + image->setup_bytes),
	       image->kernel_bytes);
	memset((void *)(load + image->kernel_bytes), 0,
	       image->init_bytes - image->kernel_bytes);
	return load;
}

/*
 * EFI's memory map without what the hypervisor took, in a place of its own, in which it is not free either: the kernel goes by
 * this map alone when it moves itself.
 */
static struct bzimage_efi place_efi(const struct bzimage *image, uint64_t load)
{
	const struct efi_map map = { tags.efi_map, tags.efi_map_bytes,
		                     tags.efi_descriptor_bytes };
	const struct bzimage_range avoid = { load, load + image->init_bytes };
	struct efi_cut cuts[ROOT_LOADER_TAKEN + 1];
	struct bzimage_efi efi = { .system_table = tags.efi_system_table };
	uint64_t room, place;
	unsigned int own = 0;

	if (tags.efi_system_table == 0 || !tags.efi_map)
		return (struct bzimage_efi){ .system_table = 0 };
	room = round_up(efi_map_room(&map, ARRAY_COUNT(cuts)), PAGE_4K);
	if (room == 0)
		loader_stop("EFI's memory map makes no sense");
	check(bzimage_place_high(memory.free, memory.free_count, &avoid, room, MAPPED_END,
	                         &place));
	while (own < ROOT_LOADER_TAKEN && HANDOFF->taken[own].start < place)
		own++;
	for (unsigned int i = 0; i < ROOT_LOADER_TAKEN; i++)
		cuts[i + (i >= own)] = (struct efi_cut){ HANDOFF->taken[i].start,
			                                 HANDOFF->taken[i].end,
			                                 EFI_RESERVED };
	cuts[own] = (struct efi_cut){ place, place + room, EFI_LOADER_DATA };
	efi.map_gpa = place;
	efi.map_bytes =
		(uint32_t)efi_map_cut(&map, cuts, ARRAY_COUNT(cuts), (uint8_t *)place);
	efi.descriptor_bytes = tags.efi_descriptor_bytes;
	efi.descriptor_version = tags.efi_descriptor_version;
	return efi;
}

static void fill_zero_page(const struct multiboot2_module *kernel,
                           const struct bzimage *image, const char *arguments,
                           uint64_t load, uint64_t rsdp)
{
	const char *ignored;
	const struct multiboot2_module *initrd = find_module("initrd", &ignored);
	struct bzimage_boot boot = {
		.command_line_gpa = (uint64_t)command_line,
		.rsdp_gpa = rsdp,
		.e820 = memory.e820,
		.e820_count = memory.e820_count,
		.screen = tags.screen,
		.efi = place_efi(image, load),
	};

	for (; arguments[boot.command_line_bytes]; boot.command_line_bytes++) {
		if (boot.command_line_bytes == sizeof(command_line) - 1)
			loader_stop("the kernel's command line is too long");
		command_line[boot.command_line_bytes] =
			arguments[boot.command_line_bytes];
	}
	if (initrd) {
		boot.initrd_gpa = initrd->start;
		boot.initrd_bytes = initrd->end - initrd->start;
	}
	check(bzimage_boot_params(zero_page, (const void *)kernel->start, image, &boot));
}

uint64_t loader_main(void)
{
	const struct multiboot2_module *kernel;
	const char *arguments;
	struct bzimage image;
	uint64_t load, rsdp;

	const char *fault = multiboot2_read(HANDOFF->info, sizeof(HANDOFF->info), &info);

	if (!fault)
		fault = boot_tags_read(HANDOFF->info, sizeof(HANDOFF->info), &tags);
	if (fault)
		loader_stop(fault);
	loader_describe_machine(&tags);
	kernel = find_module("kernel", &arguments);
	if (!kernel)
		loader_stop(
			"no module named `kernel`: give GRUB `module2 FILE kernel WORDS`");
	rsdp = copy_rsdp();
	loader_read_memory(&info, rsdp, &memory);
	check(bzimage_parse((const void *)kernel->start, kernel->end - kernel->start,
	                    &image));
	load = place_kernel(kernel, &image);
	fill_zero_page(kernel, &image, arguments, load, rsdp);
	return load + BZIMAGE_ENTRY_OFFSET;
}
