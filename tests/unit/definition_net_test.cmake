# SPDX-License-Identifier: GPL-2.0-or-later
# Beside PURE code this test needs definitions and their files, and they need jansson.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_sources(definition_net_test PRIVATE kernel_image.c ${VIRIDIS_TOP}/root-partition/config/definition.c ${VIRIDIS_TOP}/root-partition/config/error_code.c
	${VIRIDIS_TOP}/root-partition/config/definition_json.c
	${VIRIDIS_TOP}/root-partition/config/definition_disk.c
	${VIRIDIS_TOP}/root-partition/config/definition_net.c
	${VIRIDIS_TOP}/root-partition/config/definition_forward.c ${VIRIDIS_TOP}/root-partition/config/definition_host.c
	${VIRIDIS_TOP}/root-partition/config/size_text.c
	${VIRIDIS_TOP}/root-partition/config/store.c ${VIRIDIS_TOP}/root-partition/config/paths.c
	${VIRIDIS_TOP}/root-partition/config/file_lock.c
	${VIRIDIS_TOP}/root-partition/config/kernel_file.c
	${VIRIDIS_TOP}/root-partition/config/json_text.c)
target_link_libraries(definition_net_test PRIVATE PkgConfig::JSON)
