# SPDX-License-Identifier: GPL-2.0-or-later
# This test talks to the real programs, and they to real servers and to one that is not.
target_sources(storage_nbd_hostile_test PRIVATE provider_host.c hostile_nbd.c
	${VIRIDIS_TOP}/vsp/lib/memory.c ${VIRIDIS_TOP}/vsp/lib/datagram.c ${VIRIDIS_TOP}/vsp/lib/socket.c
	${VIRIDIS_TOP}/vsp/lib/spawn.c)
target_compile_definitions(storage_nbd_hostile_test PRIVATE
	PROVIDER="$<TARGET_FILE:viridis-storage-nbd>"
	CONNECTOR="$<TARGET_FILE:viridis-nbd-connect>")
add_dependencies(storage_nbd_hostile_test viridis-storage-nbd viridis-nbd-connect)
