# SPDX-License-Identifier: GPL-2.0-or-later
# A backend on a socket, the far end of which is the test's.
target_sources(net_stream_test PRIVATE ${VIRIDIS_TOP}/vsp/net/backend_stream.c)
