/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes by which a measured guest tells the root where it is; no console text has them. */
#ifndef TESTS_BENCH_MARKS_H
#define TESTS_BENCH_MARKS_H

#define MARK_BEGIN 0x01 /* a phase begins MARK_PAUSE_NS from now */
#define MARK_END   0x02 /* it has ended; the next mark is at least MARK_REST_NS away */
#define MARK_INIT  0x03 /* the guest's first process runs */
#define MARK_LAST  0x04 /* nothing more comes */

/* Long enough for the root to take note before the guest goes on. */
#define MARK_PAUSE_NS 20000000
/* And long enough to print the trace of what has ended. */
#define MARK_REST_NS 300000000

#endif
