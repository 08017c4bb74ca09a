# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Debian's own newest kernel of this release and its headers, unpacked under build/kernel and
# not installed: the root's kernel, the guests', and what the kernel module is built against.
#   build/kernel/{release,vmlinuz}  build/kernel/headers -> tree for Kbuild
#   build/kernel/root/lib/modules/RELEASE, with modules.dep

kernel_build() {
	kernel=$build/kernel
	if stale "$kernel/release" "$image/kernel.sh"; then
		say "kernel: download and unpack Debian's kernel and headers"
		apt_known linux-image-amd64
		local package release
		package=$(newest_dependency linux-image-amd64 linux-image-)
		[ -n "$package" ] || die "linux-image-amd64 names no kernel; is this Debian amd64?"
		release=${package#linux-image-}
		rm -rf "$kernel"
		quietly kernel kernel_unpack "$release"
		printf '%s\n' "$release" >"$kernel/release"
	fi
	kernel_release=$(cat "$kernel/release")
}

kernel_unpack() {
	local release=$1 headers=linux-headers-$1 common kbuild
	common=$(newest_dependency "$headers" 'linux-headers-[^ ,]*-common')
	kbuild=$(newest_dependency "$headers" linux-kbuild-)
	unpack_packages "$kernel/root" "linux-image-$release" "$headers" "$common" "$kbuild"
	# From Debian 13 on the packages have only /usr/lib, which a system of theirs calls /lib too.
	[ -e "$kernel/root/lib" ] || ln -s usr/lib "$kernel/root/lib"
	ln -s "root/boot/vmlinuz-$release" "$kernel/vmlinuz"
	depmod -b "$kernel/root" "$release"
	kernel_relocate_headers "$release"
}

# The headers' Makefile names its other half by an absolute path; make it stay in our tree.
kernel_relocate_headers() {
	ln -s "root/usr/src/linux-headers-$1" "$kernel/headers"
	sed -i "s#/usr/src/linux-headers#$kernel/root&#g" \
		"$kernel/headers/Makefile" "$kernel/headers/.kernelvariables"
}
