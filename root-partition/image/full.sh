# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# build/image/root-full.raw, for `./dev root --full`: the Debian 13 disk with our packages (deb.sh), and on it stock libvirt and
# QEMU of its backports, and virt-install. viridis-libvirt, which is for Debian 13's own libvirt, gives way.

full_backports=(libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils seabios)
full_packages=(virtinst apparmor ovmf passt)

full_disk_build() {
	local result=$build/image/root-full
	packages_suite_disk_build
	stale "$result.raw" "$build/image/packages-$suite_release.raw" "$image/full.sh" || return 0
	say "image: Debian 13 with our packages, libvirt and QEMU (some minutes)"
	quietly full-disk full_disk_make "$result"
}

full_disk_make() {
	local new=$1.raw.new
	cp --sparse=always "$build/image/packages-$suite_release.raw" "$new"
	packages_disk_run "$1.mount" "$new" full_disk_install
	mv "$new" "$1.raw"
}

# In the disk's own system.
full_disk_install() {
	export DEBIAN_FRONTEND=noninteractive
	local apt=(apt-get -q -y -o APT::Sandbox::User=root --no-install-recommends)
	apt-get -q update
	apt-get -q -y remove viridis-libvirt
	"${apt[@]}" install -t "$suite_release-backports" "${full_backports[@]}"
	"${apt[@]}" install "${full_packages[@]}"
	apt-get clean
}
