/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first two sectors of a bzImage: the setup header, and the 16-bit entry that QEMU's -kernel uses.
 * The 16-bit code asks the BIOS for the memory map, fills boot_params and goes on to the 32-bit
 * entry. Linux "x86 boot protocol" 2.15; the header begins at 0x1f1.
 *
 *   sector 0   unused boot sector, setup header
 *   sector 1   rest of the header, 16-bit code; entered at 0x200 with DS = ES = SS = this file's segment
 *
 * The linker script puts syssize, which it alone knows, between the two sections.
 */
#include "vsc/lib/image.h"

#define TAIL_OFFSET 0x1f8
#define OFFSET(label) (label - setup_tail + TAIL_OFFSET)
#define BOOT_PARAMS_PARAGRAPH 0x700
#define E820_MAX 32
#define E820_ENTRY_BYTES 20
#define E820_SIGNATURE 0x534d4150 /* "SMAP" */
#define FLAT_CODE 0x10            /* the boot protocol's selectors */
#define FLAT_DATA 0x18

	.section .setup.head, "a"
	.org 0x1f1
	.byte 1                    /* setup_sects */
	.word 0                    /* root_flags */

	.section .setup.tail, "a"
	.code16
setup_tail:
	.word 0                    /* ram_size */
	.word 0xffff               /* vid_mode */
	.word 0                    /* root_dev */
	.word 0xaa55               /* boot_flag */
	.byte 0xeb, header_end - 1f /* a jump whose offset gives the header's end */
1:	.ascii "HdrS"
	.word 0x020f               /* version */
	.long 0                    /* realmode_swtch */
	.word 0                    /* start_sys_seg */
	.word 0                    /* kernel_version */
	.byte 0                    /* type_of_loader */
	.byte 1                    /* loadflags: LOADED_HIGH */
	.word 0                    /* setup_move_size */
code32_start:
	.long 0x100000             /* changed by the loader */
	.long 0                    /* ramdisk_image */
	.long 0                    /* ramdisk_size */
	.long 0                    /* bootsect_kludge */
	.word 0                    /* heap_end_ptr */
	.byte 0, 0                 /* ext_loader_ver, ext_loader_type */
	.long 0                    /* cmd_line_ptr */
	.long 0x7fffffff           /* initrd_addr_max */
	.long 0x200000             /* kernel_alignment */
	.byte 1                    /* relocatable_kernel */
	.byte 12                   /* min_alignment: 4 KiB */
	.word 1                    /* xloadflags: XLF_KERNEL_64, entry at +0x200 */
	.long 2047                 /* cmdline_size */
	.long 0                    /* hardware_subarch */
	.quad 0                    /* hardware_subarch_data */
	.long 0, 0                 /* payload_offset, payload_length */
	.quad 0                    /* setup_data */
	.quad 0x1000000            /* pref_address */
	.long IMAGE_INIT_SIZE      /* init_size; the linker script asserts it */
	.long 0                    /* handover_offset */
	.long 0                    /* kernel_info_offset */
header_end:

	cli
	cld
	movw %ds, %bx              /* our segment, kept */

	movw $BOOT_PARAMS_PARAGRAPH, %ax
	movw %ax, %es
	xorw %di, %di
	xorw %ax, %ax
	movw $0x800, %cx
	rep stosw
	movw $0x1f1, %si
	movw $0x1f1, %di
	movw $OFFSET(header_end) - 0x1f1, %cx
	rep movsb

	pushw %bx
	movw %es, %ax
	movw %ax, %ds              /* the BIOS writes to ES:DI, we count in DS */
	movw $BOOT_PARAMS_E820, %di
	xorl %ebx, %ebx
next_range:
	movl $0xe820, %eax
	movl $E820_ENTRY_BYTES, %ecx
	movl $E820_SIGNATURE, %edx
	int $0x15
	jc ranges_done
	cmpl $E820_SIGNATURE, %eax
	jne ranges_done
	addw $E820_ENTRY_BYTES, %di
	incb BOOT_PARAMS_E820_COUNT
	cmpb $E820_MAX, BOOT_PARAMS_E820_COUNT
	jae ranges_done
	testl %ebx, %ebx
	jnz next_range
ranges_done:
	popw %bx
	movw %bx, %ds
	cli

	inb $0x92, %al             /* the A20 gate, by the chipset's fast port */
	orb $2, %al
	andb $0xfe, %al            /* bit 0 would reset the machine */
	outb %al, $0x92

	movzwl %bx, %eax
	shll $4, %eax
	movzwl %sp, %esp
	leal (%esp, %eax), %ecx    /* the stack's linear address, for flat SS */
	addl $OFFSET(gdt), %eax
	movl %eax, OFFSET(gdt_pointer) + 2
	lgdtl OFFSET(gdt_pointer)
	movl OFFSET(code32_start), %edx
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	movw $FLAT_DATA, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %fs
	movw %ax, %gs
	movw %ax, %ss
	movl %ecx, %esp
	movl $(BOOT_PARAMS_PARAGRAPH << 4), %esi
	xorl %ebp, %ebp
	xorl %edi, %edi
	xorl %ebx, %ebx
	pushl $FLAT_CODE
	pushl %edx
	lretl

	.balign 8
gdt:
	.quad 0, 0
	.quad 0x00cf9b000000ffff   /* FLAT_CODE */
	.quad 0x00cf93000000ffff   /* FLAT_DATA */
gdt_pointer:
	.word gdt_pointer - gdt - 1
	.long 0

	.org 0x400 - TAIL_OFFSET
