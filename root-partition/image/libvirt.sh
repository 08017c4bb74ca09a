# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# libvirt's daemon for our domains, and a disk with libvirt for the small root:
#   build/libvirt/source   the source package of this machine's release, as apt gives it
#   build/libvirt/obj      what is generated from it, and its administration's part
#   build/libvirt/out      virtviridisd, libvirt_driver_viridis.so, domain_xml_test
#   build/libvirt-trixie   the same three of Debian 13, made in a Debian 13 of its own (root)
#   build/image/libvirt.raw  stock virsh and its libraries, our daemon

libvirt=$build/libvirt
libvirt_suite=$build/libvirt-$suite_release
libvirt_disk_size=400M
libvirt_options=(
	-Dauto_features=disabled -Dsystem=false -Dtests=disabled -Ddocs=disabled
	-Dinit_script=systemd -Ddriver_libvirtd=enabled -Ddriver_remote=enabled
	--prefix=/usr --libdir=lib/x86_64-linux-gnu --sysconfdir=/etc --localstatedir=/var
	-Drunstatedir=/run
)

libvirt_build() {
	install_some "${libvirt_packages[@]}"
	if stale "$libvirt/obj/ready" "$image/libvirt.sh"; then
		say "libvirt: source and what is generated from it (a minute)"
		rm -rf "$libvirt"
		mkdir -p "$libvirt"
		quietly libvirt-source libvirt_source_get "$(debian_release)" "$libvirt"
		quietly libvirt-prepare libvirt_prepare "$libvirt"
	fi
	say "build: virtviridisd and its driver"
	quietly libvirt libvirt_make "$top" "$libvirt" all test
}

# libvirt_source_get RELEASE FOLDER: by an apt with lists of its own, as a line for sources is needed, which this machine may
# not have. Tarball and Debian's patches are all it takes, and stay on mirrors that have lost the rest of a source package.
libvirt_source_get() {
	local options kind patch folder=$2/apt
	mkdir -p "$folder/lists/partial"
	printf 'deb-src [signed-by=%s] %s %s main\n' \
		/usr/share/keyrings/debian-archive-keyring.gpg "$(debian_site)" "$1" \
		>"$folder/sources.list"
	options=(-o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=-
		-o "Dir::State::Lists=$folder/lists")
	apt_get "${options[@]}" update
	cd "$2"
	for kind in --tar-only --diff-only; do
		apt_get "${options[@]}" source --download-only $kind libvirt
	done
	mkdir source
	tar -xf libvirt_*.orig.tar.xz --strip-components=1 -C source
	tar -xf libvirt_*.debian.tar.xz -C source
	cd source
	for patch in $(sed '/^#/d; s/ .*//' debian/patches/series); do
		patch -s -p1 -i "debian/patches/$patch"
	done
}

# libvirt_prepare FOLDER OPTION...: of its build only what our daemon is compiled with: generated protocols, checks and tables.
libvirt_prepare() {
	local folder=$1 generated
	shift
	(cd "$folder/source" && meson setup "$folder/obj" "${libvirt_options[@]}" "$@")
	mapfile -t generated < <(ninja -C "$folder/obj" -t targets all |
		sed -n 's#^\(src/\(remote\|access\|rpc\|admin\|util\)/[^:]*\.[ch]\): CUSTOM_COMMAND$#\1#p')
	ninja -C "$folder/obj" "${generated[@]}" src/admin/libvirt_admin_driver.a
	touch "$folder/obj/ready"
}

# libvirt_make TOP FOLDER TARGET...
libvirt_make() {
	make -j "$(nproc)" -C "$1/root-partition/libvirt" "LIBVIRT=$2" "${@:3}"
}

# --- For the libvirt of Debian 13: in a Debian 13 that has its compiler and libraries, where this repository is /viridis and
# build/libvirt-trixie /libvirt.

libvirt_suite_packages=(
	gcc make meson ninja-build pkg-config python3 python3-docutils rpcsvc-proto libglib2.0-dev
	libgnutls28-dev libxml2-dev libxml2-utils xsltproc libtirpc-dev libjson-c-dev gettext libvirt-dev
	libjansson-dev dpkg-dev debhelper dh-dkms
)

libvirt_suite_build() {
	[ "$(id -u)" = 0 ] ||
		die "viridis-libvirt for Debian 13 is compiled in a Debian 13, which needs root"
	if stale "$libvirt_suite/obj/ready" "$image/libvirt.sh"; then
		say "libvirt: source of Debian 13, and a Debian 13 to compile it (some minutes)"
		rm -rf --one-file-system "$libvirt_suite"
		mkdir -p "$libvirt_suite"
		quietly libvirt-suite-source libvirt_source_get "$suite_release" "$libvirt_suite"
		quietly libvirt-suite-root debian_tree "$libvirt_suite/root" build "$suite_release" \
			"$(suite_sources "$suite_release")" \
			--include="$(printf '%s,' "${libvirt_suite_packages[@]}")"
		quietly libvirt-suite-prepare libvirt_suite_run libvirt_prepare /libvirt -Djson_c=enabled
	fi
	say "build: virtviridisd and its driver, for Debian 13"
	quietly libvirt-suite libvirt_suite_run libvirt_make /viridis /libvirt all test
}

# libvirt_suite_run FUNCTION ARGUMENT...: one of ./dev's, there. Its mounts end with it.
libvirt_suite_run() {
	local tree=$libvirt_suite/root
	mkdir -p "$tree/viridis" "$tree/libvirt"
	# shellcheck disable=SC2016 # expanded by the shells that are started
	unshare --mount --propagation private bash -euc '
		mount --bind "$2" "$1/viridis"
		mount -o remount,bind,ro "$1/viridis"
		mount --bind "$3" "$1/libvirt"
		mount --bind /proc "$1/proc"
		exec env -i PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8 HOME=/root chroot "$1" bash -euc "${@:4}"
	' - "$tree" "$top" "$libvirt_suite" "$(declare -p libvirt_options)
		$(declare -f)
		"'"$@"' - "$@"
}

libvirt_disk_build() {
	local result=$build/image/libvirt
	stale "$result.raw" "$image/libvirt.sh" "$top/root-partition/libvirt/virtviridisd.conf" \
		"$libvirt"/out/{virtviridisd,libvirt_driver_viridis.so} || return 0
	say "image: stock libvirt with our daemon"
	mkdir -p "$build/image"
	quietly libvirt-disk libvirt_disk_make "$result"
}

# Only files, for a root of the same release: its own loader is told where the libraries are.
libvirt_disk_make() {
	local all=$1.all tree=$1.tree
	rm -rf "$all" "$tree"
	suite_unpack "$(debian_release)" "$all" libvirt-clients libjansson4 bsdutils
	mkdir -p "$tree"/{bin,lib,drivers}
	cp "$all"/usr/bin/{virsh,script} "$tree/bin/"
	cp -a "$all"/usr/lib/x86_64-linux-gnu/*.so* "$tree/lib/"
	cp -a "$all"/lib/x86_64-linux-gnu/*.so* "$tree/lib/"
	install -m 755 -s "$libvirt/out/virtviridisd" "$tree/bin/"
	install -m 644 -s "$libvirt/out/libvirt_driver_viridis.so" "$tree/drivers/"
	install -m 644 "$top/root-partition/libvirt/virtviridisd.conf" "$tree/"
	rm -f "$1.raw.new"
	mke2fs -q -t ext4 -O ^has_journal -L libvirt -d "$tree" "$1.raw.new" "$libvirt_disk_size"
	mv "$1.raw.new" "$1.raw"
	rm -rf "$all" "$tree"
}
