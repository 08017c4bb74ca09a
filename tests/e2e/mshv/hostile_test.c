// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VMMs that mean ill, each a process of its own with a seed: several threads call whatever there is, on whatever
 * descriptor, with blocks that are nearly right, while VPs run, memory comes and goes, descriptors are closed and
 * copied, and the process forks; some are killed amid it. None may hang, crash the root, or leave a page behind.
 */
#include "tests/e2e/mshv/mshv_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <viridis/abi/hv_intercept.h>

#define SEEDS           24
#define THREADS         3
#define CALLS           500
#define SLOTS           48u
#define VPS             2u
#define ARENA_PAGES     64u
#define ARENA_BYTES     (ARENA_PAGES * PAGE_4K)
#define TICK_US         2000
#define PATIENCE_S      90
#define BLOCK_BYTES     512u
#define KILLED_EVERY    3 /* seeds */
#define SYSLOG_READ_ALL 3 /* man 2 syslog */

/* mov $0x42, %al; 2: out %al, $0x80; incb (0x2000); jmp 2b */
static const uint8_t code_works[] = { 0xb0, 0x42, 0xe6, 0x80, 0xfe,
	                              0x06, 0x00, 0x20, 0xeb, 0xf8 };

struct life {
	_Atomic int slots[SLOTS]; /* descriptors of every kind, or -1 */
	uint8_t *arena;           /* what is mapped for the child, and where answers go */
	uint8_t *read_only;
	int seed;
	atomic_bool over;
};

struct thread {
	struct life *life;
	pthread_t id;
	unsigned int seed;
	uint8_t *block; /* the last bytes of a page with nothing behind it */
};

static uint32_t pick(struct thread *thread, uint32_t count)
{
	return (uint32_t)rand_r(&thread->seed) % count;
}

/* ---- What blocks are filled with ---- */

static uint64_t odd_number(struct thread *thread)
{
	static const uint64_t odd[] = {
		0,         1,         2,          3,         7,         8,
		15,        16,        0xff,       0x100,     0xfff,     0x1000,
		0x1001,    0x1fff,    0x2000,     0xffff,    0x10000,   BIT64(20),
		BIT64(21), BIT64(31), BIT64(32),  BIT64(39), BIT64(40), BIT64(47),
		BIT64(52), BIT64(63), UINT32_MAX, INT32_MAX, INT64_MAX, UINT64_MAX,
		~0xfffull,
	};

	return odd[pick(thread, ARRAY_COUNT(odd))];
}

/* Small ones mostly: those that get furthest. */
static uint64_t number(struct thread *thread)
{
	return pick(thread, 4) ? pick(thread, 9) : odd_number(thread);
}

/* Where nothing of this program can be overwritten: in the arena, or nowhere. */
static uint64_t address(struct thread *thread)
{
	const struct life *life = thread->life;
	uint64_t page =
		(uintptr_t)life->arena + (uint64_t)pick(thread, ARENA_PAGES) * PAGE_4K;

	switch (pick(thread, 8)) {
	case 0:
		return page + pick(thread, PAGE_4K);
	case 1:
		return (uintptr_t)life->read_only;
	case 2:
		return (uintptr_t)life->arena + ARENA_BYTES - pick(thread, 64);
	case 3:
		return UINT64_C(0xffff888000000000) + page % BIT64(30);
	case 4:
		return pick(thread, 2) ? 8 : BIT64(47) - PAGE_4K;
	default:
		return page;
	}
}

/* Of the slots, or none at all: the numbers in between are those of who judges. */
static int any_fd(struct thread *thread)
{
	static const int none[] = { -1, INT32_MIN, INT32_MAX, 1 << 20 };

	return pick(thread, 16) ? atomic_load(&thread->life->slots[pick(thread, SLOTS)]) :
	                          none[pick(thread, ARRAY_COUNT(none))];
}

static void keep(struct thread *thread, int fd)
{
	int old;

	if (fd < 0)
		return;
	old = atomic_exchange(&thread->life->slots[pick(thread, SLOTS)], fd);
	if (old >= 0)
		close(old);
}

/* ---- Blocks that are nearly right ---- */

static void fill_memory(struct thread *thread, void *block)
{
	struct mshv_user_mem_region *region = block;

	region->bytes = (uint64_t)pick(thread, 8) * PAGE_4K;
	region->guest_pfn = pick(thread, 2) ? pick(thread, 12) : number(thread);
	region->user_address = address(thread);
	region->flags = (uint8_t)pick(thread, 8);
	if (pick(thread, 6) == 0)
		region->bytes = odd_number(thread);
}

static void fill_irqfd(struct thread *thread, void *block)
{
	struct mshv_user_irqfd *request = block;

	request->fd = any_fd(thread);
	request->resample_fd = any_fd(thread);
	request->gsi = (uint32_t)number(thread);
	request->flags = (uint32_t)pick(thread, 4);
}

static void fill_ioeventfd(struct thread *thread, void *block)
{
	struct mshv_user_ioeventfd *request = block;

	request->match = number(thread);
	request->address = pick(thread, 2) ? 0x80 : odd_number(thread);
	request->bytes = BIT32(pick(thread, 5));
	request->fd = any_fd(thread);
	request->flags = (uint32_t)number(thread);
}

static void fill_routes(struct thread *thread, void *block)
{
	struct mshv_user_irq_table *table = block;
	struct mshv_user_irq_entry *entries = (void *)(table + 1);
	uint32_t count = pick(thread, 16);

	table->count = pick(thread, 8) ? count : (uint32_t)odd_number(thread);
	for (uint32_t i = 0; i < count; i++)
		entries[i] = (struct mshv_user_irq_entry){
			.gsi = pick(thread, 8) ? i : (uint32_t)odd_number(thread),
			.address_lo = 0xfee00000 | (uint32_t)number(thread) << 12,
			.address_hi = (uint32_t)number(thread),
			.data = (uint32_t)odd_number(thread),
		};
}

static void fill_bitmap(struct thread *thread, void *block)
{
	struct mshv_gpap_access_bitmap *request = block;

	request->access_type = (uint8_t)pick(thread, 3);
	request->access_op = (uint8_t)pick(thread, 4);
	request->page_count = number(thread);
	request->gpfn = number(thread);
	request->bitmap = address(thread);
}

static void fill_state(struct thread *thread, void *block)
{
	struct mshv_get_set_vp_state *request = block;

	request->type = (uint8_t)pick(thread, 6);
	request->buffer_bytes = pick(thread, 4) ? PAGE_4K * (1 + pick(thread, 4)) :
	                                          (uint32_t)odd_number(thread);
	request->buffer = address(thread);
}

static void fill_index(struct thread *thread, void *block)
{
	*(uint32_t *)block = (uint32_t)number(thread);
}

static void fill_create(struct thread *thread, void *block)
{
	struct mshv_create_partition_v2 *request = block;

	request->flags = pick(thread, 16) | (pick(thread, 4) ? 0 : odd_number(thread));
	request->isolation = pick(thread, 8) ? 0 : odd_number(thread);
	request->feature_bank_count = (uint16_t)pick(thread, 4);
	request->disabled_features[0] = number(thread);
	request->disabled_xsave = number(thread);
}

static void fill_signal(struct thread *thread, void *block)
{
	struct viridis_signal_eventfd *request = block;

	request->connection_id = (uint32_t)number(thread);
	request->eventfd = any_fd(thread);
}

static void fill_flag(struct thread *thread, void *block)
{
	struct viridis_eventfd_flag *request = block;

	request->eventfd = any_fd(thread);
	request->vp = (uint32_t)number(thread);
	request->sint = (uint32_t)number(thread);
	request->flag = (uint32_t)number(thread);
	request->op = pick(thread, 4);
}

static void fill_post(struct thread *thread, void *block)
{
	struct viridis_post_message *request = block;

	request->vp = (uint32_t)number(thread);
	request->sint = (uint32_t)number(thread);
	request->message.type = (uint32_t)number(thread);
	request->message.payload_size = (uint8_t)odd_number(thread);
}

static void fill_attach(struct thread *thread, void *block)
{
	struct viridis_attach *request = block;

	if (pick(thread, 2))
		request->creator_pid = pick(thread, 4) ? (uint32_t)getpid() :
		                                         (uint32_t)odd_number(thread);
	else
		request->partition_id = number(thread);
}

static void fill_attached(struct thread *thread, void *block)
{
	struct viridis_attached_memory *request = block;

	request->ranges = address(thread);
	request->capacity = (uint32_t)number(thread);
}

static void fill_watch(struct thread *thread, void *block)
{
	struct viridis_watch *request = block;

	request->number = (uint32_t)number(thread);
	request->fd = any_fd(thread);
	request->signal = pick(thread, 2) ? -1 : any_fd(thread);
	request->flags = pick(thread, 3);
}

static void fill_info(struct thread *thread, void *block)
{
	struct viridis_info *request = block;

	request->partitions = address(thread);
	request->capacity = (uint32_t)number(thread);
}

static void fill_read(struct thread *thread, void *block)
{
	struct viridis_read *request = block;

	request->sequence = odd_number(thread);
	request->buffer = address(thread);
	request->bytes = (uint32_t)odd_number(thread);
	request->cpu = (uint32_t)number(thread);
}

static void fill_stats(struct thread *thread, void *block)
{
	struct viridis_get_stats *request = block;

	request->partition_id = number(thread);
	request->object = (uint32_t)number(thread);
	request->index = (uint32_t)number(thread);
}

static void fill_nothing(struct thread *thread, void *block)
{
	(void)thread;
	(void)block;
}

/* ---- Hypercalls ---- */

/* A list in the arena; another thread may change it as it is read. */
static void fill_registers(struct thread *thread, uint8_t *input)
{
	static const uint32_t names[] = {
		HV_X64_REGISTER_RAX,
		HV_X64_REGISTER_RIP,
		HV_X64_REGISTER_RFLAGS,
		HV_X64_REGISTER_CS,
		HV_X64_REGISTER_CR0,
		HV_X64_REGISTER_CR3,
		HV_X64_REGISTER_CR4,
		HV_X64_REGISTER_EFER,
		HV_X64_REGISTER_APIC_BASE,
		HV_X64_REGISTER_TSC,
		HV_X64_REGISTER_HYPERCALL,
		HV_REGISTER_EXPLICIT_SUSPEND,
		HV_REGISTER_INTERCEPT_SUSPEND,
		HV_REGISTER_INTERNAL_ACTIVITY_STATE,
		HV_REGISTER_PENDING_INTERRUPTION,
		HV_REGISTER_PENDING_EVENT0,
		HV_REGISTER_INTERRUPT_STATE,
		HV_REGISTER_DELIVERABILITY_NOTIFICATIONS,
		HV_REGISTER_GUEST_OS_ID,
		HV_REGISTER_REFERENCE_TSC,
		HV_REGISTER_SIMP,
		HV_REGISTER_SCONTROL,
		HV_REGISTER_SINT0,
		HV_REGISTER_STIMER0_CONFIG,
		HV_REGISTER_STIMER3_COUNT,
		HV_REGISTER_VP_ASSIST_PAGE,
	};
	struct hv_register_assoc *list = (void *)(input + 16);

	*(uint32_t *)(input + 8) = (uint32_t)pick(thread, 3);
	*(uint32_t *)(input + 12) = pick(thread, 8) ? 0 : (uint32_t)odd_number(thread);
	for (unsigned int i = 0; i < 8; i++) {
		list[i].name = pick(thread, 8) ? names[pick(thread, ARRAY_COUNT(names))] :
		                                 (uint32_t)odd_number(thread);
		list[i].value.reg64 = pick(thread, 2) ? odd_number(thread) :
		                                        odd_number(thread) | 1;
	}
}

static void fill_words(struct thread *thread, uint8_t *input)
{
	uint64_t *words = (void *)input;

	for (unsigned int i = 1; i < 16; i++)
		words[i] = pick(thread, 2) ? number(thread) :
		                             odd_number(thread) << 32 | number(thread);
}

static void fill_hypercall(struct thread *thread, void *block)
{
	static const uint16_t codes[] = {
		HVCALL_GET_PARTITION_PROPERTY,
		HVCALL_SET_PARTITION_PROPERTY,
		HVCALL_INSTALL_INTERCEPT,
		HVCALL_GET_VP_REGISTERS,
		HVCALL_TRANSLATE_VIRTUAL_ADDRESS,
		HVCALL_READ_GPA,
		HVCALL_WRITE_GPA,
		HVCALL_REGISTER_INTERCEPT_RESULT,
		HVCALL_UNREGISTER_INTERCEPT_RESULT,
		HVCALL_ASSERT_VIRTUAL_INTERRUPT,
		HVCALL_GET_GPA_PAGES_ACCESS_STATES,
		HVCALL_SIGNAL_EVENT_DIRECT,
		HVCALL_POST_MESSAGE_DIRECT,
		HVCALL_DEPOSIT_MEMORY,
		HVCALL_MAP_GPA_PAGES,
		HVCALL_DELETE_PARTITION,
	};
	struct mshv_root_hvcall *request = block;
	uint8_t *input =
		thread->life->arena + (size_t)pick(thread, ARENA_PAGES) * PAGE_4K;

	if (pick(thread, 2)) {
		request->code = HVCALL_SET_VP_REGISTERS;
		request->reps = (uint16_t)pick(thread, 10);
		fill_registers(thread, input);
	} else {
		request->code = codes[pick(thread, ARRAY_COUNT(codes))];
		request->reps = pick(thread, 2) ? 0 : (uint16_t)number(thread);
		fill_words(thread, input);
	}
	request->input_bytes = pick(thread, 4) ? 16 + 32 * request->reps :
	                                         (uint16_t)odd_number(thread);
	request->output_bytes = (uint16_t)number(thread);
	request->input = pick(thread, 8) ? (uintptr_t)input : address(thread);
	request->output = address(thread);
}

/* ---- One call ---- */

static const struct {
	uint32_t request, weight;
	size_t bytes; /* a table goes on behind its block */
	void (*fill)(struct thread *thread, void *block);
} calls[] = {
	{ MSHV_CREATE_PARTITION, 1, 64, fill_create },
	{ MSHV_INITIALIZE_PARTITION, 1, 0, fill_nothing },
	{ MSHV_CREATE_VP, 2, 4, fill_index },
	{ MSHV_SET_GUEST_MEMORY, 12, 32, fill_memory },
	{ MSHV_ROOT_HVCALL, 16, 32, fill_hypercall },
	{ MSHV_RUN_VP, 16, 256, fill_nothing },
	{ MSHV_GET_VP_STATE, 3, 16, fill_state },
	{ MSHV_SET_VP_STATE, 3, 16, fill_state },
	{ MSHV_IRQFD, 6, 16, fill_irqfd },
	{ MSHV_IOEVENTFD, 6, 32, fill_ioeventfd },
	{ MSHV_SET_MSI_ROUTING, 3, 8 + 16 * 16, fill_routes },
	{ MSHV_GET_GPAP_ACCESS_BITMAP, 3, 32, fill_bitmap },
	{ VIRIDIS_SIGNAL_EVENTFD, 4, 8, fill_signal },
	{ VIRIDIS_EVENTFD_FLAG, 4, 24, fill_flag },
	{ VIRIDIS_MESSAGE_FD, 2, 8, fill_index },
	{ VIRIDIS_POST_MESSAGE, 2, sizeof(struct viridis_post_message), fill_post },
	{ VIRIDIS_ATTACH, 3, 16, fill_attach },
	{ VIRIDIS_ATTACHED_MEMORY, 2, 16, fill_attached },
	{ VIRIDIS_WAITER, 3, 0, fill_nothing },
	{ VIRIDIS_WATCH, 12, sizeof(struct viridis_watch), fill_watch },
	{ VIRIDIS_WAIT, 8, 0, fill_nothing },
	{ VIRIDIS_PARTITION_ID, 1, 8, fill_nothing },
	{ VIRIDIS_INFO, 1, 40, fill_info },
	{ VIRIDIS_READ_LOG, 1, 32, fill_read },
	{ VIRIDIS_READ_TRACE, 1, 32, fill_read },
	{ VIRIDIS_GET_STATS, 1, sizeof(struct viridis_get_stats), fill_stats },
};

static size_t pick_call(struct thread *thread)
{
	uint32_t sum = 0, at;

	for (size_t i = 0; i < ARRAY_COUNT(calls); i++)
		sum += calls[i].weight;
	at = pick(thread, sum);
	for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
		if (at < calls[i].weight)
			return i;
		at -= calls[i].weight;
	}
	abort();
}

static void make_call(struct thread *thread, size_t which)
{
	uint8_t *end = thread->block + PAGE_4K;
	uint8_t *block = end - calls[which].bytes;
	int result;

	memset(thread->block, 0, PAGE_4K);
	/* Aligned for what is written into it; every block's size is a multiple of its own needs. */
	calls[which].fill(thread, block);
	if (pick(thread, 10) == 0 && calls[which].bytes)
		block[pick(thread, (uint32_t)calls[which].bytes)] ^=
			(uint8_t)BIT32(pick(thread, 8));
	if (pick(thread, 50) == 0)
		block = (void *)(uintptr_t)(pick(thread, 2) ? 8 : (uintptr_t)end);
	if (calls[which].request == VIRIDIS_WAIT) /* a number in the block's place */
		block = (void *)(uintptr_t)odd_number(thread);
	result = ioctl(any_fd(thread), calls[which].request, block);
	if (calls[which].request == VIRIDIS_WAIT) /* no descriptor */
		return;
	if (result > 2)
		keep(thread, result);
}

/* ---- What a process may do besides ---- */

static int new_fd(struct thread *thread)
{
	switch (pick(thread, 8)) {
	case 0:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 1:
		return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	case 2:
		return epoll_create1(EPOLL_CLOEXEC);
	case 3:
		return mshv_open();
	default:
		return eventfd(pick(thread, 3), EFD_CLOEXEC | EFD_NONBLOCK);
	}
}

static void play_with_fds(struct thread *thread)
{
	int from = any_fd(thread), old;

	switch (pick(thread, 4)) {
	case 0:
		keep(thread, from > 2 ? fcntl(from, F_DUPFD_CLOEXEC, 3) : -1);
		break;
	case 1:
		keep(thread, new_fd(thread));
		break;
	case 2:
		old = atomic_exchange(&thread->life->slots[pick(thread, SLOTS)], -1);
		if (old > 2)
			close(old);
		break;
	case 3: {
		const uint64_t one = 1;

		/* Eventfds, of which some send interrupts and raise flags. */
		if (from > 2 && fcntl(from, F_SETFL, O_NONBLOCK) == 0)
			(void)!write(from, &one, sizeof(one));
		break;
	}
	}
}

static void watch(struct thread *thread)
{
	struct epoll_event event = { .events = EPOLLIN };

	(void)epoll_ctl(any_fd(thread), EPOLL_CTL_ADD, any_fd(thread), &event);
}

static void read_some(struct thread *thread)
{
	uint8_t *to = (void *)(uintptr_t)address(thread);
	int fd = any_fd(thread);

	if (fd > 2 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
		(void)!read(fd, to, sizeof(struct hv_message) * (1 + pick(thread, 3)));
}

static void map_a_page(struct thread *thread)
{
	void *page = mmap(NULL, PAGE_4K, PROT_READ | PROT_WRITE,
	                  pick(thread, 4) ? MAP_SHARED : MAP_PRIVATE, any_fd(thread),
	                  (off_t)(pick(thread, 3) * PAGE_4K));

	if (page == MAP_FAILED)
		return;
	memset(page, (int)pick(thread, 256), PAGE_4K / 2);
	munmap(page, PAGE_4K);
}

/* Pages that may be pinned go from under the child. */
static void change_the_arena(struct thread *thread)
{
	uint8_t *page = thread->life->arena + (size_t)pick(thread, ARENA_PAGES) * PAGE_4K;

	if (pick(thread, 2))
		(void)madvise(page, PAGE_4K,
		              pick(thread, 2) ? MADV_DONTNEED : MADV_REMOVE);
	else
		(void)!mmap(page, PAGE_4K, PROT_READ | PROT_WRITE,
		            MAP_FIXED | MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* The copy makes some calls on what it inherited, and dies. No signal would end its RUN_VP. */
static void fork_one(struct thread *thread)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(PATIENCE_S);
		for (unsigned int i = pick(thread, 8); i > 0; i--) {
			size_t which = pick_call(thread);

			if (calls[which].request != MSHV_RUN_VP)
				make_call(thread, which);
		}
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

static void act(struct thread *thread)
{
	uint32_t which = pick(thread, 100);

	if (which < 74)
		make_call(thread, pick_call(thread));
	else if (which < 90)
		play_with_fds(thread);
	else if (which < 93)
		read_some(thread);
	else if (which < 95)
		watch(thread);
	else if (which < 97)
		map_a_page(thread);
	else if (which < 99)
		change_the_arena(thread);
	else
		fork_one(thread);
}

/* ---- A life ---- */

static void on_tick(int signal)
{
	(void)signal;
}

static void *live(void *argument)
{
	struct thread *thread = argument;

	for (int i = 0; i < CALLS; i++)
		act(thread);
	return NULL;
}

static uint8_t *lonely_page(void)
{
	uint8_t *page = mmap(NULL, 2 * PAGE_4K, PROT_READ | PROT_WRITE,
	                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || mprotect(page + PAGE_4K, PAGE_4K, PROT_NONE))
		abort();
	return page;
}

/* Two of each kind that calls are made on, a machine that could run, and eventfds. */
static void prepare(struct life *life)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < SLOTS; i++)
		atomic_store(&life->slots[i], -1);
	life->arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
	                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	life->read_only =
		mmap(NULL, PAGE_4K, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (life->arena == MAP_FAILED || life->read_only == MAP_FAILED)
		abort();
	memcpy(life->arena + GUEST_CODE_GPA, code_works, sizeof(code_works));
	for (unsigned int i = 0; i < 2; i++) {
		struct mshv_partition partition, attachment;
		struct mshv_vp vp;
		int device = mshv_open();

		if (device < 0 || mshv_create_partition(device, 0, NULL, 0, &partition) ||
		    mshv_map_memory(&partition, 0, life->arena, 8 * PAGE_4K, 3) ||
		    mshv_attach(device, partition.id, 0, &attachment))
			abort();
		for (uint32_t k = 0; k < VPS; k++) {
			if (mshv_create_vp(&partition, k, &vp))
				abort();
			guest_set_real_mode(&vp);
			atomic_store(&life->slots[at++], vp.fd);
		}
		atomic_store(&life->slots[at++], device);
		atomic_store(&life->slots[at++], partition.fd);
		atomic_store(&life->slots[at++], attachment.fd);
	}
	while (at < SLOTS / 2)
		atomic_store(&life->slots[at++], eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

/* RUN_VP of a VP with nothing to say ends by a signal. */
static void *tick(void *argument)
{
	struct thread *threads = argument;
	struct life *life = threads[0].life;

	while (!atomic_load(&life->over)) {
		usleep(TICK_US);
		for (unsigned int i = 0; i < THREADS && !atomic_load(&life->over); i++)
			pthread_kill(threads[i].id, SIGUSR1);
	}
	return NULL;
}

/* Every other one is a member of the device's group, not root. */
static _Noreturn void be_hostile(int seed, int told)
{
	const struct sigaction action = { .sa_handler = on_tick };
	struct life life = { .seed = seed };
	struct thread threads[THREADS];
	pthread_t ticker;

	if (seed % 2 && !become_member(NOBODY))
		abort();
	/* Its signal ends it, and tells the parent; check's own handler would end them all. */
	signal(SIGALRM, SIG_DFL);
	alarm(PATIENCE_S);
	signal(SIGPIPE, SIG_IGN);
	if (sigaction(SIGUSR1, &action, NULL))
		abort();
	prepare(&life);
	for (unsigned int i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){ .life = &life,
			                      .seed = (unsigned int)seed * 7919 + i,
			                      .block = lonely_page() };
		if (pthread_create(&threads[i].id, NULL, live, &threads[i]))
			abort();
	}
	if (pthread_create(&ticker, NULL, tick, threads) || write(told, "", 1) != 1)
		abort();
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i].id, NULL);
	_exit(0);
}

/* ---- The judge ---- */

/* How often the kernel, or the module, has said so far that something is wrong. */
static unsigned int complaints(void)
{
	static const char *const words[] = {
		"BUG:",       "WARNING:",      "Call Trace",
		"viridis: p", "Out of memory", "page allocation failure",
	};
	static char text[1 << 19];
	int got = klogctl(SYSLOG_READ_ALL, text, sizeof(text) - 1);
	unsigned int count = 0;

	ck_assert_int_gt(got, 0);
	text[got] = 0;
	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		for (const char *at = text; (at = strstr(at, words[i])); at++)
			count++;
	return count;
}

static void check_an_honest_vmm_runs(void)
{
	struct hv_message message;
	struct guest guest;

	guest_start(&guest, code_works, sizeof(code_works));
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(mshv_run_vp(&guest.vp, &message), 0);
		ck_assert_uint_eq(message.type, HV_MESSAGE_X64_IO_PORT);
		ck_assert_int_eq(mshv_set_register(&guest.vp, HV_X64_REGISTER_RIP,
		                                   GUEST_CODE_GPA + 4),
		                 0);
	}
	guest_end(&guest);
}

START_TEST(a_vmm_that_means_ill_harms_nobody)
{
	const unsigned int before = complaints();
	bool killed = _i % KILLED_EVERY == 0;
	int device = mshv_open(), ends[2], status;
	char byte;
	pid_t pid;

	ck_assert_int_ge(device, 0);
	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(ends[0]);
		be_hostile(_i + 1, ends[1]);
	}
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	if (killed) {
		usleep(20000u * (unsigned int)(1 + _i));
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	                      (killed && WIFSIGNALED(status) &&
	                       WTERMSIG(status) == SIGKILL),
	              "seed %d ended with status %#x", _i + 1, (unsigned int)status);
	check_nothing_is_left(device);
	close(device);
	ck_assert_uint_eq(complaints(), before);
	check_an_honest_vmm_runs();
}
END_TEST

Suite *mshv_hostile_suite(void)
{
	Suite *suite = suite_create("hostile");
	TCase *tcase = tcase_create("hostile");

	tcase_set_timeout(tcase, 2 * PATIENCE_S);
	tcase_add_loop_test(tcase, a_vmm_that_means_ill_harms_nobody, 0, SEEDS);
	suite_add_tcase(suite, tcase);
	return suite;
}
