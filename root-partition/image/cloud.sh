# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# build/image/debian-cloud.raw: a disk as Debian's own cloud images are laid out, for a PC with a BIOS: GPT, GRUB in a BIOS
# boot partition by grub-install, Debian's kernel for clouds with the initrd that its package makes, the root file system
# by UUID, systemd, addresses by DHCP. As in those of the kind `nocloud`, root needs no password. Ours are only a console that
# logs root in, and systemd's patience with a slow machine.

cloud_packages=(systemd-sysv udev initramfs-tools zstd kmod procps iproute2 dbus e2fsprogs
	linux-image-cloud-amd64 grub-pc)
# In sectors, as in Debian's: partition 14 is for GRUB, and partition 1 has the rest.
cloud_boot=2048
cloud_root=262144
cloud_mib=1536

cloud_disk_build() {
	local result=$build/image/debian-cloud
	stale "$result.raw" "$image/cloud.sh" "$image/disk.sh" || return 0
	say "image: Debian disk as for clouds (some minutes)"
	mkdir -p "$build/image"
	apt_known linux-image-cloud-amd64
	quietly cloud-disk cloud_disk_make "$result"
}

cloud_disk_make() {
	local tree=$1.tree new=$1.raw.new uuid
	uuid=$(cat /proc/sys/kernel/random/uuid)
	debian_tree "$tree" cloud "$(debian_release)" "$(debian_sources)" \
		--include="$(printf '%s,' "${cloud_packages[@]}")"
	cloud_disk_settings "$tree" "$uuid"
	rm -f "$new"
	truncate -s "${cloud_mib}M" "$new"
	sfdisk -q "$new" <<-TEXT
		label: gpt
		first-lba: 34
		14: start=$cloud_boot, size=6144, type=21686148-6449-6E6F-744E-656564454649
		1: start=$cloud_root, type=L
	TEXT
	mke2fs -q -t ext4 -U "$uuid" -d "$tree" -E "offset=$((cloud_root * 512))" "$new" \
		$((cloud_mib - cloud_root / 2048 - 1))M
	rm -rf "$tree"
	cloud_disk_grub "$1.mount" "$new" "$uuid"
	mv "$new" "$1.raw"
}

cloud_disk_settings() {
	local tree=$1
	printf 'UUID=%s / ext4 rw,discard,errors=remount-ro,x-systemd.growfs 0 1\n' "$2" >"$tree/etc/fstab"
	cat >>"$tree/etc/default/grub" <<-'TEXT'
		GRUB_TIMEOUT=0
		GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"
		GRUB_TERMINAL="console serial"
		GRUB_SERIAL_COMMAND="serial --speed=115200"
	TEXT
	printf '[Match]\nName=en* eth*\n\n[Network]\nDHCP=ipv4\n' >"$tree/etc/systemd/network/80-dhcp.network"
	chroot "$tree" systemctl enable systemd-networkd.service
	slow_machine_settings "$tree"
}

# cloud_disk_grub FOLDER DISK UUID: as its installer would, in the disk's own system, which sees this disk alone: it has
# mounts of its own, which end with it.
cloud_disk_grub() {
	local tree=$1 loop
	loop=$(losetup --find --show "$2")
	# shellcheck disable=SC2064 # what there is now
	trap "cloud_disk_detach '$loop'" EXIT
	partx --add "$loop" # not every kernel reads GPT
	mkdir -p "$tree"
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare --mount sh -euxc '
		mount "$2p1" "$1"
		mount -t tmpfs dev "$1/dev"
		cp -a /dev/null /dev/zero /dev/urandom "$2" "$2p1" "$1/dev/"
		mkdir -p "$1/dev/disk/by-uuid"
		ln -s "$2p1" "$1/dev/disk/by-uuid/$3"
		mount -t proc proc "$1/proc"
		mount -o bind /sys "$1/sys"
		chroot "$1" grub-install --target=i386-pc "$2"
		chroot "$1" update-grub
		grep -F "root=UUID=$3" "$1/boot/grub/grub.cfg"
		' sh "$tree" "$loop" "$3"
	trap - EXIT
	cloud_disk_detach "$loop"
	rmdir "$tree"
}

# The kernel would keep partitions that it has not found itself.
cloud_disk_detach() {
	partx --delete "$1" || true
	losetup --detach "$1"
}
