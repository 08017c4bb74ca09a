// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unmap_shared COUNT: maps, writes and unmaps a page so many times on CPU 0 while another thread of the same address
 * space runs on CPU 1, which has to forget the page each time.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static atomic_bool running, over;

static int run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

static void *run_beside(void *unused)
{
	(void)unused;
	if (run_on(1)) {
		perror("CPU 1");
		exit(1);
	}
	atomic_store(&running, true);
	while (!atomic_load(&over))
		;
	return NULL;
}

static int map_and_unmap(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                  -1, 0);

	if (page == MAP_FAILED)
		return -1;
	*(volatile char *)page = 1;
	return munmap(page, 4096);
}

int main(int argc, char **argv)
{
	int count = argc == 2 ? atoi(argv[1]) : 0;
	pthread_t thread;

	if (count <= 0) {
		fprintf(stderr, "usage: unmap_shared COUNT\n");
		return 2;
	}
	if (run_on(0) || pthread_create(&thread, NULL, run_beside, NULL)) {
		perror("CPU 0 and a thread");
		return 1;
	}
	while (!atomic_load(&running))
		;
	for (int i = 0; i < count; i++) {
		if (map_and_unmap()) {
			perror("a page");
			return 1;
		}
	}
	atomic_store(&over, true);
	return pthread_join(thread, NULL) != 0;
}
