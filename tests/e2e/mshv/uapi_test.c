// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /dev/mshv by the header that Linux installs, and by nothing of ours: each of its calls for root partitions
 * once, as a VMM makes it, and where Viridis answers otherwise. Static; its results are TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mshv.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of TLFS, for which Linux installs no header. */
#define HVCALL_GET_PARTITION_PROPERTY 0x44
#define HVCALL_SET_PARTITION_PROPERTY 0x45
#define HVCALL_GET_VP_REGISTERS       0x50
#define HVCALL_SET_VP_REGISTERS       0x51
#define PROPERTY_SYNTHETIC_FEATURES   0x10001
#define PROPERTY_UNIMPLEMENTED_MSR    0x50017
#define PROPERTY_FEATURES0            0x6000a
#define REGISTER_RIP                  0x20010
#define REGISTER_RFLAGS               0x20011
#define REGISTER_CS                   0x60001
#define MESSAGE_IO_PORT               0x80010000u

#define PAGE   4096u
#define CODE   0x1000u
#define PORT   0x90u
#define XCOMP  520u /* offset of XCOMP_BV in an XSAVE area */
#define GSIS   24u
#define VECTOR 0x41u

static unsigned int tests, failed;
static uint8_t page[PAGE] __attribute__((aligned(PAGE)));

static bool ok(bool good, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%sok %u - ", good ? "" : "not ", ++tests);
	vprintf(format, args);
	va_end(args);
	printf(good ? "\n" : " (errno %d)\n", errno);
	failed += !good;
	return good;
}

static bool fails_with(int result, int expected)
{
	return result < 0 && errno == expected;
}

static int hypercall(int fd, uint16_t code, uint16_t reps, void *in, uint16_t in_bytes,
                     void *out, uint16_t out_bytes)
{
	struct mshv_root_hvcall call = {
		.code = code,
		.reps = reps,
		.in_sz = in_bytes,
		.out_sz = out_bytes,
		.in_ptr = (uintptr_t)in,
		.out_ptr = (uintptr_t)out,
	};
	int result = ioctl(fd, MSHV_ROOT_HVCALL, &call);

	return result || call.status ? -1 : call.reps;
}

static int get_property(int fd, uint32_t code, uint64_t *value)
{
	uint32_t in[4] = { 0, 0, code, 0 };

	return hypercall(fd, HVCALL_GET_PARTITION_PROPERTY, 0, in, sizeof(in), value, 8);
}

static int set_property(int fd, uint32_t code, uint64_t value)
{
	struct {
		uint64_t partition;
		uint32_t code, reserved;
		uint64_t value;
	} in = { 0, code, 0, value };

	return hypercall(fd, HVCALL_SET_PARTITION_PROPERTY, 0, &in, sizeof(in), NULL, 0);
}

static int set_register(int vp, uint32_t name, uint64_t low, uint64_t high)
{
	struct {
		uint64_t partition;
		uint32_t vp, vtl;
		uint32_t name, reserved[3];
		uint64_t value[2];
	} in = { .name = name, .value = { low, high } };

	return hypercall(vp, HVCALL_SET_VP_REGISTERS, 1, &in, sizeof(in), NULL, 0);
}

static int create(int device, uint64_t flags)
{
	struct mshv_create_partition_v2 request = {
		.pt_flags = flags | 1u << MSHV_PT_BIT_CPU_AND_XSAVE_FEATURES,
		.pt_num_cpu_fbanks = MSHV_NUM_CPU_FEATURES_BANKS,
	};

	return ioctl(device, MSHV_CREATE_PARTITION, &request);
}

static int make_partition(int device)
{
	uint64_t value = 0;
	int fd;

	ok(get_property(device, PROPERTY_FEATURES0, &value) == 0 && (value & 1),
	   "the device tells what processors have: SSE3 among it");
	ok(fails_with(create(device, 1u << MSHV_PT_BIT_NESTED_VIRTUALIZATION), EINVAL),
	   "nested virtualization is refused: there is none");
	ok(fails_with(create(device, 1u << MSHV_PT_BIT_SMT_ENABLED_GUEST), EINVAL),
	   "and so are guests of two threads a core");
	fd = create(device, 1u << MSHV_PT_BIT_LAPIC | 1u << MSHV_PT_BIT_X2APIC |
	                            1u << MSHV_PT_BIT_GPA_SUPER_PAGES);
	ok(fd >= 0, "a partition is created");
	ok(set_property(fd, PROPERTY_SYNTHETIC_FEATURES, 0x06400ffb) == 0,
	   "what its guests may use is set");
	ok(ioctl(fd, MSHV_INITIALIZE_PARTITION) == 0, "it is initialized");
	ok(set_property(fd, PROPERTY_UNIMPLEMENTED_MSR, 1) == 0,
	   "and its unimplemented MSRs are to be ignored");
	return fd;
}

static int map(int partition, uint64_t pfn, void *address, uint64_t bytes, uint8_t flags)
{
	struct mshv_user_mem_region region = {
		.size = bytes,
		.guest_pfn = pfn,
		.userspace_addr = (uintptr_t)address,
		.flags = flags,
	};

	return ioctl(partition, MSHV_SET_GUEST_MEMORY, &region);
}

static void memory(int partition, void *ram)
{
	const uint8_t unmap = 1u << MSHV_SET_MEM_BIT_UNMAP;
	const uint8_t all = 1u << MSHV_SET_MEM_BIT_WRITABLE |
	                    1u << MSHV_SET_MEM_BIT_EXECUTABLE;

	ok(map(partition, 0, ram, 4 * PAGE, all) == 0, "memory is mapped");
	ok(fails_with(map(partition, 3, ram, PAGE, all), EEXIST), "but once");
	ok(map(partition, 0, ram, 4 * PAGE, unmap) == 0, "it is unmapped");
	ok(map(partition, 0, ram, 4 * PAGE, unmap) == 0,
	   "twice: here that is no fault, as QEMU does it");
	ok(map(partition, 0, ram, 4 * PAGE, all) == 0, "and mapped again");
}

static void interrupts(int partition, int fd, int resample)
{
	struct {
		struct mshv_user_irq_table table;
		struct mshv_user_irq_entry entries[GSIS];
	} routes = { .table.nr = GSIS };
	struct mshv_user_irqfd irqfd = { .fd = fd, .resamplefd = resample, .gsi = 5 };

	for (uint32_t i = 0; i < GSIS; i++)
		routes.entries[i] = (struct mshv_user_irq_entry){ .gsi = i };
	routes.entries[5].address_lo = 0xfee00000;
	routes.entries[5].data = VECTOR;
	ok(ioctl(partition, MSHV_SET_MSI_ROUTING, &routes) == 0, "GSIs have routes");
	irqfd.flags = 1u << MSHV_IRQFD_BIT_RESAMPLE;
	ok(ioctl(partition, MSHV_IRQFD, &irqfd) == 0, "one has an eventfd, and another");
	irqfd.flags = 1u << MSHV_IRQFD_BIT_DEASSIGN;
	ok(ioctl(partition, MSHV_IRQFD, &irqfd) == 0, "which it loses again");
}

static void access_bitmap(int partition)
{
	struct mshv_gpap_access_bitmap request = { .access_type =
		                                           MSHV_GPAP_ACCESS_TYPE_DIRTY,
		                                   .access_op = MSHV_GPAP_ACCESS_OP_CLEAR,
		                                   .page_count = 11,
		                                   .bitmap_ptr = (uintptr_t)page };

	memset(page, 0xee, 4);
	ok(ioctl(partition, MSHV_GET_GPAP_ACCESS_BITMAP, &request) == 0 &&
	           page[0] == 0x0f && page[1] == 0 && page[2] == 0xee,
	   "the four pages that are mapped count as written, one bit each");
	ok(ioctl(partition, MSHV_GET_GPAP_ACCESS_BITMAP, &request) == 0 && page[0] == 0,
	   "and once that was cleared they are not");
	request.access_op = MSHV_GPAP_ACCESS_OP_SET;
	ok(ioctl(partition, MSHV_GET_GPAP_ACCESS_BITMAP, &request) == 0 && page[0] == 0,
	   "it is set again");
	request.access_op = MSHV_GPAP_ACCESS_OP_NOOP;
	ok(ioctl(partition, MSHV_GET_GPAP_ACCESS_BITMAP, &request) == 0 &&
	           page[0] == 0x0f,
	   "as one that only looks finds");
	request.access_type = MSHV_GPAP_ACCESS_TYPE_COUNT;
	ok(fails_with(ioctl(partition, MSHV_GET_GPAP_ACCESS_BITMAP, &request), EINVAL),
	   "there are no other types");
}

static void state(int vp)
{
	uint64_t xcomp;

	for (uint8_t type = 0; type < MSHV_VP_STATE_COUNT; type++) {
		struct mshv_get_set_vp_state request = { .type = type,
			                                 .buf_sz = PAGE,
			                                 .buf_ptr = (uintptr_t)page };

		ok(ioctl(vp, MSHV_GET_VP_STATE, &request) == 0, "state %u is told", type);
		memcpy(&xcomp, page + XCOMP, sizeof(xcomp));
		if (type == MSHV_VP_STATE_XSAVE)
			ok(xcomp >> 63, "in the compacted format");
		request.buf_sz = PAGE;
		ok(ioctl(vp, MSHV_SET_VP_STATE, &request) == 0, "and set again");
	}
}

static void pages(int vp)
{
	const int both = PROT_READ | PROT_WRITE;
	void *registers = mmap(NULL, PAGE, both, MAP_SHARED, vp,
	                       MSHV_VP_MMAP_OFFSET_REGISTERS * PAGE);
	void *message = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vp,
	                     MSHV_VP_MMAP_OFFSET_INTERCEPT_MESSAGE * PAGE);

	ok(registers != MAP_FAILED, "the page of registers is mapped");
	ok(message != MAP_FAILED, "and that of intercepts, to be read");
	ok(mmap(NULL, PAGE, both, MAP_SHARED, vp, MSHV_VP_MMAP_OFFSET_GHCB * PAGE) ==
	           MAP_FAILED,
	   "there is no page of encrypted guests, nor are there such");
	munmap(registers, PAGE);
	munmap(message, PAGE);
}

/* mov $0x5a, %al; out %al, $PORT; out %al, $0x80 */
static const uint8_t code[] = { 0xb0, 0x5a, 0xe6, PORT, 0xe6, 0x80, 0xf4 };

static uint32_t run(int vp)
{
	struct mshv_run_vp message;
	uint32_t type = 0;

	if (ioctl(vp, MSHV_RUN_VP, &message) == 0)
		memcpy(&type, message.msg_buf, sizeof(type));
	return type;
}

static void running(int partition, int vp, uint8_t *ram, int fd)
{
	struct mshv_user_ioeventfd write = {
		.datamatch = 0x5a,
		.addr = PORT,
		.len = 1,
		.fd = fd,
		.flags = 1u << MSHV_IOEVENTFD_BIT_PIO |
		         1u << MSHV_IOEVENTFD_BIT_DATAMATCH,
	};
	uint64_t count = 0;

	memcpy(ram + CODE, code, sizeof(code));
	ok(ioctl(partition, MSHV_IOEVENTFD, &write) == 0,
	   "a write to a port has an eventfd");
	ok(set_register(vp, REGISTER_CS, 0, (uint64_t)0x9b << 48 | 0xffff) >= 0 &&
	           set_register(vp, REGISTER_RFLAGS, 2, 0) >= 0 &&
	           set_register(vp, REGISTER_RIP, CODE, 0) >= 0,
	   "the VP is in real mode");
	ok(run(vp) == MESSAGE_IO_PORT, "it runs up to another port");
	ok(read(fd, &count, sizeof(count)) == sizeof(count) && count == 1,
	   "and its write came by the eventfd");
	write.flags |= 1u << MSHV_IOEVENTFD_BIT_DEASSIGN;
	ok(ioctl(partition, MSHV_IOEVENTFD, &write) == 0, "which is ended");
}

int main(void)
{
	int device = open("/dev/mshv", O_RDWR | O_CLOEXEC);
	struct mshv_create_vp vp_0 = { .vp_index = 0 };
	int fd = eventfd(0, EFD_NONBLOCK), resample = eventfd(0, EFD_NONBLOCK);
	uint8_t *ram = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
	                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int partition, vp;

	if (!ok(device >= 0, "/dev/mshv opens"))
		return 1;
	partition = make_partition(device);
	memory(partition, ram);
	interrupts(partition, fd, resample);
	access_bitmap(partition);
	vp = ioctl(partition, MSHV_CREATE_VP, &vp_0);
	ok(vp >= 0, "a VP is created");
	pages(vp);
	running(partition, vp, ram, fd);
	state(vp);
	ok(close(vp) == 0 && close(partition) == 0, "all is closed");
	printf("1..%u\n", tests);
	return failed != 0;
}
