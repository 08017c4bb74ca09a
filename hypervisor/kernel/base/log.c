/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's log: a ring, COM1 (a 16550, by polling) and the emulators' debug console, one port that
 * takes characters. A byte's sequence is its position in all text ever logged; it is kept at
 * log_ring[sequence % VIRIDIS_LOG_BYTES].
 */
#include "hypervisor/kernel/base/log.h"

#include "hypervisor/arch/x86/cpu.h"
#include "hypervisor/arch/x86/time.h"
#include "hypervisor/core/format.h"

enum { COM1 = 0x3f8, STATUS = COM1 + 5, STATUS_EMPTY = 0x20, DEBUG_CONSOLE = 0xe9 };
/* Some ms: a stuck UART costs characters, not the machine. */
enum { SPIN_LIMIT = 100000 };

/* 115200 8n1; false when no UART answers. */
static bool serial_init(void)
{
	/* Register and value: no interrupts; divisor 1; 8n1; FIFOs on and empty; DTR, RTS. */
	static const uint8_t setup[][2] = { { 1, 0 }, { 3, 0x80 }, { 0, 1 }, { 1, 0 },
		                            { 3, 3 }, { 2, 7 },    { 4, 3 } };

	if (cpu_inb(STATUS) == 0xff)
		return false; /* nothing answers */
	for (unsigned int i = 0; i < sizeof(setup) / sizeof(setup[0]); i++)
		cpu_outb((uint16_t)(COM1 + setup[i][0]), setup[i][1]);
	return true;
}

static void serial_put(char c)
{
	for (int spins = 0; spins < SPIN_LIMIT; spins++) {
		if (cpu_inb(STATUS) & STATUS_EMPTY)
			break;
		cpu_pause();
	}
	cpu_outb(COM1, (uint8_t)c);
}

/* Under `lock`, but for a CPU that panics. The root reads the ring, in pages of its own. */
_Alignas(PAGE_4K) char log_ring[VIRIDIS_LOG_BYTES];
static uint64_t ring_end; /* atomic */
static bool to_serial, to_debug_console;

/* Not a struct spinlock: it must not panic, and it gives way to a panic. */
static bool lock;
static bool lock_ignored; /* set once, by the CPU that panics when the others are stopped */

/* Interrupts are off wherever the hypervisor logs. */
static void log_lock(void)
{
	while (!lock_ignored && __atomic_exchange_n(&lock, true, __ATOMIC_ACQUIRE))
		cpu_pause();
}

static void log_unlock(void)
{
	__atomic_store_n(&lock, false, __ATOMIC_RELEASE);
}

static void emit(const char *text, size_t bytes)
{
	log_lock();
	for (size_t i = 0; i < bytes; i++) {
		log_ring[(ring_end + i) % VIRIDIS_LOG_BYTES] = text[i];
		if (to_debug_console)
			cpu_outb(DEBUG_CONSOLE, (uint8_t)text[i]);
		if (to_serial && text[i] == '\n')
			serial_put('\r');
		if (to_serial)
			serial_put(text[i]);
	}
	/* Release: who reads the end sees all that is before it. */
	__atomic_store_n(&ring_end, ring_end + bytes, __ATOMIC_RELEASE);
	log_unlock();
}

/* A guest's text may be part of a line: nothing in it is to steer a terminal or start a line. */
static void make_printable(char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
}

void log_line(const char *format, ...)
{
	char line[LOG_LINE_BYTES + 1];
	uint64_t us = tsc_to_100ns(cpu_rdtsc()) / 10; /* 0 before time_init() */
	size_t length = format_text(line, sizeof(line), "[%5lu.%06lu] ", (us / 1000000),
	                            (us % 1000000));
	va_list arguments;

	va_start(arguments, format);
	length +=
		format_text_list(line + length, sizeof(line) - length, format, arguments);
	va_end(arguments);
	make_printable(line, length);
	line[length++] = '\n'; /* over the NUL */
	emit(line, length);
}

/* Two CPUs that meet at the turn of a second may let a few lines more through: no harm. */
bool log_allowed(struct log_limit *limit)
{
	uint64_t second = tsc_to_100ns(cpu_rdtsc()) / 10000000;
	uint32_t used = 0;

	if (__atomic_load_n(&limit->second, __ATOMIC_RELAXED) != second) {
		__atomic_store_n(&limit->second, second, __ATOMIC_RELAXED);
		used = __atomic_exchange_n(&limit->used, 0, __ATOMIC_RELAXED);
	}
	if (used > LOG_LIMIT_BURST)
		log_warning("%u lines like the next were held back",
		            used - LOG_LIMIT_BURST);
	return __atomic_fetch_add(&limit->used, 1, __ATOMIC_RELAXED) < LOG_LIMIT_BURST;
}

uint64_t log_end(void)
{
	return __atomic_load_n(&ring_end, __ATOMIC_ACQUIRE);
}

void log_init(void)
{
	/* Reading the port yields its number where there is such a device. */
	to_debug_console = cpu_inb(DEBUG_CONSOLE) == DEBUG_CONSOLE;
	to_serial = serial_init();
}

void log_release_serial(void)
{
	log_lock();
	to_serial = false;
	log_unlock();
}

void log_panic_begin(void)
{
	lock_ignored = true;
	to_serial = serial_init();
}
