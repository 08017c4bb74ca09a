# SPDX-License-Identifier: GPL-2.0-or-later
# How a guest is left, which has a fifth of a second for each of its parts here.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_compile_definitions(${name} PRIVATE RELEASE_LIMIT_US=200000)
target_sources(${name} PRIVATE ${VIRIDIS_TOP}/root-partition/keeper/attach.c)
target_link_libraries(${name} PRIVATE PkgConfig::JSON)
