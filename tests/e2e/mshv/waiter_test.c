// SPDX-License-Identifier: GPL-2.0-or-later
/* Waiters: what is told of, when and to whom; what goes out by the same call; what they hold, and let go of. */
#define _GNU_SOURCE
#include "tests/e2e/mshv/mshv_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vsp/storage/uring.h"

#define ROUNDS      200
#define RING_ROUNDS 200
#define RACES       4000
#define SOON_US     300u  /* a halt is worth it */
#define LATE_US     4000u /* and is not */
#define STACK       65536u
#define PARAMETER   "/sys/module/viridis_mshv/parameters/lend_cpu"

static int device, waiter;
static unsigned int completions; /* of a ring's */

static void set_up(void)
{
	device = mshv_open();
	ck_assert_int_ge(device, 0);
	waiter = mshv_waiter(device);
	ck_assert_int_ge(waiter, 0);
}

static void tear_down(void)
{
	close(waiter);
	check_nothing_is_left(device);
	close(device);
}

static int watch(uint32_t number, int fd, int signal, uint32_t flags)
{
	const struct viridis_watch request = { number, fd, signal, flags };

	return mshv_watch(waiter, &request);
}

static int new_event(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void add_one(int event)
{
	const uint64_t one = 1;

	ck_assert_int_eq(write(event, &one, sizeof(one)), sizeof(one));
}

static uint64_t count_of(int event)
{
	uint64_t count = 0;

	(void)!read(event, &count, sizeof(count)); /* EAGAIN: none */
	return count;
}

static void set_timer(int timer, unsigned int us)
{
	const struct itimerspec when = { .it_value.tv_nsec = us * 1000 };

	ck_assert_int_eq(timerfd_settime(timer, 0, &when, NULL), 0);
}

/* Readable soon. */
static int new_timer(void)
{
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	ck_assert_int_ge(timer, 0);
	set_timer(timer, SOON_US);
	return timer;
}

/* ---- News ---- */

START_TEST(an_edge_is_told_of_once)
{
	int event = new_event(), timer = new_timer();

	add_one(event);
	ck_assert_int_eq(watch(30, event, -1, VIRIDIS_WATCH_EDGES), 0);
	ck_assert_int_eq(mshv_wait(waiter, 0), 1 << 30); /* it was there before */
	ck_assert_int_eq(watch(0, timer, -1, 0), 0);
	ck_assert_int_eq(mshv_wait(waiter, 0), 1);
	ck_assert_uint_eq(count_of(timer), 1);
	add_one(event); /* unread as it is */
	ck_assert_int_eq(mshv_wait(waiter, 0), 1 << 30);
	close(event);
	close(timer);
}
END_TEST

START_TEST(a_level_is_told_of_until_it_is_gone)
{
	int event = new_event(), timer;

	ck_assert_int_eq(watch(3, event, -1, 0), 0);
	add_one(event);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(mshv_wait(waiter, 0), 1 << 3);
	ck_assert_uint_eq(count_of(event), 1);
	timer = new_timer();
	ck_assert_int_eq(watch(4, timer, -1, 0), 0);
	ck_assert_int_eq(mshv_wait(waiter, 0), 1 << 4);
	close(event);
	close(timer);
}
END_TEST

START_TEST(what_is_no_longer_watched_is_not_told_of)
{
	int event = new_event(), other = new_event(), timer;

	ck_assert_int_eq(watch(1, event, -1, 0), 0);
	ck_assert_int_eq(watch(2, other, -1, VIRIDIS_WATCH_EDGES), 0);
	add_one(event);
	add_one(other);
	ck_assert_int_eq(mshv_wait(waiter, 0), 1 << 1 | 1 << 2);
	add_one(other);
	ck_assert_int_eq(watch(1, -1, -1, 0), 0);
	ck_assert_int_eq(watch(2, -1, -1, 0), 0);
	timer = new_timer();
	ck_assert_int_eq(watch(2, timer, -1, 0), 0);
	ck_assert_int_eq(mshv_wait(waiter, 0), 1 << 2);
	ck_assert_int_eq(watch(1, event, -1, 0), 0);
	ck_assert_int_ne(mshv_wait(waiter, 0) & 1 << 1, 0);
	close(event);
	close(other);
	close(timer);
}
END_TEST

START_TEST(signals_go_out_first)
{
	int in = new_event(), out[2] = { new_event(), new_event() };

	ck_assert_int_eq(watch(0, in, out[0], VIRIDIS_WATCH_EDGES), 0);
	/* It tells itself, which shows that signals do not wait for news. */
	ck_assert_int_eq(watch(1, out[0], out[1], VIRIDIS_WATCH_EDGES), 0);
	ck_assert_int_eq(mshv_wait(waiter, 1), 1 << 1);
	ck_assert_uint_eq(count_of(out[0]), 1);
	ck_assert_uint_eq(count_of(out[1]), 0);
	add_one(in);
	ck_assert_int_eq(mshv_wait(waiter, 1u << 1 | 1u << 9), 1); /* 9 is none */
	ck_assert_uint_eq(count_of(out[0]), 0);
	ck_assert_uint_eq(count_of(out[1]), 1);
	close(in);
	close(out[0]);
	close(out[1]);
}
END_TEST

static void on_alarm(int number)
{
	(void)number;
}

START_TEST(a_signal_of_the_kernels_ends_a_wait)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval soon = { .it_value.tv_usec =
		                                50000 }; /* it sleeps by then */
	int event = new_event(), out = new_event();

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(watch(0, event, out, 0), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
	ck_assert_int_eq(mshv_wait(waiter, 1), -EINTR);
	ck_assert_uint_eq(count_of(out), 1);
	close(event);
	close(out);
}
END_TEST

/* ---- Who may, and what ---- */

START_TEST(what_makes_no_sense_is_refused)
{
	int event = new_event(), other = new_event(), null = open("/dev/null", O_RDWR);

	ck_assert_int_eq(mshv_wait(waiter, 0), -EPERM); /* it is nobody's yet */
	ck_assert_int_eq(watch(31, event, -1, 0), -EINVAL);
	ck_assert_int_eq(watch(0, event, -1, 2), -EINVAL);
	ck_assert_int_eq(watch(0, -1, -1, 0), -ENOENT);
	ck_assert_int_eq(watch(0, 1000, -1, 0), -EBADF);
	ck_assert_int_eq(watch(0, event, 1000, 0), -EBADF);
	ck_assert_int_eq(watch(0, event, null, 0), -EINVAL);
	ck_assert_int_eq(watch(0, null, -1, 0), -EPERM);
	ck_assert_int_eq(watch(0, waiter, -1, 0), -EPERM);
	ck_assert_int_eq(watch(0, event, other, 0), 0);
	ck_assert_int_eq(watch(0, other, -1, 0), -EEXIST);
	ck_assert_int_eq(mshv_wait(waiter, 1u << 31), -EINVAL);
	ck_assert_uint_eq(count_of(other), 0);
	close(event);
	close(other);
	close(null);
}
END_TEST

static void *call_all(void *answers)
{
	int *answer = answers;

	answer[0] = watch(1, STDIN_FILENO, -1, 0);
	answer[1] = mshv_wait(waiter, 0);
	return NULL;
}

START_TEST(it_is_one_tasks_alone)
{
	int event = new_event(), answers[2], status;
	pthread_t thread;
	pid_t pid;

	ck_assert_int_eq(watch(0, event, -1, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, call_all, answers), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(answers[0], -EPERM);
	ck_assert_int_eq(answers[1], -EPERM);
	pid = fork();
	if (pid == 0) {
		call_all(answers);
		close(waiter); /* a copy that is another's ends nothing */
		_exit(answers[0] == -EPERM && answers[1] == -EPERM ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	add_one(event);
	ck_assert_int_eq(mshv_wait(waiter, 0), 1);
	close(event);
}
END_TEST

/* ---- Its end ---- */

/* It is reached by the end of what it holds: a pipe without a reader. */
static bool is_held(int writing)
{
	struct pollfd end = { .fd = writing, .events = POLLOUT };

	ck_assert_int_eq(poll(&end, 1, 0), 1);
	return !(end.revents & POLLERR);
}

START_TEST(it_lets_go_of_what_it_held)
{
	int ends[2], copy;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(watch(0, ends[0], -1, 0), 0);
	close(ends[0]);
	ck_assert(is_held(ends[1]));
	copy = dup(waiter);
	close(copy); /* one of several is enough */
	ck_assert(!is_held(ends[1]));
	ck_assert_int_eq(mshv_wait(waiter, 0), -ESHUTDOWN);
	ck_assert_int_eq(watch(1, ends[1], -1, 0), -ESHUTDOWN);
	close(ends[1]);
}
END_TEST

static void send_descriptor(int socket, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec data = { "", 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
		                         .cmsg_level = SOL_SOCKET,
		                         .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	ck_assert_int_eq(sendmsg(socket, &message, 0), 1);
}

/* It holds a socket in whose queue it lies. */
START_TEST(it_holds_nothing_that_only_it_is_held_by)
{
	struct pollfd peer = { .events = POLLIN };
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(watch(0, ends[0], -1, 0), 0);
	send_descriptor(ends[1], waiter);
	close(ends[0]);
	close(waiter);
	peer.fd = ends[1];
	ck_assert_int_eq(poll(&peer, 1, 5000), 1);
	ck_assert_int_ne(peer.revents & POLLHUP, 0);
	close(ends[1]);
	waiter = mshv_waiter(device);
}
END_TEST

/* Closes what it is told to, a little later each time. */
struct closer {
	_Atomic int fd; /* -1: none is to be closed; -2: it ends */
};

static void *close_each(void *argument)
{
	struct closer *closer = argument;
	int fd;

	for (unsigned int round = 0; (fd = closer->fd) != -2; round += fd >= 0) {
		if (fd < 0) {
			sched_yield();
			continue;
		}
		for (volatile unsigned int i = 0; i < round % 64 * 8; i++)
			;
		close(fd);
		closer->fd = -1;
	}
	return NULL;
}

/* It lies in the queue of what it is to watch, and loses its last descriptor meanwhile. */
static bool is_let_go_of(struct closer *closer)
{
	struct pollfd peer = { .events = POLLIN };
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	waiter = mshv_waiter(device);
	send_descriptor(ends[1], waiter);
	closer->fd = waiter;
	(void)!watch(0, ends[0], -1, 0); /* it may be too late */
	while (closer->fd != -1)
		sched_yield();
	close(ends[0]);
	peer.fd = ends[1];
	(void)poll(&peer, 1, 2000);
	close(ends[1]);
	return peer.revents & POLLHUP;
}

START_TEST(who_loses_it_while_it_begins_holds_nothing)
{
	struct closer closer = { -1 };
	unsigned int held = 0;
	pthread_t thread;

	close(waiter);
	ck_assert_int_eq(pthread_create(&thread, NULL, close_each, &closer), 0);
	for (int i = 0; i < RACES; i++)
		held += !is_let_go_of(&closer);
	closer.fd = -2;
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(held, 0);
	waiter = mshv_waiter(device);
}
END_TEST

static void *close_soon(void *copy)
{
	usleep(50000); /* it sleeps by then */
	close(*(int *)copy);
	return NULL;
}

START_TEST(who_waits_learns_of_its_end)
{
	int event = new_event(), copy = dup(waiter);
	pthread_t thread;

	ck_assert_int_eq(watch(0, event, -1, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, close_soon, &copy), 0);
	ck_assert_int_eq(mshv_wait(waiter, 0), -ESHUTDOWN);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	close(event);
}
END_TEST

/* The queue of a signalfd is its process's, and goes with that. */
static int watch_own_signals(void *unused)
{
	sigset_t all;

	(void)unused;
	sigfillset(&all);
	return watch(0, signalfd(-1, &all, SFD_CLOEXEC), -1, 0) ? 1 : 0;
}

START_TEST(what_ends_before_its_file_is_left_alone)
{
	uint8_t *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	ck_assert_ptr_ne(stack, MAP_FAILED);
	for (int i = 0; i < ROUNDS; i++) {
		pid = clone(watch_own_signals, stack + STACK, CLONE_FILES | SIGCHLD,
		            NULL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
		close(waiter);
		waiter = mshv_waiter(device);
		ck_assert_int_ge(waiter, 0);
	}
	munmap(stack, STACK);
}
END_TEST

/* ---- Rest ---- */

static void lend_cpu(bool lend)
{
	int fd = open(PARAMETER, O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, lend ? "Y" : "N", 1), 1);
	close(fd);
}

/* How often this thread gave its CPU away. */
static long switches(void)
{
	struct rusage usage;

	ck_assert_int_eq(getrusage(RUSAGE_THREAD, &usage), 0);
	return usage.ru_nvcsw;
}

/* In nanoseconds, for which the task did not sleep. */
static unsigned long long halted(void)
{
	char path[64], line[128];
	unsigned long long ns = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", waiter);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		(void)!sscanf(line, "halted-ns: %llu", &ns);
	fclose(file);
	return ns;
}

/* How many of ROUNDS waits gave the CPU away. */
static long sleeps(unsigned int us)
{
	int timer = new_timer();
	long before;

	ck_assert_int_eq(watch(0, timer, -1, 0), 0);
	before = switches();
	for (int i = 0; i < ROUNDS; i++) {
		set_timer(timer, us);
		ck_assert_int_eq(mshv_wait(waiter, 0), 1);
		ck_assert_uint_eq(count_of(timer), 1);
	}
	close(timer);
	return switches() - before;
}

START_TEST(who_waits_a_little_halts_its_cpu)
{
	unsigned long long ns;

	ck_assert_int_lt(sleeps(SOON_US), ROUNDS / 2);
	ns = halted();
	ck_assert_uint_gt(ns, ROUNDS / 2 * SOON_US / 2 * 1000ull);
}
END_TEST

START_TEST(who_waits_for_long_sleeps)
{
	ck_assert_int_gt(sleeps(LATE_US), ROUNDS * 3 / 4);
}
END_TEST

START_TEST(who_is_not_to_halt_sleeps)
{
	lend_cpu(false);
	ck_assert_int_gt(sleeps(SOON_US), ROUNDS / 2);
	lend_cpu(true);
	ck_assert_uint_eq(halted(), 0);
}
END_TEST

/* Two threads that tell each other by turns, wherever they run. */
struct pair {
	int to, from;
};

static void *answer_each(void *argument)
{
	const struct pair *pair = argument;
	struct pollfd wait = { .fd = pair->to, .events = POLLIN };

	for (int i = 0; i < ROUNDS; i++) {
		ck_assert_int_eq(poll(&wait, 1, 20000), 1);
		ck_assert_uint_eq(count_of(pair->to), 1);
		add_one(pair->from);
	}
	return NULL;
}

START_TEST(none_is_lost_between_two_cpus)
{
	struct pair pair = { new_event(), new_event() };
	pthread_t thread;

	ck_assert_int_eq(watch(5, pair.from, pair.to, VIRIDIS_WATCH_EDGES), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, answer_each, &pair), 0);
	for (int i = 0; i < ROUNDS; i++) {
		ck_assert_int_eq(mshv_wait(waiter, 1u << 5), 1 << 5);
		if (i % 8 == 0)
			usleep(SOON_US); /* the other sleeps by then */
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(count_of(pair.from), ROUNDS);
	close(pair.to);
	close(pair.from);
}
END_TEST

/* ---- A ring, as providers have ---- */

/* To the first CPU, by which a task that runs there is interrupted. */
static unsigned long reschedules(void)
{
	FILE *file = fopen("/proc/interrupts", "re");
	unsigned long count = 0;
	char line[1024];

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		(void)!sscanf(line, " RES: %lu", &count);
	fclose(file);
	return count;
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

struct answerer {
	int to;
	_Atomic unsigned int asked;
};

/* From the other CPU, when who asked halts. */
static void *answer_late(void *argument)
{
	struct answerer *answerer = argument;

	run_on(1);
	for (unsigned int i = 1; i <= RING_ROUNDS; i++) {
		while (answerer->asked < i)
			usleep(50);
		usleep(SOON_US);
		ck_assert_int_eq(write(answerer->to, "", 1), 1);
	}
	return NULL;
}

static void count_completion(struct uring_io *io, int result)
{
	(void)io;
	ck_assert_int_eq(result, 1);
	completions++;
}

static void read_by_ring(struct uring *uring, unsigned int file)
{
	static struct uring_io io = { count_completion };
	static char byte;
	static struct iovec list = { &byte, 1 };
	struct io_uring_sqe *entry = uring_entry(uring);

	io_uring_prep_readv(entry, (int)file, &list, 1, 0);
	uring_queue(entry, &io);
	uring_submit(uring);
}

/* It halts each time, as the waiter is new. */
static void halt_for_ring(struct uring *uring, unsigned int file,
                          struct answerer *answerer)
{
	unsigned int before = completions;

	close(waiter);
	waiter = mshv_waiter(device);
	ck_assert_int_eq(watch(0, uring_fd(uring), -1, 0), 0);
	read_by_ring(uring, file);
	answerer->asked++;
	while (mshv_wait(waiter, 0) == -EINTR) /* the kernel's part of a completion */
		;
	uring_reap(uring);
	ck_assert_uint_eq(completions, before + 1);
}

/* Not some tick, that is up to 10 ms away, or none where the CPU has but one task. */
START_TEST(a_completion_on_another_cpu_ends_a_halt)
{
	struct answerer answerer = { 0 };
	struct uring uring;
	unsigned long before;
	unsigned int file;
	pthread_t thread;
	int ends[2];

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	lend_cpu(true); /* whatever a test before left */
	run_on(0);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	answerer.to = ends[1];
	ck_assert(uring_init(&uring, 4) && uring_add_file(&uring, ends[0], &file) &&
	          uring_seal(&uring));
	ck_assert_int_eq(pthread_create(&thread, NULL, answer_late, &answerer), 0);
	before = reschedules();
	for (int i = 0; i < RING_ROUNDS; i++)
		halt_for_ring(&uring, file, &answerer);
	ck_assert_uint_ge(reschedules() - before, RING_ROUNDS / 2);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	uring_fini(&uring);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

Suite *mshv_waiter_suite(void)
{
	Suite *suite = suite_create("waiter");
	TCase *tcase = tcase_create("waiter");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, an_edge_is_told_of_once);
	tcase_add_test(tcase, a_level_is_told_of_until_it_is_gone);
	tcase_add_test(tcase, what_is_no_longer_watched_is_not_told_of);
	tcase_add_test(tcase, signals_go_out_first);
	tcase_add_test(tcase, a_signal_of_the_kernels_ends_a_wait);
	tcase_add_test(tcase, what_makes_no_sense_is_refused);
	tcase_add_test(tcase, it_is_one_tasks_alone);
	tcase_add_test(tcase, it_lets_go_of_what_it_held);
	tcase_add_test(tcase, it_holds_nothing_that_only_it_is_held_by);
	tcase_add_test(tcase, who_loses_it_while_it_begins_holds_nothing);
	tcase_add_test(tcase, who_waits_learns_of_its_end);
	tcase_add_test(tcase, what_ends_before_its_file_is_left_alone);
	tcase_add_test(tcase, who_waits_a_little_halts_its_cpu);
	tcase_add_test(tcase, who_waits_for_long_sleeps);
	tcase_add_test(tcase, who_is_not_to_halt_sleeps);
	tcase_add_test(tcase, none_is_lost_between_two_cpus);
	tcase_add_test(tcase, a_completion_on_another_cpu_ends_a_halt);
	suite_add_tcase(suite, tcase);
	return suite;
}
