/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A partition with a page or two of code, and the account of what it cost: shared by the tests. */
#ifndef ROOT_PARTITION_LIB_TEST_MSHV_TEST_H
#define ROOT_PARTITION_LIB_TEST_MSHV_TEST_H

#include <check.h>
#include <sys/types.h>
#include "root-partition/libmshv/mshv.h"

#define GUEST_BYTES    0x8000u
#define GUEST_CODE_GPA 0x1000u
#define NOBODY         65534

struct guest {
	int device;
	struct mshv_partition partition;
	struct mshv_vp vp;
	uint8_t *memory;
};

/* Real mode, memory from 0 to GUEST_BYTES, about to run `code`. */
void guest_start(struct guest *guest, const void *code, size_t bytes);
/* As guest_start leaves it, but for memory. */
void guest_set_real_mode(const struct mshv_vp *vp);
/* Closes everything and checks that no page stayed with the hypervisor. */
void guest_end(struct guest *guest);

/* From here on this user, who is in the device's group and in no other; whether that went well. */
bool become_member(uid_t user);

/* How many the root has made, on all of its VPs. */
uint64_t hypercalls_of_root(int device);

/* Waits until no partition is left, then checks the module's totals. */
void check_nothing_is_left(int device);

Suite *mshv_vp_suite(void);
Suite *mshv_answer_suite(void);
Suite *mshv_doze_suite(void);
Suite *mshv_waiter_suite(void);
Suite *mshv_death_suite(void);
Suite *mshv_memory_suite(void);
Suite *mshv_arguments_suite(void);
Suite *mshv_event_suite(void);
Suite *mshv_pages_suite(void);
Suite *mshv_synic_suite(void);
Suite *mshv_state_suite(void);
Suite *mshv_vmm_suite(void);
Suite *mshv_attach_suite(void);
Suite *mshv_member_suite(void);
Suite *mshv_hostile_suite(void);

#endif
