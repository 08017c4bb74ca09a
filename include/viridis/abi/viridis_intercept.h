/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The intercept message page of a VP. The TLFS uses its head; behind that is a word by which a
 * parent says that it waits for the next intercept and has no other use for its CPU.
 */
#ifndef VIRIDIS_ABI_VIRIDIS_INTERCEPT_H
#define VIRIDIS_ABI_VIRIDIS_INTERCEPT_H

#include <stdint.h>
#include <viridis/abi/hv_synic.h>
#include <viridis/base/assert.h>

/*
 * A parent that watches stores 1 before it clears the suspend registers. The VP then runs on the
 * CPU of that hypercall, for a millisecond at most. An intercept writes the message,
 * suspends the VP, and exchanges the word for 0; OPAQUE_INTERCEPT is sent only if that found
 * 0. The parent exchanges it for 0 when the hypercall returns: if that finds 0 the
 * intercept is there and no message comes, else one will.
 */
struct viridis_intercept_page {
	struct hv_message message;
	uint32_t watched;
};
ASSERT_SIZE(struct viridis_intercept_page, 264);

#endif
