#compdef viridis
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of `viridis` in zsh: what viridis.bash offers, which is asked in a bash of its own.

local -a offered
offered=(${(f)"$(bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _viridis
	[ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' \
	bash "${VIRIDIS_COMPLETION:-/usr/share/bash-completion/completions/viridis}" \
	"${(@)words[1,CURRENT]}" 2>/dev/null)"})
# What ends in "=" is gone on with.
compadd -S '' -- ${(M)offered:#*=}
compadd -- ${offered:#*=}
