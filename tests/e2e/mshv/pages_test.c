// SPDX-License-Identifier: GPL-2.0-or-later
/* Where deposited pages lie among Linux's own. */
#include "tests/e2e/mshv/mshv_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <viridis/base/bits.h>

/* Flags of /proc/kpageflags, of pages that hold something of Linux's, or may at any time. */
#define KPF_LRU     BIT64(5)
#define KPF_SLAB    BIT64(7)
#define KPF_BUDDY   BIT64(10)
#define KPF_ANON    BIT64(12)
#define KPF_OFFLINE BIT64(23)
#define KPF_PGTABLE BIT64(26)
#define LINUX_OWN   (KPF_LRU | KPF_SLAB | KPF_BUDDY | KPF_ANON | KPF_PGTABLE)

/* An endless loop. */
static const uint8_t code[] = { 0xeb, 0xfe };

/* The kernel may read a word that begins in a page and ends in the next; a deposited one may not be it. */
START_TEST(no_page_of_linux_lies_before_a_deposited_one)
{
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	uint64_t flags[512], before = 0;
	unsigned int offline = 0;
	struct guest guest;
	ssize_t got;

	ck_assert_int_ge(fd, 0);
	guest_start(&guest, code, sizeof(code));
	while ((got = read(fd, flags, sizeof(flags))) > 0) {
		for (size_t i = 0; i < (size_t)got / sizeof(flags[0]); i++) {
			if (flags[i] & KPF_OFFLINE) {
				ck_assert_uint_eq(before & LINUX_OWN, 0);
				offline++;
			}
			before = flags[i];
		}
	}
	ck_assert_int_eq(got, 0);
	ck_assert_uint_ge(offline, 16); /* a partition and its VP need more */
	close(fd);
	guest_end(&guest);
}
END_TEST

Suite *mshv_pages_suite(void)
{
	Suite *suite = suite_create("deposited pages");
	TCase *cases = tcase_create("pages");

	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, no_page_of_linux_lies_before_a_deposited_one);
	suite_add_tcase(suite, cases);
	return suite;
}
