# SPDX-License-Identifier: GPL-2.0-or-later
# This test runs the real program.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_compile_definitions(cli_process_test PRIVATE PROGRAM="$<TARGET_FILE:viridis>")
target_sources(cli_process_test PRIVATE cli_program.c kernel_image.c ${VIRIDIS_TOP}/root-partition/config/file_lock.c
	${VIRIDIS_TOP}/root-partition/config/json_text.c)
target_link_libraries(cli_process_test PRIVATE PkgConfig::JSON)
add_dependencies(cli_process_test viridis)
