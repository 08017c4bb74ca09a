/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The root's loader as the root will see it: bytes to copy, nothing that runs here. */
	.section .rodata
	.globl root_loader_start, root_loader_end
root_loader_start:
	.incbin "root_loader.bin"
root_loader_end:

	.section .note.GNU-stack, "", @progbits
