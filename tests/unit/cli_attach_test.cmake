# SPDX-License-Identifier: GPL-2.0-or-later
# One command of `viridis`, with a store of its own.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
set(config ${VIRIDIS_TOP}/root-partition/config)
target_sources(cli_attach_test PRIVATE ${VIRIDIS_TOP}/root-partition/cli/attach.c
	${VIRIDIS_TOP}/root-partition/cli/command.c
	${VIRIDIS_TOP}/root-partition/client/client.c ${VIRIDIS_TOP}/root-partition/client/end.c
	${config}/control_json.c ${config}/definition.c ${config}/definition_disk.c ${config}/definition_forward.c
	${config}/definition_json.c ${config}/definition_net.c ${config}/disk_users.c ${config}/error_code.c ${config}/file_lock.c
	${config}/json_text.c ${config}/kernel_file.c ${config}/paths.c ${config}/definition_host.c ${config}/size_text.c ${config}/state.c ${config}/store.c
	${config}/vm_log.c)
# vmbus.hex is made for viridis.
target_include_directories(cli_attach_test PRIVATE ${CMAKE_BINARY_DIR}/root-partition/cli)
add_dependencies(cli_attach_test viridis)
target_link_libraries(cli_attach_test PRIVATE PkgConfig::JSON)
