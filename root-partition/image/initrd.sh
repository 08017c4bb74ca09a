# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The small initrds, of busybox and Debian's kernel modules:
#   build/image/root.cpio.gz   the root partition of tests: our kernel module and tools inside
#   build/image/guest.cpio.gz  a guest with the Hyper-V drivers
#   build/image/pc-guest.cpio.gz  the same guest with those of a PC's emulated devices too

# In the order of loading; dependencies are found through modules.dep.
root_modules=(virtio_pci virtio_blk virtio_console crc32c_generic crc32c_intel ext4 brd loop
	tun bridge)
guest_modules=(crc32c_generic crc32c_intel sd_mod ext4 hv_vmbus hv_utils hv_storvsc
	hv_netvsc)
pc_guest_modules=(ata_piix ahci nvme virtio_pci virtio_blk virtio_scsi virtio_net e1000 e1000e
	"${guest_modules[@]}")

# One RAM disk of 64 MiB, to measure I/O where a virtio disk would spoil --icount.
declare -A parameters=([brd.ko]="rd_nr=2 rd_size=65536")

# initrd_tree FOLDER INIT: busybox with every applet, an init, and the folders init expects.
initrd_tree() {
	local tree=$1 init=$2 applet
	rm -rf "$tree"
	mkdir -p "$tree"/{bin,dev,etc,lib,proc,run,sys,tmp,out,share,mnt,root}
	ln -s bin "$tree/sbin"
	mkdir "$tree/usr"
	ln -s ../bin "$tree/usr/bin"
	ln -s ../bin "$tree/usr/sbin"
	install -m 755 /bin/busybox "$tree/bin/busybox"
	for applet in $("$tree/bin/busybox" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"
	done
	install -m 755 "$init" "$tree/init"
	printf 'root::0:0:root:/root:/bin/sh\n' >"$tree/etc/passwd"
	printf 'root:x:0:\n' >"$tree/etc/group"
}

# initrd_modules FOLDER MODULE...: the modules with all they depend on, and the list of them
# in loading order, which init follows. Debian 13's are compressed, which busybox cannot load;
# kernels from 6.15 on have no modules for CRC32C.
initrd_modules() {
	local tree=$1 file
	shift
	mkdir -p "$tree/lib/modules/$kernel_release"
	for module in "$@"; do
		modprobe -d "$kernel/root" -S "$kernel_release" --show-depends "$module" ||
			[[ $module = crc32c_* ]]
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' |
		while IFS= read -r file; do
			install -m 644 "$file" "$tree/lib/modules/$kernel_release/"
			file=${file##*/}
			case $file in *.xz)
				unxz "$tree/lib/modules/$kernel_release/$file"
				file=${file%.xz}
				;;
			esac
			printf '/lib/modules/%s/%s %s\n' "$kernel_release" "$file" \
				"${parameters[$file]-}"
		done >"$tree/lib/modules/load"
}

# initrd_programs FOLDER PROGRAM...: programs into /bin, with the libraries they name.
initrd_programs() {
	local tree=$1 library
	shift
	[ $# -gt 0 ] || return 0
	install -m 755 -s "$@" "$tree/bin/"
	ldd "$@" | sed -n 's/.*\(=> \|^\t\)\(\/[^ ]*\) (0x.*/\2/p' | sort -u |
		while IFS= read -r library; do
			install -D -m 755 "$library" "$tree$library"
		done
}

initrd_pack() {
	(cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio --quiet -0 -o -H newc -R 0:0 --reproducible) | gzip -1 -n >"$2.new"
	mv "$2.new" "$2"
}

# Our own programs and kernel module, as far as the build made them; but for viridis-storage-nbd, whose libraries are
# as large as all the rest.
root_programs() {
	find "$build"/{root-partition/{vm,cli},vsp} -type f -perm -u+x \
		-name 'viridis*' ! -name '*-nbd' 2>/dev/null
}

root_kernel_module() {
	find "$build/kmod" -name '*.ko' 2>/dev/null
}

root_initrd_build() {
	local programs module root_initrd=$build/image/root.cpio.gz root_tree=$build/image/root
	mapfile -t programs < <(root_programs)
	mapfile -t module < <(root_kernel_module)
	stale "$root_initrd" "$image/initrd.sh" "$image/root-init" "$image/root-command" \
		"$kernel/release" \
		"${programs[@]}" "${module[@]}" || return 0
	say "image: small root initrd"
	mkdir -p "$build/image"
	quietly root-initrd root_initrd_make
}

root_initrd_make() {
	local tree=$root_tree file
	initrd_tree "$tree" "$image/root-init"
	install -m 755 "$image/root-command" "$tree/bin/"
	initrd_modules "$tree" "${root_modules[@]}"
	initrd_programs "$tree" "${programs[@]}" /usr/bin/passt
	for file in "${module[@]}"; do
		install -m 644 "$file" "$tree/lib/modules/"
		printf '/lib/modules/%s\n' "${file##*/}" >>"$tree/lib/modules/load"
	done
	initrd_pack "$tree" "$root_initrd"
}

guest_initrd_build() {
	small_guest_build guest "${guest_modules[@]}"
}

pc_guest_initrd_build() {
	small_guest_build pc-guest "${pc_guest_modules[@]}"
}

# small_guest_build NAME MODULE...
small_guest_build() {
	stale "$build/image/$1.cpio.gz" "$image/initrd.sh" "$image/guest-init" \
		"$kernel/release" || return 0
	say "image: small $1 initrd"
	mkdir -p "$build/image"
	quietly "$1-initrd" small_guest_make "$@"
}

small_guest_make() {
	local tree=$build/image/$1 result=$build/image/$1.cpio.gz
	shift
	initrd_tree "$tree" "$image/guest-init"
	initrd_modules "$tree" "$@"
	initrd_pack "$tree" "$result"
}
