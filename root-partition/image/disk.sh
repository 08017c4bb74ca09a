# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The two Debian disks, raw with ext4 on the whole of it, of Debian's packages alone:
#   build/image/debian-guest.{raw,vmlinuz,initrd}  a guest as anybody would install it
#   build/image/debian-root-SUITE.{raw,vmlinuz,initrd}  a root partition for `./dev root --debian`:
#                                                  trixie, with QEMU of its backports and `viridis
#                                                  bench`, or bookworm
# Both log root in on ttyS0 without a password.

disk_packages=(systemd-sysv udev initramfs-tools busybox zstd e2fsprogs kmod procps iproute2)
guest_packages=("${disk_packages[@]}" linux-image-amd64 dropbear-bin hyperv-daemons)
root_packages=("${disk_packages[@]}" libglib2.0-0 libjansson4 liburing2 libseccomp2 passt)
root_qemu_packages=("${suite_backports[@]/%/"/$suite_release-backports"}" ovmf)
root_bench_packages=(python3 iperf3 gnuplot-nox)
disk_size=3G

# This machine's own Debian mirrors of its release, as lines for sources.list.
debian_sources() {
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v c="$(debian_release)" '$2 == "main" && !seen[$0]++ &&
			($1 == c || $1 == c "-updates" || $1 == c "-security") {
				print "deb", $3, $1, $2
			}'
}

# disk_tree RELEASE FOLDER HOSTNAME PACKAGE...: this machine's release, or the other one; for
# disk_pack.
disk_tree() {
	local release=$1 tree=$2 name=$3 sources
	shift 3
	if [ "$release" = "$(debian_release)" ]; then
		sources=$(debian_sources)
	else
		sources=$(suite_sources "$release")
	fi
	[ -n "$sources" ] || die "no Debian mirror among this machine's apt sources"
	debian_tree "$tree" "$name" "$release" "$sources" --include="$(printf '%s,' "$@")"
	printf 'LABEL=%s / ext4 errors=remount-ro 0 1\n' "$name" >"$tree/etc/fstab"
}

# debian_tree FOLDER HOSTNAME RELEASE SOURCES OPTION...: a minimal Debian and what mmdebstrap's
# options add to it.
debian_tree() {
	local tree=$1 name=$2 release=$3 sources=$4
	shift 4
	rm -rf "$tree"
	mmdebstrap --variant=minbase "$@" --aptopt='APT::Sandbox::User "root"' --dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		"$release" "$tree" - <<<"$sources"
	disk_settings "$tree" "$name"
}

disk_settings() {
	local tree=$1 name=$2
	local getty=$tree/etc/systemd/system/serial-getty@ttyS0.service.d
	echo "$name" >"$tree/etc/hostname"
	printf '127.0.0.1 localhost %s\n' "$name" >"$tree/etc/hosts"
	chroot "$tree" passwd -q -d root
	mkdir -p "$getty"
	cat >"$getty/autologin.conf" <<-'TEXT'
		[Service]
		ExecStart=
		ExecStart=-/sbin/agetty --autologin root --keep-baud 115200,57600,38400,9600 - $TERM
	TEXT
}

# An emulated machine that shares its CPU with others finds its serial line late.
slow_machine_settings() {
	mkdir -p "$1/etc/systemd/system.conf.d"
	printf '[Manager]\nDefaultDeviceTimeoutSec=15min\nDefaultTimeoutStartSec=15min\n' \
		>"$1/etc/systemd/system.conf.d/slow.conf"
}

# disk_pack TREE RESULT LABEL: the image, and beside it what boots it directly.
disk_pack() {
	local tree=$1 result=$2 label=$3
	cp -L "$tree/vmlinuz" "$result.vmlinuz"
	cp -L "$tree/initrd.img" "$result.initrd"
	rm -f "$result.raw.new"
	mke2fs -q -t ext4 -L "$label" -d "$tree" "$result.raw.new" $disk_size
	mv "$result.raw.new" "$result.raw"
}

guest_disk_build() {
	local result=$build/image/debian-guest
	stale "$result.raw" "$image/disk.sh" || return 0
	say "image: Debian guest disk (some minutes)"
	mkdir -p "$build/image"
	apt_known linux-image-amd64
	quietly guest-disk guest_disk_make "$result"
}

guest_disk_make() {
	disk_tree "$(debian_release)" "$1.tree" guest "${guest_packages[@]}"
	guest_network "$1.tree"
	disk_pack "$1.tree" "$1" guest
	rm -rf "$1.tree"
}

# An address by DHCP for whatever adapter there is; systemd brings its own client.
guest_network() {
	printf '[Match]\nDriver=hv_netvsc\n\n[Network]\nDHCP=ipv4\n' \
		>"$1/etc/systemd/network/80-dhcp.network"
	chroot "$1" systemctl enable systemd-networkd.service
}

# root_disk_build SUITE. The tree is kept: our own programs change more often than Debian's.
root_disk_build() {
	local result=$build/image/debian-root-$1 kernel kernel_release packages programs module
	local bench=()
	root_disk_kernel "$1"
	mapfile -t programs < <(root_programs)
	if stale "$result.tree/vmlinuz" "$image/disk.sh" "$image/root-command" "$kernel/release"
	then
		say "image: Debian root disk of $1 (some minutes)"
		mkdir -p "$build/image"
		quietly root-tree root_tree_make "$1" "$result.tree.new"
		rm -rf "$result.tree"
		mv "$result.tree.new" "$result.tree" # whole, or not there
	fi
	stale "$result.raw" "$result.tree/vmlinuz" "${programs[@]}" "${module[@]}" "${bench[@]}" \
		"$top/root-partition/cli"/viridis*.[148] "$top/root-partition/cli/viridis.bash" ||
		return 0
	say "image: our programs into the Debian root disk of $1"
	quietly root-disk root_disk_make "$result"
}

# Kernel, module, packages and measurement of the suite; the names are root_disk_build's.
root_disk_kernel() {
	packages=("${root_packages[@]}")
	if [ "$1" = "$suite_release" ]; then
		packages+=("${root_qemu_packages[@]}" "${root_bench_packages[@]}")
		bench=("$top/root-partition/bench" "$build/image/bench-guest.cpio.gz")
		suite_modules_build "$1"
		suite_kernel_set "$1"
	else
		kernel_build
		mapfile -t module < <(root_kernel_module)
	fi
}

# What initramfs-tools runs before it leaves the initrd: keeps the command and --share.
root_tree_make() {
	local tree=$2 hook=$2/etc/initramfs-tools/scripts/init-bottom/viridis
	disk_tree "$1" "$tree" root "${packages[@]}" "linux-image-$kernel_release"
	cat >"$hook" <<-'TEXT'
		#!/bin/sh
		[ "$1" != prereqs ] || exit 0
		for folder in /viridis /share; do
			[ ! -e $folder ] || cp -a $folder /run/
		done
	TEXT
	chmod 755 "$hook"
	mkdir -p "$tree/out"
	ln -s run/share "$tree/share"
	install -m 755 "$image/root-command" "$tree/usr/local/bin/"
	cat >"$tree/etc/systemd/system/viridis-command.service" <<-'TEXT'
		[Unit]
		Description=The command of ./dev root
		ConditionPathExists=/run/viridis/command
		After=systemd-modules-load.service systemd-user-sessions.service
		[Service]
		Type=oneshot
		ExecStart=/usr/local/bin/root-command /run/viridis
		ExecStopPost=/usr/bin/systemctl poweroff --no-block
		[Install]
		WantedBy=multi-user.target
	TEXT
	chroot "$tree" systemctl enable viridis-command.service
	echo viridis_mshv >"$tree/etc/modules-load.d/viridis.conf"
	chroot "$tree" update-initramfs -u
	touch "$tree/boot/vmlinuz-$kernel_release" # says when the tree was finished
}

# root_disk_help TREE FOLDER: manual pages; completion, which every login reads, as there is no
# bash-completion to load it by need.
root_disk_help() {
	local tree=$1 page
	for page in "$2"/viridis*.[148]; do
		install -D -m 644 "$page" "$tree/usr/local/share/man/man${page##*.}/${page##*/}"
	done
	install -D -m 644 "$2/viridis.bash" \
		"$tree/usr/local/share/bash-completion/completions/viridis"
	cat >"$tree/etc/profile.d/viridis.sh" <<-'TEXT'
		[ -z "$BASH_VERSION" ] || . /usr/local/share/bash-completion/completions/viridis
	TEXT
}

root_disk_make() {
	local tree=$1.tree
	mkdir -p "$tree/lib/modules/$kernel_release/updates"
	[ ${#programs[@]} -eq 0 ] || install -m 755 -s "${programs[@]}" "$tree/usr/local/bin/"
	[ ${#module[@]} -eq 0 ] ||
		install -m 644 "${module[@]}" "$tree/lib/modules/$kernel_release/updates/"
	root_disk_help "$tree" "$top/root-partition/cli"
	[ ${#bench[@]} -eq 0 ] || bench_install "$tree"
	chroot "$tree" depmod "$kernel_release"
	disk_pack "$tree" "$1" root
}
