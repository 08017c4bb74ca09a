/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Issuing hypercalls, and the one table from their status to errno. */
#ifndef VIRIDIS_KMOD_HYPERCALL_H
#define VIRIDIS_KMOD_HYPERCALL_H

#include "abi.h"
#include <linux/types.h>

/*
 * One hypercall. The input is `header` followed by `list`, which of a simple call is the variable header: whole
 * qwords; a rep call begins with rep `done` and leaves there how many reps have been completed, so calling
 * again goes on where it stopped.
 * The output is zeroed before the first rep.
 */
struct hypercall {
	u16 code;
	u16 reps; /* 0: a simple call */
	u16 done;
	const void *header;
	size_t header_bytes;
	const void *list;
	size_t list_bytes;
	void *output;
	size_t output_bytes;
};

/* Checks that we run as the root partition of Viridis; says in the log why not. */
int hypercall_init(void);
void hypercall_exit(void);

/* Any context but NMI; never sleeps. Header and list together, and output: a page at most. */
enum hv_status hypercall(struct hypercall *call);

/* A simple call without output. */
enum hv_status hypercall_simple(u16 code, const void *input, size_t bytes);

/* A simple call with an input of at most 16 bytes, which goes in registers. */
enum hv_status hypercall_fast(u16 code, const u64 input[2]);

/* 0 or a negative errno. */
int hypercall_errno(enum hv_status status);

/* The root's own partition id. */
u64 hypercall_root_id(void);

#endif
