/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel 8254 data sheet. BCD counting is not done: nothing that measures time asks for it. */
#include "root-partition/vm/model/pit.h"

#define CONTROL_PORT    3u
#define CONTROL_COUNTER 6 /* bits 7:6; 3 is the read-back command */
#define READ_BACK       3u
#define ACCESS_LATCH    0u
#define ACCESS_LOW      1u
#define ACCESS_HIGH     2u
#define BACK_NO_COUNT   0x20u
#define BACK_NO_STATUS  0x10u
#define STATUS_OUTPUT   0x80u
#define STATUS_NULL     0x40u
#define RELOAD_MAX      0x10000u
#define NS_PER_S        UINT64_C(1000000000)

static unsigned int access_of(const struct pit_counter *counter)
{
	return counter->control >> 4 & 3;
}

/* Modes 6 and 7 are 2 and 3. */
static unsigned int mode_of(const struct pit_counter *counter)
{
	unsigned int mode = counter->control >> 1 & 7;

	return mode > 5 ? mode - 4 : mode;
}

void pit_reset(struct pit *pit)
{
	*pit = (struct pit){ 0 };
	for (unsigned int i = 0; i < PIT_COUNTERS; i++)
		pit->counter[i].gate = i != 2; /* counter 2's is port 0x61 */
}

static uint64_t ticks(const struct pit_counter *counter, uint64_t now_ns)
{
	uint64_t ns = counter->gate ? now_ns - counter->start_ns : counter->start_ns;

	return ns / NS_PER_S * PIT_HZ + ns % NS_PER_S * PIT_HZ / NS_PER_S;
}

/* The square wave of mode 3 counts by two. */
static uint16_t count(const struct pit_counter *counter, uint64_t now_ns)
{
	uint64_t passed = ticks(counter, now_ns);

	if (!counter->reload)
		return 0;
	switch (mode_of(counter)) {
	case 2:
		return (uint16_t)(counter->reload - passed % counter->reload);
	case 3:
		return (uint16_t)(counter->reload - 2 * passed % counter->reload);
	default:
		return (uint16_t)(counter->reload - passed);
	}
}

static bool output(const struct pit_counter *counter, uint64_t now_ns)
{
	uint64_t passed = ticks(counter, now_ns);

	if (!counter->reload)
		return mode_of(counter) != 0 || counter->control == 0;
	switch (mode_of(counter)) {
	case 2:
		return passed % counter->reload != counter->reload - 1;
	case 3:
		return passed % counter->reload < (counter->reload + 1) / 2;
	default:
		return passed >= counter->reload;
	}
}

bool pit_output(const struct pit *pit, uint64_t now_ns)
{
	return output(&pit->counter[2], now_ns);
}

/* A rising gate goes on with what was left, or begins anew where the mode says so. */
void pit_set_gate(struct pit *pit, bool gate, uint64_t now_ns)
{
	struct pit_counter *counter = &pit->counter[2];
	unsigned int mode = mode_of(counter);
	bool goes_on = mode == 0 || mode == 4;

	if (gate == counter->gate)
		return;
	if (!gate)
		counter->start_ns = now_ns - counter->start_ns;
	else
		counter->start_ns = goes_on ? now_ns - counter->start_ns : now_ns;
	counter->gate = gate;
}

static void latch_count(struct pit_counter *counter, uint64_t now_ns)
{
	if (counter->latched)
		return;
	counter->latch = count(counter, now_ns);
	counter->latched = true;
}

static void read_back(struct pit *pit, uint8_t command, uint64_t now_ns)
{
	for (unsigned int i = 0; i < PIT_COUNTERS; i++) {
		if (!(command & 2u << i))
			continue;
		if (!(command & BACK_NO_COUNT))
			latch_count(&pit->counter[i], now_ns);
		if (!(command & BACK_NO_STATUS))
			pit->counter[i].status_next = true;
	}
}

static void control(struct pit *pit, uint8_t value, uint64_t now_ns)
{
	unsigned int index = value >> CONTROL_COUNTER;
	struct pit_counter *counter;

	if (index == READ_BACK) {
		read_back(pit, value, now_ns);
		return;
	}
	counter = &pit->counter[index];
	if ((value >> 4 & 3) == ACCESS_LATCH) {
		latch_count(counter, now_ns);
		return;
	}
	*counter = (struct pit_counter){ .control = value & 0x3f, .gate = counter->gate };
}

static void load(struct pit_counter *counter, uint16_t value, uint64_t now_ns)
{
	counter->reload = value ? value : RELOAD_MAX;
	counter->start_ns = counter->gate ? now_ns : 0;
}

void pit_write(struct pit *pit, unsigned int port, uint8_t value, uint64_t now_ns)
{
	struct pit_counter *counter = &pit->counter[port % PIT_COUNTERS];

	if (port == CONTROL_PORT) {
		control(pit, value, now_ns);
	} else if (access_of(counter) == ACCESS_LOW) {
		load(counter, value, now_ns);
	} else if (access_of(counter) == ACCESS_HIGH) {
		load(counter, (uint16_t)(value << 8), now_ns);
	} else if (counter->high_next) {
		load(counter, (uint16_t)(value << 8 | counter->low), now_ns);
		counter->high_next = false;
	} else {
		counter->low = value;
		counter->high_next = true;
	}
}

uint8_t pit_read(struct pit *pit, unsigned int port, uint64_t now_ns)
{
	struct pit_counter *counter = &pit->counter[port % PIT_COUNTERS];
	uint16_t value;
	bool high;

	if (port == CONTROL_PORT)
		return 0xff;
	if (counter->status_next) {
		counter->status_next = false;
		return counter->control | (output(counter, now_ns) ? STATUS_OUTPUT : 0) |
		       (counter->reload ? 0 : STATUS_NULL);
	}
	value = counter->latched ? counter->latch : count(counter, now_ns);
	high = access_of(counter) == ACCESS_HIGH || counter->high_next;
	if (access_of(counter) == (ACCESS_LOW | ACCESS_HIGH))
		counter->high_next = !counter->high_next;
	if (!counter->high_next)
		counter->latched = false;
	return (uint8_t)(high ? value >> 8 : value);
}
