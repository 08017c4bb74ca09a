/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compile-time checks of layouts that cross a privilege boundary. */
#ifndef VIRIDIS_BASE_ASSERT_H
#define VIRIDIS_BASE_ASSERT_H

#define ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "size of " #type)

#define ASSERT_OFFSET(type, member, bytes)                          \
	_Static_assert(__builtin_offsetof(type, member) == (bytes), \
	               "offset of " #type "." #member)

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
