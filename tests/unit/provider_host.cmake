# SPDX-License-Identifier: GPL-2.0-or-later
# A test that is worker and guest to a real provider process: provider_host.h. The test finds its program as PROVIDER.
function(provider_host_test test program)
	set(vsp ${VIRIDIS_TOP}/vsp/lib)
	target_sources(${test} PRIVATE provider_host.c ${vsp}/memory.c ${vsp}/datagram.c ${vsp}/socket.c
		${vsp}/spawn.c)
	target_compile_definitions(${test} PRIVATE PROVIDER="$<TARGET_FILE:${program}>")
	add_dependencies(${test} ${program})
endfunction()
