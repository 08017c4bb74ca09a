# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root foreign
# Limit: 1800
"""Guests that owe nothing to us, by the same commands as any: another release of Debian, with
dracut's initrd, on btrfs behind a GPT; the newest kernel on that disk; a kernel for clouds; the
installer. Guests, root and host see the same bytes on the disk, and the same files."""
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

from lib.child import Root
from lib.disks import MIB, SECTOR
from lib.log import Failure
from lib.paths import FOREIGN
from lib.shell import GuestShell
from lib.tap import Tap

BOOT = FOREIGN / "boot"
BOOT_SECONDS = 600
BUSYBOX = r"built-in shell [(]ash[)][^#]*# "
LOGIN = r"root@foreign:~# "
BASH = r"root@[^:]*:/# "
# Of the disk: the partition table, all of the FAT file system, where btrfs begins.
HEAD_MIB = 10
# A file of Debian's, and one written by the guest on either file system.
STOCK, PROOF, FAT_PROOF = "/usr/bin/bash", "/var/tmp/proof", "/efi/proof"
CLOCKS = "/sys/devices/system/clocksource/clocksource0/available_clocksource"
AMISS = "Call Trace|BUG:|cut here|Firmware Bug|unchecked MSR"
# What a guest has, whether it has disks or not: heartbeat, shutdown, time synchronization, key-value exchange,
# freezing, a SCSI controller.
DEVICES = 7


def define(root, name, words, cmdline):
    root.create(name, f"{words} --kernel /mnt/{name}.vmlinuz --initrd /mnt/{name}.initrd",
                f"console=ttyS0 quiet {cmdline}")


def boot(root, name, prompt):
    root.start(name)
    return GuestShell(root.shell, name, prompt, BOOT_SECONDS)


def release(name):
    """What a bzImage says of itself; by Linux's boot protocol."""
    image = (BOOT / f"{name}.vmlinuz").read_bytes()
    start = 0x200 + int.from_bytes(image[0x20e:0x210], "little")
    return image[start:start + 80].split()[0].decode()


# --- what a guest must find, whatever it is

def check_enlightened(guest, name):
    assert guest.tell("uname -r") == release(name)
    for line in ("Hypervisor detected: Microsoft Hyper-V", "Vmbus version:5.3",
                 "tsc: Detected [0-9.]* MHz processor"):
        guest.tell(f"dmesg | grep '{line}'")
    assert "hyperv_clocksource_tsc_page" in guest.tell(f"cat {CLOCKS}").split()
    found = guest.tell("cat /sys/bus/vmbus/devices/*/class_id").split()
    assert len(found) == DEVICES, found
    amiss = guest.ask(f"dmesg | grep -E '{AMISS}'")
    assert amiss.status == 1, amiss.output


def check_clock(root, guest):
    there = int(guest.tell("date +%s"))
    guest.detach()
    difference = int(root.tell("date +%s")) - there
    guest.attach()
    assert abs(difference) < 30, difference


def finds(tap, root, guest, name):
    tap.run(f"{name}, {release(name)}: sees Hyper-V, VMBus 5.3 and its devices",
            check_enlightened, guest, name)
    tap.run(f"{name}: has the root's time", check_clock, root, guest)


# --- the disk

def host_partitions(disk):
    """(start, size, UUID) of each, in sectors, as the host's sfdisk reads the table."""
    text = subprocess.run(["sfdisk", "--json", disk], capture_output=True, check=True).stdout
    return [(entry["start"], entry["size"], entry["uuid"].lower())
            for entry in json.loads(text)["partitiontable"]["partitions"]]


def check_partitions(guest):
    """The kernel's and udev's view of the table, and that storvsc brought the disk."""
    driver = guest.tell("basename $(readlink -f /sys/block/sda/device/../../../driver)")
    assert driver == "hv_storvsc", driver
    lines = guest.tell("for n in 1 2; do echo $(cat /sys/block/sda/sda$n/start"
                       " /sys/block/sda/sda$n/size) $(lsblk -dno PARTUUID /dev/sda$n); done")
    found = [tuple(line.split()) for line in lines.splitlines()]
    expected = [tuple(map(str, entry)) for entry in host_partitions(FOREIGN / "disk.raw")]
    assert found == expected, found


def check_files(guest, files, sums):
    """Read past the caches; those known before must be what they were."""
    guest.tell("echo 3 >/proc/sys/vm/drop_caches")
    for line in guest.tell(f"sha256sum {' '.join(files)}", 120).splitlines():
        found, path = line.split()
        assert sums.setdefault(path, found) == found, path


def check_write(guest, sums):
    """Bytes that nobody knew before, on btrfs and on FAT."""
    guest.tell(f"dd if=/dev/urandom of={PROOF} bs=1M count=4 2>/dev/null"
               f" && cp {PROOF} {FAT_PROOF} && sync", 120)
    check_files(guest, (STOCK, PROOF, FAT_PROOF), sums)
    assert sums[PROOF] == sums[FAT_PROOF]


def note_head(shell, disk, seen):
    output = shell.tell(f"dd if={disk} bs=1M count={HEAD_MIB} iflag=direct 2>/dev/null"
                        " | sha256sum", 300)
    seen[type(shell).__name__] = output.split()[0]


def check_head(disk, seen):
    with open(disk, "rb") as file:
        expected = hashlib.sha256(file.read(HEAD_MIB * MIB)).hexdigest()
    assert len(seen) == 2 and set(seen.values()) == {expected}, (expected, seen)


def restored(part, folder, path):
    """A file out of an unmounted btrfs."""
    first, *rest = path.strip("/").split("/")
    regex = "^/(|" + first + "".join(f"(|/{word}" for word in rest) + ")" * (len(rest) + 1)
    subprocess.run(["btrfs", "restore", "--path-regex", regex + "$", part, folder],
                   capture_output=True, check=True)
    return (folder / path.strip("/")).read_bytes()


def check_host(disk, sums):
    """Whole file systems, each block of data with its checksum; files as the guests said."""
    (fat, _, _), (first, count, _) = host_partitions(disk)
    with tempfile.TemporaryDirectory(prefix="viridis-") as temporary:
        part, folder = Path(temporary) / "part", Path(temporary)
        subprocess.run(["dd", f"if={disk}", f"of={part}", f"bs={MIB}", "conv=sparse",
                        f"skip={first * SECTOR}", f"count={count * SECTOR}",
                        "iflag=skip_bytes,count_bytes", "status=none"], check=True)
        subprocess.run(["btrfs", "check", "--readonly", "--check-data-csum", part],
                       capture_output=True, check=True)
        content = {path: restored(part, folder, path) for path in (STOCK, PROOF)}
    content[FAT_PROOF] = subprocess.run(
        ["mtype", "-i", f"{disk}@@{fat * SECTOR}", "::/proof"], capture_output=True,
        check=True).stdout
    found = {path: hashlib.sha256(data).hexdigest() for path, data in content.items()}
    assert found == sums, (found, sums)


# --- the guests

def other(tap, root, sums):
    """To its login; by the name that a person gives a file system."""
    define(root, "other", "--memory 512M --disk /dev/vdb",
           "root=LABEL=foreign rw systemd.default_device_timeout_sec=600")
    guest = boot(root, "other", LOGIN)
    finds(tap, root, guest, "other")
    tap.run("other: its partitions are those that the host sees", check_partitions, guest)
    tap.run("other: writes files and reads them back", check_write, guest, sums)
    guest.detach()
    root.tell("viridis shutdown other --timeout 300", 360)


def newest(tap, root, sums):
    """To a shell as first process, which ends the machine by itself."""
    define(root, "newest", "--memory 512M --vps 2 --disk /dev/vdb",
           "root=PARTLABEL=root rw init=/bin/bash")
    guest = boot(root, "newest", BASH)
    finds(tap, root, guest, "newest")
    tap.run("newest: the files of the other kernel are there", check_files, guest,
            (STOCK, PROOF), sums)
    root.machine.send("systemctl poweroff -ff\n")
    leave(root, "newest")


def leave(root, name):
    """Out of the console of a guest that goes by itself."""
    root.machine.console.wait(r"Detached\.", 60)
    root.wait_state(name, "off", 60)


def cloud(tap, root, seen):
    define(root, "cloud", "--memory 192M --disk /dev/vdb,ro", "")
    guest = boot(root, "cloud", BUSYBOX)
    finds(tap, root, guest, "cloud")
    note_head(guest, "/dev/sda", seen)
    guest.detach()
    root.tell("viridis stop cloud")
    note_head(root.shell, "/dev/vdb", seen)


def check_question(root):
    """Out of its own shell: it asks for a language, and then for what depends on that."""
    root.machine.send("exit\n")
    for topic in ("language", "location"):
        root.machine.console.wait(rf"(?is){topic}.*?Prompt: '[?]' for help", BOOT_SECONDS)
        root.machine.send("\n")


def installer(tap, root):
    """Lines, no screens, please; and a shell before and after it looked for its devices."""
    define(root, "installer", "--memory 832M",
           "DEBIAN_FRONTEND=text TERM=dumb BOOT_DEBUG=3")
    guest = boot(root, "installer", BUSYBOX)
    root.machine.send("exit\n")
    root.machine.console.wait(BUSYBOX, BOOT_SECONDS)
    finds(tap, root, guest, "installer")
    tap.run("installer: asks, and goes on by the answer", check_question, root)
    guest.detach()
    root.tell("viridis stop installer")


def play(tap, root):
    root.tell("mount -t ext4 -o ro /dev/vda /mnt")
    before = root.memory()
    sums, seen = {}, {}
    other(tap, root, sums)
    newest(tap, root, sums)
    cloud(tap, root, seen)
    installer(tap, root)
    for name in ("other", "newest", "cloud", "installer"):
        root.tell(f"viridis delete {name}")
    tap.run("nothing is left of them", root.nothing_left)
    assert root.memory() == before
    tap.run("the root powers off", root.power_off)
    return sums, seen


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as temporary:
        files, disk = Path(temporary) / "files.img", Path(temporary) / "disk.raw"
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", BOOT, files, "256M"], check=True)
        subprocess.run(["cp", "--sparse=always", FOREIGN / "disk.raw", disk], check=True)
        with Root("foreign", disks=[files, disk], memory="3G") as root:
            try:
                sums, seen = play(tap, root)
            except Failure as failure:
                raise Failure(f"{failure}\n{root.machine.describe()}") from failure
        tap.run("a guest, the root and the host read the same bytes", check_head, disk, seen)
        tap.run("the host finds whole file systems, and the same files", check_host, disk,
                sums)


if __name__ == "__main__":
    main()
