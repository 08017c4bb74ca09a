/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's start: what boot_params and ACPI say; a bump allocator of pages. */
#include "vsc/lib/guest.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "vsc/lib/apic.h"
#include "vsc/lib/console.h"
#include "vsc/lib/image.h"
#include "vsc/lib/options.h"
#include "vsc/lib/paging.h"
#include "vsc/lib/smp.h"
#include "vsc/lib/tap.h"
#include "vsc/lib/trap.h"

#define E820_ENTRY_BYTES 20u
#define E820_MAX         128u
#define LIMIT_4G         (4 * PAGE_1G)
#define BIOS_AREA        0xe0000u
#define BIOS_AREA_BYTES  0x20000u
#define LOW_PAGES_FIRST  0x8000u
#define LOW_PAGES_END    0x90000u
#define ARENA_BYTES_MAX  (64 * 1024 * 1024)
#define ARENA_BYTES_MIN  (1024 * 1024)

extern uint8_t payload_start[];

static struct boot_info info;
static struct acpi_info acpi;
static char command_line[2048];
static uint64_t arena, arena_end, rsdp_gpa;

static uint64_t field(const uint8_t *params, size_t offset, size_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, params + offset, bytes);
	return value;
}

static void add_range(uint64_t start, uint64_t bytes, uint32_t type)
{
	if (!boot_info_add(&info, start, start + bytes, type))
		bail_out("the memory map is too long");
}

static void read_memory_map(const uint8_t *params)
{
	unsigned int count = params[BOOT_PARAMS_E820_COUNT];

	for (unsigned int i = 0; i < count && i < E820_MAX; i++) {
		size_t at = BOOT_PARAMS_E820 + i * E820_ENTRY_BYTES;
		uint64_t start = field(params, at, 8);

		add_range(start, field(params, at + 8, 8),
		          (uint32_t)field(params, at + 16, 4));
	}
}

static void take_range(uint64_t start, uint64_t bytes)
{
	if (start != 0)
		add_range(start, bytes, MEMORY_TAKEN);
}

/* What must not be handed out as free memory, and the command line. */
static void read_boot_params(const uint8_t *params)
{
	uint64_t line = field(params, BOOT_PARAMS_COMMAND_LINE, 4);

	for (size_t i = 0; line && i < sizeof(command_line) - 1; i++) {
		command_line[i] = ((const char *)line)[i];
		if (command_line[i] == 0)
			break;
	}
	take_range((uint64_t)payload_start, IMAGE_INIT_SIZE);
	take_range((uint64_t)params, PAGE_4K);
	take_range(line, sizeof(command_line));
	take_range(field(params, BOOT_PARAMS_RAMDISK, 4),
	           field(params, BOOT_PARAMS_RAMDISK_SIZE, 4));
	rsdp_gpa = field(params, BOOT_PARAMS_RSDP, 8);
}

/* Identity-mapped memory, as far as our tables reach. */
static void *map_acpi(void *context, uint64_t hpa, size_t bytes)
{
	(void)context; /* nothing to know */
	return hpa && hpa < LIMIT_4G && bytes <= LIMIT_4G - hpa ? (void *)hpa : NULL;
}

static const struct acpi_memory memory = { .map = map_acpi };

const void *guest_acpi_table(const char signature[4])
{
	uint64_t hpa;

	return acpi_find_table(&memory, &acpi, signature, &hpa) == ACPI_OK ?
	               (const void *)hpa :
	               NULL;
}

/* Without a loader's word: on a boundary of 16 bytes. ACPI 5.2.5.1 */
static uint64_t find_rsdp(void)
{
	for (uint64_t at = BIOS_AREA; at < BIOS_AREA + BIOS_AREA_BYTES; at += 16)
		if (acpi_rsdp_is_valid((const void *)at,
		                       BIOS_AREA + BIOS_AREA_BYTES - at))
			return at;
	return 0;
}

static void read_acpi(void)
{
	uint64_t rsdp = rsdp_gpa ? rsdp_gpa : find_rsdp();
	enum acpi_status status;

	if (rsdp && rsdp < LIMIT_4G) {
		acpi.rsdp_bytes = ((const uint8_t *)rsdp)[15] ? BOOT_RSDP_BYTES : 20;
		memcpy(acpi.rsdp, (const void *)rsdp, acpi.rsdp_bytes);
	}
	status = acpi_read(&memory, &acpi);
	if (status != ACPI_OK)
		note("acpi: %s", acpi_status_name(status));
}

static void find_arena(void)
{
	for (uint64_t bytes = ARENA_BYTES_MAX; !arena && bytes >= ARENA_BYTES_MIN;
	     bytes /= 2) {
		arena = boot_info_find_free(&info, bytes, PAGE_2M, PAGE_2M, LIMIT_4G);
		arena_end = arena + bytes;
	}
	if (!arena)
		bail_out("no memory: the map has %u ranges", info.range_count);
}

void *pages_take(size_t count)
{
	void *pages = (void *)arena;

	if (count > (arena_end - arena) / PAGE_4K)
		bail_out("out of memory");
	arena += count * PAGE_4K;
	memset(pages, 0, count * PAGE_4K);
	return pages;
}

uint64_t guest_low_page(void)
{
	return boot_info_find_free(&info, PAGE_4K, PAGE_4K, LOW_PAGES_FIRST,
	                           LOW_PAGES_END);
}

const struct boot_info *guest_info(void)
{
	return &info;
}

const struct acpi_info *guest_acpi(void)
{
	return &acpi;
}

bool guest_option(const char *name, char *value, size_t size)
{
	return option_value(command_line, name, value, size);
}

uint64_t guest_option_number(const char *name, uint64_t otherwise)
{
	char text[32];
	uint64_t number;

	if (!guest_option(name, text, sizeof(text)) || !option_number(text, &number))
		return otherwise;
	return number;
}

bool guest_option_range(const char *name, uint64_t *start, uint64_t *end)
{
	char text[64];

	return guest_option(name, text, sizeof(text)) && option_range(text, start, end);
}

bool guest_wants(const char *group, bool is_default)
{
	char list[256];

	if (!guest_option("tests", list, sizeof(list)))
		return is_default;
	return option_list_has(list, group) ||
	       (is_default && option_list_has(list, "default"));
}

_Noreturn void guest_start(uint8_t *boot_params)
{
	console_init();
	trap_init_vp(smp_first_vp());
	read_memory_map(boot_params);
	read_boot_params(boot_params);
	paging_init();
	read_acpi();
	find_arena();
	apic_init();
	guest_main();
	guest_exit();
}
