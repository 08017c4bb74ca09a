# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root qemu-disk pc-guest-initrd target:tiny_guest
# Limit: 1500
"""Debian 13's own QEMU 11.1, unpatched, with `-accel mshv`: BIOS, UEFI and stock Debian kernels on
emulated PCs, on virtio, IDE and e1000, beside one of our own VMs; and killed, it leaves nothing."""
import subprocess
import tempfile
from pathlib import Path

from commands.root import concatenated_initrd
from lib.child import Root
from lib.disks import MIB
from lib.iso import Module, make_iso
from lib.log import Failure
from lib.paths import BUILD, KERNEL, PC_GUEST_INITRD, QEMU_DISK
from lib.stock_qemu import StockQemu, enter
from lib.tap import Tap

TINY = BUILD / "tests" / "guest" / "tiny.bz"
BOOT_SECONDS = 300
# What the guest writes: this file of its own, a MiB.
WRITTEN = "/bin/busybox"

# The guest's side: disk A is read, disk B written, the network's other end pinged.
CHECKS = """
echo "check: cpus $(grep -c ^processor /proc/cpuinfo)"
echo "check: $(grep -q ' avx ' /proc/cpuinfo && echo avx || echo plain)"
echo "check: read $(md5sum </dev/$1)"
dd if={written} of=/dev/$2 bs=64k count=16 conv=fsync 2>/dev/null && echo "check: written"
ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 && ping -c 3 -w 60 10.0.2.2
sed 's/^/interrupts: /' /proc/interrupts
dmesg | grep -E 'Call Trace|BUG:|cut here|soft lockup|timed out' || echo "check: quiet"
"""
# Each byte of a boot's messages would cost exits.
CMDLINE = "console=ttyS0 quiet viridis.run=sh%20/checks%20"
# Nothing here may reset: QEMU 11.1 cannot with this accelerator.
ALWAYS = "-action reboot=shutdown -m 192"
NIC = "-netdev user,id=net,restrict=on -device"


def make_guests(folder):
    """A disk image for QEMU's side: kernel, initrd, and a disk that GRUB boots them from."""
    tree, guests = folder / "tree", folder / "guests"
    tree.mkdir()
    guests.mkdir()
    (tree / "checks").write_text(CHECKS.format(written=WRITTEN))
    initrd = concatenated_initrd(tree, PC_GUEST_INITRD, guests / "initrd")
    subprocess.run(["cp", "-L", KERNEL, guests / "vmlinuz"], check=True)
    make_iso(folder, [Module(KERNEL, f"kernel {CMDLINE}sda%20sdb"), Module(initrd, "initrd")])
    (folder / "boot.iso").rename(guests / "grub.img")
    disk = folder / "guests.raw"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", guests, disk, "96M"], check=True)
    return disk


def prepare(root):
    root.tell("cp /mnt/guests/grub.img /tmp/ && dd if=/dev/urandom of=/tmp/a bs=1M count=8"
              " 2>/dev/null && truncate -s 8M /tmp/b")


def check_pc(root):
    qemu = StockQemu(root, "pc")
    qemu.start(f"-M pc {ALWAYS} -kernel /guests/vmlinuz -initrd /guests/initrd"
               " -append 'console=ttyS0 quiet viridis.run=dmesg'")
    qemu.wait_output("guest: exit 0", BOOT_SECONDS)
    qemu.wait_end(0, 60)
    root.tell("grep -a 'Hypervisor detected: Microsoft Hyper-V' /tmp/pc.out")


def check_guest(root, qemu, cpus, disk):
    """What CHECKS printed, and what the root sees of it."""
    qemu.wait_output("guest: exit 0", BOOT_SECONDS)
    qemu.wait_end(0, 60)
    expected = root.tell(f"md5sum <{disk}")
    for line in (f"check: cpus {cpus}", f"check: read {expected}", "check: written",
                 "3 packets received", "check: quiet"):
        root.tell(f"grep -aF '{line}' /tmp/{qemu.name}.out || {{ {qemu.words()}; false; }}")
    root.tell(f"cmp -n {MIB} /tmp/b {WRITTEN} && : >/tmp/b && truncate -s 8M /tmp/b")


def check_q35(root):
    """MSI-X, two VPs, and the root's own processor as the guest's."""
    qemu = StockQemu(root, "q35")
    qemu.start(f"-M q35 {ALWAYS} -smp 2 -cpu host -kernel /guests/vmlinuz -initrd /guests/initrd"
               f" -append '{CMDLINE}vda%20vdb' {NIC} virtio-net-pci,netdev=net"
               " -drive file=/tmp/a,format=raw,if=virtio -drive file=/tmp/b,format=raw,if=virtio")
    check_guest(root, qemu, 2, "/tmp/a")
    root.tell("grep -aF 'check: avx' /tmp/q35.out")
    root.tell("grep -aE 'interrupts: .*(MSI|msi).*virtio' /tmp/q35.out")


def check_level(root):
    """By BIOS and GRUB from an IDE disk; IDE and e1000 have level interrupts of the I/O APIC."""
    qemu = StockQemu(root, "level")
    qemu.start(f"-M pc {ALWAYS} {NIC} e1000,netdev=net"
               " -drive file=/tmp/grub.img,format=raw,if=ide"
               " -drive file=/tmp/b,format=raw,if=ide,index=1")
    check_guest(root, qemu, 1, "/tmp/grub.img")
    root.tell("grep -aE 'interrupts: .*fasteoi.*eth0' /tmp/level.out")


def check_uefi(root):
    """Its flash leaves its ROM mode, and comes back, for every variable."""
    qemu = StockQemu(root, "uefi")
    root.tell("cp /mnt/usr/share/OVMF/OVMF_VARS_4M.fd /tmp/")
    qemu.start(f"-M q35 {ALWAYS} -net none -drive if=pflash,format=raw,readonly=on,"
               "file=/usr/share/OVMF/OVMF_CODE_4M.fd"
               " -drive if=pflash,format=raw,file=/tmp/OVMF_VARS_4M.fd")
    qemu.wait_output("UEFI Interactive Shell", BOOT_SECONDS)
    qemu.tell("quit")
    qemu.wait_end(0, 60)
    assert root.ask("cmp /mnt/usr/share/OVMF/OVMF_VARS_4M.fd /tmp/OVMF_VARS_4M.fd").status == 1


def start_bios(root, name):
    qemu = StockQemu(root, name)
    qemu.start(f"-M pc {ALWAYS} -vga std -vnc unix:/tmp/{name}.vnc -chardev"
               f" file,id=bios,path=/tmp/{name}.bios -device isa-debugcon,iobase=0x402,chardev=bios")
    qemu.wait_file("bios", "No bootable device", BOOT_SECONDS)
    return qemu


def check_monitor(root):
    """The monitor sees the screen, the registers, and a machine that stands and goes on."""
    qemu = start_bios(root, "bios")
    root.tell("[ -S /tmp/bios.vnc ]")
    qemu.tell("screendump /tmp/screen.ppm")
    root.wait("[ $(stat -c %s /tmp/screen.ppm) = 864015 ]", 30, qemu.words())  # 720 x 400
    colors = root.tell("tail -c 864000 /tmp/screen.ppm | hexdump -v -e '3/1 \"%02x\" \"\\n\"'"
                       " | sort | uniq -c | wc -l")
    assert int(colors) > 1, "the screen is empty"
    for command, answer in (("stop", ""), ("info status", "VM status: paused"), ("cont", ""),
                            ("info status", "VM status: running"), ("info registers", "EIP=")):
        qemu.tell(command)
        qemu.wait_file("said", answer, 30)
    qemu.tell("quit")
    qemu.wait_end(0, 60)


def check_kill(root, before):
    """Of a machine that runs: its memory is nobody's any more."""
    qemu = start_bios(root, "killed")
    during = root.json("stats")
    assert during["pinned-pages"] > before["pinned-pages"]
    assert len(during["partitions"]) == len(before["partitions"]) + 1
    root.tell(f"kill -9 {qemu.pid}")
    qemu.wait_end(137, 30)
    check_same(root, before)


def check_same(root, before):
    """No partition and no page more than before; a process's end takes a moment."""
    root.wait(f"[ \"$(viridis stats --json | grep -c '\"pinned')\" = 1 ] &&"
              f" viridis stats --json | grep -q '\"pinned-pages\" : {before['pinned-pages']},'", 20,
              "viridis stats")
    after = root.json("stats")
    for key in ("pinned-pages", "deposited-pages"):
        assert after[key] == before[key], (before, after)
    assert len(after["partitions"]) == len(before["partitions"])


def check_beside(root):
    """Our own VM starts, runs and ends while QEMU's stands in its BIOS, which then still answers."""
    qemu = start_bios(root, "beside")
    root.create("spin", "--memory 64M --vps 1 --kernel /share/tiny --serial /tmp/spin.out",
                "tests=spin role=child")
    root.start("spin")
    root.wait("[ $(grep -c spinning /tmp/spin.out) -gt 2 ]", 120)
    root.tell("viridis stop spin; viridis delete spin")
    qemu.tell("info status")
    qemu.wait_file("said", "VM status: running", 30)
    qemu.tell("quit")
    qemu.wait_end(0, 60)


def play(tap, root):
    prepare(root)
    before = root.json("stats")
    tap.run("pc: a stock kernel to userland, and off by ACPI", check_pc, root)
    tap.run("q35: two VPs, virtio disks and network by MSI-X", check_q35, root)
    tap.run("pc: SeaBIOS, GRUB, IDE and e1000", check_level, root)
    tap.run("q35: OVMF from flash to its shell", check_uefi, root)
    tap.run("a screen by VNC, stop and cont", check_monitor, root)
    tap.run("killed, it gives every page back", check_kill, root, before)
    tap.run("whatever ended left nothing", check_same, root, before)
    tap.run("a VM of ours runs beside them", check_beside, root)
    tap.run("nothing is left", root.nothing_left)
    tap.run("the root powers off", root.power_off)


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as temporary:
        guests = make_guests(Path(temporary))
        with Root("qemu-mshv", {"tiny": TINY}, disks=[QEMU_DISK, guests]) as root:
            enter(root, "/dev/vdb")
            try:
                play(tap, root)
            except Failure as failure:
                raise Failure(f"{failure}\n{root.machine.describe()}") from failure


if __name__ == "__main__":
    main()
