# SPDX-License-Identifier: GPL-2.0-or-later
# This test talks to the real program, and to it as the worker does.
target_sources(storage_restart_test PRIVATE provider_host.c
	${VIRIDIS_TOP}/vsp/lib/memory.c ${VIRIDIS_TOP}/vsp/lib/datagram.c ${VIRIDIS_TOP}/vsp/lib/socket.c
	${VIRIDIS_TOP}/vsp/lib/spawn.c)
target_compile_definitions(storage_restart_test PRIVATE
	PROVIDER="$<TARGET_FILE:viridis-storage>")
add_dependencies(storage_restart_test viridis-storage)
