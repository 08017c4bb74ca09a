# SPDX-License-Identifier: GPL-2.0-or-later
# This test compares the real program with its completion and its manual.
pkg_check_modules(JSON REQUIRED IMPORTED_TARGET glib-2.0 jansson)
target_compile_definitions(cli_words_test PRIVATE PROGRAM="$<TARGET_FILE:viridis>"
	COMPLETION="${VIRIDIS_TOP}/root-partition/cli/viridis.bash"
	FISH="${VIRIDIS_TOP}/root-partition/cli/viridis.fish"
	ZSH="${VIRIDIS_TOP}/root-partition/cli/viridis.zsh"
	BENCH="${VIRIDIS_TOP}/root-partition/bench"
	MANUAL="${VIRIDIS_TOP}/root-partition/cli/viridis.1"
	VM_MANUAL="${VIRIDIS_TOP}/root-partition/cli/viridis-vm.8"
	CONTROL="${VIRIDIS_TOP}/root-partition/config/control_json")
target_link_libraries(cli_words_test PRIVATE PkgConfig::JSON)
add_dependencies(cli_words_test viridis)
