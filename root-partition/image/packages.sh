# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The Debian packages everything here is built and tested with. Nothing in the list brings a
# kernel or a boot loader onto this machine: grub-pc-bin and grub-efi-amd64-bin are only GRUB's files.

packages=(
	gcc libc6-dev make cmake ninja-build pkg-config # compilers, Kbuild
	clang clang-format                              # fuzzers, style
	check libglib2.0-dev libjansson-dev liburing-dev libnbd-dev libseccomp-dev acpica-tools
	grub-common grub-pc-bin xorriso mtools             # ISO
	grub-efi-amd64-bin ovmf                            # the same for UEFI
	busybox-static cpio gzip xz-utils kmod mmdebstrap e2fsprogs # images
	passt ethtool iperf3 dropbear-bin                  # user-mode networks, tests of networks
	iproute2 dnsmasq-base nftables                     # the bridge with addresses, for its test
	nbdkit qemu-utils                                  # servers of disks, for tests
	gnuplot-nox librsvg2-bin                           # pictures of measurements
	fdisk btrfs-progs                                  # a disk as others make them
	zsh fish                                           # completion, tested
	python3 gdb cloc shellcheck git ca-certificates
)
# The compiler of the release's kernel with the library that Kbuild needs, and what fuzzers are linked with.
case $(debian_release) in
bookworm) packages+=(gcc-12 libelf1 libclang-rt-14-dev) ;;
*) packages+=(gcc-14 libelf1t64 pahole libclang-rt-19-dev) ;;
esac
bochs_packages=(bochs bochs-term bochsbios vgabios) # for one test alone
# For another: virt-manager, and a screen that nobody sees.
virt_manager_packages=(virt-manager adwaita-icon-theme dbus-daemon xvfb xdotool)
# For libvirt's driver: what libvirt's own build asks for, and the libraries that it is linked with.
libvirt_packages=(
	meson python3-docutils rpcsvc-proto libglib2.0-dev libgnutls28-dev libxml2-dev
	libxml2-utils xsltproc libtirpc-dev gettext libvirt-dev libvirt-clients libvirt-daemon virtinst
	iptables dpkg-dev xz-utils # the stock libvirtd calls iptables for its networks
)
deb_packages=(dpkg-dev debhelper dh-dkms lintian fakeroot)
qemu_needed=10

# missing_packages PACKAGE...: dpkg-query fails when it does not know one of them, which is no failure here.
missing_packages() {
	{ dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' "$@" || true; } \
		2>/dev/null |
		sed -n 's/^installed \([^:]*\).*/\1/p' | sort >"$build/installed"
	printf '%s\n' "$@" | sort | comm -23 - "$build/installed"
}

qemu_major() {
	{ qemu-system-x86_64 --version || true; } 2>/dev/null | sed -n 's/.*version \([0-9]*\)\..*/\1/p'
}

install_packages() {
	local missing major
	mkdir -p "$build"
	mapfile -t missing < <(missing_packages "${packages[@]}")
	major=$(qemu_major)
	[ ${#missing[@]} -gt 0 ] || [ "${major:-0}" -lt $qemu_needed ] || return 0
	must_be_root "${missing[@]}"
	say "packages: update the lists"
	quietly apt-update apt_get update
	if [ ${#missing[@]} -gt 0 ]; then
		say "packages: install ${missing[*]}"
		quietly apt-install apt_get install "${missing[@]}"
	fi
	[ "${major:-0}" -ge $qemu_needed ] || install_qemu
}

install_bochs() {
	install_some "${bochs_packages[@]}"
}

install_virt_manager() {
	install_some "${virt_manager_packages[@]}"
}

# What one test or one part alone needs.
install_some() {
	local missing
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	must_be_root "${missing[@]}"
	say "packages: install ${missing[*]}"
	quietly apt-update apt_get update
	quietly apt-install apt_get install "${missing[@]}"
}

must_be_root() {
	[ "$(id -u)" = 0 ] || die "these must be installed, which needs root: $*" \
		"(and QEMU $qemu_needed or later); run ./dev as root once"
}

# QEMU as this release has it if it is new enough, else from its backports, with a source that
# only these two calls of apt see.
install_qemu() {
	say "packages: install QEMU $qemu_needed or later"
	local options=() codename
	codename=$(debian_release)
	if [ "$(qemu_candidate)" -lt $qemu_needed ]; then
		backports_source "$codename"
		options=(-o "Dir::Etc::SourceParts=$build/apt" -t "$codename-backports")
		quietly apt-backports apt_get "${options[@]}" update
	fi
	quietly apt-qemu apt_get "${options[@]}" install qemu-system-x86
	[ "$(qemu_major)" -ge $qemu_needed ] ||
		die "QEMU $(qemu_major) is what apt gave; $qemu_needed or later is needed"
}

qemu_candidate() {
	LC_ALL=C apt-cache policy qemu-system-x86 |
		sed -n 's/^ *Candidate: \([0-9]*:\)\?\([0-9]*\).*/\2/p' | grep . || echo 0
}

# build/apt: this machine's sources and, beside them, the backports of the same mirror.
backports_source() {
	local codename=$1 site
	site=$(debian_site)
	rm -rf "$build/apt"
	mkdir -p "$build/apt"
	find /etc/apt/sources.list.d -maxdepth 1 -type f -exec ln -s {} "$build/apt/" \;
	printf 'deb [signed-by=%s] %s %s-backports main\n' \
		/usr/share/keyrings/debian-archive-keyring.gpg "$site" "$codename" \
		>"$build/apt/viridis-backports.list"
}
