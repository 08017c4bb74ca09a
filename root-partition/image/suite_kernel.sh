# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Kernels of Debian 13, as roots and guests: its own ("trixie") and the newest of its backports ("newest").
#   build/suite/trixie/tools       that release's compiler, in which our module is built, as its
#                                  headers' programs need that release's libraries
#   build/kernel-NAME/{release,vmlinuz,root,viridis_mshv.ko}
#   build/image/root-NAME.cpio.gz  the small root, with that kernel and that module
#   build/image/guest-NAME.cpio.gz  the small guest, with that kernel

suite_tools=(bash coreutils sed grep findutils mawk diffutils gcc-14 binutils make libelf1t64)
suite_kernels=(trixie newest)

# suite_kernel_set NAME: the names below, and those that kernel.sh and initrd.sh read.
suite_kernel_set() {
	suite_source=$suite_release
	[ "$1" != newest ] || suite_source=$suite_release-backports
	kernel=$build/kernel-$1
	kernel_release=$(cat "$kernel/release" 2>/dev/null || true)
	root_initrd=$build/image/root-$1.cpio.gz
	root_tree=$build/image/root-$1
	module=("$kernel/viridis_mshv.ko")
}

# suite_roots_build: what tests of these kernels need; programs are those of the small root.
suite_roots_build() {
	local name
	suite_modules_build "${suite_kernels[@]}"
	for name in "${suite_kernels[@]}"; do
		suite_root_build "$name"
	done
}

# The same kernels for guests.
suite_guests_build() {
	local suite_source kernel kernel_release root_initrd root_tree module name
	suite_tools_build
	for name in "${suite_kernels[@]}"; do
		suite_kernel_set "$name"
		suite_kernel_build "$name"
		suite_kernel_set "$name"
		small_guest_build "guest-$name" "${guest_modules[@]}"
	done
}

suite_modules_build() {
	local suite_source kernel kernel_release root_initrd root_tree module name
	suite_tools_build
	for name in "$@"; do
		suite_kernel_set "$name"
		suite_kernel_build "$name"
		suite_kernel_set "$name"
		suite_module_build "$name"
	done
}

suite_root_build() {
	local suite_source kernel kernel_release root_initrd root_tree module programs
	suite_kernel_set "$1"
	mapfile -t programs < <(root_programs)
	stale "$root_initrd" "$image/initrd.sh" "$image/root-init" "$image/root-command" \
		"$kernel/release" "${programs[@]}" "${module[@]}" || return 0
	say "image: small root of $kernel_release"
	quietly "root-$1" root_initrd_make
}

suite_tools_build() {
	local tree=$build/suite/$suite_release/tools
	stale "$tree/ready" "$image/suite.sh" "$image/suite_kernel.sh" || return 0
	say "kernel: download and unpack $suite_release's compiler"
	rm -rf "$tree"
	quietly suite-tools suite_unpack "$suite_release" "$tree" "${suite_tools[@]}"
	ln -s bash "$tree/usr/bin/sh"
	ln -s mawk "$tree/usr/bin/awk"
	mknod -m 666 "$tree/dev/null" c 1 3
	touch "$tree/ready"
}

suite_kernel_build() {
	stale "$kernel/release" "$build/suite/$suite_release/tools/ready" || return 0
	say "kernel: download and unpack $suite_source's kernel and headers"
	rm -rf "$kernel"
	quietly "kernel-$1" suite_kernel_make
}

suite_kernel_make() {
	local packages release
	mapfile -t packages < <(suite_kernel_packages)
	release=$(printf '%s\n' "${packages[@]}" | sed -n 's/^linux-image-//p')
	suite_unpack_only "$suite_release" "$kernel/root" "${packages[@]}"
	suite_tools_take "$release"
	suite_kernel_links "$release"
	depmod -b "$kernel/root" "$release"
	printf '%s\n' "$release" >"$kernel/release"
}

# Of all that kernel and headers depend on, their own parts.
suite_kernel_packages() {
	suite_apt "$suite_release" install -s -t "$suite_source" linux-image-amd64 linux-headers-amd64 |
		sed -n 's/^Inst \(linux-[a-z]*-[0-9][^ ]*\).*/\1/p'
}

# All is below /usr there, but depmod and modprobe look below /lib.
suite_kernel_links() {
	local file
	ln -s usr/lib "$kernel/root/lib"
	file=$(find "$kernel/root" -name 'vmlinuz*' -type f -print -quit)
	[ -n "$file" ] || die "no kernel in $suite_source's packages"
	ln -s "${file#"$kernel/"}" "$kernel/vmlinuz"
}

# The headers into the tree of tools, where their absolute paths are right.
suite_tools_take() {
	local tools=$build/suite/$suite_release/tools
	cp -a "$kernel/root/usr/src" "$kernel/root/usr/lib" "$tools/usr/"
	rm -rf "$kernel/root/usr/src" "$kernel/root/usr/lib/linux-kbuild-"*
}

suite_module_build() {
	stale "$kernel/viridis_mshv.ko" "$top"/{include,root-partition/kmod,hypervisor/core} \
		"$kernel/release" || return 0
	say "build: kernel module for $kernel_release"
	quietly "kmod-$1" suite_module_make "$build/suite/$suite_release/tools"
}

# The module carries no types of its own for tracers: that takes a program and a kernel's file.
suite_module_make() {
	local tools=$1
	rm -rf "$tools/viridis"
	mkdir -p "$tools/viridis"
	cp -r "$top"/{include,hypervisor,root-partition,vmbus} "$tools/viridis/"
	unshare --mount sh -euc '
		mount -t proc proc "$1/proc"
		exec chroot "$1" env -i PATH=/usr/bin make -C /viridis/root-partition/kmod \
			"KDIR=/usr/src/linux-headers-$2" CONFIG_DEBUG_INFO_BTF_MODULES=
		' sh "$tools" "$kernel_release"
	objcopy --strip-debug "$tools/viridis/build/kmod/viridis_mshv.ko" "$kernel/viridis_mshv.ko"
}
