# SPDX-License-Identifier: GPL-2.0-or-later
# The network provider between its rings and its backend: both are the test's.
set(net ${VIRIDIS_TOP}/vsp/net)
target_sources(net_queues_test PRIVATE ${net}/channel.c ${net}/leave.c ${net}/receive.c
	${net}/stall.c ${net}/transmit.c)
