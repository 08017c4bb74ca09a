# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# build/image/nbd.raw: what the small root lacks for disks of NBD servers: viridis-storage-nbd, and qemu-nbd to serve
# them, with the libraries of both.

nbd_disk_build() {
	local program=$build/vsp/storage/viridis-storage-nbd result=$build/image/nbd
	stale "$result.raw" "$image/nbd.sh" "$program" || return 0
	say "image: disks of NBD servers"
	mkdir -p "$build/image"
	quietly nbd-disk nbd_disk_make "$result"
}

nbd_disk_make() {
	local result=$1 tree=$1.tree library
	local programs=("$program" /usr/bin/qemu-nbd /usr/bin/qemu-img)
	rm -rf "$tree"
	mkdir -p "$tree"/{bin,lib}
	install -m 755 -s "${programs[@]}" "$tree/bin/"
	ldd "${programs[@]}" | sed -n 's/.*=> \(\/[^ ]*\) (0x.*/\1/p' | sort -u |
		while IFS= read -r library; do
			install -m 755 "$library" "$tree/lib/"
		done
	rm -f "$result.raw.new"
	mke2fs -q -t ext4 -O ^has_journal -L nbd -d "$tree" "$result.raw.new" 256M
	mv "$result.raw.new" "$result.raw"
	rm -rf "$tree"
}

# build/nbd-client: what a guest lacks whose root folder is at an NBD server, unpacked and not installed.
nbd_client_build() {
	local result=$build/nbd-client
	stale "$result/ready" "$image/nbd.sh" "$kernel/release" || return 0
	say "image: nbd-client"
	rm -rf "$result"
	apt_known nbd-client
	quietly nbd-client nbd_client_make "$result"
}

nbd_client_make() {
	local module
	unpack_packages "$1" nbd-client libnl-genl-3-200
	module=$(find "$kernel/root/lib/modules/$kernel_release" -name nbd.ko)
	cp "$module" "$1/nbd.ko"
	touch "$1/ready"
}
