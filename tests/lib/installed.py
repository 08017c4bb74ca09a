# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian disks into which our packages were installed by apt: their menus, and the machine that boots by them."""
import subprocess
import time

from lib.guide import command, commands
from lib.log import Failure
from lib.machine import Machine
from lib.paths import BUILD
from lib.shell import GuestShell, Shell

BOOT_SECONDS = 700
GUEST_SECONDS = 900
ROOT_OFFSET = 66 << 20  # of the disks' file systems, in bytes


class InstalledDisk:
    """`kernel`: how the names of its release's kernels begin."""

    def __init__(self, release, kernel, image):
        self.release, self.kernel, self.path = release, kernel, BUILD / "image" / image

    def read(self, path):
        done = subprocess.run(["debugfs", "-R", f"cat {path}", f"{self.path}?offset={ROOT_OFFSET}"],
                              capture_output=True, text=True, check=True)
        return done.stdout

    def menus(self):
        """Before the packages, with them, and when they had been removed."""
        return [self.read(f"/boot/grub/grub.cfg{kind}") for kind in (".before", ".with", ".removed")]

    def machine(self, name, uefi):
        """Which its firmware starts from the disk alone, and which can start again."""
        return Machine(name, [], iso=False, scratch_disks=[self.path], cpus=1, uefi=uefi,
                       extra=["-vga", "std", "-action", "reboot=reset"])


BOOKWORM = InstalledDisk("bookworm", "6.1.", "packages.raw")
TRIXIE = InstalledDisk("trixie", "6.12.", "packages-trixie.raw")


def entries(menu):
    return [line for line in menu.splitlines() if line and not line.startswith("###")]


def check_menus(disk):
    before, with_it, removed = disk.menus()
    first = with_it[with_it.index("menuentry '"):]
    assert first.startswith("menuentry 'Debian GNU/Linux, with Viridis hypervisor'"), first[:200]
    assert "multiboot2\t/boot/viridis.elf" in with_it and "Viridis" not in before
    # Of a script that makes no entry, which is configuration and stays, there are its marks.
    assert entries(removed) == entries(before), removed


class PatientShell(Shell):
    """A whole Debian under emulation that shares its CPU with others takes minutes for what a person does not notice."""

    def ask(self, command, limit=300):
        return super().ask(command, limit)

    def tell(self, command, limit=300):
        return super().tell(command, limit)


def shell_of(machine):
    """The shell of root, whom the serial line lets in."""
    machine.console.wait("root@packages:~# ", BOOT_SECONDS)
    shell = PatientShell(machine)
    shell.tell("dmesg -n 1; stty cols 1000; export SYSTEMD_PAGER=cat TERM=dumb")
    return shell


def check_root(shell):
    """What a person who has installed the packages and restarted the machine sees."""
    shell.tell("dmesg | grep 'Hypervisor detected: Microsoft Hyper-V'")
    shell.tell("test -c /dev/mshv")
    assert shell.tell("stat -c '%G %a' /dev/mshv") == "kvm 660"
    shell.tell("viridis list")
    assert shell.tell("systemctl --failed --plain --no-legend") == ""


def check_release(shell, disk, uefi):
    """Its own kernel, for which dkms made the module; the firmware's variables, if it is UEFI."""
    assert f"VERSION_CODENAME={disk.release}" in shell.tell("cat /etc/os-release")
    assert shell.tell("uname -r").startswith(disk.kernel)
    assert shell.tell("modinfo -F filename viridis_mshv").startswith(f"/lib/modules/{disk.kernel}")
    assert "installed" in shell.tell("dkms status viridis")
    if uefi:
        assert shell.tell("cat /sys/firmware/efi/fw_platform_size") == "64"
        assert "BootOrder-" in shell.tell("ls /sys/firmware/efi/efivars")
    else:
        assert shell.tell("test -e /sys/firmware/efi; echo $?") == "1"


def start_bridge(shell):
    """README's bridge; what apt is to install for it is on the disk."""
    for line in commands("systemctl enable --now viridis-bridge"):
        shell.tell(line)
    assert shell.tell("systemctl is-active viridis-bridge") == "active"
    shell.tell("ip -4 address show viridis0 | grep -F 10.86.86.1/24")


def start_service(shell):
    """README's first machine: a stock kernel as guest of the service viridis@NAME, found by the command."""
    for line in commands("viridis create first"):
        shell.tell(line)
    assert shell.tell("viridis info first | sed -n 's/^state *//p'").startswith("running")
    assert "/viridis" in shell.tell("cat /proc/$(pidof viridis-vm | cut -d' ' -f1)/cgroup")


def wait_prompt(machine, prompt, limit):
    """Empty lines are typed until it comes: it may have been there before we came."""
    until = time.monotonic() + limit
    while True:
        machine.send("\n")
        try:
            return machine.console.wait(prompt, 10)
        except Failure:
            if time.monotonic() > until:
                raise


def check_network(shell):
    """README's console: by it the guest's own initrd asks the bridge for an address."""
    machine, console = shell.machine, shell.machine.console
    for line in commands("viridis console first"):
        machine.send(line + "\n")
    console.wait("Attached", 60)
    wait_prompt(machine, r"[(]initramfs[)] ", GUEST_SECONDS)
    machine.send("ipconfig -t 120 eth0\n")
    address = console.wait(r"address: +(10\.86\.86\.\d+)", 200)[1]
    machine.send(GuestShell.DETACH)
    console.wait(r"Detached\.", 60)
    assert address in shell.tell("cat /var/lib/viridis-bridge/leases")


def check_libvirt(shell):
    """README's domains of ours: stock virsh has the machine that `viridis` made, and starts one of its own like it."""
    shell.tell("timeout 240 sh -c 'until systemctl is-active -q virtviridisd; do sleep 1; done'", 300)
    for line in commands("virsh -c viridis:///system list"):
        if not line.startswith("apt "):  # it is on the disk
            told = shell.tell(line)
            assert "first" in told, (line, told)
    assert shell.tell("viridis info first | sed -n 's/^state *//p'").startswith("running")
    shell.tell("virsh -c viridis:///system dumpxml first --inactive | sed -e 's/>first</>second</; /<uuid>/d; /<mac /d; "
               "s/524288/131072/' >/tmp/second.xml")
    shell.tell("virsh -c viridis:///system define /tmp/second.xml && virsh -c viridis:///system start second")
    assert shell.tell("virsh -c viridis:///system domstate second") == "running"
    assert shell.tell("viridis list --json | grep -c running") == "2"
    shell.tell("virsh -c viridis:///system destroy second && virsh -c viridis:///system undefine second")
    assert shell.tell("ls /var/lib/viridis/second* 2>/dev/null; true") == ""


def remove(shell):
    """README's way to be rid of it."""
    shell.tell(command("apt remove viridis ").replace("apt remove", "apt-get -q -y remove"), 600)
    assert shell.tell("grep -c -i 'viridis hypervisor' /boot/grub/grub.cfg; true") == "0"
    assert shell.tell("test -e /boot/viridis.elf; echo $?") == "1"
    assert shell.tell("ls /usr/bin/viridis* /usr/src/viridis*; true").count("cannot access") == 2


def reboot(machine):
    """The disk's menu again; of a machine that QEMU lets reset. Gives the shell."""
    machine.send("systemctl reboot\n")
    machine.console.wait("reboot: Restarting system", 300)
    return shell_of(machine)


def check_old_boot(shell):
    """What this machine was before there was a hypervisor."""
    assert shell.tell("dmesg | grep -c 'Microsoft Hyper-V'; true") == "0"
    assert shell.tell("test -e /dev/mshv; echo $?") == "1"
    assert shell.tell("lsmod | grep -c viridis; true") == "0"
    assert shell.tell("systemctl --failed --plain --no-legend") == ""


def stop_service(shell):
    """And its end, which is no failure of the service. It has no daemon that would shut it down."""
    stop, *rest = commands("viridis stop first")
    shell.tell(stop)
    shell.tell("timeout 240 sh -c 'until systemctl show --value -p ActiveState viridis@first |"
               " grep -Eq \"^(inactive|failed)\"; do sleep 1; done'", 300)
    assert shell.tell("systemctl show --value -p Result viridis@first").strip() == "success"
    for line in rest:
        shell.tell(line)


def play_guest(tap, shell):
    tap.run("README's bridge is a service of systemd", start_bridge, shell)
    tap.run("README's first machine is a service of systemd", start_service, shell)
    tap.run("it has an address of the bridge's", check_network, shell)


def play_end(tap, shell):
    """The guest's, the packages' and the machine's."""
    machine = shell.machine
    tap.run("the machine is stopped, and forgotten", stop_service, shell)
    tap.run("the packages are removed, and leave the old menu", remove, shell)
    shell = reboot(machine)
    tap.run("by which the machine starts as it did without us", check_old_boot, shell)
    tap.run("it powers off", power_off, machine)


def power_off(machine):
    machine.send("systemctl poweroff\n")
    machine.wait_exit(180)
