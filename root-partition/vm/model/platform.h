/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's machine beside its processors: what its I/O ports and device memory do. PURE; the
 * owner holds one lock over it, and after every call carries out the effects it then finds.
 *
 *   ports    0x040 - 0x043  timer: counters to measure time with, no interrupt
 *            0x060, 0x064   keyboard controller: only its reset line; idle, with nothing to say
 *            0x061          system control B: no NMI has a reason; refresh goes on; counter 2's gate and output
 *            0x092          system control A: A20 is on; the fast reset
 *            0x070 - 0x071  clock, IRQ 8
 *            0x3ba, 0x3da   a display's status: none is there, and its retrace comes and goes
 *            0x3f8 - 0x3ff  COM1, IRQ 4
 *            0x600          ACPI sleep control, 0x601 sleep status, 0x602 ACPI reset
 *            0xcf8 - 0xcff  PCI configuration mechanism 1, with no device; 0xcf9 reset control
 *   memory   0xfec00000     I/O APIC
 *
 * Everything else reads all ones and drops what is written. A port that guests poll must not say "wait"
 * by that: who waits for a bit of it is let go by what it reads (platform_test).
 */
#ifndef VIRIDIS_VM_MODEL_PLATFORM_H
#define VIRIDIS_VM_MODEL_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "root-partition/vm/model/ioapic_model.h"
#include "root-partition/vm/model/pit.h"
#include "root-partition/vm/model/rtc.h"
#include "root-partition/vm/model/uart.h"

#define PLATFORM_COM1_PORT    0x3f8u
#define PLATFORM_COM1_IRQ     4u
#define PLATFORM_RTC_IRQ      8u
#define PLATFORM_SLEEP_PORT   0x600u
#define PLATFORM_STATUS_PORT  0x601u
#define PLATFORM_RESET_PORT   0x602u
#define PLATFORM_RESET_VALUE  0x01u
#define PLATFORM_S5_TYPE      5u
#define PLATFORM_OUTPUT_BYTES 64u

enum platform_power {
	PLATFORM_RUNNING,
	PLATFORM_OFF,
	PLATFORM_RESET,
};

struct platform {
	struct uart uart;
	struct ioapic_model ioapic;
	struct rtc rtc;
	struct pit pit;
	uint8_t retrace;
	uint32_t pci_address;
	uint8_t control_b;                     /* port 0x61 */
	uint8_t pci_reset;                     /* port 0xcf9 */
	enum platform_power power;             /* the owner acts when it is not RUNNING */
	uint8_t output[PLATFORM_OUTPUT_BYTES]; /* serial bytes for the owner to take */
	uint32_t output_count;
};

void platform_reset(struct platform *platform);

struct platform_time {
	uint64_t unix_seconds;
	uint64_t monotonic_ns;
};

/* bytes: 1, 2 or 4. False: no such device. */
bool platform_port_read(struct platform *platform, uint16_t port, unsigned int bytes,
                        const struct platform_time *now, uint32_t *value);
bool platform_port_write(struct platform *platform, uint16_t port, unsigned int bytes,
                         const struct platform_time *now, uint32_t value);

/* The second in which the clock wants platform_tick(), or 0. It changes by ticks and port accesses. */
uint64_t platform_event(const struct platform *platform);
void platform_tick(struct platform *platform, uint64_t unix_seconds);

/* bytes: 1, 2, 4 or 8. False: no such device. */
bool platform_memory_read(struct platform *platform, uint64_t gpa, unsigned int bytes,
                          uint64_t *value);
bool platform_memory_write(struct platform *platform, uint64_t gpa, unsigned int bytes,
                           uint64_t value);

/* Serial input; platform_input_room() bytes are welcome. */
unsigned int platform_input_room(const struct platform *platform);
void platform_input(struct platform *platform, const uint8_t *bytes, unsigned int count);

#endif
