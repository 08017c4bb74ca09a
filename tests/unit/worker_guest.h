/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest of worker_fake.h: its kernel, and its side of VMBus step by step. A step that is not
 * answered as it should be, or not within 10 s, fails the test.
 */
#ifndef VIRIDIS_TESTS_WORKER_GUEST_H
#define VIRIDIS_TESTS_WORKER_GUEST_H

#include <stdint.h>
#include <viridis/abi/vmbus.h>

#include "root-partition/libmshv/mshv.h"

/* A kernel that is never executed: its path, folder/kernel. */
char *guest_write_kernel(const char *folder);

/* The next message for the guest must be of this type. */
void guest_expect(uint32_t type, struct hv_message *message);

/* Connects and asks for the offers. */
void guest_connect(void);
/* Reads the offers; the relid of the shutdown class, or of that one, with the others so many. */
uint32_t guest_take_offers(void);
uint32_t guest_take_offers_of(const struct vmbus_guid *type, uint32_t expected);

/* Shares two rings of two pages each as GPADL `number`; the answer is not read. */
void guest_post_rings(uint32_t relid, uint32_t number);
void guest_tear_down(uint32_t relid, uint32_t number);

/* The only open channel, on GPADL 1. */
void guest_open(uint32_t relid);
void guest_close(uint32_t relid);

#endif
