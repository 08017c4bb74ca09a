/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What child_code.S, child_state.S and their parent agree on. Addresses are the child's; its first 4 MiB are RAM. */
#ifndef VSC_TINY_CHILD_H
#define VSC_TINY_CHILD_H

#define CHILD_PAGES       1024
#define CHILD_TABLES      0x1000 /* three pages of page tables: PML4, PDPT, PD */
#define CHILD_STACK_TOP   0x9000
#define CHILD_CODE        0x10000
#define CHILD_MESSAGE     0x20000 /* an input block of POST_MESSAGE, written by the parent */
#define CHILD_SCRATCH     0x21000
#define CHILD_HYPERCALL   0x22000
#define CHILD_SIMP        0x23000
#define CHILD_SIEFP       0x24000
#define CHILD_COUNTER     0x25000 /* counted up until the word at CHILD_STOP is set */
#define CHILD_STOP        0x26000
#define CHILD_IDT         0x27000 /* for child_traps.S and child_state.S, with what follows */
#define CHILD_GDT         0x28000
#define CHILD_TSS         0x29000
#define CHILD_DEBUG_STACK 0x2b000
#define CHILD_FAR_STACK   0x700000 /* three pages, none of which is there at first */
#define CHILD_HOLE        0x600000 /* no memory until the parent maps a page there */

#define CHILD_PORT               0x3f8
#define CHILD_TRAP               0x80 /* a vector */
#define CHILD_HELLO              0x56
#define CHILD_MESSAGE_VALUE      0x600dcafe
#define CHILD_SINT               2
#define CHILD_FLAG               5
#define CHILD_MESSAGE_CONNECTION 0x31
#define CHILD_EVENT_CONNECTION   0x32
#define CHILD_FORGED_CONNECTION  0x33

/* child_state.S: what it leaves in its VP */
#define CHILD_LEAF           0x40000001
#define CHILD_TPR            0x25
#define CHILD_VECTOR_SERVED  0x61
#define CHILD_VECTOR_WAITING 0x52
#define CHILD_SIMP_SINT      5
#define CHILD_SIEFP_SINT     7
#define CHILD_PATTERN        0x5ca1ab1e
#define CHILD_MXCSR          0x1fc0   /* DAZ; every exception masked */
#define CHILD_TIMER_100NS    10000000 /* from where it is set */
#define CHILD_READY          0x5afe

#endif
