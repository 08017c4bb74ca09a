/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /dev/mshv: what the root's user space asks of the kernel module. Numbers below 0x80 and their
 * blocks have the layout of upstream's linux/mshv.h, so that a VMM written for it finds what it
 * knows; numbers from 0x80 are ours. Every call answers 0 (or a descriptor) or -1 and errno.
 *
 *   descriptor   got from                 calls
 *   device       open("/dev/mshv")        CREATE_PARTITION ROOT_HVCALL INFO READ_LOG READ_TRACE
 *                                         GET_STATS ATTACH WAITER
 *   partition    MSHV_CREATE_PARTITION    INITIALIZE CREATE_VP SET_GUEST_MEMORY ROOT_HVCALL
 *                                         IRQFD IOEVENTFD SET_MSI_ROUTING
 *                                         PARTITION_ID SIGNAL_EVENTFD EVENTFD_FLAG MESSAGE_FD
 *                                         POST_MESSAGE GET_STATS
 *   vp           MSHV_CREATE_VP           RUN_VP GET/SET_VP_STATE ROOT_HVCALL, mmap
 *   attachment   VIRIDIS_ATTACH           PARTITION_ID SIGNAL_EVENTFD EVENTFD_FLAG MESSAGE_FD
 *                                         POST_MESSAGE GET_STATS ATTACHED_MEMORY; poll
 *   waiter       VIRIDIS_WAITER           WATCH WAIT
 *   messages     VIRIDIS_MESSAGE_FD       read: whole struct hv_message; poll
 *
 * A partition lives until its descriptor and all of its vp and message descriptors are closed
 * and its vp pages unmapped; whatever it held in the hypervisor is then taken down.
 */
#ifndef VIRIDIS_ABI_MSHV_H
#define VIRIDIS_ABI_MSHV_H

#include <stdint.h>
#include <viridis/abi/hv_hypercall.h>
#include <viridis/abi/hv_synic.h>
#include <viridis/base/assert.h>

/* Linux's ioctl numbers: 31:30 direction, 29:16 bytes of the block, 15:8 magic, 7:0 number */
#define MSHV_MAGIC 0xb8u
#define MSHV_IOC(direction, number, bytes) \
	((direction) << 30 | (uint32_t)(bytes) << 16 | MSHV_MAGIC << 8 | (number))
#define MSHV_IO(number)         MSHV_IOC(0u, number, 0)
#define MSHV_IOW(number, type)  MSHV_IOC(1u, number, sizeof(type))
#define MSHV_IOR(number, type)  MSHV_IOC(2u, number, sizeof(type))
#define MSHV_IOWR(number, type) MSHV_IOC(3u, number, sizeof(type))

/* ---- Upstream: device ---- */

#define MSHV_PARTITION_LAPIC  BIT64(0)
#define MSHV_PARTITION_X2APIC BIT64(1)
#define MSHV_PARTITION_SUPERPAGES \
	BIT64(2) /* accepted; large pages are used wherever they fit */
#define MSHV_PARTITION_CPU_FEATURES \
	BIT64(3) /* the block is struct mshv_create_partition_v2 */

/*
 * Ours. Whoever models an I/O APIC and ends its level interrupts when RUN_VP tells of an APIC_EOI says so; without it
 * the child is shown level interrupts as edge ones (TMR 0): Linux then ends them at the I/O APIC itself.
 */
#define VIRIDIS_PARTITION_HEARS_EOI BIT64(63)

struct mshv_create_partition {
	uint64_t flags;
	uint64_t isolation; /* 0 */
};
ASSERT_SIZE(struct mshv_create_partition, 16);

/* The number MSHV_CREATE_PARTITION stays that of the short form. */
struct mshv_create_partition_v2 {
	uint64_t flags;
	uint64_t isolation;
	uint16_t feature_bank_count; /* of disabled_features: 0..2 */
	uint8_t reserved[6];
	uint64_t disabled_features[2];
	uint64_t reserved2[2];
	uint64_t disabled_xsave;
};
ASSERT_SIZE(struct mshv_create_partition_v2, 64);

#define MSHV_CREATE_PARTITION MSHV_IOW(0x00u, struct mshv_create_partition)

/* ---- Upstream: partition ---- */

#define MSHV_INITIALIZE_PARTITION MSHV_IO(0x00u)

#define MSHV_VP_MAX 256u

struct mshv_create_vp {
	uint32_t vp_index;
};
ASSERT_SIZE(struct mshv_create_vp, 4);

#define MSHV_CREATE_VP MSHV_IOW(0x01u, struct mshv_create_vp)

#define MSHV_MEMORY_WRITABLE   0x1u
#define MSHV_MEMORY_EXECUTABLE 0x2u
#define MSHV_MEMORY_UNMAP \
	0x4u /* guest_pfn and bytes name a region as it was mapped, or nothing */

/* Pins the caller's pages and maps them. EEXIST: overlaps a region that is mapped. */
struct mshv_user_mem_region {
	uint64_t bytes; /* whole pages */
	uint64_t guest_pfn;
	uint64_t user_address;
	uint8_t flags;
	uint8_t reserved[7];
};
ASSERT_SIZE(struct mshv_user_mem_region, 32);

#define MSHV_SET_GUEST_MEMORY MSHV_IOW(0x02u, struct mshv_user_mem_region)

/* Which message each GSI stands for: the whole table. EINVAL: a GSI is named twice, or too high. */
#define MSHV_IRQ_MAX 4096u

struct mshv_user_irq_entry {
	uint32_t gsi;
	uint32_t address_lo; /* as a device sends it */
	uint32_t address_hi;
	uint32_t data;
};
ASSERT_SIZE(struct mshv_user_irq_entry, 16);

struct mshv_user_irq_table {
	uint32_t count; /* entries follow */
	uint32_t reserved;
};
ASSERT_SIZE(struct mshv_user_irq_table, 8);

#define MSHV_IRQFD_DEASSIGN 0x1u
#define MSHV_IRQFD_RESAMPLE \
	0x2u /* resample_fd is signalled at each end of the GSI's level interrupt */

/*
 * Whoever writes to the eventfd sends the GSI's message. The module consumes the count. EBUSY: it is bound
 * already. One that is not bound can be ended.
 */
struct mshv_user_irqfd {
	int32_t fd;
	int32_t resample_fd;
	uint32_t gsi;
	uint32_t flags;
};
ASSERT_SIZE(struct mshv_user_irqfd, 16);

#define MSHV_IRQFD MSHV_IOW(0x03u, struct mshv_user_irqfd)

#define MSHV_IOEVENTFD_DATAMATCH 0x1u
#define MSHV_IOEVENTFD_PIO       0x2u
#define MSHV_IOEVENTFD_DEASSIGN  0x4u

/*
 * A write of `bytes` bytes (0: of any size) to an address that is not mapped, or a port, adds 1 to the eventfd, and
 * RUN_VP goes on. EEXIST: another takes the same write; ENOENT: nothing to end.
 */
struct mshv_user_ioeventfd {
	uint64_t match; /* with DATAMATCH: of this value alone */
	uint64_t address;
	uint32_t bytes;
	int32_t fd;
	uint32_t flags;
	uint8_t reserved[4];
};
ASSERT_SIZE(struct mshv_user_ioeventfd, 32);

#define MSHV_IOEVENTFD       MSHV_IOW(0x04u, struct mshv_user_ioeventfd)
#define MSHV_SET_MSI_ROUTING MSHV_IOW(0x05u, struct mshv_user_irq_table)

enum mshv_gpap_access_type {
	MSHV_GPAP_ACCESS_TYPE_ACCESSED =
		0, /* every page that is there counts as read, for good */
	MSHV_GPAP_ACCESS_TYPE_DIRTY = 1,
};

enum mshv_gpap_access_op {
	MSHV_GPAP_ACCESS_OP_NOOP = 0,
	MSHV_GPAP_ACCESS_OP_CLEAR = 1,
	MSHV_GPAP_ACCESS_OP_SET = 2,
};

/*
 * Which guest pages the child has written since that was last cleared, one bit each; then that is cleared, or set, for
 * all of them. A page that was mapped since counts as written. What others write to the child's memory does not count.
 */
struct mshv_gpap_access_bitmap {
	uint8_t access_type; /* enum mshv_gpap_access_type */
	uint8_t access_op;   /* enum mshv_gpap_access_op; of DIRTY alone */
	uint8_t reserved[6];
	uint64_t page_count;
	uint64_t gpfn;
	uint64_t bitmap; /* (page_count + 7) / 8 bytes */
};
ASSERT_SIZE(struct mshv_gpap_access_bitmap, 32);

#define MSHV_GET_GPAP_ACCESS_BITMAP MSHV_IOWR(0x06u, struct mshv_gpap_access_bitmap)

/* ---- Upstream: any descriptor but messages ---- */

#define MSHV_HVCALL_BYTES_MAX 4096u

/*
 * One hypercall of a fixed list; the module writes the partition's id (the root's own on the
 * device) over the first 8 bytes of the input, and on a vp descriptor the vp's index where the
 * call names a vp. For a rep call `reps` comes back as the number completed.
 */
struct mshv_root_hvcall {
	uint16_t code;
	uint16_t reps; /* 0: a simple call */
	uint16_t input_bytes;
	uint16_t output_bytes;
	uint16_t status; /* out: enum hv_status */
	uint8_t reserved[6];
	uint64_t input;
	uint64_t output;
};
ASSERT_SIZE(struct mshv_root_hvcall, 32);

#define MSHV_ROOT_HVCALL MSHV_IOWR(0x07u, struct mshv_root_hvcall)

/* ---- Upstream: vp ---- */

/* mmap offsets, in pages. Shared mappings only; the intercept message page is read-only. */
#define MSHV_VP_PAGE_REGISTERS         0u
#define MSHV_VP_PAGE_INTERCEPT_MESSAGE 1u

struct mshv_run_vp {
	struct hv_message message;
};
ASSERT_SIZE(struct mshv_run_vp, 256);

/*
 * Runs the vp until it intercepts. EINTR: a signal came first, or this thread took one since its last call; the vp is
 * stopped; call again.
 */
#define MSHV_RUN_VP MSHV_IOR(0x00u, struct mshv_run_vp)

enum mshv_vp_state_type {
	MSHV_VP_STATE_LAPIC = 0,
	MSHV_VP_STATE_XSAVE = 1,
	MSHV_VP_STATE_SIMP = 2,
	MSHV_VP_STATE_SIEFP = 3,
	MSHV_VP_STATE_STIMERS = 4,
};

#define MSHV_VP_STATE_BYTES_MAX 16384u

struct mshv_get_set_vp_state {
	uint8_t type; /* enum mshv_vp_state_type */
	uint8_t reserved[3];
	uint32_t buffer_bytes; /* in: whole pages; out: how many bytes of them are the state's */
	uint64_t buffer;
};
ASSERT_SIZE(struct mshv_get_set_vp_state, 16);

/*
 * What is in the buffer: hv_vp_state.h, which for MSHV_VP_STATE_SIMP says SIM_PAGE, and so on. An XSAVE area is told in
 * the compacted format, and taken in either. EBUSY: the vp runs.
 */

#define MSHV_GET_VP_STATE MSHV_IOWR(0x01u, struct mshv_get_set_vp_state)
#define MSHV_SET_VP_STATE MSHV_IOWR(0x02u, struct mshv_get_set_vp_state)

/* ---- Ours: device. They tell of all partitions: EPERM without CAP_SYS_ADMIN ---- */

struct viridis_partition_info {
	uint64_t partition_id;
	uint64_t deposited_pages; /* given to the hypervisor for this partition */
	uint64_t in_use_pages;    /* of those, what it says it uses */
	uint64_t pinned_pages;    /* the child's memory */
	uint32_t vp_count;
	uint32_t creator_pid;
};
ASSERT_SIZE(struct viridis_partition_info, 40);

#define VIRIDIS_INFO_CAPACITY_MAX 4096u

struct viridis_info {
	uint64_t deposited_pages; /* totals of the module, the root's own pool included */
	uint64_t pinned_pages;
	uint64_t root_deposited_pages;
	uint64_t partitions; /* address of an array of struct viridis_partition_info */
	uint32_t capacity;   /* in: entries of that array */
	uint32_t count; /* out: partitions there are; at most `capacity` were written */
};
ASSERT_SIZE(struct viridis_info, 40);

#define VIRIDIS_INFO MSHV_IOWR(0x80u, struct viridis_info)

/*
 * The log by bytes, a CPU's trace by records (viridis_trace.h). A reader keeps `sequence` between calls; the
 * answer says where to go on.
 */
#define VIRIDIS_READ_BYTES_MAX 4080u

struct viridis_read {
	uint64_t sequence; /* in: where to begin; out: where to go on */
	uint64_t buffer;
	uint32_t bytes; /* in: room, of which VIRIDIS_READ_BYTES_MAX are used; out: filled */
	uint32_t cpu;
	uint32_t lost; /* out: bytes or records that were overwritten before they were read */
	uint32_t reserved;
};
ASSERT_SIZE(struct viridis_read, 32);

#define VIRIDIS_READ_LOG   MSHV_IOWR(0x81u, struct viridis_read)
#define VIRIDIS_READ_TRACE MSHV_IOWR(0x82u, struct viridis_read)

/* On the device and, for its own partition (whatever partition_id says), on a partition. */
struct viridis_get_stats {
	uint64_t partition_id;
	uint32_t object; /* enum viridis_stats_object */
	uint32_t index;
	uint32_t count; /* out */
	uint32_t reserved;
	uint64_t counter[VIRIDIS_STATS_MAX];
};
ASSERT_SIZE(struct viridis_get_stats, 24 + 8 * VIRIDIS_STATS_MAX);

#define VIRIDIS_GET_STATS MSHV_IOWR(0x83u, struct viridis_get_stats)

/*
 * A descriptor by which another process serves a partition's VMBus, and no more. One of partition_id and creator_pid is
 * 0. For the user that made the partition, and for root. It ends with the partition's own descriptor: calls then answer
 * ESHUTDOWN, poll tells HUP, and its message descriptors are at their end. ESRCH: there is no such partition; ENOTUNIQ:
 * that process made several; EBUSY: its owner has GPA_PAGE_ACCESS_TRACKING on, which cannot tell what attachments
 * write (and which is refused while there are any).
 */
struct viridis_attach {
	uint64_t partition_id;
	uint32_t creator_pid;
	uint32_t reserved;
};
ASSERT_SIZE(struct viridis_attach, 16);

#define VIRIDIS_ATTACH MSHV_IOW(0x84u, struct viridis_attach)

/* Answers a descriptor by which one task waits for several others, and signals children. */
#define VIRIDIS_WAITER MSHV_IO(0x85u)

/* ---- Ours: waiter ---- */

#define VIRIDIS_WATCHES_MAX 31u

#define VIRIDIS_WATCH_EDGES 0x1u /* it is told of once each time that something comes */

/*
 * From now on VIRIDIS_WAIT tells of `fd` as `number`: while there is something to read, an error or an end. The first call
 * makes the caller the only task that the waiter is for (others: EPERM), until that process closes a descriptor of
 * it: then it is at its end (ESHUTDOWN). EEXIST: the number is in use. EPERM: that cannot be watched.
 */
struct viridis_watch {
	uint32_t number; /* below VIRIDIS_WATCHES_MAX */
	int32_t fd;      /* -1: no longer; ENOENT: it was not */
	int32_t signal; /* an eventfd that VIRIDIS_WAIT adds 1 to when it is told to; -1: none */
	uint32_t flags;
};
ASSERT_SIZE(struct viridis_watch, 16);

#define VIRIDIS_WATCH MSHV_IOW(0xb0u, struct viridis_watch)

/*
 * The argument itself: a bit for each watch whose `signal` is to be signalled, which is done first. Answers, when there is
 * any, the bits of those that there is news of. EINTR: a signal came; the others have been sent.
 */
#define VIRIDIS_WAIT MSHV_IO(0xb1u)

/* ---- Ours: partition ---- */

#define VIRIDIS_PARTITION_ID MSHV_IOR(0x90u, uint64_t)

/*
 * The child's HvSignalEvent(connection_id, flag 0) adds 1 to the eventfd. -1 ends that.
 * EEXIST: the connection is in use; ENOENT: nothing to remove.
 */
struct viridis_signal_eventfd {
	uint32_t connection_id;
	int32_t eventfd;
};
ASSERT_SIZE(struct viridis_signal_eventfd, 8);

#define VIRIDIS_SIGNAL_EVENTFD MSHV_IOW(0x91u, struct viridis_signal_eventfd)

enum viridis_eventfd_flag_op {
	VIRIDIS_EVENTFD_FLAG_ASSIGN = 0,
	VIRIDIS_EVENTFD_FLAG_DEASSIGN = 1, /* vp, sint, flag are ignored */
	VIRIDIS_EVENTFD_FLAG_RETARGET = 2,
};

/*
 * Whoever writes to the eventfd raises event flag `flag` of SINT `sint` on the child's vp. The
 * module consumes the count: nobody else should read that eventfd. One target an eventfd.
 */
struct viridis_eventfd_flag {
	int32_t eventfd;
	uint32_t vp;
	uint32_t sint;
	uint32_t flag;
	uint32_t op; /* enum viridis_eventfd_flag_op */
	uint32_t reserved;
};
ASSERT_SIZE(struct viridis_eventfd_flag, 24);

#define VIRIDIS_EVENTFD_FLAG MSHV_IOW(0x92u, struct viridis_eventfd_flag)

/*
 * Answers a descriptor from which the child's HvPostMessage(connection_id)s are read, one struct
 * hv_message each; `sender` is the connection id. It is non-blocking when O_NONBLOCK is set on it.
 * A partition may have up to 8, each with a queue of 64. When a queue runs full the connection
 * is taken away until it has been read: the child sees INVALID_CONNECTION_ID and tries again.
 */
struct viridis_message_fd {
	uint32_t connection_id;
	uint32_t reserved;
};
ASSERT_SIZE(struct viridis_message_fd, 8);

#define VIRIDIS_MESSAGE_FD MSHV_IOW(0x93u, struct viridis_message_fd)

/* A message straight to a SINT of the child. EAGAIN: no buffer free, try again later. */
struct viridis_post_message {
	uint32_t vp;
	uint32_t sint;
	struct hv_message message;
};
ASSERT_SIZE(struct viridis_post_message, 264);

#define VIRIDIS_POST_MESSAGE MSHV_IOW(0x94u, struct viridis_post_message)

/* ---- Ours: attachment ---- */

struct viridis_memory_range {
	uint64_t gpa;
	uint64_t bytes;
	uint64_t offset; /* in the file */
};
ASSERT_SIZE(struct viridis_memory_range, 24);

/*
 * Answers a descriptor of the shared file that the child's memory is, and tells where the child sees what of it now, in
 * no order. ENODATA: it is no shared file, or nothing is mapped yet.
 */
struct viridis_attached_memory {
	uint64_t ranges;   /* address of an array of struct viridis_memory_range */
	uint32_t capacity; /* in: entries of that array */
	uint32_t count;    /* out: ranges there are; at most `capacity` were written */
};
ASSERT_SIZE(struct viridis_attached_memory, 16);

#define VIRIDIS_ATTACHED_MEMORY MSHV_IOWR(0x95u, struct viridis_attached_memory)

#endif
