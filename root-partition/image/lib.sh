# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What `./dev` and the image builders share: messages, logged steps, freshness of results,
# and apt. Expects `top` (the repository) and `build` (its build folder).

say() {
	printf '%s[%4ds]%s %s\n' "${bold-}" "$SECONDS" "${plain-}" "$*" >&2
}

die() {
	printf '%s: %s\n' "${program:-dev}" "$*" >&2
	exit "${exit_code:-1}"
}

# quietly NAME COMMAND...: the output goes to build/log/NAME.log; on failure what it calls
# errors is shown, or else its end.
#
# COMMAND may be a function: it ends at its first step that fails, for which it must not be run
# where its status is asked for (nor quietly itself be: bash turns errexit off in all of that).
quietly() {
	local log=$build/log/$1.log status
	shift
	mkdir -p "$build/log"
	set +e
	(
		set -e
		"$@"
	) </dev/null >"$log" 2>&1
	status=$?
	set -e
	if [ $status -ne 0 ]; then
		grep -a -A 6 -m 10 -E 'error:|^E: |\*\*\* ' "$log" >&2 || tail -n 30 "$log" >&2
		die "failed: $* (whole log: ${log#"$top"/})"
	fi
}

# stale RESULT INPUT...: true when RESULT is missing or older than an input. Inputs that are
# folders stand for every file in them.
stale() {
	local result=$1
	shift
	[ -e "$result" ] || return 0
	[ -n "$(find "$@" -newer "$result" -type f -print -quit)" ]
}

# apt-get without questions, recommendations, or waiting forever for another apt.
apt_get() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
		-o APT::Sandbox::User=root --no-install-recommends "$@"
}

debian_release() {
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "${VERSION_CODENAME-}")
}

# The mirror that this machine has its own release from; other suites of Debian's are there too.
debian_site() {
	local site
	# shellcheck disable=SC2016 # apt expands these
	site=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
		sed -n "s/^$(debian_release) //p" | head -n 1)
	[ -n "$site" ] || die "no Debian mirror among this machine's apt sources"
	echo "$site"
}

# Package lists may be absent (a fresh image) or old (a version that has left the mirror).
apt_known() {
	apt-cache show "$1" >/dev/null 2>&1 || quietly apt-update apt_get update
}

# newest_dependency META PREFIX: the package beginning with PREFIX that META depends on.
newest_dependency() {
	local version
	version=$(LC_ALL=C apt-cache policy "$1" | sed -n 's/^ *Candidate: //p')
	LC_ALL=C apt-cache show "$1=$version" |
		sed -n "s/^Depends:.*\\($2[^ ,]*\\).*/\\1/p" | head -n 1
}

# unpack_packages FOLDER PACKAGE...: downloads and unpacks, without installing.
unpack_packages() {
	local into=$1 package
	shift
	mkdir -p "$into" "$build/deb"
	(cd "$build/deb" && apt_get download "$@") || {
		apt_get update
		(cd "$build/deb" && apt_get download "$@")
	}
	for package in "$@"; do
		dpkg-deb -x "$(find "$build/deb" -name "${package}_*.deb" -printf '%T@ %p\n' |
			sort -n | tail -n 1 | cut -d ' ' -f 2-)" "$into"
	done
}
