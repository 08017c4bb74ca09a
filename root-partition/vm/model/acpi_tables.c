/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables are written one after another into the area, each 64-byte aligned:
 * RSDP, DSDT, FADT, MADT, XSDT. ACPI 6.5: 5.2.5 RSDP, 5.2.6 header, 5.2.8 XSDT, 5.2.9 FADT,
 * 5.2.12 MADT.
 */
#include "root-partition/vm/model/acpi_tables.h"

#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "root-partition/vm/model/platform.h"

#define TABLE_ALIGNMENT 64u
#define LOCAL_APIC_GPA  0xfee00000u

struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
};
ASSERT_SIZE(struct acpi_header, 36);

struct acpi_rsdp {
	char signature[8];
	uint8_t checksum; /* of the first 20 bytes */
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum; /* of all */
	uint8_t reserved[3];
} __attribute__((packed));
ASSERT_SIZE(struct acpi_rsdp, 36);

/* Generic address structure. ACPI 6.5, 5.2.3.2 */
struct acpi_register {
	uint8_t space;
	uint8_t bit_width;
	uint8_t bit_offset;
	uint8_t access_size;
	uint64_t address;
} __attribute__((packed));
ASSERT_SIZE(struct acpi_register, 12);

/* The fields of a FADT that such a machine uses; what lies between is 0. ACPI 6.5, table 5.9 */
struct acpi_fadt {
	struct acpi_header header;
	uint8_t reserved1[72];
	uint8_t century;
	uint16_t boot_flags;
	uint8_t reserved2;
	uint32_t flags;
	struct acpi_register reset;
	uint8_t reset_value;
	uint16_t arm_boot_flags;
	uint8_t minor_revision;
	uint64_t facs;
	uint64_t dsdt;
	uint8_t reserved3[96];
	struct acpi_register sleep_control;
	struct acpi_register sleep_status;
	uint64_t hypervisor_vendor;
} __attribute__((packed));
ASSERT_SIZE(struct acpi_fadt, 276);
ASSERT_OFFSET(struct acpi_fadt, century, 108);
ASSERT_OFFSET(struct acpi_fadt, flags, 112);
ASSERT_OFFSET(struct acpi_fadt, dsdt, 140);
ASSERT_OFFSET(struct acpi_fadt, sleep_control, 244);

#define FADT_WBINVD           BIT32(0)
#define FADT_NO_POWER_BUTTON  BIT32(4) /* no fixed-feature one */
#define FADT_NO_SLEEP_BUTTON  BIT32(5)
#define FADT_RESET_SUPPORTED  BIT32(10)
#define FADT_HARDWARE_REDUCED BIT32(20)
#define FADT_BOOT_NO_VGA      0x0004u

struct acpi_madt {
	struct acpi_header header;
	uint32_t local_apic;
	uint32_t flags; /* bit 0 clear: no 8259 */
};
ASSERT_SIZE(struct acpi_madt, 44);

enum madt_entry { MADT_LOCAL_APIC = 0, MADT_IOAPIC = 1, MADT_LOCAL_X2APIC = 9 };
#define MADT_ENABLED 1u

struct madt_local_apic {
	uint8_t type;
	uint8_t length;
	uint8_t processor_uid;
	uint8_t apic_id;
	uint32_t flags;
};
ASSERT_SIZE(struct madt_local_apic, 8);

struct madt_local_x2apic {
	uint8_t type;
	uint8_t length;
	uint16_t reserved;
	uint32_t apic_id;
	uint32_t flags;
	uint32_t processor_uid;
};
ASSERT_SIZE(struct madt_local_x2apic, 16);

struct madt_ioapic {
	uint8_t type;
	uint8_t length;
	uint8_t id;
	uint8_t reserved;
	uint32_t address;
	uint32_t first_interrupt;
};
ASSERT_SIZE(struct madt_ioapic, 12);

/* Where the next byte goes. Once something did not fit, nothing more is written. */
struct writer {
	uint8_t *area;
	uint32_t at;
	bool overrun;
};

static void append(struct writer *writer, const void *bytes, size_t count)
{
	if (writer->overrun || count > ACPI_AREA_BYTES - writer->at) {
		writer->overrun = true;
		return;
	}
	memcpy(writer->area + writer->at, bytes, count);
	writer->at += (uint32_t)count;
}

static uint8_t checksum(const uint8_t *bytes, size_t count)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return (uint8_t)-sum;
}

static struct acpi_header header_of(const char *signature, uint8_t revision)
{
	struct acpi_header header = {
		.revision = revision,
		.oem_id = { 'V', 'I', 'R', 'I', 'D', 'I' },
		.oem_table_id = { 'V', 'I', 'R', 'I', 'D', 'I', 'S', ' ' },
		.oem_revision = 1,
		.creator_id = { 'V', 'I', 'R', 'I' },
		.creator_revision = 1,
	};

	memcpy(header.signature, signature, sizeof(header.signature));
	return header;
}

/* Writes length and checksum of the table that began at `start`, and goes to the next place. */
static void finish_table(struct writer *writer, uint32_t start)
{
	struct acpi_header *header = (struct acpi_header *)(writer->area + start);

	if (writer->overrun)
		return;
	header->length = writer->at - start;
	header->checksum = 0;
	header->checksum = checksum(writer->area + start, header->length);
	writer->at = (uint32_t)round_up(writer->at, TABLE_ALIGNMENT);
	writer->overrun = writer->at > ACPI_AREA_BYTES;
}

static struct acpi_register port_register(uint16_t port)
{
	return (struct acpi_register){
		.space = 1, /* system I/O */
		.bit_width = 8,
		.access_size = 1,
		.address = port,
	};
}

static void write_fadt(struct writer *writer, uint32_t dsdt)
{
	uint32_t start = writer->at;
	struct acpi_fadt fadt = {
		.header = header_of("FACP", 6),
		.century = 0x32,
		.boot_flags = FADT_BOOT_NO_VGA,
		.flags = FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON |
		         FADT_RESET_SUPPORTED | FADT_HARDWARE_REDUCED,
		.reset = port_register(PLATFORM_RESET_PORT),
		.reset_value = PLATFORM_RESET_VALUE,
		.minor_revision = 5,
		.dsdt = ACPI_AREA_GPA + dsdt,
		.sleep_control = port_register(PLATFORM_SLEEP_PORT),
		.sleep_status = port_register(PLATFORM_STATUS_PORT),
	};

	memcpy(&fadt.hypervisor_vendor, "Viridis", 7);
	append(writer, &fadt, sizeof(fadt));
	finish_table(writer, start);
}

/* APIC ids from 255 on are told by the larger entry. ACPI 6.5, 5.2.12.12 */
static void write_processor(struct writer *writer, uint32_t vp)
{
	struct madt_local_apic small = {
		.type = MADT_LOCAL_APIC,
		.length = sizeof(small),
		.processor_uid = (uint8_t)vp,
		.apic_id = (uint8_t)vp,
		.flags = MADT_ENABLED,
	};
	struct madt_local_x2apic large = {
		.type = MADT_LOCAL_X2APIC,
		.length = sizeof(large),
		.apic_id = vp,
		.flags = MADT_ENABLED,
		.processor_uid = vp,
	};

	if (vp < 255)
		append(writer, &small, sizeof(small));
	else
		append(writer, &large, sizeof(large));
}

static void write_madt(struct writer *writer, uint32_t vp_count)
{
	uint32_t start = writer->at;
	struct acpi_madt madt = {
		.header = header_of("APIC", 5),
		.local_apic = LOCAL_APIC_GPA,
	};
	struct madt_ioapic ioapic = {
		.type = MADT_IOAPIC,
		.length = sizeof(ioapic),
		.id = IOAPIC_MODEL_ID,
		.address = IOAPIC_MODEL_GPA,
	};

	append(writer, &madt, sizeof(madt));
	for (uint32_t vp = 0; vp < vp_count && !writer->overrun; vp++)
		write_processor(writer, vp);
	append(writer, &ioapic, sizeof(ioapic));
	finish_table(writer, start);
}

static void write_xsdt(struct writer *writer, uint32_t fadt, uint32_t madt)
{
	uint32_t start = writer->at;
	struct acpi_header header = header_of("XSDT", 1);
	uint32_t entry[4] = { ACPI_AREA_GPA + fadt, 0, ACPI_AREA_GPA + madt, 0 };

	/* The 64-bit entries follow 36 bytes, so they are not aligned. */
	append(writer, &header, sizeof(header));
	append(writer, entry, sizeof(entry));
	finish_table(writer, start);
}

static void write_rsdp(uint8_t *area, uint32_t xsdt)
{
	struct acpi_rsdp rsdp = {
		.signature = { 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' },
		.oem_id = { 'V', 'I', 'R', 'I', 'D', 'I' },
		.revision = 2,
		.length = sizeof(rsdp),
		.xsdt = ACPI_AREA_GPA + xsdt,
	};

	rsdp.checksum = checksum((const uint8_t *)&rsdp, 20);
	rsdp.extended_checksum = checksum((const uint8_t *)&rsdp, sizeof(rsdp));
	memcpy(area, &rsdp, sizeof(rsdp));
}

bool acpi_tables_build(uint8_t area[ACPI_AREA_BYTES],
                       const struct acpi_tables_input *input)
{
	struct writer writer = { .area = area, .at = TABLE_ALIGNMENT };
	uint32_t dsdt;
	uint32_t fadt;
	uint32_t madt;
	uint32_t xsdt;

	memset(area, 0, ACPI_AREA_BYTES);
	dsdt = writer.at;
	append(&writer, input->dsdt, input->dsdt_bytes);
	finish_table(&writer, dsdt);
	fadt = writer.at;
	write_fadt(&writer, dsdt);
	madt = writer.at;
	write_madt(&writer, input->vp_count);
	xsdt = writer.at;
	write_xsdt(&writer, fadt, madt);
	write_rsdp(area, xsdt);
	return !writer.overrun && input->dsdt_bytes >= sizeof(struct acpi_header);
}
