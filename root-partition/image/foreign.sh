# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Guests that owe nothing to this repository, below build/image/foreign:
#   disk.raw                         another release of Debian: GPT, a FAT file system, btrfs
#   boot/other.{vmlinuz,initrd}      that release's kernel, and the initrd dracut made for it
#   boot/newest.{vmlinuz,initrd}     the same of the newest kernel of its backports, for clouds
#   boot/cloud.{vmlinuz,initrd}      our release's kernel for clouds, with the small guest's init
#   boot/installer.{vmlinuz,initrd}  Debian's installer, as it is packaged

foreign_release=$suite_release
foreign_packages=(
	systemd-sysv udev dracut zstd btrfs-progs kmod
	"linux-image-amd64/$foreign_release"
	"linux-image-cloud-amd64/$foreign_release-backports"
)
foreign_disk_mib=1024
# In sectors: FAT begins where partitioning tools begin, btrfs behind its 8 MiB.
foreign_fat=2048
foreign_root=18432

foreign_build() {
	local result=$build/image/foreign
	stale "$result/disk.raw" "$image/foreign.sh" || return 0
	say "image: guests made by others (some minutes)"
	rm -rf "$result"
	mkdir -p "$result/boot"
	apt_known linux-image-cloud-amd64
	quietly foreign-installer foreign_installer_make "$result/boot/installer"
	quietly foreign-cloud foreign_cloud_make "$result/boot/cloud"
	quietly foreign-disk foreign_disk_make "$result"
}

# The installer of this machine's own release.
foreign_installer_make() {
	local result=$1 tree=$1.tree version folder
	# shellcheck source=/dev/null
	version=$(. /etc/os-release && echo "${VERSION_ID-}")
	unpack_packages "$tree" "debian-installer-$version-netboot-amd64"
	folder=$(find "$tree" -path '*/text/debian-installer/amd64' -print -quit)
	cp "$folder/linux" "$result.vmlinuz"
	cp "$folder/initrd.gz" "$result.initrd"
	rm -rf "$tree"
}

# As kernel_build and guest_initrd_build do, whose functions read these names.
foreign_cloud_make() {
	local result=$1 kernel=$1.tree kernel_release package
	package=$(newest_dependency linux-image-cloud-amd64 linux-image-)
	kernel_release=${package#linux-image-}
	unpack_packages "$kernel/root" "$package"
	depmod -b "$kernel/root" "$kernel_release"
	cp "$kernel/root/boot/vmlinuz-$kernel_release" "$result.vmlinuz"
	initrd_tree "$kernel/initrd" "$image/guest-init"
	initrd_modules "$kernel/initrd" "${guest_modules[@]}"
	initrd_pack "$kernel/initrd" "$result.initrd"
	rm -rf "$kernel"
}

# dracut takes systemd into an initrd if it can, which boots as well, but half a minute later.
foreign_disk_make() {
	local result=$1 tree=$1/tree
	# shellcheck disable=SC2016 # mmdebstrap's shell expands it
	debian_tree "$tree" foreign "$foreign_release" "$(suite_sources "$foreign_release")" \
		--include="$(printf '%s,' "${foreign_packages[@]}")" \
		--setup-hook='mkdir -p "$1/etc/dracut.conf.d" && printf "%s\n" \
			"omit_dracutmodules+=\" systemd systemd-initrd dracut-systemd \"" \
			"compress=\"zstd -1 -q\"" >"$1/etc/dracut.conf.d/small.conf"'
	foreign_kernel "$tree" "$result/boot/other" '*[0-9]-amd64'
	foreign_kernel "$tree" "$result/boot/newest" '*-cloud-amd64'
	foreign_disk_pack "$tree" "$result/disk.raw"
	rm -rf "$tree"
}

# foreign_kernel TREE RESULT PATTERN: the kernel whose release is like this, and its initrd.
foreign_kernel() {
	local release
	release=$(find "$1/lib/modules/" -mindepth 1 -maxdepth 1 -name "$3" -printf '%f\n')
	cp "$1/boot/vmlinuz-$release" "$2.vmlinuz"
	cp "$1/boot/initrd.img-$release" "$2.initrd"
}

# An empty FAT file system and the tree, as a partitioned disk.
foreign_disk_pack() {
	local tree=$1 result=$2 part=$2.part
	rm -f "$result.new" "$part"
	truncate -s "${foreign_disk_mib}M" "$result.new"
	sfdisk -q "$result.new" <<-TEXT
		label: gpt
		start=$foreign_fat, size=$((foreign_root - foreign_fat)), type=uefi
		start=$foreign_root, type=linux, name=root
	TEXT
	mformat -i "$result.new@@$((foreign_fat * 512))" -T $((foreign_root - foreign_fat)) ::
	truncate -s $((foreign_disk_mib - foreign_root / 2048 - 1))M "$part"
	mkfs.btrfs -q -L foreign --rootdir "$tree" "$part"
	dd if="$part" of="$result.new" bs=1M seek=$((foreign_root / 2048)) \
		conv=notrunc,sparse status=none
	rm "$part"
	mv "$result.new" "$result"
}
