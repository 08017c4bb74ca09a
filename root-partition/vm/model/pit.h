/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 8254 timer at ports 0x40 to 0x43, as far as software measures time with it: its counters count down and
 * can be read, and counter 2's output can be polled. No interrupt comes of it. The owner supplies the time. PURE.
 */
#ifndef VIRIDIS_VM_MODEL_PIT_H
#define VIRIDIS_VM_MODEL_PIT_H

#include <stdbool.h>
#include <stdint.h>

#define PIT_COUNTERS 3u
#define PIT_PORTS    4u
#define PIT_HZ       UINT64_C(1193182)

struct pit_counter {
	uint8_t control;  /* as written: access in bits 5:4, mode in 3:1, BCD in 0 */
	uint8_t low;      /* of a count whose high byte is to come */
	bool high_next;   /* to be written, or read, in access mode 3 */
	bool latched;     /* `latch` is read next */
	bool status_next; /* and before it the status */
	bool gate;        /* it counts */
	uint16_t latch;
	uint32_t reload; /* 0: no count has been written yet */
	uint64_t start_ns; /* when it began to count; while the gate is low, for how long it had */
};

struct pit {
	struct pit_counter counter[PIT_COUNTERS];
};

void pit_reset(struct pit *pit);
/* port: 0 to 3, as from 0x40. now_ns: monotonic. */
uint8_t pit_read(struct pit *pit, unsigned int port, uint64_t now_ns);
void pit_write(struct pit *pit, unsigned int port, uint8_t value, uint64_t now_ns);

/* Counter 2's, as port 0x61 has them. */
void pit_set_gate(struct pit *pit, bool gate, uint64_t now_ns);
bool pit_output(const struct pit *pit, uint64_t now_ns);

#endif
