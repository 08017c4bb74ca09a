# SPDX-License-Identifier: GPL-2.0-or-later
# The hostile provider is linked with the library that providers have, as they have it: sanitizers would make
# system calls of their own.
add_executable(hostile_provider EXCLUDE_FROM_ALL hostile_provider.c)
target_link_libraries(hostile_provider PRIVATE vsp_lib vmbus)
target_sources(provider_sandbox_test PRIVATE provider_host.c sandboxed.c
	${VIRIDIS_TOP}/vsp/lib/memory.c ${VIRIDIS_TOP}/vsp/lib/datagram.c ${VIRIDIS_TOP}/vsp/lib/socket.c
	${VIRIDIS_TOP}/vsp/lib/spawn.c)
target_compile_definitions(provider_sandbox_test PRIVATE
	PROVIDER="$<TARGET_FILE:hostile_provider>")
add_dependencies(provider_sandbox_test hostile_provider)
