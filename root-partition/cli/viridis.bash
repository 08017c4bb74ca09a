# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Completion of `viridis` in bash: commands, options, what options take, names of VMs.
# tests/unit/cli_words_test.c holds it to what the program knows.

_viridis_options() {
	local common="--json --help"
	case $1 in
	create | run)
		local run=
		[ "$1" != run ] || run=--rm
		echo "--memory --vps --kernel --initrd --cmdline --disk --net --serial --on-crash $run $common"
		;;
	autostart) echo "--disable $common" ;;
	info) echo "--definition $common" ;;
	attach) echo "--name --disk --net $common" ;;
	qemu-args) echo "--memory $common" ;;
	shutdown) echo "--reboot --timeout $common" ;;
	delete) echo "--attached $common" ;;
	freeze) echo "--timeout $common" ;;
	copy) echo "--force $common" ;;
	wait) echo "--for --timeout $common" ;;
	log) echo "--follow --lines $common" ;;
	resize) echo "--lun --size $common" ;;
	trace) echo "--cpu --count --io $common" ;;
	top) echo "--interval --count $common" ;;
	bench) echo "--devices --jobs --vps --memory --seconds --repeat --scheduler --disk --attached-disk --work --guest
		--qemu --plot --report --result --from $common" ;;
	*) echo "$common" ;;
	esac
}

# The definitions are what names there are.
_viridis_names() {
	local file
	for file in "${VIRIDIS_STATE_DIR:-/var/lib/viridis}"/*.json; do
		[ -e "$file" ] || continue
		file=${file##*/}
		echo "${file%.json}"
	done
}

# _viridis_reply WORDS: those of the words that begin as what was typed.
_viridis_reply() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word")
}

_viridis_files() {
	mapfile -t COMPREPLY < <(compgen -f -- "$word")
	# Outside of a completion, as in a test, there is nothing to set this for.
	compopt -o filenames 2>/dev/null || true
}

# _viridis_value OPTION: what it takes; false when it takes nothing.
_viridis_value() {
	case $1 in
	--kernel | --initrd | --disk | --work | --guest | --plot | --report | --result | --from) _viridis_files ;;
	--net) _viridis_reply "user tap= bridge=" ;;
	--serial)
		_viridis_files
		[[ pty != "$word"* ]] || COMPREPLY+=(pty)
		;;
	--devices) _viridis_reply "synthetic attached virtio virtio-scsi nvme ahci ide e1000e e1000 qemu" ;;
	--on-crash) _viridis_reply "keep restart stop" ;;
	--for) _viridis_reply "running paused panicked off crashed failed" ;;
	--memory | --name | --vps | --cmdline | --timeout | --lun | --size | --cpu | --count | --lines | \
		--seconds | --interval | --repeat | --jobs | --qemu) COMPREPLY=() ;;
	*) return 1 ;;
	esac
}

# _viridis_has_name COMMAND: is the one name it takes typed already?
_viridis_has_name() {
	local i
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--json | --help | --reboot | --follow | --disable | --definition | --attached | -f) ;;
		=) i=$((i + 1)) ;; # --memory=512M is three words to bash
		-*) [ "${COMP_WORDS[i + 1]-}" = = ] || i=$((i + 1)) ;;
		*) return 0 ;;
		esac
	done
	return 1
}

_viridis() {
	local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]-} before
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		_viridis_reply "create define set edit autostart start run attach qemu-args list info console shutdown pause resume
			reset freeze thaw item copy stop delete disk net resize stats
			wait events log trace bench top --help --version"
		return
	fi
	before=${COMP_WORDS[COMP_CWORD - 1]}
	[ "$before" != = ] || before=${COMP_WORDS[COMP_CWORD - 2]}
	[ "$word" != = ] || word=
	! _viridis_value "$before" || return 0
	case $word in
	-*)
		_viridis_reply "$(_viridis_options "$command")"
		return
		;;
	esac
	case $command in
	define) [ "$COMP_CWORD" -ne 2 ] || _viridis_files ;;
	bench) [ "$COMP_CWORD" -ne 2 ] || _viridis_reply "disk net boot all" ;;
	disk)
		case $COMP_CWORD in
		2) _viridis_reply "add remove" ;;
		3) _viridis_reply "$(_viridis_names)" ;;
		4) [ "${COMP_WORDS[2]}" != add ] || _viridis_files ;;
		esac
		;;
	net)
		case $COMP_CWORD in
		2) _viridis_reply "add remove" ;;
		3) _viridis_reply "$(_viridis_names)" ;;
		4) [ "${COMP_WORDS[2]}" != add ] || _viridis_reply "user tap= bridge=" ;;
		esac
		;;
	set)
		if [ "$COMP_CWORD" -eq 2 ]; then
			_viridis_reply "$(_viridis_names)"
		else
			_viridis_reply "memory= vps= kernel= initrd= cmdline= serial= on-crash= autostart= title=
				description="
		fi
		;;
	item)
		case $COMP_CWORD in
		2) _viridis_reply "set remove" ;;
		3) _viridis_reply "$(_viridis_names)" ;;
		esac
		;;
	copy)
		case $COMP_CWORD in
		2) _viridis_files ;;
		3)
			_viridis_reply "$(_viridis_names | sed 's/$/:/')"
			compopt -o nospace 2>/dev/null || true
			;;
		esac
		;;
	autostart | edit | start | info | console | shutdown | pause | resume | reset | freeze | thaw | stop | delete | resize | \
		stats | wait | events | log)
		_viridis_has_name || _viridis_reply "$(_viridis_names)"
		;;
	esac
}

complete -F _viridis viridis
