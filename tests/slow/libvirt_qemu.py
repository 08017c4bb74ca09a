# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root full-disk
# Limit: 3600
"""`./dev root --full`: Debian 13 with our packages and stock libvirt, whose qemu:///system runs machines of type hyperv on
/dev/mshv, confined as it does by default: virt-install makes one with a BIOS and a screen, virsh manages it; with metadata for
our hook it has disks and networks of VMBus; its disks have snapshots. Another has UEFI. With words behind it, those of its parts."""
import sys
import tempfile
from pathlib import Path

from lib.full import COMMAND, Full, in_guest, install_first, open_console, type_in_guest, wait_console, wait_guest
from lib.guide import commands
from lib.installed import start_bridge
from lib.session import Session
from lib.tap import Tap

UEFI_SECONDS = 900
DISK = "/var/lib/libvirt/images/data.raw"


def check_installed(shell):
    """What README has apt install is there."""
    for line in commands("apt install -t trixie-backports"):
        assert line.startswith("apt install "), line
        told = shell.tell(line.replace("apt install", "apt-get --simulate install"), 300)
        assert " 0 newly installed" in told, told


def check_capabilities(shell):
    shell.wait_libvirt()
    shell.tell("virsh capabilities >/tmp/capabilities", 300)
    told = shell.tell("grep -E \"domain type=|<model>apparmor\" /tmp/capabilities")
    assert "domain type='hyperv'" in told and "<model>apparmor</model>" in told, told


def check_install(shell):
    """The commands of README."""
    install_first(shell)
    told = shell.tell("virsh dumpxml first")
    assert "<domain type='hyperv'" in told and "<graphics type='vnc'" in told, told
    who = shell.tell("ps -o user:20= -C qemu-system-x86_64")
    assert who.split() == ["libvirt-qemu"], who
    confined = shell.tell("cat /proc/$(pidof qemu-system-x86_64)/attr/current")
    assert confined.startswith("libvirt-") and "(enforce)" in confined, confined


def check_console(shell):
    """Linux in it has come to its first shell, which answers what is typed."""
    wait_guest(shell)
    type_in_guest(shell, "echo ans''wered $((6 * 7))")
    wait_console(shell, "answered 42")


def check_life(shell):
    shell.tell("virsh suspend first")
    assert shell.state("first") == "paused"
    shell.tell("virsh resume first")
    assert shell.state("first") == "running"
    shell.tell("virsh screenshot first /tmp/screen.ppm", 120)
    assert shell.tell("head -c 2 /tmp/screen.ppm") in ("P6", "\N{REPLACEMENT CHARACTER}P"), "no picture"


def check_vmbus(shell):
    """The commands of README; then the guest reads the disk and has the network."""
    for line in commands("virsh metadata first"):
        if line == "virsh start first":
            assert shell.state("first") == "shut off"
            shell.tell(f"printf viridis-disk | dd of={DISK} conv=notrunc 2>/dev/null")
        shell.tell(line, 300)
    assert shell.tell("viridis info qemu-first | sed -n 's/^state *//p'").startswith("running")
    wait_guest(shell)
    type_in_guest(shell, "cat /sys/block/sda/size")
    wait_console(shell, "32768")
    type_in_guest(shell, "dd if=/dev/sda bs=12 count=1")
    wait_console(shell, "viridis-disk")
    type_in_guest(shell, "ipconfig -t 120 eth0")
    wait_console(shell, "address: 10.86.86.", 200)
    shell.tell("virsh destroy first", 120)
    shell.wait("! viridis list | grep -q qemu-first", 60, "viridis list")


def check_refused(shell):
    if shell.state("first") != "shut off":
        shell.tell("virsh destroy first", 120)
    shell.tell("virsh metadata first urn:viridis:vmbus --key viridis --config"
               " --set '<vmbus><floppy>/x</floppy></vmbus>'")
    shell.refuse("virsh start first", "vmbus has disk and net, and no floppy")
    assert shell.state("first") == "shut off"
    shell.tell("virsh undefine first --snapshots-metadata")


def check_uefi(shell):
    """README's machine: its kernel was started by UEFI."""
    for line in commands("virt-install --virt-type hyperv --name efi"):
        shell.tell(line, 300)
    open_console(shell, "efi")
    wait_console(shell, "(initramfs)", UEFI_SECONDS)
    in_guest(shell, "[ $(cat /sys/firmware/efi/fw_platform_size) = 64 ]", "sixty-four")
    shell.tell("virsh destroy efi", 120)


IMAGE = "/var/lib/libvirt/images/work.qcow2"


def qemu_io(shell, what):
    """On the disk's first sector, which no machine has; a pattern that is not there is told, and no failure of its own."""
    told = shell.tell(f"qemu-io -f qcow2 -c '{what} 0 512' {IMAGE}")
    assert "failed" not in told, told


def check_snapshot(shell):
    """README's commands: a disk is again what it was when the snapshot was made."""
    for line in commands("virsh snapshot-create-as first off"):
        if line.startswith("virsh snapshot-create-as"):
            qemu_io(shell, "write -P 0x31")
        elif line.startswith("virsh snapshot-revert"):
            qemu_io(shell, "write -P 0x32")
        shell.tell(line, 300)
        if line.startswith("virsh snapshot-revert"):
            qemu_io(shell, "read -P 0x31")
    assert shell.state("first") == "running"


PARTS = (
    ("bridge", "README's bridge is a service of systemd", start_bridge),
    ("capabilities", "capabilities show machines of type hyperv, and AppArmor", check_capabilities),
    ("install", "virt-install makes one with a screen, which runs confined", check_install),
    ("console", "its kernel comes up, seen by virsh console", check_console),
    ("life", "virsh suspends, resumes and shows its screen", check_life),
    ("snapshot", "its disks have snapshots", check_snapshot),
    ("vmbus", "metadata give it a disk and a network of VMBus", check_vmbus),
    ("refused", "what VMBus lacks is said by virsh", check_refused),
    ("uefi", "one by UEFI", check_uefi),
    ("apt", "apt has installed all that README says", check_installed),
)


def main():
    wanted = sys.argv[1:] or [name for name, _, _ in PARTS]
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        with Session([*COMMAND, "--name", "libvirt-qemu"], Path(folder)) as session:
            shell = Full(session)
            shell.wait_libvirt()
            for name, sentence, check in PARTS:
                if name in wanted:
                    tap.run(sentence, check, shell)
            # One that some part left running would be waited for: it has nobody who heeds ACPI.
            session.send("for name in $(virsh list --name); do virsh destroy $name; done; systemctl poweroff\n")
            tap.run("the root powers off", lambda: session.end(200) and None)


if __name__ == "__main__":
    main()
