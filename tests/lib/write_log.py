# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine's disk that keeps a log of its writes and flushes, by QEMU's filter `blklogwrites`: what of it would be left
after a power cut can be made from the log. The format is Linux's dm-log-writes': a sector with the number of entries,
then each entry's sector, followed by its data."""
import random
import struct

SECTOR = 512
MAGIC, VERSION = 0x6A736677736872, 1
FLUSH, DISCARD = 1, 4


class LoggedDisk:
    """`image` is the disk as it is at first, and is not written to afterwards; `folder` gets copy and log."""

    def __init__(self, name, image, folder):
        self.name, self.image = name, image
        self.current, self.log = folder / f"{name}.now", folder / f"{name}.log"
        self.current.write_bytes(image.read_bytes())
        self.log.write_bytes(b"")

    def arguments(self):
        """Of QEMU. The disk is a virtio one, whose writes are safe after a flush and not before."""
        return ["-blockdev", f"driver=file,node-name={self.name}-file,filename={self.current}",
                "-blockdev", f"driver=file,node-name={self.name}-logfile,filename={self.log}",
                "-blockdev", f"driver=blklogwrites,node-name={self.name},file={self.name}-file,"
                f"log={self.name}-logfile,log-sector-size={SECTOR},log-super-update-interval=1",
                "-device", f"virtio-blk-pci,drive={self.name},write-cache=on"]

    def entries(self):
        """Of each: its flags, where in the disk, its data; of a discard, its number of bytes."""
        log = memoryview(self.log.read_bytes())
        magic, version, count, sector_bytes = struct.unpack_from("<QQQI", log)
        assert (magic, version, sector_bytes) == (MAGIC, VERSION, SECTOR), (magic, version, sector_bytes)
        at = SECTOR
        for _ in range(count):
            sector, sectors, flags, _ = struct.unpack_from("<QQQQ", log, at)
            at += SECTOR
            if flags & DISCARD:
                yield flags, sector * SECTOR, bytes(0)
                continue
            yield flags, sector * SECTOR, log[at:at + sectors * SECTOR]
            at += sectors * SECTOR

    def after_power_cut(self, path, seed=None):
        """Writes to `path` what is on the disk if nothing after the last flush got there; with a seed, some of it did,
        in sectors. Returns the numbers of writes before and behind that flush."""
        entries = list(self.entries())
        last = max((i for i, entry in enumerate(entries) if entry[0] & FLUSH), default=-1)
        path.write_bytes(self.image.read_bytes())
        luck = random.Random(seed)
        with open(path, "r+b") as disk:
            for i, (_, offset, data) in enumerate(entries):
                step = len(data) if i < last else SECTOR
                for part in range(0, len(data), step or SECTOR):
                    if i < last or (seed is not None and luck.random() < 0.5):
                        disk.seek(offset + part)
                        disk.write(data[part:part + step])
        return sum(1 for entry in entries[:last + 1] if len(entry[2])), \
            sum(1 for entry in entries[last + 1:] if len(entry[2]))
