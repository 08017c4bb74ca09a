# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks of a child whose content is known: seeded at first, and kept here as it is written."""
import hashlib
import random
import subprocess

SECTOR = 512
MIB = 1 << 20
IMAGE_BYTES = 64 * MIB


class Disk:
    """`path` is where the root has it. `content` is what must be in it now."""

    def __init__(self, name, path, size, read_only=False):
        self.name, self.path, self.read_only = name, path, read_only
        self.content = bytearray(random.Random(name).randbytes(size))

    @property
    def option(self):
        return f"--disk {self.path}{',ro' if self.read_only else ''}"

    @property
    def size(self):
        return len(self.content)

    @property
    def sectors(self):
        return self.size // SECTOR

    def put(self, offset, data):
        assert offset + len(data) <= self.size
        self.content[offset:offset + len(data)] = data

    def sha256(self):
        return hashlib.sha256(self.content).hexdigest()


def write_file(disk, path):
    path.write_bytes(disk.content)


def make_image(disks, folder, image):
    """An ext4 file system that holds the disks, each as a file of its name."""
    folder.mkdir()
    for disk in disks:
        write_file(disk, folder / disk.name)
    with open(image, "wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-d", folder, image], check=True)


def sha256_in_image(disk, image):
    """What the file system in the image holds of a disk, read without mounting it."""
    content = subprocess.run(["debugfs", "-R", f"cat {disk.name}", image],
                             capture_output=True, check=True).stdout
    return hashlib.sha256(content).hexdigest()


def ext4_needs_recovery(shell, device):
    """Of the ext4 on a disk, as that shell's machine reads it: is there more in its journal? Bit 2 of byte 96 of the
    superblock, which begins at byte 1024."""
    flags = shell.tell(f"dd if={device} bs=512 skip=2 count=1 2>/dev/null |"
                       " dd bs=1 skip=96 count=1 2>/dev/null | hexdump -e '1/1 \"%u\"'")
    return bool(int(flags) & 4)
