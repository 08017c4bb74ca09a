# SPDX-License-Identifier: GPL-2.0-or-later
# Beside PURE code this fuzzer needs jansson and what is built on it.
find_package(PkgConfig REQUIRED)
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_sources(options_fuzz PRIVATE ${VIRIDIS_TOP}/root-partition/config/definition.c ${VIRIDIS_TOP}/root-partition/config/error_code.c
	${VIRIDIS_TOP}/root-partition/config/definition_json.c
	${VIRIDIS_TOP}/root-partition/config/definition_disk.c
	${VIRIDIS_TOP}/root-partition/config/definition_net.c
	${VIRIDIS_TOP}/root-partition/config/definition_forward.c ${VIRIDIS_TOP}/root-partition/config/definition_host.c
	${VIRIDIS_TOP}/root-partition/config/size_text.c
	${VIRIDIS_TOP}/root-partition/config/json_text.c
	${VIRIDIS_TOP}/root-partition/config/kernel_file.c)
target_link_libraries(options_fuzz PRIVATE PkgConfig::JSON)
