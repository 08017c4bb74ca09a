# SPDX-License-Identifier: GPL-2.0-or-later
# One command of `viridis`, with its options and answers.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_sources(top_command_test PRIVATE ${VIRIDIS_TOP}/root-partition/cli/top.c
	${VIRIDIS_TOP}/root-partition/cli/command.c
	${VIRIDIS_TOP}/root-partition/config/definition.c ${VIRIDIS_TOP}/root-partition/config/error_code.c
	${VIRIDIS_TOP}/root-partition/config/definition_net.c ${VIRIDIS_TOP}/root-partition/config/definition_disk.c
	${VIRIDIS_TOP}/root-partition/config/definition_forward.c ${VIRIDIS_TOP}/root-partition/config/definition_host.c
	${VIRIDIS_TOP}/root-partition/config/size_text.c
	${VIRIDIS_TOP}/root-partition/config/json_text.c
	${VIRIDIS_TOP}/root-partition/config/kernel_file.c)
target_link_libraries(top_command_test PRIVATE PkgConfig::JSON)
