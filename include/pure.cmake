# SPDX-License-Identifier: GPL-2.0-or-later
# PURE code: without asm, locks, allocation or globals. It is compiled wherever it is used,
# and always into the unit tests and the fuzzers. Sets `out` to the list of its files.
get_filename_component(VIRIDIS_TOP ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)

function(viridis_pure_sources out)
	set(patterns hypervisor/core root-partition/kmod/core root-partition/loader/core vmbus/core vmbus/class vsp/*/core
		root-partition/bzimage root-partition/vm/model)
	list(TRANSFORM patterns PREPEND ${VIRIDIS_TOP}/)
	list(TRANSFORM patterns APPEND /*.c)
	file(GLOB sources CONFIGURE_DEPENDS ${patterns})
	set(${out} ${sources} PARENT_SCOPE)
endfunction()
