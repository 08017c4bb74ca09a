# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root qemu-disk pc-guest-initrd target:tiny_guest
# Limit: 2700
"""Debian 13's own QEMU 11.1, unpatched, with `-accel mshv`: BIOS, UEFI and stock Debian kernels on emulated PCs,
whose disks are virtio, IDE, AHCI, NVMe and SCSI, and adapters virtio, e1000 and e1000e; two of our own VMs beside
two of them; and killed, it leaves nothing. Names of checks behind it (CHECKED) choose among them."""
import re
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from lib.child import Root
from lib.disks import MIB
from boot_iso import Module, make_iso
from lib.log import Failure
from lib.paths import BUILD, KERNEL, QEMU_DISK
from lib.screen import check_text, screen_of, text_of, words_of
from lib.stock_qemu import STEP_SECONDS, StockQemu, disk_of, enter, guest_files
from lib.tap import Tap

TINY = BUILD / "tests" / "guest" / "tiny.bz"
BOOT_SECONDS = 480
# By the BIOS from an IDE disk: QEMU takes some 400,000 instructions for the words of each of 22,000 sectors, and root and
# hypervisor 290,000. It took two minutes.
IDE_BOOT_SECONDS = 900
SCREEN_SECONDS = 120
# What the guest writes: this file of its own, a MiB.
WRITTEN = "/bin/busybox"

# The guest's side: disk A is read, disk B written, the network's other end pinged.
CHECKS = """
echo "check: cpus $(grep -c ^processor /proc/cpuinfo)"
dmesg | grep -E 'smp: Bringing|smp: Brought|smpboot: |do_boot_cpu'
echo "check: $(grep -q ' avx ' /proc/cpuinfo && echo avx || echo plain)"
echo "check: read $(md5sum </dev/$1)"
dd if={written} of=/dev/$2 bs=64k count=16 conv=fsync 2>/dev/null && echo "check: written"
ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 && ping -c 3 -w 60 10.0.2.2
sed 's/^/interrupts: /' /proc/interrupts
dmesg | grep -E -A 24 'Call Trace|BUG:|cut here|soft lockup|timed out' || echo "check: quiet"
"""
# What GRUB booted. From IDE there are two disks; else there is one, whose bus is told.
FROM_DISK = """
ls /sys/bus/pci/drivers/ata_piix/0000:* >/dev/null 2>&1 && exec sh /checks sda sdb
for disk in /sys/block/sd? /sys/block/vd? /sys/block/nvme?n?; do
	[ -e $disk ] || continue
	bus=$(readlink -f $disk | sed -n 's#.*/\\(ata\\|virtio\\|nvme\\)[0-9].*#\\1#p')
	echo "check: $bus $(md5sum </dev/${disk##*/})"
done
dmesg | grep -E -A 24 'Call Trace|BUG:|cut here|soft lockup|timed out' || echo "check: quiet"
"""
# Of each disk that is on no virtio-blk: its first 4 MiB are read, and what lies behind them written.
CONTROLLERS = """
for disk in /sys/block/sd? /sys/block/nvme?n?; do
	case $(readlink -f $disk) in
	*/ata*) kind=ahci ;;
	*/virtio*) kind=virtio-scsi ;;
	*/nvme*) kind=nvme ;;
	esac
	node=/dev/${{disk##*/}}
	echo "check: $kind $(dd if=$node bs=1M count=4 iflag=direct 2>/dev/null | md5sum)"
	dd if={written} of=$node bs=64k seek=64 count=16 conv=fsync 2>/dev/null && echo "check: $kind written"
done
echo "check: $(basename $(readlink /sys/class/net/eth0/device/driver))"
ip link set eth0 up && ip addr add 10.0.2.15/24 dev eth0 && ping -c 3 -w 60 10.0.2.2
dmesg | grep -E -A 24 'Call Trace|BUG:|cut here|soft lockup|timed out' || echo "check: quiet"
"""
# Each byte of a boot's messages would cost exits.
CMDLINE = "console=ttyS0 quiet viridis.run=sh%20/checks%20"
# What a BIOS boots from but IDE: QEMU's machine and device, and the bus in Linux.
GRUB_DISKS = {"grub-ahci": ("q35", "ide-hd,bus=ide.0", "ata"),
              "grub-nvme": ("q35", "nvme,serial=boot", "nvme"),
              "grub-virtio": ("q35", "virtio-blk-pci", "virtio"),
              "grub-scsi": ("q35", "virtio-scsi-pci -device scsi-hd", "virtio")}
# Beside one (pc, controllers), two (q35) and eight.
VPS = {"three": ("q35", 3), "four": ("q35", 4), "five": ("q35", 5), "six": ("q35", 6), "seven": ("q35", 7),
       "pc-two": ("pc", 2), "pc-four": ("pc", 4), "pc-eight": ("pc", 8)}
# Nothing here may reset: QEMU 11.1 cannot with this accelerator.
ALWAYS = "-action reboot=shutdown -m 192"
NIC = "-netdev user,id=net,restrict=on -device"


def make_guests(folder):
    """A disk image for QEMU's side: beside kernel and initrd, a disk that GRUB boots them from."""
    guests = guest_files(folder, checks=CHECKS.format(written=WRITTEN),
                         controllers=CONTROLLERS.format(written=WRITTEN), from_disk=FROM_DISK)
    make_iso(folder, [Module(KERNEL, "kernel console=ttyS0 quiet viridis.run=sh%20/from_disk"),
                      Module(guests / "initrd", "initrd")])
    (folder / "boot.iso").rename(guests / "grub.img")
    return disk_of(guests, "96M")


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


def amiss(qemu):
    """A line that tells what the guest's kernel complained of first."""
    return f"grep -aE -m 1 -A 40 'BUG:|cut here|Call Trace' /tmp/{qemu.name}.out"


def check_guest(root, qemu, cpus, disk, limit=BOOT_SECONDS):
    """What CHECKS printed, and what the root sees of it."""
    qemu.wait_output("guest: exit 0", limit)
    qemu.wait_end(0, 60)
    expected = root.tell(f"md5sum <{disk}")
    for line in (f"check: cpus {cpus}", f"check: read {expected}", "check: written",
                 "3 packets received", "check: quiet"):
        root.tell(f"grep -aF '{line}' /tmp/{qemu.name}.out || {{ {amiss(qemu)}; {qemu.words()}; false; }}")
    root.tell(f"cmp -n {MIB} /tmp/b {WRITTEN} && : >/tmp/b && truncate -s 8M /tmp/b")


def start_virtio(root, name, vps, machine="q35", network="user,id=net,restrict=on"):
    qemu = StockQemu(root, name)
    qemu.start(f"-M {machine} {ALWAYS} -smp {vps} -cpu host -kernel /guests/vmlinuz -initrd /guests/initrd"
               f" -append '{CMDLINE}vda%20vdb' -netdev {network} -device virtio-net-pci,netdev=net"
               " -drive file=/tmp/a,format=raw,if=virtio -drive file=/tmp/b,format=raw,if=virtio")
    return qemu


def check_q35(root):
    """MSI-X, two VPs, and the root's own processor as the guest's."""
    check_guest(root, start_virtio(root, "q35", 2), 2, "/tmp/a")
    root.tell("grep -aF 'check: avx' /tmp/q35.out")
    root.tell("grep -aE 'interrupts: .*(MSI|msi).*virtio' /tmp/q35.out")


def check_vps(root, name, machine, vps):
    """Each of them takes the interrupts of its synthetic timer."""
    qemu = start_virtio(root, name, vps, machine)
    check_guest(root, qemu, vps, "/tmp/a")
    root.tell("awk '/interrupts: +HVS:/ { for (i = 3; i < 3 + " f"{vps}" "; i++) served += $i > 0 }"
              f" END {{ exit served != {vps} }}' /tmp/{name}.out || {{ {qemu.words()}; false; }}")


def check_eight(root):
    """Their network is a TAP device of the root's, which QEMU makes and takes away."""
    qemu = start_virtio(root, "eight", 8, network="tap,id=net,ifname=tap9,script=no,downscript=no")
    root.wait("ip addr add 10.0.2.2/24 dev tap9 && ip link set tap9 up", 60)
    check_guest(root, qemu, 8, "/tmp/a")


def check_grub(root, name):
    """By BIOS and GRUB from another disk than IDE's."""
    machine, device, bus = GRUB_DISKS[name]
    qemu = StockQemu(root, name)
    qemu.start(f"-M {machine} {ALWAYS} -drive if=none,id=boot,format=raw,file=/tmp/grub.img"
               f" -device {device},drive=boot")
    qemu.wait_output("guest: exit 0", BOOT_SECONDS)
    qemu.wait_end(0, 60)
    for line in (f"check: {bus} {root.tell('md5sum </tmp/grub.img')}", "check: quiet"):
        root.tell(f"grep -aF '{line}' /tmp/{name}.out || {{ {qemu.words()}; false; }}")


def check_level(root):
    """By BIOS and GRUB from an IDE disk; IDE and e1000 have level interrupts of the I/O APIC."""
    qemu = StockQemu(root, "level")
    qemu.start(f"-M pc {ALWAYS} {NIC} e1000,netdev=net"
               " -drive file=/tmp/grub.img,format=raw,if=ide"
               " -drive file=/tmp/b,format=raw,if=ide,index=1")
    check_guest(root, qemu, 1, "/tmp/grub.img", IDE_BOOT_SECONDS)
    root.tell("grep -aE 'interrupts: .*fasteoi.*eth0' /tmp/level.out")


def check_controllers(root):
    """Disks on AHCI, NVMe and virtio-scsi, and an e1000e, all on one machine."""
    disks = {"ahci": "ide-hd,bus=ide.0", "virtio-scsi": "scsi-hd", "nvme": "nvme,serial=nvme"}
    words = " ".join(f"-drive if=none,id={kind},format=raw,file=/tmp/{kind} -device {device},drive={kind}"
                     for kind, device in disks.items())
    for kind in disks:
        root.tell(f"dd if=/dev/urandom of=/tmp/{kind} bs=1M count=4 2>/dev/null && truncate -s 8M /tmp/{kind}")
    expected = {kind: root.tell(f"head -c {4 * MIB} /tmp/{kind} | md5sum") for kind in disks}
    qemu = StockQemu(root, "controllers")
    qemu.start(f"-M q35 {ALWAYS} -kernel /guests/vmlinuz -initrd /guests/initrd"
               " -append 'console=ttyS0 quiet viridis.run=sh%20/controllers'"
               f" {NIC} e1000e,netdev=net -device virtio-scsi-pci {words}")
    qemu.wait_output("guest: exit 0", BOOT_SECONDS)
    qemu.wait_end(0, 60)
    for line in ("check: e1000e", "3 packets received", "check: quiet",
                 *(f"check: {kind} {text}" for kind in disks for text in (expected[kind], "written"))):
        root.tell(f"grep -aF '{line}' /tmp/controllers.out || {{ {qemu.words()}; false; }}")
    for kind in disks:
        root.tell(f"cmp -n {MIB} {WRITTEN} /tmp/{kind} 0 {4 * MIB} && rm /tmp/{kind}")


def check_text_screen(root, qemu, words):
    """The screen is in text mode and before long has these words, in memory and as a picture."""
    end = time.monotonic() + SCREEN_SECONDS
    while words not in words_of(text := text_of(root, qemu)):
        assert time.monotonic() < end, words_of(text)
    picture = screen_of(root, qemu)
    assert (picture.width, picture.height) == (720, 400), picture
    check_text(picture, text)


def check_uefi(root):
    """Its flash leaves its ROM mode, and comes back, for every variable."""
    qemu = StockQemu(root, "uefi")
    root.tell("cp /mnt/usr/share/OVMF/OVMF_VARS_4M.fd /tmp/")
    qemu.start(f"-M q35 {ALWAYS} -vga std -net none -drive if=pflash,format=raw,readonly=on,"
               "file=/usr/share/OVMF/OVMF_CODE_4M.fd"
               " -drive if=pflash,format=raw,file=/tmp/OVMF_VARS_4M.fd")
    qemu.wait_output("UEFI Interactive Shell", BOOT_SECONDS)
    # A console of 8 by 19 pixels a letter, most of it empty.
    end = time.monotonic() + SCREEN_SECONDS
    while len(set(looks := screen_of(root, qemu).looks(8, 19))) < 40:
        assert time.monotonic() < end, f"{len(set(looks))} different cells"
    assert looks.count(looks[0]) > len(looks) / 2
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
    check_text_screen(root, qemu, "No bootable device")
    for command, answer in (("stop", ""), ("info status", "VM status: paused"), ("cont", ""),
                            ("info status", "VM status: running"), ("info registers", "EIP=")):
        qemu.tell(command)
        qemu.wait_file("said", answer, 30)
    qemu.tell("quit")
    qemu.wait_end(0, 60)


def start_memtest(root, name, more):
    qemu = StockQemu(root, name)
    qemu.start("-M pc -m 16 -vga std -kernel /boot/memtest86+x64.bin"
               f" -append 'console=ttyS0,115200' {more}")
    return qemu


def check_memtest(root):
    """It clears its serial line, finds processor and memory, and draws its screen."""
    qemu = start_memtest(root, "memtest", "-smp 2")
    qemu.wait_output("[[]2J", BOOT_SECONDS)
    check_text_screen(root, qemu, "Memtest86+")
    qemu.tell("quit")
    qemu.wait_end(0, 60)


def seconds_of(root, qemu, least):
    """How long memtest86+ says that it has run, once that is so much."""
    end = time.monotonic() + SCREEN_SECONDS
    while True:
        found = re.search(r"Time: *(\d+):(\d\d):(\d\d)", words := words_of(text_of(root, qemu)))
        hours, minutes, seconds = (int(part) for part in found.groups()) if found else (0, 0, -1)
        told = (hours * 60 + minutes) * 60 + seconds
        if told >= least:
            return told
        assert time.monotonic() < end, (least, words)
        time.sleep(STEP_SECONDS)


def check_saved(root):
    """The state of a machine in a file, and another QEMU that goes on with it. Its guest uses no interrupts: QEMU 11.1
    does not save the state of local APICs that are the hypervisor's."""
    qemu = start_memtest(root, "saved", "")
    qemu.wait_output("[[]2J", BOOT_SECONDS)
    seconds_of(root, qemu, 2)
    qemu.tell("migrate -d file:/tmp/state")
    root.wait("{ echo info status >/tmp/saved.mon.in; sleep 2; grep -q postmigrate /tmp/saved.said; }", 200,
              qemu.words(), STEP_SECONDS)
    told = seconds_of(root, qemu, 2)
    qemu.tell("quit")
    qemu.wait_end(0, 60)
    qemu = start_memtest(root, "restored", "-incoming file:/tmp/state")
    assert told < seconds_of(root, qemu, told + 2) < told + SCREEN_SECONDS
    root.tell("! grep -aq '[[]2J' /tmp/restored.out")
    qemu.tell("quit")
    qemu.wait_end(0, 60)
    root.tell("rm /tmp/state")


def check_kill(root):
    """Of a machine that runs."""
    qemu = start_bios(root, "killed")
    during = root.json("stats")
    assert during["pinned-pages"] > 0 and len(during["partitions"]) == 1, during
    root.tell(f"kill -9 {qemu.pid}")
    qemu.wait_end(137, 30)


def check_beside(root):
    """Two VMs of ours start, run and end while two of QEMU's stand in their BIOS, which then still answer."""
    qemus = [start_bios(root, name) for name in ("beside", "besides")]
    names = ("spin", "twirl")
    for name in names:
        root.create(name, f"--memory 64M --vps 1 --kernel /share/tiny --serial /tmp/{name}.serial",
                    "tests=spin role=child")
        root.start(name)
    assert len(root.json("stats")["partitions"]) == 4
    for name in names:
        root.wait(f"[ $(grep -c spinning /tmp/{name}.serial) -gt 2 ]", 120)
        root.tell(f"viridis stop {name}; viridis delete {name}")
    for qemu in qemus:
        qemu.tell("info status")
        qemu.wait_file("said", "VM status: running", 30)
        qemu.tell("quit")
        qemu.wait_end(0, 60)


CHECKED = {
    "pc": ("pc: a stock kernel to userland, and off by ACPI", check_pc),
    "q35": ("q35: two VPs, virtio disks and network by MSI-X", check_q35),
    **{name: (f"{machine}: {vps} VPs on two processors", partial(check_vps, name=name, machine=machine, vps=vps))
       for name, (machine, vps) in VPS.items()},
    "eight": ("q35: eight VPs, network by TAP", check_eight),
    **{name: (f"SeaBIOS and GRUB: {name}", partial(check_grub, name=name)) for name in GRUB_DISKS},
    "level": ("pc: SeaBIOS, GRUB, IDE and e1000", check_level),
    "controllers": ("q35: AHCI, NVMe, virtio-scsi and e1000e", check_controllers),
    "uefi": ("q35: OVMF from flash to its shell", check_uefi),
    "monitor": ("a screen by VNC, stop and cont", check_monitor),
    "memtest": ("pc: memtest86+", check_memtest),
    "saved": ("pc: state to a file and back", check_saved),
    "kill": ("killed, it gives every page back", check_kill),
    "beside": ("two VMs of ours run beside two of them", check_beside),
}


def play(tap, root, names):
    prepare(root)
    for name in names:
        what, check = CHECKED[name]
        tap.run(what, check, root)
        tap.run(f"{name} left nothing", root.nothing_left)
    tap.run("the root powers off", root.power_off)


def main(*names):
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as temporary:
        guests = make_guests(Path(temporary))
        with Root("qemu-mshv", {"tiny": TINY}, scratch_disks=[QEMU_DISK], disks=[guests]) as root:
            enter(root, "/dev/vdb")
            try:
                play(tap, root, names or CHECKED)
            except Failure as failure:
                raise Failure(f"{failure}\n{root.machine.describe()}") from failure


if __name__ == "__main__":
    main(*sys.argv[1:])
