# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: packages packages-disk
# Limit: 900
"""Our Debian packages: lintian has no errors for them; installed on a stock Debian they make its menu start the
hypervisor; removed, the old menu is back. The installed disk boots by that menu, and runs a guest as a service."""
import subprocess
import tempfile

from boot_iso import make_disk_iso
from lib.machine import Machine
from lib.paths import BUILD
from lib.shell import Shell
from lib.tap import Tap

DISK = BUILD / "image" / "packages.raw"
BOOT_SECONDS = 400


def read(path):
    """A file of the disk."""
    return subprocess.run(["debugfs", "-R", f"cat {path}", DISK], capture_output=True,
                          text=True, check=True).stdout


def entries(menu):
    return [line for line in menu.splitlines() if line and not line.startswith("###")]


def check_lintian():
    done = subprocess.run(["lintian", "--fail-on", "error", "--allow-root",
                           *sorted((BUILD / "packages").glob("*.deb"))],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def check_menus():
    before, with_it, removed = (read(f"/boot/grub/grub.cfg{kind}")
                                for kind in (".before", ".with", ".removed"))
    first = with_it[with_it.index("menuentry '"):]
    assert first.startswith("menuentry 'Debian GNU/Linux, with Viridis hypervisor'"), first[:200]
    assert "multiboot2\t/boot/viridis.elf" in with_it and "Viridis" not in before
    # Of a script that makes no entry, which is configuration and stays, there are its marks.
    assert entries(removed) == entries(before), removed


def check_root(shell):
    """What a person who has installed the packages and restarted the machine sees."""
    assert "Hypervisor detected: Microsoft Hyper-V" in shell.tell("dmesg")
    shell.tell("test -c /dev/mshv")
    assert shell.tell("stat -c '%G %a' /dev/mshv") == "kvm 660"
    shell.tell("viridis list")
    assert shell.tell("systemctl --failed --plain --no-legend") == ""


def check_service(shell):
    """A stock kernel as guest of the service viridis@NAME, found by the command, ended by systemd."""
    shell.tell("k=$(uname -r); viridis create one --memory 512M --kernel /boot/vmlinuz-$k"
               " --initrd /boot/initrd.img-$k --serial /var/log/one --cmdline console=ttyS0")
    shell.tell("systemctl start viridis@one", 120)
    shell.tell("timeout 240 sh -c \"until grep -q '(initramfs)' /var/log/one; do sleep 1; done\"", 300)
    assert shell.tell("viridis info one | sed -n 's/^state *//p'").startswith("running")
    assert "/viridis" in shell.tell("cat /proc/$(pidof viridis-vm | cut -d' ' -f1)/cgroup")
    # It has no daemon that would shut it down: the service stops it when its patience ends.
    shell.tell("viridis stop one", 120)
    shell.tell("timeout 60 sh -c 'while systemctl is-active -q viridis@one; do sleep 1; done'", 120)


def check_libvirt(shell):
    shell.tell("timeout 60 sh -c 'until systemctl is-active -q virtviridisd; do sleep 1; done'", 120)
    assert "one" in shell.tell("virsh -c viridis:///system list --all", 120)
    shell.tell("viridis delete one")


def power_off(machine):
    machine.send("systemctl poweroff\n")
    machine.wait_exit(180)


def check_boot(tap):
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        iso = make_disk_iso(folder, "packages")
        with Machine("packages", [], iso=iso, scratch_disks=[DISK], cpus=1) as machine:
            machine.console.wait("root@packages:~# ", BOOT_SECONDS)
            shell = Shell(machine)
            shell.tell("dmesg -n 1; stty cols 1000; export SYSTEMD_PAGER=cat TERM=dumb")
            tap.run("the disk's own menu boots hypervisor, root and module", check_root, shell)
            tap.run("a guest is a service of systemd", check_service, shell)
            tap.run("stock virsh finds it by libvirt's daemon of ours", check_libvirt, shell)
            tap.run("the root powers off", power_off, machine)


def main():
    with Tap() as tap:
        tap.run("lintian finds no error", check_lintian)
        tap.run("GRUB's menu gains an entry, and loses it with the packages", check_menus)
        check_boot(tap)


if __name__ == "__main__":
    main()
