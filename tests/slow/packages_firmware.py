# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: packages packages-disk packages-suite-disk
# Limit: 2700
"""The disks of `packages` and `packages_uefi`, each started by the other firmware: Debian 12 by UEFI, Debian 13 by a BIOS. The
disk's own GRUB, the root, a guest as a service; after a removal the machine starts as it did before. With `bookworm` or
`trixie` behind it, that one alone."""
import sys

from lib.installed import BOOKWORM, TRIXIE, check_release, check_root, play_end, play_guest, shell_of
from lib.tap import Tap

MACHINES = ((BOOKWORM, True), (TRIXIE, False))  # by UEFI?


def play(tap, disk, uefi):
    firmware = "UEFI" if uefi else "a BIOS"
    with disk.machine(f"packages-{disk.release}", uefi) as machine:
        shell = shell_of(machine)
        tap.run(f"{firmware} boots {disk.release}: hypervisor, root and module", check_root, shell)
        tap.run("it is that release by that firmware, and dkms made the module", check_release, shell, disk, uefi)
        play_guest(tap, shell)
        play_end(tap, shell)


def main():
    with Tap() as tap:
        for disk, uefi in MACHINES:
            if disk.release in sys.argv[1:] or not sys.argv[1:]:
                play(tap, disk, uefi)


if __name__ == "__main__":
    main()
