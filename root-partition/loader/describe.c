/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the hypervisor must know of the machine and the firmware's tables say: read here, where a fault in
 * a table can do no harm, and handed over by one hypercall, which is answered once only.
 */
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_msr.h>
#include <viridis/base/bits.h>
#include <viridis/base/mem.h>
#include "hypervisor/core/ioapic_guard.h"
#include "root-partition/loader/core/acpi.h"
#include "root-partition/loader/core/machine.h"
#include "root-partition/loader/loader.h"

#define ANY_GUEST_OS_ID  1
#define PAGE_OF_OURS_HPA ROOT_LOADER_TRAMPOLINE_HPA

static struct acpi_info acpi;
static struct viridis_input_describe_machine machine __attribute__((aligned(512)));

static void *map(void *context, uint64_t hpa, size_t bytes)
{
	(void)context; /* there is one memory */
	return hpa < MAPPED_END && bytes <= MAPPED_END - hpa ? (void *)hpa : NULL;
}

/* IOMMUs are the hypervisor's: whoever looks next finds no word of them. */
static void read_acpi(const struct boot_tags *tags)
{
	const struct acpi_memory memory = { .map = map };
	enum acpi_status status;

	memcpy(acpi.rsdp, tags->rsdp, sizeof(acpi.rsdp));
	acpi.rsdp_bytes = tags->rsdp_bytes;
	status = acpi_read(&memory, &acpi);
	if (status != ACPI_OK)
		loader_stop(acpi_status_name(status));
	if (acpi.dmar_hpa != 0)
		acpi_hide_table(&memory, &acpi, acpi.dmar_hpa);
	if (acpi.ivrs_hpa != 0)
		acpi_hide_table(&memory, &acpi, acpi.ivrs_hpa);
}

/* Nothing is left of the firmware's entries when the hypervisor begins to judge them: the kernel makes its own. */
static void mask_ioapic(uint64_t hpa)
{
	volatile uint32_t *registers = (volatile uint32_t *)hpa;
	unsigned int entries;

	registers[IOAPIC_SELECT / 4] = IOAPIC_REGISTER_VERSION;
	entries = (registers[IOAPIC_WINDOW / 4] >> 16 & 0xff) + 1;
	for (unsigned int i = 0; i < entries; i++) {
		registers[IOAPIC_SELECT / 4] = IOAPIC_REGISTER_ENTRIES + 2 * i;
		registers[IOAPIC_WINDOW / 4] = IOAPIC_ENTRY_MASKED;
	}
}

static void fill_in(void)
{
	_Static_assert((int)ACPI_MAX_CPUS == VIRIDIS_MACHINE_CPUS, "they all fit");
	_Static_assert((int)ACPI_MAX_IOAPICS == VIRIDIS_MACHINE_IOAPICS, "they all fit");
	_Static_assert((int)ACPI_MAX_IOMMUS == VIRIDIS_MACHINE_IOMMUS, "they all fit");

	machine.tsc_hz = loader_measure_tsc(acpi.pm_timer_port);
	machine.cpu_count = acpi.cpu_count;
	machine.ioapic_count = acpi.ioapic_count;
	machine.iommu_count = acpi.iommu_count;
	machine.pm1_control[0] = acpi.pm1a_control;
	machine.pm1_control[1] = acpi.pm1b_control;
	machine.s5_type = acpi.s5_found ? acpi.s5_type_a : VIRIDIS_MACHINE_NO_S5;
	if (acpi.reset.usable && !acpi.reset.is_memory) {
		machine.reset_port = (uint16_t)acpi.reset.address;
		machine.reset_value = acpi.reset.value;
	}
	for (unsigned int i = 0; i < acpi.cpu_count; i++)
		machine.apic_id[i] = acpi.cpus[i].apic_id;
	for (unsigned int i = 0; i < acpi.ioapic_count; i++) {
		machine.ioapic_hpa[i] = acpi.ioapics[i].hpa;
		mask_ioapic(acpi.ioapics[i].hpa);
	}
	for (unsigned int i = 0; i < acpi.iommu_count; i++) {
		machine.iommu[i].hpa = acpi.iommus[i].hpa;
		machine.iommu[i].bytes = acpi.iommus[i].bytes;
	}
}

static void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
	                 :
	                 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
	                 : "memory");
}

void loader_call(uint16_t code, const void *input)
{
	register uint64_t output __asm__("r8") = 0;
	uint64_t result;

	__asm__ volatile("vmmcall"
	                 : "=a"(result)
	                 : "c"((uint64_t)code), "d"(input), "r"(output)
	                 : "memory");
	if (result != 0)
		loader_stop("the hypervisor does not take the machine's description");
}

/* Hypercalls are enabled for these alone: the kernel finds them as after a reset. TLFS 3.13 */
void loader_describe_machine(const struct boot_tags *tags)
{
	const char *fault;

	read_acpi(tags);
	fill_in();
	fault = machine_reject_reason(&machine);
	if (fault)
		loader_stop(fault);
	for (unsigned int i = 0; machine_lack(&machine, i); i++)
		loader_say(machine_lack(&machine, i));
	write_msr(HV_MSR_GUEST_OS_ID, ANY_GUEST_OS_ID);
	write_msr(HV_MSR_HYPERCALL, PAGE_OF_OURS_HPA | HV_MSR_PAGE_ENABLE);
	loader_show_cpuid();
	loader_call(HVCALL_VIRIDIS_DESCRIBE_MACHINE, &machine);
	write_msr(HV_MSR_HYPERCALL, 0);
	write_msr(HV_MSR_GUEST_OS_ID, 0);
}
