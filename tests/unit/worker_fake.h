/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for root-partition/libmshv: VPs whose intercepts a test scripts, and a child's side of
 * messages and signals. One partition at a time.
 */
#ifndef VIRIDIS_TESTS_WORKER_FAKE_H
#define VIRIDIS_TESTS_WORKER_FAKE_H

#include <glib.h>
#include <stdbool.h>
#include <viridis/abi/hv_intercept.h>

#include "root-partition/libmshv/mshv.h"

/* Called when VP 0 would run; fills in an intercept, or returns false to wait for a signal. */
typedef bool (*fake_step)(struct hv_message *message);

void fake_reset(fake_step step);

uint64_t fake_register(uint32_t name);
void fake_set_register(uint32_t name, uint64_t value);

/* Partitions made so far. */
unsigned int fake_partitions(void);

/* As the device was opened, NAME.running stood there, for a VM "test". */
bool fake_shown_early(void);

/* HV_PROPERTY_TIME_FREEZE. */
bool fake_frozen(void);

/* Each VP's guest took 1.5 s, and the hypervisor for it 0.5 s. */
#define FAKE_HZ UINT64_C(1500000000)

/* Vectors asserted so far. */
unsigned int fake_interrupts(void);

/* The child posts to connection 4. */
void fake_post(const void *payload, uint8_t bytes);

/* Waits until the worker has read what was posted; false after 10 s. */
bool fake_posts_read(void);

/* From now on the child's slot is full, and no message fits; or not any more. */
void fake_fill_slot(bool full);

/* The next message for the child, waited for; false after 10 s. */
bool fake_receive(struct hv_message *message);

/* The eventfds that were wired for the only open channel; -1 when there is none. */
int fake_event_to_host(void);
int fake_event_to_child(void);

#endif
