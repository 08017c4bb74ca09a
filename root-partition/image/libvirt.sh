# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# libvirt's daemon for our domains, and a disk with libvirt for the small root:
#   build/libvirt/source   the source package of this machine's release, as apt gives it
#   build/libvirt/obj      what is generated from it, and its administration's part
#   build/libvirt/out      virtviridisd, libvirt_driver_viridis.so, domain_xml_test
#   build/image/libvirt.raw  stock virsh and its libraries, our daemon

libvirt=$build/libvirt
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
		quietly libvirt-source libvirt_source_get
		quietly libvirt-prepare libvirt_prepare
	fi
	say "build: virtviridisd and its driver"
	quietly libvirt make -j "$(nproc)" -C "$top/root-partition/libvirt" "LIBVIRT=$libvirt" all test
}

# By an apt with lists of its own: a line for sources is needed, which this machine may not have.
libvirt_source_get() {
	local options folder=$libvirt/apt
	mkdir -p "$folder/lists/partial"
	printf 'deb-src [signed-by=%s] %s %s main\n' \
		/usr/share/keyrings/debian-archive-keyring.gpg "$(debian_site)" "$(debian_release)" \
		>"$folder/sources.list"
	options=(-o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=-
		-o "Dir::State::Lists=$folder/lists")
	apt_get "${options[@]}" update
	cd "$libvirt"
	apt_get "${options[@]}" source --download-only libvirt
	dpkg-source --no-check -x libvirt_*.dsc source
}

# Of its build only what our daemon is compiled with: generated protocols, checks and tables.
libvirt_prepare() {
	local generated
	(cd "$libvirt/source" && meson setup "$libvirt/obj" "${libvirt_options[@]}")
	mapfile -t generated < <(ninja -C "$libvirt/obj" -t targets all |
		sed -n 's#^\(src/\(remote\|access\|rpc\|admin\|util\)/[^:]*\.[ch]\): CUSTOM_COMMAND$#\1#p')
	ninja -C "$libvirt/obj" "${generated[@]}" src/admin/libvirt_admin_driver.a
	touch "$libvirt/obj/ready"
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
	suite_unpack "$(debian_release)" "$all" libvirt-clients libjson-glib-1.0-0 bsdutils
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
