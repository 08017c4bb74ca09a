# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# build/fio/fio: fio of Debian's source, static. Debian's own program names the libraries of a dozen network storages,
# which are twenty times its size.

fio_sources() {
	apt_get -o "Dir::Etc::SourceList=$1/sources.list" -o "Dir::Etc::SourceParts=$1/none" \
		-o "Dir::State::Lists=$1/lists" "${@:2}"
}

fio_build() {
	local folder=$build/fio
	stale "$folder/fio" "$image/fio.sh" || return 0
	say "image: fio"
	quietly fio fio_make "$folder"
}

fio_make() {
	local folder=$1
	rm -rf "$folder"
	mkdir -p "$folder"/{none,lists/partial,source}
	echo "deb-src $(debian_site) $(debian_release) main" >"$folder/sources.list"
	fio_sources "$folder" update
	(cd "$folder" && fio_sources "$folder" source --download-only fio)
	tar -xf "$folder"/fio_*.orig.tar.gz -C "$folder/source" --strip-components=1
	cd "$folder/source"
	./configure --build-static --disable-native --disable-numa --disable-rdma --disable-rados \
		--disable-rbd --disable-http --disable-gfapi --disable-pmem
	make -j "$(nproc)" fio
	install -s fio "$folder/fio"
}
