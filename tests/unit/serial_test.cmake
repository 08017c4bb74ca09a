# SPDX-License-Identifier: GPL-2.0-or-later
# Beside PURE code this test needs the far end of the serial line, and that needs GLib.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_sources(serial_test PRIVATE ${VIRIDIS_TOP}/root-partition/vm/serial.c
	${VIRIDIS_TOP}/root-partition/vm/serial_file.c)
target_link_libraries(serial_test PRIVATE PkgConfig::JSON)
