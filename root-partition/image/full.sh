# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# build/image/root-full.raw, for `./dev root --full`: the Debian 13 disk with our packages (deb.sh), and on it stock libvirt and
# QEMU of its backports, and virt-install. viridis-libvirt, which is for Debian 13's own libvirt, gives way.

full_backports=(libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils seabios)
full_packages=(virtinst apparmor ovmf passt)

full_disk_build() {
	local result=$build/image/root-full
	packages_uefi_disk_build
	stale "$result.raw" "$build/image/packages-uefi.raw" "$image/full.sh" || return 0
	say "image: Debian 13 with our packages, libvirt and QEMU (some minutes)"
	quietly full-disk full_disk_make "$result"
}

full_disk_make() {
	local new=$1.raw.new tree=$1.mount
	cp --sparse=always "$build/image/packages-uefi.raw" "$new"
	packages_disk_mount "$tree" "$new" $((efi_offset + efi_bytes))
	chroot "$tree" sh -ex <<-TEXT
		export DEBIAN_FRONTEND=noninteractive
		apt-get -q update
		apt-get -q -y remove viridis-libvirt
		apt="apt-get -q -y -o APT::Sandbox::User=root --no-install-recommends install"
		\$apt -t $suite_release-backports ${full_backports[*]}
		\$apt ${full_packages[*]}
		apt-get clean
	TEXT
	trap - EXIT
	packages_disk_unmount "$tree"
	mv "$new" "$1.raw"
}
