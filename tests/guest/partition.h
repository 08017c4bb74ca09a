/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A parent's hypercalls, typed; each answers with the call's status. TLFS "Virtualization Host" */
#ifndef VSC_TINY_PARTITION_H
#define VSC_TINY_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_status.h>

#define MAP_ALL                                                                     \
	(HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_KERNEL_EXECUTABLE | \
	 HV_MAP_GPA_USER_EXECUTABLE)

struct balance {
	uint64_t available;
	uint64_t in_use;
};

/* Creation deposits for the caller itself as long as the answer is INSUFFICIENT_MEMORY. */
enum hv_status partition_create(uint64_t *id);
enum hv_status partition_initialize(uint64_t id);
enum hv_status partition_finalize(uint64_t id); /* again while the answer is TIME_OUT */
enum hv_status partition_delete(uint64_t id);
enum hv_status partition_get_id(uint64_t *id);

/* Any simple call whose input is just a partition's id. */
enum hv_status partition_call(uint32_t code, uint64_t id);

enum hv_status partition_balance(uint64_t id, struct balance *balance);
enum hv_status partition_set_property(uint64_t id, uint32_t code, uint64_t value);
enum hv_status partition_get_property(uint64_t id, uint32_t code, uint64_t *value);

/* Counters of a VP of the partition, or (then `id` counts for nothing) of a CPU. */
enum hv_status stats_get(uint64_t id, enum viridis_stats_object object, uint32_t index,
                         struct viridis_output_get_stats *stats);

/* Whether so many pages of our own pool are in use, once what was deleted is swept up. */
bool own_pages_in_use(uint64_t pages);

/* At most 256 pages a call. `done` is the number of completed reps. */
enum hv_status memory_deposit(uint64_t id, const uint64_t *pfns, unsigned int count,
                              unsigned int *done);
enum hv_status memory_withdraw(uint64_t id, uint64_t *pfns, unsigned int count,
                               unsigned int *done);
enum hv_status memory_map(uint64_t id, uint64_t gpfn, uint32_t flags,
                          const uint64_t *pfns, unsigned int count, unsigned int *done);
enum hv_status memory_unmap(uint64_t id, uint64_t gpfn, unsigned int count);
enum hv_status memory_unmap_large(uint64_t id, uint64_t gpfn); /* 2 MiB */

enum hv_status vp_create(uint64_t id, uint32_t vp);
enum hv_status vp_delete(uint64_t id, uint32_t vp);
enum hv_status vp_set_register(uint64_t id, uint32_t vp, uint32_t name,
                               union hv_register_value value);
enum hv_status vp_set_register64(uint64_t id, uint32_t vp, uint32_t name, uint64_t value);
enum hv_status vp_get_register(uint64_t id, uint32_t vp, uint32_t name,
                               union hv_register_value *value);
enum hv_status vp_get_register64(uint64_t id, uint32_t vp, uint32_t name,
                                 uint64_t *value);

/* The answer to an intercept: with its input in registers, or in memory. */
enum hv_status vp_answer_fast(uint64_t id, uint32_t vp, uint32_t reserved);
enum hv_status vp_answer(uint64_t id, uint32_t vp, uint32_t reserved);

/* With so many qwords behind the block: one, the number of a page, is what it takes. */
#define VP_STATE_QWORDS_MAX 2
enum hv_status vp_get_state(const struct hv_input_vp_state *in, unsigned int qwords,
                            const uint64_t *behind);
enum hv_status vp_set_state(const struct hv_input_vp_state *in, unsigned int qwords,
                            const uint64_t *behind);

enum hv_status vp_map_intercept_page(uint64_t id, uint32_t vp, uint64_t *pfn);

enum hv_status port_create(uint64_t port_partition, uint32_t port_id, uint64_t connector,
                           const struct hv_port_info *info);
enum hv_status port_delete(uint64_t port_partition, uint32_t port_id);
enum hv_status port_connect(uint64_t connector, uint32_t connection_id,
                            uint64_t port_partition, uint32_t port_id, uint32_t type);
enum hv_status port_disconnect(uint64_t connector, uint32_t connection_id);
enum hv_status message_post(uint32_t connection_id, uint32_t type, const void *payload,
                            uint32_t bytes);
enum hv_status event_signal(uint32_t connection_id, uint16_t flag);

enum hv_status interrupt_assert(uint64_t id, uint64_t control, uint64_t destination,
                                uint32_t vector);
enum hv_status message_post_direct(uint64_t id, uint32_t vp, uint32_t sint,
                                   const struct hv_message *message);
enum hv_status event_signal_direct(uint64_t id, uint32_t vp, uint8_t sint, uint16_t flag,
                                   bool *newly_signaled);
enum hv_status event_signal_fast(uint64_t id, uint32_t vp, uint8_t sint, uint16_t flag);
enum hv_status
intercept_result_register(const struct hv_input_register_intercept_result *result);

/* From here on; and how often has this text been in the hypervisor's log since? */
void log_mark(void);
unsigned int log_count(const char *text);
bool log_says(const char *text); /* once or more */

/*
 * The guest's stock of pages for deposits: taken from RAM when it runs out, filled with a pattern so
 * that a page that comes back unwiped is noticed.
 */
void stock_deposit(uint64_t id, unsigned int count);

/* Takes everything back; false: a page came back that was not zero, or was never given. */
bool stock_withdraw(uint64_t id, unsigned int *count);

#endif
