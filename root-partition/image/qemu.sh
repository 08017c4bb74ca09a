# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# build/image/qemu.raw: QEMU as Debian 13's backports have it, unpatched, with the libraries it
# names and its firmware: an ext4 disk for a root of any release to change its root folder to.

qemu_packages=(qemu-system-x86 seabios ovmf ipxe-qemu memtest86+)
qemu_data=(usr/share/qemu usr/share/seabios usr/share/OVMF boot/memtest86+x64.bin)
qemu_disk_size=160M

qemu_disk_build() {
	local result=$build/image/qemu
	stale "$result.raw" "$image/qemu.sh" "$image/suite.sh" || return 0
	say "image: stock QEMU"
	mkdir -p "$build/image"
	quietly qemu-disk qemu_disk_make "$result"
}

qemu_disk_make() {
	local result=$1 all=$1.all tree=$1.tree
	rm -rf "$all" "$tree"
	suite_unpack "$suite_release" "$all" "${qemu_packages[@]}"
	qemu_tree "$all" "$tree"
	rm -f "$result.raw.new"
	mke2fs -q -t ext4 -O ^has_journal -L qemu -d "$tree" "$result.raw.new" "$qemu_disk_size"
	mv "$result.raw.new" "$result.raw"
	rm -rf "$all" "$tree"
}

# qemu_tree ALL TREE: what runs QEMU, out of the packages, and folders to mount things on.
qemu_tree() {
	local all=$1 tree=$2 file program=usr/bin/qemu-system-x86_64
	mkdir -p "$tree"/{dev,proc,sys,tmp,run,guests}
	(cd "$all" && cp -a --parents -t "$tree" bin lib lib64 "$program" "${qemu_data[@]}")
	qemu_libraries "$all" "/$program" | while IFS= read -r file; do
		install -D -m 755 "$all/usr/$file" "$tree/usr/$file"
	done
}

# Below /usr, as the packages' own loader finds them; it names some through the link /lib.
qemu_libraries() {
	chroot "$1" /lib64/ld-linux-x86-64.so.2 --list "$2" |
		sed -n -e 's#^\t\(.* => \)\?/\(usr/\)\?\(lib[^ ]*\) (0x.*#\3#p'
}
