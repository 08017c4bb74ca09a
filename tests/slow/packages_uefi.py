# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: packages packages-suite-disk
# Limit: 2700
"""Our Debian packages on a stock Debian 13 that UEFI starts from its own disk: the signed GRUB of Debian's, the menu, the
module by dkms for a kernel 6.12, a guest as a service, UEFI's variables, viridis:///system. An upgrade leaves the guest running,
a removal is refused while it does; after one the machine starts as it did before."""
from lib.installed import (TRIXIE, check_libvirt, check_menus, check_release, check_root, play_end, play_guest, shell_of)
from lib.tap import Tap


def check_upgrade(shell):
    """The worker and the provider of services are the processes that they were, the guest answers, and libvirt has it."""
    before = shell.tell("pidof viridis-vm viridis-util")
    shell.tell("dpkg -i /upgrade/*.deb", 600)
    assert shell.tell("dpkg-query -W -f '${Version}' viridis") == "0.1.0.1"
    assert shell.tell("pidof viridis-vm viridis-util") == before
    assert shell.tell("viridis info first | sed -n 's/^state *//p'").startswith("running")
    assert shell.tell("viridis list --json | grep -c running") == "1"
    assert "running" in shell.tell("virsh -c viridis:///system domstate first")


def check_removal(shell):
    """Refused with the machine's name while it runs."""
    said = shell.tell("dpkg --remove viridis-nbd viridis-libvirt viridis 2>&1; true")
    assert "machines run: first" in said and "viridis shutdown first" in said, said
    assert shell.tell("viridis info first | sed -n 's/^state *//p'").startswith("running")


def main():
    with Tap() as tap:
        tap.run("GRUB's menu gains an entry, and loses it with the packages", check_menus, TRIXIE)
        with TRIXIE.machine("packages-uefi", uefi=True) as machine:
            shell = shell_of(machine)
            tap.run("UEFI boots the disk: hypervisor, root and module", check_root, shell)
            tap.run("it is Debian 13 with UEFI's variables, and dkms made the module", check_release, shell, TRIXIE, True)
            play_guest(tap, shell)
            tap.run("README's virsh manages it by libvirt's daemon of ours", check_libvirt, shell)
            tap.run("an upgrade leaves the guest running", check_upgrade, shell)
            tap.run("a removal is refused by the name of the machine that runs", check_removal, shell)
            play_end(tap, shell)


if __name__ == "__main__":
    main()
