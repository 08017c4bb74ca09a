# SPDX-License-Identifier: GPL-2.0-or-later
# The waiter is the test's.
target_sources(vsp_loop_test PRIVATE ${VIRIDIS_TOP}/vsp/lib/loop.c)
