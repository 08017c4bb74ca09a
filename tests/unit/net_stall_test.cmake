# SPDX-License-Identifier: GPL-2.0-or-later
# The network provider between its rings, which are the test's, and a socket, the far end of which is the test's too.
set(net ${VIRIDIS_TOP}/vsp/net)
target_sources(net_stall_test PRIVATE ${net}/backend_stream.c ${net}/channel.c ${net}/leave.c ${net}/receive.c
	${net}/stall.c ${net}/transmit.c)
target_compile_definitions(net_stall_test PRIVATE NET_STALL_MS=600u)
