# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Packages of a Debian release that need not be this machine's, from the same mirror, by an apt
# that knows nothing of this machine: its lists and packages are below build/suite/RELEASE.

suite_release=trixie
# What is taken from a release's backports if these have it; all else is the release's own.
suite_backports=(qemu-system-x86 qemu-system-common qemu-system-data seabios)

# suite_apt RELEASE COMMAND...: apt-get (or apt-cache, when COMMAND is show or policy).
suite_apt() {
	local folder=$build/suite/$1 tool=apt-get
	[ -e "$folder/apt.conf" ] || suite_settings "$1" "$folder"
	case $2 in show | policy) tool=apt-cache ;; esac
	APT_CONFIG=$folder/apt.conf LC_ALL=C DEBIAN_FRONTEND=noninteractive "$tool" -q "${@:2}"
}

# From the mirror that this machine has its own release from.
suite_sources() {
	local site suite
	site=$(debian_site)
	for suite in "$1" "$1-backports"; do
		echo "deb $site $suite main"
	done
}

# suite_settings RELEASE FOLDER: the configuration comes last, and says that all is there.
suite_settings() {
	local folder=$2
	mkdir -p "$folder"/{lists/partial,cache/archives/partial,preferences.d}
	: >"$folder/status"
	suite_sources "$1" >"$folder/sources.list"
	suite_preferences "$1" >"$folder/preferences"
	cat >"$folder/apt.conf.new" <<-TEXT
		Dir::Etc::SourceList "$folder/sources.list";
		Dir::Etc::SourceParts "-";
		Dir::Etc::Preferences "$folder/preferences";
		Dir::Etc::PreferencesParts "$folder/preferences.d";
		Dir::State "$folder";
		Dir::State::Lists "$folder/lists";
		Dir::State::status "$folder/status";
		Dir::Cache "$folder/cache";
		Acquire::Languages "none";
		APT::Sandbox::User "root";
		APT::Install-Recommends "false";
	TEXT
	mv "$folder/apt.conf.new" "$folder/apt.conf"
	suite_apt "$1" update
}

suite_preferences() {
	printf 'Package: %s\nPin: release n=%s-backports\nPin-Priority: 990\n' \
		"${suite_backports[*]}" "$1"
}

# suite_unpack RELEASE FOLDER PACKAGE...: these and all they depend on, without installing.
# base-files goes first, for it has the links of a merged /usr.
suite_unpack() {
	local release=$1 into=$2 package
	shift 2
	mkdir -p "$into"
	suite_apt "$release" clean
	suite_apt "$release" install -y --download-only base-files "$@" || {
		suite_apt "$release" update
		suite_apt "$release" install -y --download-only base-files "$@"
	}
	for package in "$build/suite/$release/cache/archives"/{base-files_,}*.deb; do
		dpkg-deb -x "$package" "$into"
	done
}

# suite_unpack_only RELEASE FOLDER PACKAGE...: these alone, whichever of its suites has them.
suite_unpack_only() {
	local release=$1 into=$2 package
	shift 2
	mkdir -p "$into" "$build/deb"
	(cd "$build/deb" && suite_apt "$release" download "$@")
	for package in "$@"; do
		dpkg-deb -x "$(find "$build/deb" -name "${package}_*.deb" -printf '%T@ %p\n' |
			sort -n | tail -n 1 | cut -d ' ' -f 2-)" "$into"
	done
}
