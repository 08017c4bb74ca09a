# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: packages packages-uefi-disk
# Limit: 2700
"""Our Debian packages on a stock Debian 13 that UEFI starts from its own disk: the signed GRUB of Debian's, the menu, the
module by dkms for a kernel 6.12, a guest as a service, UEFI's variables, viridis:///system. An upgrade leaves the guest running,
a removal is refused while it does; after one the machine starts as it did before."""
from lib.guide import command
from lib.installed import (InstalledDisk, check_libvirt, check_menus, check_network, check_old_boot, check_root,
                           power_off, reboot, shell_of, start_bridge, start_service, stop_service)
from lib.machine import Machine
from lib.paths import BUILD
from lib.tap import Tap

DISK = InstalledDisk(BUILD / "image" / "packages-uefi.raw", 65 << 20)


def check_release(shell):
    assert "VERSION_CODENAME=trixie" in shell.tell("cat /etc/os-release")
    assert shell.tell("uname -r").startswith("6.12.")
    assert shell.tell("cat /sys/firmware/efi/fw_platform_size") == "64"
    assert "BootOrder-" in shell.tell("ls /sys/firmware/efi/efivars")
    assert shell.tell("modinfo -F filename viridis_mshv").startswith("/lib/modules/6.12.")
    assert "installed" in shell.tell("dkms status viridis")


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


def remove(shell):
    """README's way to be rid of it."""
    shell.tell(command("apt remove viridis ").replace("apt remove", "apt-get -q -y remove"), 600)
    assert shell.tell("grep -c -i 'viridis hypervisor' /boot/grub/grub.cfg; true") == "0"
    assert shell.tell("test -e /boot/viridis.elf; echo $?") == "1"
    assert shell.tell("ls /usr/bin/viridis* /usr/src/viridis*; true").count("cannot access") == 2


def main():
    with Tap() as tap:
        tap.run("GRUB's menu gains an entry, and loses it with the packages", check_menus, DISK)
        with Machine("packages-uefi", [], iso=False, scratch_disks=[DISK.path], cpus=1, uefi=True,
                     extra=["-vga", "std", "-action", "reboot=reset"]) as machine:
            shell = shell_of(machine)
            tap.run("UEFI boots the disk: hypervisor, root and module", check_root, shell)
            tap.run("it is Debian 13 with UEFI's variables, and dkms made the module", check_release,
                    shell)
            tap.run("README's bridge is a service of systemd", start_bridge, shell)
            tap.run("README's first machine is a service of systemd", start_service, shell)
            tap.run("it has an address of the bridge's", check_network, shell)
            tap.run("README's virsh manages it by libvirt's daemon of ours", check_libvirt, shell)
            tap.run("an upgrade leaves the guest running", check_upgrade, shell)
            tap.run("a removal is refused by the name of the machine that runs", check_removal, shell)
            tap.run("the guest is stopped by the command", stop_service, shell)
            tap.run("the removal is granted then, and leaves the old menu", remove, shell)
            shell = reboot(machine)
            tap.run("by which the machine starts as it did without us", check_old_boot, shell)
            tap.run("the root powers off", power_off, machine)


if __name__ == "__main__":
    main()
