/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Typed calls over /dev/mshv (viridis/abi/mshv.h). No state of its own beyond descriptors, no
 * allocation, no threads. Functions answer 0, or a descriptor, or a negative errno. Calls on one
 * vp come from one thread at a time; the others are safe from any thread.
 */
#ifndef ROOT_PARTITION_LIB_MSHV_H
#define ROOT_PARTITION_LIB_MSHV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_register.h>
#include <viridis/abi/hv_synic.h>
#include <viridis/abi/mshv.h>
#include <viridis/base/assert.h>

/* ---- Device ---- */

/* Opens /dev/mshv, close-on-exec. */
MUST_CHECK int mshv_open(void);

/* A waiter's descriptor: how a process waits for a child and others without epoll. The calls on it: viridis/abi/mshv.h */
MUST_CHECK int mshv_waiter(int device);
MUST_CHECK int mshv_watch(int waiter, const struct viridis_watch *watch);
/* Signals by a bit for each watch; answers the watches that there is news of. */
MUST_CHECK int mshv_wait(int waiter, uint32_t signals);

struct mshv_partition {
	int fd; /* -1 when closed */
	uint64_t id;
};

struct mshv_property {
	uint32_t code; /* enum hv_partition_property */
	uint64_t value;
};

/*
 * Creates a partition with a local APIC in every vp (`flags`: MSHV_PARTITION_*), sets the
 * properties in order and initializes it. On failure nothing is left behind.
 */
MUST_CHECK int mshv_create_partition(int device, uint64_t flags,
                                     const struct mshv_property *properties,
                                     size_t property_count,
                                     struct mshv_partition *partition);
void mshv_close_partition(struct mshv_partition *partition);

/*
 * Another's partition, for its VMBus alone: messages, signals, event flags. By its id, or by the process that made it;
 * the other is 0. Closed like one's own.
 */
MUST_CHECK int mshv_attach(int device, uint64_t partition_id, uint32_t creator_pid,
                           struct mshv_partition *partition);
/* Answers a descriptor of its memory. *count: in capacity, out ranges there are. -ENODATA: it is no shared file. */
MUST_CHECK int mshv_attached_memory(const struct mshv_partition *partition,
                                    struct viridis_memory_range *ranges, uint32_t *count);

MUST_CHECK int mshv_get_property(const struct mshv_partition *partition, uint32_t code,
                                 uint64_t *value);
MUST_CHECK int mshv_set_property(const struct mshv_partition *partition, uint32_t code,
                                 uint64_t value);
/* A property of the root itself. */
MUST_CHECK int mshv_get_root_property(int device, uint32_t code, uint64_t *value);

/* ---- Memory: pages of the caller, pinned and shown to the child; flags MSHV_MEMORY_* ---- */

MUST_CHECK int mshv_map_memory(const struct mshv_partition *partition, uint64_t gpa,
                               void *address, uint64_t bytes, unsigned int flags);
MUST_CHECK int mshv_unmap_memory(const struct mshv_partition *partition, uint64_t gpa,
                                 uint64_t bytes);

/* ---- Virtual processors ---- */

struct mshv_vp {
	int fd; /* -1 when closed */
	uint32_t index;
	struct hv_register_page
		*registers; /* valid while registers->valid and the vp is stopped */
};

MUST_CHECK int mshv_create_vp(const struct mshv_partition *partition, uint32_t index,
                              struct mshv_vp *vp);
void mshv_close_vp(struct mshv_vp *vp);

/* -EINTR: a signal came before an intercept. The vp is stopped in either case. */
MUST_CHECK int mshv_run_vp(const struct mshv_vp *vp, struct hv_message *message);

/* Any count: split into as many hypercalls as it takes. */
MUST_CHECK int mshv_get_registers(const struct mshv_vp *vp, const uint32_t *names,
                                  union hv_register_value *values, size_t count);
MUST_CHECK int mshv_set_registers(const struct mshv_vp *vp,
                                  const struct hv_register_assoc *registers,
                                  size_t count);
MUST_CHECK int mshv_get_register(const struct mshv_vp *vp, uint32_t name,
                                 uint64_t *value);
MUST_CHECK int mshv_set_register(const struct mshv_vp *vp, uint32_t name, uint64_t value);

/* `bytes` is whole pages, at most MSHV_VP_STATE_BYTES_MAX; type: enum mshv_vp_state_type */
MUST_CHECK int mshv_get_vp_state(const struct mshv_vp *vp, uint8_t type, void *buffer,
                                 uint32_t bytes);
MUST_CHECK int mshv_set_vp_state(const struct mshv_vp *vp, uint8_t type,
                                 const void *buffer, uint32_t bytes);

/* flags: HV_TRANSLATE_*. 0 means *code was written; *gpa only with HV_TRANSLATE_SUCCESS. */
MUST_CHECK int mshv_translate_gva(const struct mshv_vp *vp, uint64_t gva, uint64_t flags,
                                  enum hv_translate_code *code, uint64_t *gpa);
/* At most HV_GPA_ACCESS_MAX_BYTES, of the memory beneath overlays. -EFAULT: not accessible. */
MUST_CHECK int mshv_read_gpa(const struct mshv_vp *vp, uint64_t gpa, void *data,
                             size_t bytes);
MUST_CHECK int mshv_write_gpa(const struct mshv_vp *vp, uint64_t gpa, const void *data,
                              size_t bytes);

/* ---- Interrupts, messages, events ---- */

struct mshv_interrupt {
	uint32_t type;        /* enum hv_interrupt_type */
	uint64_t destination; /* APIC id, or a logical destination */
	uint32_t vector;
	bool level;
	bool logical;
};

MUST_CHECK int mshv_assert_interrupt(const struct mshv_partition *partition,
                                     const struct mshv_interrupt *interrupt);
/* Answers a descriptor: read() gives struct hv_message, `sender` being the connection id. */
MUST_CHECK int mshv_message_fd(const struct mshv_partition *partition,
                               uint32_t connection_id);
/* -EAGAIN: the child has not read its last ones; try again later. */
MUST_CHECK int mshv_post_message(const struct mshv_partition *partition, uint32_t vp,
                                 uint32_t sint, const struct hv_message *message);
/* The child's signal on the connection adds 1 to eventfd; -1 ends it. */
MUST_CHECK int mshv_signal_eventfd(const struct mshv_partition *partition,
                                   uint32_t connection_id, int eventfd);
/* A write to eventfd raises the flag in the child. */
MUST_CHECK int mshv_eventfd_assign(const struct mshv_partition *partition, int eventfd,
                                   uint32_t vp, uint32_t sint, uint32_t flag);
MUST_CHECK int mshv_eventfd_retarget(const struct mshv_partition *partition, int eventfd,
                                     uint32_t vp, uint32_t sint, uint32_t flag);
MUST_CHECK int mshv_eventfd_deassign(const struct mshv_partition *partition, int eventfd);

/* ---- What CPUID tells the child ---- */

struct mshv_cpuid_result {
	uint32_t eax; /* the leaf */
	uint32_t ecx; /* the subleaf, when subleaf_specific */
	bool subleaf_specific;
	bool always_override;
	uint32_t value[4]; /* eax, ebx, ecx, edx */
	uint32_t mask[4];  /* bits of value that replace the hypervisor's own */
};

/* vp: an index or HV_VP_INDEX_ANY */
MUST_CHECK int mshv_register_cpuid_result(const struct mshv_partition *partition,
                                          uint32_t vp,
                                          const struct mshv_cpuid_result *result);
MUST_CHECK int mshv_install_intercept(const struct mshv_partition *partition,
                                      uint32_t type, uint32_t access_mask,
                                      uint64_t parameter);

/* ---- Looking at the hypervisor ---- */

/* *count: in capacity, out partitions there are. totals may be NULL. */
MUST_CHECK int mshv_info(int device, struct viridis_partition_info *partitions,
                         uint32_t *count, struct viridis_info *totals);
/* stats->partition_id, object and index are set by the caller. */
MUST_CHECK int mshv_get_stats(int device, struct viridis_get_stats *stats);
/* Answer the number of bytes (log) or records (trace) read; 0 when there is no more yet. */
MUST_CHECK int mshv_read_log(int device, uint64_t *sequence, char *buffer, size_t bytes,
                             uint32_t *lost);
MUST_CHECK int mshv_read_trace(int device, unsigned int cpu, uint64_t *sequence,
                               struct viridis_trace_record *records, size_t count,
                               uint32_t *lost);

/* ---- Any hypercall of the module's list ---- */

struct mshv_hypercall {
	uint16_t code;
	uint16_t reps;     /* in; out: completed */
	const void *input; /* ids are written by the module */
	size_t input_bytes;
	void *output;
	size_t output_bytes;
	uint16_t status; /* out: enum hv_status */
};

MUST_CHECK int mshv_hypercall(int fd, struct mshv_hypercall *call);

#endif
