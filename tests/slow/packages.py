# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: packages packages-disk
# Limit: 2700
"""Our Debian packages: lintian has no errors for them; installed on a stock Debian they make its menu start the
hypervisor; removed, the old menu is back. The installed disk boots by that menu, and runs a guest as a service."""
import subprocess
import tempfile

from boot_iso import make_disk_iso
from lib.installed import (InstalledDisk, check_libvirt, check_menus, check_network, check_root, power_off,
                           shell_of, start_bridge, start_service, stop_service)
from lib.machine import Machine
from lib.paths import BUILD
from lib.tap import Tap

DISK = InstalledDisk(BUILD / "image" / "packages.raw")


def check_lintian():
    done = subprocess.run(["lintian", "--fail-on", "error", "--allow-root",
                           *sorted((BUILD / "packages").rglob("*.deb"))],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def check_boot(tap):
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        iso = make_disk_iso(folder, "packages")
        with Machine("packages", [], iso=iso, scratch_disks=[DISK.path], cpus=1) as machine:
            shell = shell_of(machine)
            tap.run("the disk's own menu boots hypervisor, root and module", check_root, shell)
            tap.run("README's bridge is a service of systemd", start_bridge, shell)
            tap.run("README's first machine is a service of systemd", start_service, shell)
            tap.run("it has an address of the bridge's", check_network, shell)
            tap.run("README's virsh manages it by libvirt's daemon of ours", check_libvirt, shell)
            tap.run("the machine is stopped, and forgotten", stop_service, shell)
            tap.run("the root powers off", power_off, machine)


def main():
    with Tap() as tap:
        tap.run("lintian finds no error", check_lintian)
        tap.run("GRUB's menu gains an entry, and loses it with the packages", check_menus, DISK)
        check_boot(tap)


if __name__ == "__main__":
    main()
