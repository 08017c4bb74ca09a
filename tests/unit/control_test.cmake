# SPDX-License-Identifier: GPL-2.0-or-later
# Beside PURE code this test needs the control socket's language, and that needs jansson.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_sources(control_test PRIVATE ${VIRIDIS_TOP}/root-partition/config/control_json.c
	${VIRIDIS_TOP}/root-partition/config/error_code.c ${VIRIDIS_TOP}/root-partition/vm/control.c
	${VIRIDIS_TOP}/root-partition/config/json_text.c)
target_link_libraries(control_test PRIVATE PkgConfig::JSON)
