# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# build/uapi: the kernel's headers for programs, as the newest kernel of Debian 13's backports has
# them: linux/mshv.h among them, which this machine's own release has not.

uapi_release=trixie

uapi_build() {
	local result=$build/uapi
	stale "$result/include/linux/mshv.h" "$image/uapi.sh" "$image/suite.sh" || return 0
	say "image: the kernel's headers for programs"
	quietly uapi uapi_make "$result"
}

uapi_make() {
	local result=$1 folder=$build/suite/$uapi_release/uapi
	rm -rf "$result" "$folder"
	mkdir -p "$folder"
	suite_apt "$uapi_release" policy linux-libc-dev
	(cd "$folder" && suite_apt "$uapi_release" download "linux-libc-dev/$uapi_release-backports")
	dpkg-deb -x "$folder"/linux-libc-dev_*.deb "$folder/tree"
	mkdir -p "$result/include"
	cp -rT "$folder/tree/usr/include/linux" "$result/include/linux"
	cp -rT "$folder/tree/usr/include/asm-generic" "$result/include/asm-generic"
	find "$folder/tree/usr" -type d -path '*x86_64-linux-gnu/asm' -exec cp -r {} "$result/include/" \;
	touch "$result/include/linux/mshv.h"
	rm -rf "$folder"
}
