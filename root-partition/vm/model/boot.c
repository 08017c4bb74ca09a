/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 64-bit boot protocol (Linux Documentation/arch/x86/boot.rst): identity-mapped long mode,
 * flat segments 0x10 and 0x18, interrupts off, RSI the boot parameters.
 */
#include "root-partition/vm/model/boot.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "root-partition/vm/model/acpi_tables.h"
#include "root-partition/vm/model/platform.h"
#include "vsp/lib/core/memory_map.h"

#define GDT_GPA          0x1000u
#define PARAMS_GPA       0x2000u
#define TABLES_GPA       0x3000u
#define STACK_END_GPA    0xa000u
#define COMMAND_LINE_GPA 0x20000u
#define COMMAND_LINE_MAX 0x10000u
#define LOW_RAM_END      0xa0000u
#define HIGH_START       0x100000u

/* APM2 5.3: page table entries */
#define PTE_PRESENT  BIT64(0)
#define PTE_WRITABLE BIT64(1)
#define PTE_LARGE    BIT64(7)
#define MAPPED_GIB   4u

/* Where real-mode code goes to restart a PC: F000:FFF0. */
#define RESET_VECTOR_GPA 0xffff0u

/* Descriptors and their attributes as the VMCB and the TLFS have them. APM2 4.7, 4.8 */
#define GDT_CODE        UINT64_C(0x00af9b000000ffff)
#define GDT_DATA        UINT64_C(0x00cf93000000ffff)
#define CODE_SELECTOR   0x10u
#define DATA_SELECTOR   0x18u
#define CODE_ATTRIBUTES 0xa09bu
#define DATA_ATTRIBUTES 0xc093u
#define TSS_ATTRIBUTES  0x008bu
#define LDT_ATTRIBUTES  0x0082u
#define GDT_ENTRIES     4u

#define CR0_PE   BIT64(0)
#define CR0_MP   BIT64(1)
#define CR0_ET   BIT64(4)
#define CR0_NE   BIT64(5)
#define CR0_PG   BIT64(31)
#define CR4_PAE  BIT64(5)
#define EFER_LME BIT64(8)
#define EFER_LMA BIT64(10)
#define RFLAGS_1 BIT64(1)

static size_t text_length(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

/* RAM that kernel and initrd may be put into: the ranges above 1 MiB. */
static size_t free_ranges(uint64_t ram_bytes, struct bzimage_range ranges[2])
{
	struct vsp_map map;

	vsp_map_for_ram(&map, ram_bytes);
	for (uint32_t i = 0; i < map.count; i++) {
		ranges[i].start = map.range[i].gpa;
		ranges[i].end = map.range[i].gpa + map.range[i].bytes;
	}
	ranges[0].start = HIGH_START;
	return map.count;
}

static void plan_e820(struct boot_plan *plan, const struct bzimage_range *ranges,
                      size_t count)
{
	plan->e820[0] = (struct bzimage_e820){ 0, LOW_RAM_END, E820_RAM };
	plan->e820[1] =
		(struct bzimage_e820){ ACPI_AREA_GPA, ACPI_AREA_BYTES, E820_ACPI };
	for (size_t i = 0; i < count; i++) {
		plan->e820[2 + i] = (struct bzimage_e820){
			.start = ranges[i].start,
			.bytes = ranges[i].end - ranges[i].start,
			.type = E820_RAM,
		};
	}
	plan->boot.e820 = plan->e820;
	plan->boot.e820_count = 2 + count;
}

static enum bzimage_result plan_initrd(const struct boot_input *input,
                                       struct boot_plan *plan,
                                       const struct bzimage_range *ranges, size_t count)
{
	struct bzimage_range kernel = {
		.start = plan->kernel_gpa,
		.end = plan->kernel_gpa + plan->image.init_bytes,
	};

	if (input->initrd_bytes == 0)
		return BZIMAGE_OK;
	plan->boot.initrd_bytes = input->initrd_bytes;
	return bzimage_place_high(ranges, count, &kernel, input->initrd_bytes,
	                          plan->image.initrd_addr_max + 1,
	                          &plan->boot.initrd_gpa);
}

enum bzimage_result boot_plan(const struct boot_input *input, struct boot_plan *plan)
{
	struct bzimage_range ranges[2];
	size_t count = free_ranges(input->ram_bytes, ranges);
	size_t line_bytes = text_length(input->command_line);
	enum bzimage_result result;

	*plan = (struct boot_plan){ 0 };
	result = bzimage_parse(input->kernel, input->kernel_bytes, &plan->image);
	if (result != BZIMAGE_OK)
		return result;
	if (line_bytes > plan->image.cmdline_size || line_bytes >= COMMAND_LINE_MAX)
		return BZIMAGE_LONG_COMMAND_LINE;
	/* Only the range below 4 GiB: it is what the first page tables map. */
	result = bzimage_place(&plan->image, ranges, 1, &plan->kernel_gpa);
	if (result != BZIMAGE_OK)
		return result;
	plan_e820(plan, ranges, count);
	plan->boot.command_line_gpa = COMMAND_LINE_GPA;
	plan->boot.command_line_bytes = line_bytes;
	plan->boot.rsdp_gpa = ACPI_AREA_GPA;
	return plan_initrd(input, plan, ranges, count);
}

static void write_gdt(uint8_t *low)
{
	uint64_t gdt[GDT_ENTRIES] = { 0, 0, GDT_CODE, GDT_DATA };

	memcpy(low + GDT_GPA, gdt, sizeof(gdt));
}

/* One PML4 and one PDPT entry per GiB, each GiB by 2 MiB pages: no processor lacks those. */
static void write_page_tables(uint8_t *low)
{
	uint64_t *pml4 = (uint64_t *)(low + TABLES_GPA);
	uint64_t *pdpt = pml4 + 512;
	uint64_t *directory = pdpt + 512;

	for (uint64_t i = 0; i < 512; i++) {
		uint64_t table = TABLES_GPA | PTE_PRESENT | PTE_WRITABLE;

		pml4[i] = i == 0 ? table + PAGE_4K : 0;
		pdpt[i] = i < MAPPED_GIB ? table + (2 + i) * PAGE_4K : 0;
	}
	for (uint64_t i = 0; i < MAPPED_GIB * 512; i++)
		directory[i] = i * PAGE_2M | PTE_PRESENT | PTE_WRITABLE | PTE_LARGE;
}

/*
 * Linux restarts a hardware-reduced machine through EFI and, there being none, through the BIOS,
 * never by ACPI's register. So the BIOS we do not have is one that does that.
 */
static void write_reset_vector(uint8_t *low)
{
	static const uint8_t code[] = {
		0xb0,
		PLATFORM_RESET_VALUE, /* mov al, 1 */
		0xba,
		PLATFORM_RESET_PORT & 0xff,
		PLATFORM_RESET_PORT >> 8, /* mov dx, 0x602 */
		0xee,                     /* out dx, al */
		0xf4,                     /* hlt */
		0xeb,
		0xfd, /* jmp to the hlt */
	};

	memcpy(low + RESET_VECTOR_GPA, code, sizeof(code));
}

enum bzimage_result boot_write(const struct boot_input *input, struct boot_plan *plan,
                               uint8_t low[BOOT_LOW_BYTES])
{
	plan->boot.e820 = plan->e820; /* the plan may have been copied */
	write_gdt(low);
	write_page_tables(low);
	write_reset_vector(low);
	memcpy(low + COMMAND_LINE_GPA, input->command_line,
	       plan->boot.command_line_bytes + 1);
	return bzimage_boot_params(low + PARAMS_GPA, input->kernel, &plan->image,
	                           &plan->boot);
}

/* Collects register values; there is room for all that boot_registers() sets. */
struct register_list {
	struct hv_register_assoc *registers;
	uint32_t count;
};

static struct hv_register_assoc *add_register(struct register_list *list, uint32_t name)
{
	struct hv_register_assoc *assoc = &list->registers[list->count++];

	*assoc = (struct hv_register_assoc){ .name = name };
	return assoc;
}

static void set_register(struct register_list *list, uint32_t name, uint64_t value)
{
	add_register(list, name)->value.reg64 = value;
}

static void set_segment(struct register_list *list, uint32_t name, uint16_t selector,
                        uint16_t attributes, uint32_t limit)
{
	add_register(list, name)->value.segment = (struct hv_x64_segment_register){
		.limit = limit,
		.selector = selector,
		.attributes = attributes,
	};
}

static void set_segments(struct register_list *list)
{
	set_segment(list, HV_X64_REGISTER_CS, CODE_SELECTOR, CODE_ATTRIBUTES, UINT32_MAX);
	for (uint32_t name = HV_X64_REGISTER_ES; name <= HV_X64_REGISTER_GS; name++)
		if (name != HV_X64_REGISTER_CS)
			set_segment(list, name, DATA_SELECTOR, DATA_ATTRIBUTES,
			            UINT32_MAX);
	set_segment(list, HV_X64_REGISTER_LDTR, 0, LDT_ATTRIBUTES, 0xffff);
	set_segment(list, HV_X64_REGISTER_TR, 0, TSS_ATTRIBUTES, 0xffff);
	add_register(list, HV_X64_REGISTER_GDTR)->value.table =
		(struct hv_x64_table_register){
			.limit = GDT_ENTRIES * 8 - 1,
			.base = GDT_GPA,
		};
	add_register(list, HV_X64_REGISTER_IDTR)->value.table =
		(struct hv_x64_table_register){ 0 };
}

uint32_t boot_registers(const struct boot_plan *plan,
                        struct hv_register_assoc registers[BOOT_REGISTERS_MAX])
{
	struct register_list list = { .registers = registers };

	set_segments(&list);
	/* EFER before CR0, for a receiver that checks each value against those before it. */
	set_register(&list, HV_X64_REGISTER_CR4, CR4_PAE);
	set_register(&list, HV_X64_REGISTER_CR3, TABLES_GPA);
	set_register(&list, HV_X64_REGISTER_EFER, EFER_LME | EFER_LMA);
	set_register(&list, HV_X64_REGISTER_CR0,
	             CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_PG);
	set_register(&list, HV_X64_REGISTER_RIP, plan->kernel_gpa + BZIMAGE_ENTRY_OFFSET);
	set_register(&list, HV_X64_REGISTER_RFLAGS, RFLAGS_1);
	set_register(&list, HV_X64_REGISTER_RAX + 4, STACK_END_GPA);
	set_register(&list, HV_X64_REGISTER_RAX + 6, PARAMS_GPA);
	return list.count;
}
