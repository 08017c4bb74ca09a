# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: packages packages-disk
# Limit: 2700
"""Our Debian packages: lintian has no errors for them; installed on a stock Debian 12 they make its menu start the
hypervisor; removed, the old menu is back. A BIOS boots the installed disk by that menu, and it runs a guest as a service."""
import subprocess

from lib.installed import BOOKWORM, check_libvirt, check_menus, check_release, check_root, play_end, play_guest, shell_of
from lib.paths import BUILD
from lib.tap import Tap


def check_lintian():
    done = subprocess.run(["lintian", "--fail-on", "error", "--allow-root",
                           *sorted((BUILD / "packages").rglob("*.deb"))],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def main():
    with Tap() as tap:
        tap.run("lintian finds no error", check_lintian)
        tap.run("GRUB's menu gains an entry, and loses it with the packages", check_menus, BOOKWORM)
        with BOOKWORM.machine("packages", uefi=False) as machine:
            shell = shell_of(machine)
            tap.run("the disk's own GRUB and menu boot hypervisor, root and module", check_root, shell)
            tap.run("it is Debian 12 by a BIOS, and dkms made the module", check_release, shell, BOOKWORM, False)
            play_guest(tap, shell)
            tap.run("README's virsh manages it by libvirt's daemon of ours", check_libvirt, shell)
            play_end(tap, shell)


if __name__ == "__main__":
    main()
