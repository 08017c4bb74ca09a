# SPDX-License-Identifier: GPL-2.0-or-later
# Beside PURE code this test needs the log, and that needs GLib.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_sources(vm_log_test PRIVATE ${VIRIDIS_TOP}/root-partition/config/vm_log.c)
target_link_libraries(vm_log_test PRIVATE PkgConfig::JSON)
