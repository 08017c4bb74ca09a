# SPDX-License-Identifier: GPL-2.0-or-later
# How the root's programs are compiled: they read what guests and users send, so that an overrun is to
# end them and not to take them over. tests/boot/hardened_programs.py looks at the programs built.
add_compile_options(-fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection
	-Wformat -Wformat-security -ftrivial-auto-var-init=zero)
# Without optimization the C library only warns that it cannot check.
add_compile_options("$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3>")
add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
