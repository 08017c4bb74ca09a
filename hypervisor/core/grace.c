/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who keeps the CPU after a signal: grace.h */
#include "hypervisor/core/grace.h"

void grace_resumed(struct grace *grace, uint64_t now)
{
	if (grace->away)
		grace->since = now;
	grace->away = false;
}

bool grace_begin(struct grace *grace, uint64_t now)
{
	if (grace->denied != 0 && now - grace->since < grace->halt) {
		grace->denied = 0;
		grace->trusted = GRACE_RETRY;
	}
	if (grace->denied != 0) {
		grace->denied--;
		grace->away = true;
		return false;
	}
	grace->trusted -= grace->trusted != 0;
	grace->given = true;
	grace->since = now;
	return true;
}

void grace_halted(struct grace *grace, uint64_t now, uint64_t length)
{
	uint64_t halt = now - grace->since;

	if (grace->given && grace->trusted == 0 && halt < length / GRACE_SOON_PART) {
		grace->denied = GRACE_RETRY - 1;
		grace->halt = halt;
	}
	grace->given = false;
}
