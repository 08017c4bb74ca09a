/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading a bzImage: header, place, zero page. Offsets are in boot_params.h. */
#include "root-partition/bzimage/bzimage.h"

#include <viridis/base/bits.h>
#include <viridis/base/cursor.h>
#include <viridis/base/mem.h>

#define VERSION_MIN      0x020c /* xloadflags */
#define SECTOR_BYTES     512u
#define SETUP_SECTS_NONE 4u /* what 0 stands for */
#define SYSSIZE_UNIT     16u
#define HEADER_END_BASE  0x202u
#define HEADER_END_MIN   (BP_INIT_SIZE + 4u)
#define ADDRESS_LIMIT    (UINT64_C(1) << 46)
#define LIMIT_4G         (UINT64_C(1) << 32)
#define FLOOR_WANTED \
	(UINT64_C(16) << 20) /* clear of ISA DMA and of what firmware likes */
#define FLOOR_MIN     (UINT64_C(1) << 20)
#define ALIGNMENT_MAX PAGE_1G

static const char *const descriptions[] = {
	[BZIMAGE_OK] = "loaded",
	[BZIMAGE_TRUNCATED] = "the kernel image is shorter than its header says",
	[BZIMAGE_NOT_A_KERNEL] = "not a Linux kernel image (bzImage)",
	[BZIMAGE_TOO_OLD] = "the kernel's boot protocol is older than 2.12",
	[BZIMAGE_NOT_64_BIT] = "the kernel has no 64-bit entry",
	[BZIMAGE_BAD_HEADER] = "the kernel's setup header makes no sense",
	[BZIMAGE_NO_ROOM] = "no free memory is large enough",
	[BZIMAGE_LONG_COMMAND_LINE] = "the command line is longer than the kernel takes",
	[BZIMAGE_LONG_E820] = "the memory map has more than 128 entries",
	[BZIMAGE_TOO_HIGH] =
		"initrd or command line lies where the kernel cannot reach it",
};

const char *bzimage_describe(enum bzimage_result result)
{
	if ((size_t)result >= ARRAY_COUNT(descriptions))
		return "unknown result";
	return descriptions[result];
}

/* A header field; 0 beyond the end of the file. */
static uint64_t field(const struct cursor *file, uint32_t offset, size_t bytes)
{
	struct cursor c = *file;

	cursor_skip(&c, offset);
	return cursor_le(&c, bytes);
}

static enum bzimage_result check_magic(const struct cursor *file)
{
	if (field(file, BP_BOOT_FLAG, 2) != BP_BOOT_FLAG_VALUE ||
	    field(file, BP_HEADER_MAGIC, 4) != BP_MAGIC_HDRS)
		return BZIMAGE_NOT_A_KERNEL;
	if (field(file, BP_VERSION, 2) < VERSION_MIN)
		return BZIMAGE_TOO_OLD;
	if (!(field(file, BP_LOADFLAGS, 1) & BP_LOADED_HIGH) ||
	    !(field(file, BP_XLOADFLAGS, 2) & BP_XLF_KERNEL_64))
		return BZIMAGE_NOT_64_BIT;
	return BZIMAGE_OK;
}

static void read_fields(const struct cursor *file, struct bzimage *out)
{
	uint32_t sectors = (uint32_t)field(file, BP_SETUP_SECTS, 1);

	if (sectors == 0)
		sectors = SETUP_SECTS_NONE;
	out->setup_bytes = (1 + sectors) * SECTOR_BYTES;
	out->header_end = HEADER_END_BASE + (uint32_t)field(file, BP_JUMP_LENGTH, 1);
	out->version = (uint16_t)field(file, BP_VERSION, 2);
	out->xloadflags = (uint16_t)field(file, BP_XLOADFLAGS, 2);
	out->init_bytes = field(file, BP_INIT_SIZE, 4);
	out->pref_address = field(file, BP_PREF_ADDRESS, 8);
	out->alignment = field(file, BP_KERNEL_ALIGNMENT, 4);
	out->relocatable = field(file, BP_RELOCATABLE, 1) != 0;
	out->above_4g = (out->xloadflags & BP_XLF_CAN_BE_ABOVE_4G) != 0;
	out->cmdline_size = (uint32_t)field(file, BP_CMDLINE_SIZE, 4);
	out->initrd_addr_max = field(file, BP_INITRD_ADDR_MAX, 4);
}

static bool alignment_ok(uint64_t alignment)
{
	return alignment >= PAGE_4K && alignment <= ALIGNMENT_MAX &&
	       (alignment & (alignment - 1)) == 0;
}

static bool header_ok(const struct bzimage *image)
{
	return image->header_end >= HEADER_END_MIN &&
	       image->header_end <= BP_HEADER_LIMIT && alignment_ok(image->alignment) &&
	       is_aligned(image->pref_address, PAGE_4K) &&
	       image->pref_address < ADDRESS_LIMIT;
}

enum bzimage_result bzimage_parse(const void *image, size_t bytes, struct bzimage *out)
{
	return bzimage_parse_head(image, bytes, bytes, out);
}

enum bzimage_result bzimage_parse_head(const void *head, size_t head_bytes,
                                       uint64_t file_bytes, struct bzimage *out)
{
	struct cursor file = cursor_over(head, head_bytes);
	enum bzimage_result result = check_magic(&file);
	uint64_t code_bytes;

	*out = (struct bzimage){ .version = 0 };
	if (result != BZIMAGE_OK)
		return result;
	read_fields(&file, out);
	if (!header_ok(out))
		return BZIMAGE_BAD_HEADER;
	if (file_bytes <= out->setup_bytes)
		return BZIMAGE_TRUNCATED;
	out->kernel_bytes = file_bytes - out->setup_bytes;
	code_bytes = field(&file, BP_SYSSIZE, 4) * SYSSIZE_UNIT;
	/* syssize is rounded up, the file need not be. */
	if (out->kernel_bytes <= BZIMAGE_ENTRY_OFFSET ||
	    round_up(out->kernel_bytes, SYSSIZE_UNIT) < code_bytes)
		return BZIMAGE_TRUNCATED;
	if (out->init_bytes < out->kernel_bytes)
		out->init_bytes = out->kernel_bytes;
	return BZIMAGE_OK;
}

static bool fits(const struct bzimage_range *free, uint64_t start, uint64_t bytes,
                 uint64_t limit)
{
	uint64_t end = free->end < limit ? free->end : limit;

	return start >= free->start && start <= end && bytes <= end - start;
}

/* The lowest aligned place at or above floor. */
static bool place_low(const struct bzimage *image, const struct bzimage_range *free,
                      size_t count, uint64_t floor, uint64_t *load_gpa)
{
	uint64_t limit = image->above_4g ? ADDRESS_LIMIT : LIMIT_4G;
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		uint64_t start = free[i].start > floor ? free[i].start : floor;

		if (start >= limit)
			continue; /* so that rounding up cannot wrap */
		start = round_up(start, image->alignment);
		if (!fits(&free[i], start, image->init_bytes, limit))
			continue;
		if (!found || start < *load_gpa)
			*load_gpa = start;
		found = true;
	}
	return found;
}

enum bzimage_result bzimage_place(const struct bzimage *image,
                                  const struct bzimage_range *free, size_t count,
                                  uint64_t *load_gpa)
{
	uint64_t limit = image->above_4g ? ADDRESS_LIMIT : LIMIT_4G;

	for (size_t i = 0; i < count; i++) {
		if (!fits(&free[i], image->pref_address, image->init_bytes, limit))
			continue;
		*load_gpa = image->pref_address;
		return BZIMAGE_OK;
	}
	if (image->relocatable &&
	    (place_low(image, free, count, FLOOR_WANTED, load_gpa) ||
	     place_low(image, free, count, FLOOR_MIN, load_gpa)))
		return BZIMAGE_OK;
	return BZIMAGE_NO_ROOM;
}

/* Take the highest place within [start, end) if it is better than *best. */
static bool take_highest(uint64_t start, uint64_t end, uint64_t bytes, bool found,
                         uint64_t *best)
{
	uint64_t at;

	if (bytes > end)
		return found;
	at = round_down(end - bytes, PAGE_4K);
	if (at < start || (found && at <= *best))
		return found;
	*best = at;
	return true;
}

enum bzimage_result bzimage_place_high(const struct bzimage_range *free, size_t count,
                                       const struct bzimage_range *avoid, uint64_t bytes,
                                       uint64_t limit, uint64_t *gpa)
{
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		uint64_t start = free[i].start;
		uint64_t end = free[i].end < limit ? free[i].end : limit;
		uint64_t below = end < avoid->start ? end : avoid->start;
		uint64_t above = start > avoid->end ? start : avoid->end;

		found = take_highest(start, below, bytes, found, gpa);
		found = take_highest(above, end, bytes, found, gpa);
	}
	return found ? BZIMAGE_OK : BZIMAGE_NO_ROOM;
}

static void put_le(uint8_t *to, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static bool reachable(const struct bzimage *image, uint64_t gpa, uint64_t bytes,
                      uint64_t last)
{
	uint64_t max = image->above_4g ? ADDRESS_LIMIT - 1 : last;

	return bytes == 0 || (gpa <= max && bytes - 1 <= max - gpa);
}

static enum bzimage_result check_boot(const struct bzimage *image,
                                      const struct bzimage_boot *boot)
{
	if (boot->command_line_bytes > image->cmdline_size)
		return BZIMAGE_LONG_COMMAND_LINE;
	if (boot->e820_count > BP_E820_MAX)
		return BZIMAGE_LONG_E820;
	if (!reachable(image, boot->command_line_gpa, boot->command_line_bytes + 1,
	               LIMIT_4G - 1) ||
	    !reachable(image, boot->initrd_gpa, boot->initrd_bytes,
	               image->initrd_addr_max))
		return BZIMAGE_TOO_HIGH;
	return BZIMAGE_OK;
}

static void put_e820(uint8_t *page, const struct bzimage_e820 *entries, size_t count)
{
	page[BP_E820_ENTRIES] = (uint8_t)count;
	for (size_t i = 0; i < count; i++) {
		uint8_t *to = page + BP_E820_TABLE + i * BP_E820_ENTRY_BYTES;

		put_le(to, entries[i].start, 8);
		put_le(to + 8, entries[i].bytes, 8);
		put_le(to + 16, entries[i].type, 4);
	}
}

static void put_text_screen(uint8_t *page, const struct bzimage_screen *screen)
{
	page[BP_SCREEN_MODE] = 3;
	page[BP_SCREEN_COLUMNS] = (uint8_t)screen->width;
	page[BP_SCREEN_LINES] = (uint8_t)screen->height;
	page[BP_SCREEN_TYPE] = BP_SCREEN_VGA;
	put_le(page + BP_SCREEN_POINTS, 16, 2);
}

static void put_pixel_screen(uint8_t *page, const struct bzimage_screen *screen, bool efi)
{
	uint64_t bytes = (uint64_t)screen->pitch * screen->height;

	page[BP_SCREEN_TYPE] = efi ? BP_SCREEN_EFI : BP_SCREEN_VLFB;
	put_le(page + BP_SCREEN_WIDTH, screen->width, 2);
	put_le(page + BP_SCREEN_HEIGHT, screen->height, 2);
	put_le(page + BP_SCREEN_DEPTH, screen->depth, 2);
	put_le(page + BP_SCREEN_BASE, screen->base, 4);
	put_le(page + BP_EXT_SCREEN_BASE, screen->base >> 32, 4);
	put_le(page + BP_SCREEN_BYTES, efi ? bytes : (bytes + 0xffff) >> 16, 4);
	put_le(page + BP_SCREEN_PITCH, screen->pitch, 2);
	for (unsigned int i = 0; i < sizeof(screen->fields); i++)
		page[BP_SCREEN_FIELDS + (i ^ 1)] = screen->fields[i];
	put_le(page + BP_SCREEN_CAPABILITIES, BP_SCREEN_64_BIT_BASE, 4);
}

/* Zero is what a machine without a screen has. */
static void put_screen(uint8_t *page, const struct bzimage_boot *boot)
{
	if (boot->screen.kind == BZIMAGE_SCREEN_TEXT)
		put_text_screen(page, &boot->screen);
	else if (boot->screen.kind == BZIMAGE_SCREEN_PIXELS)
		put_pixel_screen(page, &boot->screen, boot->efi.system_table != 0);
}

static void put_efi(uint8_t *page, const struct bzimage_efi *efi)
{
	if (efi->system_table == 0)
		return;
	put_le(page + BP_EFI_SIGNATURE, BP_EFI_SIGNATURE_64, 4);
	put_le(page + BP_EFI_SYSTEM_TABLE, efi->system_table, 4);
	put_le(page + BP_EXT_EFI_SYSTEM_TABLE, efi->system_table >> 32, 4);
	put_le(page + BP_EFI_DESCRIPTOR_BYTES, efi->descriptor_bytes, 4);
	put_le(page + BP_EFI_DESCRIPTOR_VERSION, efi->descriptor_version, 4);
	put_le(page + BP_EFI_MAP, efi->map_gpa, 4);
	put_le(page + BP_EXT_EFI_MAP, efi->map_gpa >> 32, 4);
	put_le(page + BP_EFI_MAP_BYTES, efi->map_bytes, 4);
}

enum bzimage_result bzimage_boot_params(uint8_t page[BOOT_PARAMS_BYTES], const void *file,
                                        const struct bzimage *image,
                                        const struct bzimage_boot *boot)
{
	const uint8_t *header = (const uint8_t *)file + BP_SETUP_SECTS;
	enum bzimage_result result = check_boot(image, boot);

	if (result != BZIMAGE_OK)
		return result;
	memset(page, 0, BOOT_PARAMS_BYTES);
	memcpy(page + BP_SETUP_SECTS, header, image->header_end - BP_SETUP_SECTS);
	page[BP_TYPE_OF_LOADER] = BP_LOADER_UNKNOWN;
	page[BP_LOADFLAGS] = BP_LOADED_HIGH;
	put_le(page + BP_SETUP_DATA, 0, 8); /* an image cannot bring its own list */
	put_le(page + BP_CMD_LINE_PTR, boot->command_line_gpa, 4);
	put_le(page + BP_EXT_CMD_LINE_PTR, boot->command_line_gpa >> 32, 4);
	put_le(page + BP_RAMDISK_IMAGE, boot->initrd_gpa, 4);
	put_le(page + BP_EXT_RAMDISK_IMAGE, boot->initrd_gpa >> 32, 4);
	put_le(page + BP_RAMDISK_SIZE, boot->initrd_bytes, 4);
	put_le(page + BP_EXT_RAMDISK_SIZE, boot->initrd_bytes >> 32, 4);
	put_le(page + BP_ACPI_RSDP_ADDR, boot->rsdp_gpa, 8);
	put_e820(page, boot->e820, boot->e820_count);
	put_screen(page, boot);
	put_efi(page, &boot->efi);
	return BZIMAGE_OK;
}
