# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Debian packages of what has been compiled: build/packages/*.deb, by debhelper. root-partition/packages has its files.

deb_version=0.1.0

packages_build() {
	install_some "${deb_packages[@]}"
	stale "$build/packages/done" "$image/deb.sh" "$top/root-partition/packages" \
		"$top/root-partition/kmod" "$top/include" "$top/root-partition/cli" \
		"$build/hypervisor/viridis.elf" "$build/root-partition/cli/viridis" \
		"$build/root-partition/vm/viridis-vm" "$build/vsp" "$libvirt/out/virtviridisd" \
		"$libvirt/out/libvirt_driver_viridis.so" || return 0
	say "packages: viridis-hypervisor, viridis-dkms, viridis, viridis-nbd, viridis-libvirt"
	quietly packages packages_make "$build/packages"
}

packages_make() {
	local result=$1 source=$1/viridis-$deb_version needed
	rm -rf "$result"
	mkdir -p "$source/stage"
	cp -r "$top/root-partition/packages/debian" "$source/"
	needed=$(libvirt_version)
	sed -i -e "s/@LIBVIRT@/$needed/; s/@LIBVIRT_NEXT@/${needed%.*}.$((${needed##*.} + 1))/" \
		"$source/debian/control"
	packages_stage "$source/stage"
	(cd "$source" && DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage -b -us -uc -d)
	touch "$result/done"
}

# Of the source that the driver was compiled against.
libvirt_version() {
	sed -n "s/^  version: '\(.*\)',/\1/p" "$libvirt/source/meson.build" | head -n 1
}

packages_stage() {
	local stage=$1 kmod=$1/dkms/root-partition/kmod
	mkdir -p "$stage"/{bin,nbd,man,completions,libvirt} "$kmod" "$stage/dkms/hypervisor/core"
	cp "$build/hypervisor/viridis.elf" "$top/root-partition/packages/09_linux_viridis" \
		"$top/root-partition/packages/viridis-bridge" \
		"$top/root-partition/kmod/60-viridis.rules" "$stage/"
	find "$build"/{root-partition/{vm,cli},vsp} -type f -perm -u+x -name 'viridis*' \
		-exec cp {} "$stage/bin/" \;
	mv "$stage/bin/viridis-storage-nbd" "$stage/nbd/"
	cp "$top"/root-partition/cli/viridis*.[148] "$stage/man/"
	cp "$top/root-partition/cli/viridis.bash" "$stage/completions/viridis"
	cp "$top/root-partition/cli/viridis.fish" "$stage/completions/"
	cp "$top/root-partition/cli/viridis.zsh" "$stage/completions/_viridis"
	echo viridis_mshv >"$stage/viridis.conf"
	cp "$libvirt"/out/{virtviridisd,libvirt_driver_viridis.so} \
		"$top/root-partition/libvirt/virtviridisd.conf" "$stage/libvirt/"
	cp "$top/root-partition/packages/dkms.conf" "$stage/dkms/"
	cp -r "$top/root-partition/kmod"/{*.[ch],core,shim,Kbuild,Makefile} "$kmod/"
	cp -r "$top/include" "$stage/dkms/"
	cp "$top/hypervisor/core"/decode_access.[ch] "$stage/dkms/hypervisor/core/"
	find "$stage" -name README.md -o -name '*.cmake' | xargs rm -f
}

# --- A Debian in which they have been installed as a person would

packages_disk_wanted=(systemd-sysv udev initramfs-tools zstd kmod iproute2 grub-pc linux-image-amd64
	linux-headers-amd64 dkms dbus libvirt-clients)

# Stock Debian with GRUB's menu before (grub.cfg.before), with (grub.cfg) and, with the packages
# removed and installed again, without the hypervisor (grub.cfg.removed).
packages_disk_build() {
	local result=$build/image/packages
	stale "$result.raw" "$build/packages"/*.deb || return 0
	say "image: Debian disk with our packages (some minutes)"
	mkdir -p "$build/image"
	quietly packages-disk packages_disk_make "$result"
}

# The disk is a file system without partitions; GRUB comes from a CD, and reads the menu here.
packages_disk_make() {
	local tree=$1.tree new=$1.raw.new
	debian_tree "$tree" packages "$(debian_release)" "$(debian_sources)" \
		--include="$(printf '%s,' "${packages_disk_wanted[@]}")"
	printf 'LABEL=packages / ext4 errors=remount-ro 0 1\n' >"$tree/etc/fstab"
	printf 'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX="console=ttyS0"\nGRUB_DISABLE_OS_PROBER=true\n' \
		>>"$tree/etc/default/grub"
	debian_sources >"$tree/etc/apt/sources.list"
	mkdir "$tree/packages"
	cp "$build/packages"/*.deb "$tree/packages/"
	rm -f "$new"
	mke2fs -q -t ext4 -L packages -d "$tree" "$new" 6G
	rm -rf "$tree"
	mkdir -p "$1.mount"
	# shellcheck disable=SC2064 # what is mounted now
	trap "umount -R '$1.mount'" EXIT
	mount -o loop "$new" "$1.mount"
	packages_disk_install "$1.mount" "$new"
	umount -R "$1.mount"
	trap - EXIT
	mv "$new" "$1.raw"
}

packages_disk_install() {
	local tree=$1 folder
	for folder in dev proc sys; do
		mount -o bind "/$folder" "$tree/$folder"
	done
	mv "$tree/usr/sbin/grub-probe" "$tree/usr/sbin/grub-probe.real"
	packages_disk_probe "$(blkid -s UUID -o value "$2")" >"$tree/usr/sbin/grub-probe"
	chmod 755 "$tree/usr/sbin/grub-probe"
	chroot "$tree" sh -ex <<-'TEXT'
		export DEBIAN_FRONTEND=noninteractive
		mkdir -p /boot/grub
		update-grub
		cp /boot/grub/grub.cfg /boot/grub/grub.cfg.before
		apt-get -q update
		apt-get -q -y -o APT::Sandbox::User=root --no-install-recommends install /packages/*.deb
		cp /boot/grub/grub.cfg /boot/grub/grub.cfg.with
		apt-get -q -y remove viridis-hypervisor viridis-dkms
		cp /boot/grub/grub.cfg /boot/grub/grub.cfg.removed
		apt-get -q -y -o APT::Sandbox::User=root --no-install-recommends install \
			/packages/viridis-hypervisor_*.deb /packages/viridis-dkms_*.deb
		cmp /boot/grub/grub.cfg /boot/grub/grub.cfg.with
		rm -rf /packages
		apt-get clean
		mv /usr/sbin/grub-probe.real /usr/sbin/grub-probe
	TEXT
}

# packages_disk_probe UUID: in grub-probe's place, which would say where the image's file is; this
# says what the machine will be.
packages_disk_probe() {
	cat <<-TEXT
		#!/bin/sh
		case "\$*" in
		*target=device*) echo /dev/vda ;;
		*target=fs_uuid*) echo $1 ;;
		*target=fs*) echo ext2 ;;
		*target=drive* | *hint*) echo hd0 ;;
		esac
	TEXT
}
