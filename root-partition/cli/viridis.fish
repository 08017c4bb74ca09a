# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of `viridis` in fish: what viridis.bash offers, which is asked in a bash of its own.

function __viridis_offered
    set -l words (commandline -opc) (commandline -ct)
    set -l file /usr/share/bash-completion/completions/viridis
    set -q VIRIDIS_COMPLETION; and set file $VIRIDIS_COMPLETION
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _viridis
        [ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' bash $file $words 2>/dev/null
end

complete -c viridis -f -a '(__viridis_offered)'
