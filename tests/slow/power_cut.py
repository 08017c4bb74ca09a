# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd target:flush_writer
# Limit: 900
"""The power of the root goes while a stock Linux writes to its disks: a device of the root's, with the guest's ext4 in it,
and a file in the root's own ext4. The root's devices lose what had not been flushed, all of it or some; what the guest
was told is safe is there, byte for byte, and both file systems are whole."""
import re
import shutil
import subprocess
import tempfile
import types
from pathlib import Path

from lib.child import Root
from lib.disks import MIB
from lib.paths import BUILD, GUEST_INITRD, KERNEL
from commands.root import concatenated_initrd
from lib.shell import GuestShell
from lib.tap import Tap
from lib.write_log import LoggedDisk

BOOT_SECONDS = 240
LOAD_SECONDS = 240
PROMPT = r"built-in shell [(]ash[)][^#]*/ # "
WRITER = BUILD / "tests" / "e2e" / "flush_writer"
BLOCK = 4096
WORKERS, IMAGE_MIB = 3, 6
DISK_MIB = 48
SAFE_LEAST = 40  # of each worker before the cut
FILES_LEAST = 6
SEEDS = (None, 1, 2, 3, 4)  # None: nothing after the last flush; else some of it
FILES = ("(n=0; while cp /bin/busybox /mnt/t/$n && sync; do echo file $n; n=$((n+1));"
         " [ $((n % 3)) -ne 0 ] || { rm /mnt/t/$((n-3)); echo removed $((n-3)); }; done; echo bad file $n) &")


# In the guest: the disk of a LUN, whatever the guest names it.
LUN = ("lun() { for b in /sys/block/sd*; do case $(readlink $b/device) in *:$1) echo /dev/${b##*/} ;; esac; done; };"
       " until [ -b \"$(lun 0)\" ] && [ -b \"$(lun 1)\" ]; do sleep 0.1; done")


def set_up(root):
    root.tell("mkdir -p /mnt && mount -t ext4 /dev/vdb /mnt")
    root.create("first", "--memory 160M --kernel /share/vmlinuz --initrd /share/initrd"
                " --disk /dev/vda --disk /mnt/image", "console=ttyS0 quiet")
    root.start("first")


def load(root, guest):
    """Until each has said often enough that something is safe."""
    guest.tell(LUN, 60)
    guest.tell("mount -t ext4 $(lun 0) /mnt && mkdir /mnt/t", 60)
    begin = root.machine.console.position
    root.machine.send(f"{FILES}\n/share/flush_writer $(lun 1) {WORKERS} {IMAGE_MIB * MIB} &\n")
    console = root.machine.console
    for worker in range(WORKERS):
        console.wait(rf"^safe {worker} (?:[4-9]\d|\d{{3,}})$", LOAD_SECONDS)
    console.wait(r"^file (?:[6-9]|\d{2,})$", LOAD_SECONDS)
    return begin


def cut(root, guest, told):
    begin = load(root, guest)
    root.machine.process.kill()
    root.machine.process.wait()
    text = root.machine.console.text()[begin:]
    assert not re.search(r"^bad |I/O error", text, re.MULTILINE), text[-2000:]
    for worker, number in re.findall(r"^safe (\d+) (\d+)$", text, re.MULTILINE):
        told.safe[int(worker)] = int(number)
    told.files = {int(n) for n in re.findall(r"^file (\d+)$", text, re.MULTILINE)}
    told.removed = {int(n) for n in re.findall(r"^removed (\d+)$", text, re.MULTILINE)}
    assert min(told.safe.values()) >= SAFE_LEAST and len(told.files) >= FILES_LEAST, told


def fsck(image):
    """Recovers the journal, and then finds nothing: 0, or 1 for what the journal held."""
    for most in (1, 0):
        found = subprocess.run(["e2fsck", "-f", "-p" if most else "-n", image], capture_output=True, text=True,
                               check=False)
        assert found.returncode <= most, found.stdout[-2000:]


def after_cut(told, disk, folder, seed):
    """What the disk is then, its file system recovered and found whole."""
    assert told.files, "the guest did not come so far"
    image = folder / "after"
    before, behind = disk.after_power_cut(image, seed)
    print(f"# {disk.name}, seed {seed}: {before} writes safe, {behind} not")
    fsck(image)
    return image


def content(image, name):
    return subprocess.run(["debugfs", "-R", f"cat {name}", image], capture_output=True, check=True).stdout


def check_files(told, disk, folder, seed):
    """The guest's ext4: what was synced is there, unless it was removed, or about to be."""
    image = after_cut(told, disk, folder, seed)
    newest = max(told.files)
    doubtful = told.removed | ({newest - 2} if newest % 3 == 2 else set())
    expected = content(image, f"t/{newest}")
    assert len(expected) > 100_000, len(expected)
    for number in told.files - doubtful:
        assert content(image, f"t/{number}") == expected, number


def check_blocks(told, disk, folder, seed):
    """The file in the root's ext4: the last safe write to each place, or one that came after it."""
    image = after_cut(told, disk, folder, seed)
    data = content(image, "image")
    assert len(data) == IMAGE_MIB * MIB, len(data)
    blocks = IMAGE_MIB * MIB // WORKERS // BLOCK
    for worker, safe in told.safe.items():
        for number in range(max(1, safe - blocks + 1), safe + 1):
            at = (worker * blocks + number % blocks) * BLOCK
            who, found = (int.from_bytes(data[at + i:at + i + 8], "little") for i in (0, 8))
            assert who == worker and found >= number and (found - number) % blocks == 0, (worker, number, who, found)
            if found == number:
                assert data[at:at + BLOCK] == data[at:at + 16] * (BLOCK // 16), (worker, number)


def make_disks(folder):
    device, files = folder / "device.raw", folder / "files.raw"
    tree = folder / "tree"
    tree.mkdir()
    # The image has holes, so that the root's ext4 has its own to write for each block.
    with open(tree / "image", "wb") as image:
        image.truncate(IMAGE_MIB * MIB)
    for path, more in ((device, []), (files, ["-d", tree])):
        with open(path, "wb") as file:
            file.truncate(DISK_MIB * MIB)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", *more, path], check=True)
    return LoggedDisk("device", device, folder), LoggedDisk("files", files, folder)


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as temporary:
        folder = Path(temporary)
        device, files = make_disks(folder)
        share = folder / "guest" / "share"
        share.mkdir(parents=True)
        shutil.copy(WRITER, share)
        initrd = concatenated_initrd(folder / "guest", GUEST_INITRD, folder / "guest.cpio")
        told = types.SimpleNamespace(safe={}, files=set(), removed=set())
        with Root("power-cut", {"vmlinuz": KERNEL, "initrd": initrd},
                  extra=device.arguments() + files.arguments()) as root:
            set_up(root)
            guest = GuestShell(root.shell, "first", PROMPT, BOOT_SECONDS)
            tap.run("the power goes under load", cut, root, guest, told)
        for seed in SEEDS:
            what = "nothing that was not flushed" if seed is None else f"some of it ({seed})"
            tap.run(f"a device, with {what}: what was synced is there", check_files, told, device, folder, seed)
            tap.run(f"a file, with {what}: what was safe is there", check_blocks, told, files, folder, seed)


if __name__ == "__main__":
    main()
