# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Debian packages of what has been compiled: build/packages/*.deb, by debhelper. root-partition/packages has its files.
# build/packages/trixie has viridis-libvirt for the libvirt of Debian 13; all else is one for both releases.

deb_version=0.1.0
deb_suite_version=$deb_version+deb13
packages_suite=yes # is viridis-libvirt made for Debian 13 as well?

# packages_suite_prepare [possible]: what is compiled for Debian 13; with the word, only where that can be made.
packages_suite_prepare() {
	local lacks=
	[ "${1-}" != possible ] || lacks=$(packages_suite_lacks)
	if [ -z "$lacks" ]; then
		libvirt_suite_build
	else
		say "packages: viridis-libvirt for Debian 13 is left out: $lacks"
		packages_suite=
	fi
}

# Why it cannot be made here, in words; or nothing.
packages_suite_lacks() {
	local log=$build/log/suite-reach.log
	if [ "$(id -u)" != 0 ]; then
		echo "it is compiled in a Debian 13, which needs root"
	elif stale "$libvirt_suite/obj/ready" "$image/libvirt.sh"; then
		mkdir -p "${log%/*}"
		(packages_suite_reach) >"$log" 2>&1 ||
			echo "apt does not reach $suite_release, to compile it in (${log#"$top"/})"
	fi
}

# By lists of this call alone, which are to be had now.
packages_suite_reach() {
	local folder=$build/suite-reach
	rm -rf "$folder"
	mkdir -p "$folder/lists/partial"
	suite_sources "$suite_release" >"$folder/sources.list" &&
		apt_get -o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=- \
			-o "Dir::State::Lists=$folder/lists" -o APT::Update::Error-Mode=any update
}

packages_build() {
	local suite=()
	install_some "${deb_packages[@]}"
	if [ -n "$packages_suite" ]; then
		suite=("$libvirt_suite/out/virtviridisd" "$libvirt_suite/out/libvirt_driver_viridis.so")
		[ -d "$build/packages/$suite_release" ] || rm -f "$build/packages/done"
	fi
	stale "$build/packages/done" "$image/deb.sh" "$top/root-partition/packages" \
		"$top/root-partition/kmod" "$top/include" "$top/root-partition/cli" \
		"$top/root-partition/hook" "$build/root-partition/hook/viridis-qemu-hook" \
		"$build/hypervisor/viridis.elf" "$build/root-partition/cli/viridis" \
		"$build/root-partition/vm/viridis-vm" "$build/vsp" "$libvirt/out/virtviridisd" \
		"$libvirt/out/libvirt_driver_viridis.so" "${suite[@]}" || return 0
	say "packages: viridis-hypervisor, viridis-dkms, viridis, viridis-nbd, viridis-libvirt"
	rm -rf "$build/packages"
	quietly packages packages_make "$build/packages"
	[ -z "$packages_suite" ] ||
		quietly packages-suite packages_suite_make "$build/packages/$suite_release"
	touch "$build/packages/done"
}

packages_make() {
	local source=$1/viridis-$deb_version
	packages_debian "$source" "$libvirt"
	packages_stage "$source/stage"
	(cd "$source" && packages_debhelper)
}

# Of the one package that is another for Debian 13; compiled there, and so are its dependencies found there.
packages_suite_make() {
	local source=$libvirt_suite/viridis-$deb_suite_version
	rm -rf "$source" "$libvirt_suite"/viridis-libvirt_*
	packages_debian "$source" "$libvirt_suite"
	awk -v RS= -v ORS='\n\n' '/^Source:/ || /^Package: viridis-libvirt\n/' "$source/debian/control" \
		>"$source/control"
	mv "$source/control" "$source/debian/"
	sed -i "1s/($deb_version)/($deb_suite_version)/" "$source/debian/changelog"
	packages_stage_libvirt "$source/stage" "$libvirt_suite"
	libvirt_suite_run packages_suite_debhelper "/libvirt/${source##*/}"
	mkdir -p "$1"
	mv "$libvirt_suite"/viridis-libvirt_*.deb "$1/"
}

packages_debhelper() {
	DEB_BUILD_OPTIONS=noautodbgsym dpkg-buildpackage -b -us -uc -d
}

packages_suite_debhelper() {
	cd "$1"
	packages_debhelper
}

# packages_debian SOURCE LIBVIRT: debhelper's files, with the version of libvirt that the driver was compiled against.
packages_debian() {
	local needed
	needed=$(sed -n "s/^  version: '\(.*\)',/\1/p" "$2/source/meson.build" | head -n 1)
	mkdir -p "$1/stage"
	cp -r "$top/root-partition/packages/debian" "$1/"
	sed -i -e "s/@LIBVIRT@/$needed/; s/@LIBVIRT_NEXT@/${needed%.*}.$((${needed##*.} + 1))/" \
		-e "s/@VIRIDIS@/$deb_version/" "$1/debian/control"
}

packages_stage() {
	local stage=$1 kmod=$1/dkms/root-partition/kmod
	mkdir -p "$stage"/{bin,nbd,man,completions,apparmor} "$kmod" "$stage/dkms/hypervisor/core"
	cp "$build/hypervisor/viridis.elf" "$top/root-partition/packages/09_linux_viridis" \
		"$top/root-partition/packages/viridis-bridge" \
		"$top/root-partition/kmod/60-viridis.rules" "$stage/"
	find "$build"/{root-partition/{vm,cli,hook},vsp} -type f -perm -u+x -name 'viridis*' \
		-exec cp {} "$stage/bin/" \;
	mv "$stage/bin/viridis-storage-nbd" "$stage/nbd/"
	cp "$top"/root-partition/{cli,hook,packages}/viridis*.[148] "$stage/man/"
	cp "$top/root-partition/hook/libvirt-qemu.apparmor" "$stage/apparmor/viridis"
	cp "$top/root-partition/hook/TEMPLATE.hyperv" "$stage/apparmor/"
	# libvirt's confinement lets domains name few folders below /usr/share, and QEMU's own is one.
	cp "$build/root-partition/cli/vmbus.aml" "$stage/viridis-vmbus.aml"
	cp "$top/root-partition/cli/viridis.bash" "$stage/completions/viridis"
	cp "$top/root-partition/cli/viridis.fish" "$stage/completions/"
	cp "$top/root-partition/cli/viridis.zsh" "$stage/completions/_viridis"
	echo viridis_mshv >"$stage/viridis.conf"
	packages_stage_libvirt "$stage" "$libvirt"
	cp "$top/root-partition/packages/dkms.conf" "$stage/dkms/"
	cp -r "$top/root-partition/kmod"/{*.[ch],core,shim,Kbuild,Makefile} "$kmod/"
	cp -r "$top/include" "$stage/dkms/"
	cp "$top/hypervisor/core"/decode_access.[ch] "$stage/dkms/hypervisor/core/"
	find "$stage" -name README.md -o -name '*.cmake' | xargs rm -f
}

packages_stage_libvirt() {
	mkdir -p "$1/libvirt"
	cp "$2"/out/{virtviridisd,libvirt_driver_viridis.so} \
		"$top"/root-partition/libvirt/virtviridisd.{conf,8} "$1/libvirt/"
}

# --- A Debian in which they have been installed as a person would: of this machine's release, and of Debian 13

packages_disk_wanted=(systemd-sysv udev initramfs-tools zstd kmod iproute2 linux-image-amd64
	linux-headers-amd64 dkms dbus dnsmasq-base nftables libvirt-clients)
# Either disk starts by a BIOS and by UEFI. GRUB is installed for one, as Debian's installer does, and beside it are the files
# of the other.
packages_disk_grub=(grub-pc grub-efi-amd64-bin grub-efi-amd64-signed)
packages_suite_disk_grub=(grub-efi-amd64 grub-efi-amd64-signed grub-pc-bin)
# Its partitions, in MiB: GRUB's for a BIOS, UEFI's, the root.
packages_disk_bios=1 packages_disk_efi=2 packages_disk_root=66 packages_disk_end=6143

# GRUB's menu is there as it was before (grub.cfg.before), with the packages (grub.cfg.with, which is grub.cfg), and with the
# hypervisor and its module removed (grub.cfg.removed).
packages_disk_build() {
	local result=$build/image/packages
	stale "$result.raw" "$build/packages"/*.deb "$image/deb.sh" || return 0
	say "image: Debian disk with our packages (some minutes)"
	mkdir -p "$build/image"
	quietly packages-disk packages_disk_make "$result" "$(debian_release)" "$(debian_sources)" \
		"$build/packages" "${packages_disk_grub[@]}"
}

packages_suite_disk_build() {
	local result=$build/image/packages-$suite_release
	stale "$result.raw" "$build/packages"/{,"$suite_release"/}*.deb "$image/deb.sh" || return 0
	say "image: Debian 13 disk with our packages (some minutes)"
	mkdir -p "$build/image"
	quietly packages-suite-disk packages_disk_make "$result" "$suite_release" \
		"$(suite_sources "$suite_release")" "$build/packages/$suite_release" \
		"${packages_suite_disk_grub[@]}"
}

# packages_disk_make RESULT RELEASE SOURCES FOLDER PACKAGE...: FOLDER has the release's viridis-libvirt; the packages are GRUB's.
packages_disk_make() {
	local tree=$1.tree new=$1.raw.new release=$2 sources=$3 folder=$4
	debian_tree "$tree" packages "$release" "$sources" \
		--include="$(printf '%s,' "${packages_disk_wanted[@]}" "${@:5}")"
	echo "$sources" >"$tree/etc/apt/sources.list"
	packages_disk_settings "$tree"
	find "$build/packages" -maxdepth 1 -name '*.deb' ! -name 'viridis-libvirt*' \
		-exec cp {} "$tree/packages/" \;
	cp "$folder"/viridis-libvirt*.deb "$tree/packages/"
	packages_newer "$tree"
	rm -f "$new"
	truncate -s $((packages_disk_end + 1))M "$new"
	packages_disk_partitions "$tree" "$new"
	packages_disk_uefi "$tree" "$new"
	rm -rf "$tree"
	packages_disk_run "$1.mount" "$new" packages_disk_install
	mv "$new" "$1.raw"
}

packages_disk_partitions() {
	local tree=$1 disk=$2
	sfdisk -q "$disk" <<-TEXT
		label: gpt
		start=${packages_disk_bios}MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649
		start=${packages_disk_efi}MiB, size=$((packages_disk_root - packages_disk_efi))MiB, type=U
		start=${packages_disk_root}MiB, size=$((packages_disk_end - packages_disk_root))MiB, type=L
	TEXT
	mke2fs -q -t ext4 -L packages -d "$tree" -E offset=$((packages_disk_root << 20)) "$disk" \
		$((packages_disk_end - packages_disk_root))M
}

# What grub-install does for UEFI, for which it must see FAT mounted, and not every kernel can: Debian's signed GRUB, and where
# it looks for its settings.
packages_disk_uefi() {
	local tree=$1 fat=$2@@$((packages_disk_efi << 20))
	cat >"$tree.cfg" <<-TEXT
		search --fs-uuid --set=root $(blkid -p -O $((packages_disk_root << 20)) -s UUID -o value "$2")
		set prefix=(\$root)/boot/grub
		configfile \$prefix/grub.cfg
	TEXT
	mformat -i "$fat" -F -T $(((packages_disk_root - packages_disk_efi) * 2048)) -h 255 -s 63 ::
	mmd -i "$fat" ::EFI ::EFI/BOOT ::EFI/debian
	mcopy -i "$fat" "$tree/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" \
		::EFI/BOOT/BOOTX64.EFI
	mcopy -i "$fat" "$tree.cfg" ::EFI/debian/grub.cfg
	rm "$tree.cfg"
}

# packages_newer TREE: what is installed, as the next version in /upgrade; to be upgraded to while a guest runs. The module,
# which takes minutes to compile there, is not among them.
packages_newer() {
	local tree=$1 folder=$1/upgrade package
	mkdir -p "$folder"
	for package in viridis viridis-nbd viridis-hypervisor viridis-libvirt; do
		dpkg-deb -R "$(find "$tree/packages" -name "${package}_*.deb")" "$folder/$package"
		sed -i "s/\\b$deb_version\\b/$deb_version.1/" "$folder/$package/DEBIAN/control"
		dpkg-deb -b --root-owner-group "$folder/$package" "$folder"
		rm -rf "${folder:?}/$package"
	done
}

packages_disk_settings() {
	local tree=$1
	printf 'LABEL=packages / ext4 errors=remount-ro 0 1\n' >"$tree/etc/fstab"
	printf 'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX="console=ttyS0"\nGRUB_DISABLE_OS_PROBER=true\n' \
		>>"$tree/etc/default/grub"
	mkdir -p "$tree/packages"
	slow_machine_settings "$tree"
}

# packages_disk_install DISK: in its own system.
packages_disk_install() {
	export DEBIAN_FRONTEND=noninteractive
	local apt=(apt-get -q -y -o APT::Sandbox::User=root --no-install-recommends)
	grub-install --target=i386-pc "$1"
	cp -r /usr/lib/grub/x86_64-efi /boot/grub/
	update-grub
	cp /boot/grub/grub.cfg /boot/grub/grub.cfg.before
	"${apt[@]}" update
	"${apt[@]}" install /packages/*.deb
	cp /boot/grub/grub.cfg /boot/grub/grub.cfg.with
	"${apt[@]}" remove viridis-hypervisor viridis-dkms
	cp /boot/grub/grub.cfg /boot/grub/grub.cfg.removed
	"${apt[@]}" install /packages/viridis-hypervisor_*.deb /packages/viridis-dkms_*.deb
	cmp /boot/grub/grub.cfg /boot/grub/grub.cfg.with
	rm -rf /packages
	apt-get clean
}

# packages_disk_run FOLDER DISK FUNCTION: one of ./dev's, with the name of the disk's device there, in the disk's own system,
# which sees this disk alone. Its mounts and all that it has started end with it.
packages_disk_run() {
	local tree=$1 loop
	loop=$(losetup --find --show "$2")
	# shellcheck disable=SC2064 # what there is now
	trap "cloud_disk_detach '$loop'" EXIT
	partx --add "$loop" # not every kernel reads GPT
	mkdir -p "$tree"
	# shellcheck disable=SC2016 # expanded by the shells that are started
	unshare --mount --pid --fork --kill-child bash -euxc '
		mount "$2p3" "$1"
		mount -t tmpfs dev "$1/dev"
		cp -a /dev/null /dev/zero /dev/random /dev/urandom "$2" "$2"p? "$1/dev/"
		ln -s /proc/self/fd "$1/dev/fd"
		mkdir -p "$1/dev/disk/by-uuid"
		ln -s "$2p3" "$1/dev/disk/by-uuid/$(blkid -s UUID -o value "$2p3")"
		mount -t proc proc "$1/proc"
		mount -o bind /sys "$1/sys"
		chroot "$1" bash -euxc "$3" - "$2"
		' - "$tree" "$loop" "$(declare -p suite_release full_backports full_packages)
		$(declare -f "$3")
		$3 "'"$@"'
	trap - EXIT
	cloud_disk_detach "$loop"
	rmdir "$tree"
}
