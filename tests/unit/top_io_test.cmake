# SPDX-License-Identifier: GPL-2.0-or-later
# A worker's answers, which the test plays.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_sources(top_io_test PRIVATE ${VIRIDIS_TOP}/root-partition/cli/top_io.c
	${VIRIDIS_TOP}/root-partition/config/json_text.c)
target_link_libraries(top_io_test PRIVATE PkgConfig::JSON)
