# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What `viridis bench` needs beside the root:
#   build/image/bench-guest.{vmlinuz,cpio.gz}  the guest that is measured: fio, iperf3, every driver
#   build/image/bench.raw                      stock QEMU, Python, our programs and that guest, for a
#                                              small root to enter in place of its own root folder

bench_guest_modules=(ata_piix ahci nvme virtio_pci virtio_blk virtio_scsi virtio_net e1000 e1000e sd_mod
	hv_vmbus hv_storvsc hv_netvsc)
bench_packages=(qemu-system-x86 seabios python3 iperf3 libjansson4 liburing2 libseccomp2)
bench_data=(usr/share/qemu usr/share/seabios usr/lib/python3 usr/lib/python3.13)
bench_size=300M

# --- The guest

bench_guest_build() {
	local result=$build/image/bench-guest
	fio_build
	stale "$result.cpio.gz" "$image/bench.sh" "$image/initrd.sh" "$image/bench-guest-init" \
		"$build/fio/fio" "$kernel/release" || return 0
	say "image: the guest of viridis bench"
	quietly bench-guest bench_guest_make "$result"
}

bench_guest_make() {
	initrd_tree "$1" "$image/bench-guest-init"
	initrd_modules "$1" "${bench_guest_modules[@]}"
	initrd_programs "$1" /usr/bin/iperf3
	install -m 755 "$build/fio/fio" "$1/bin/"
	initrd_pack "$1" "$1.cpio.gz"
	cp -L "$kernel/vmlinuz" "$1.vmlinuz"
}

# --- The root's part

bench_disk_build() {
	local programs result=$build/image/bench
	bench_guest_build
	mapfile -t programs < <(root_programs)
	if stale "$result.tree/ready" "$image/bench.sh" "$image/suite.sh" "$image/qemu.sh"; then
		say "image: stock QEMU and Python for viridis bench"
		quietly bench-tree bench_tree_make "$result"
	fi
	stale "$result.raw" "$result.tree/ready" "$build/image/bench-guest.cpio.gz" \
		"$top/root-partition/bench" "${programs[@]}" || return 0
	say "image: disk of viridis bench"
	quietly bench-disk bench_disk_make "$result"
}

bench_tree_make() {
	local all=$1.all tree=$1.tree word
	rm -rf "$all" "$tree"
	suite_unpack "$suite_release" "$all" "${bench_packages[@]}"
	mkdir -p "$tree"/{dev,proc,sys,tmp,run,share,var/lib,root,etc}
	(cd "$all" && cp -a --parents -t "$tree" bin sbin lib lib64 usr/bin/python3 "${bench_data[@]}")
	bench_programs "$all" "$tree" qemu-system-x86_64 python3.13 iperf3
	install -D -m 755 /bin/busybox "$tree/usr/bin/busybox"
	for word in sh ip; do
		ln -s busybox "$tree/usr/bin/$word"
	done
	printf 'root::0:0:root:/root:/bin/sh\n' >"$tree/etc/passwd"
	touch "$tree/ready"
	rm -rf "$all"
}

# bench_programs ALL TREE PROGRAM...: with their libraries, and those that ours need.
bench_programs() {
	local all=$1 tree=$2 program file
	for program in "${@:3}"; do
		install -D -m 755 "$all/usr/bin/$program" "$tree/usr/bin/$program"
		qemu_libraries "$all" "/usr/bin/$program"
	done >"$tree.libraries"
	for file in libglib-2.0.so.0 libjansson.so.4 liburing.so.2 libseccomp.so.2; do
		echo "lib/x86_64-linux-gnu/$file"
		qemu_libraries "$all" "/usr/lib/x86_64-linux-gnu/$file"
	done >>"$tree.libraries"
	sort -u "$tree.libraries" | while IFS= read -r file; do
		install -D -m 755 "$all/usr/$file" "$tree/usr/$file"
	done
	rm "$tree.libraries"
}

bench_disk_make() {
	local tree=$1.tree
	install -D -m 755 -s -t "$tree/usr/local/bin" "${programs[@]}"
	install -m 755 "$build/fio/fio" "$tree/usr/bin/" # answers requests
	bench_install "$tree"
	rm -f "$1.raw.new"
	mke2fs -q -t ext4 -O ^has_journal -L bench -d "$tree" "$1.raw.new" $bench_size
	mv "$1.raw.new" "$1.raw"
}

# bench_install TREE: the command and its guest, as a root has them.
bench_install() {
	local folder=$1/usr/local/lib/viridis/bench
	rm -rf "$folder"
	mkdir -p "$folder/guest" "$1/usr/local/bin"
	cp -r "$top/root-partition/bench/viridis-bench" "$top/root-partition/bench/viridis_bench" \
		"$folder/"
	rm -rf "$folder/viridis_bench/__pycache__"
	cp "$build/image/bench-guest.vmlinuz" "$folder/guest/vmlinuz"
	cp "$build/image/bench-guest.cpio.gz" "$folder/guest/initrd"
	ln -sf ../lib/viridis/bench/viridis-bench "$1/usr/local/bin/viridis-bench"
}
