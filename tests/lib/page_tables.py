# SPDX-License-Identifier: GPL-2.0-or-later
"""Walks a machine's 4-level page tables through the monitor, and says what breaks W^X.

The tables are read from physical memory, so that nothing the hypervisor says of itself is
believed. APM2 5.3, 5.6.
"""
import struct
from dataclasses import dataclass

PRESENT, WRITE, USER, LARGE = 1, 2, 4, 0x80
NX = 1 << 63
ADDRESS = 0x000ffffffffff000
CHUNK = 1 << 21


class PhysicalMemory:
    """Guest memory, fetched 2 MiB at a time. The machine must be stopped."""

    def __init__(self, monitor, folder):
        self.monitor, self.file = monitor, folder / "memory.bin"
        self.chunks = {}

    def read(self, hpa, size):
        start = hpa & ~(CHUNK - 1)
        if start not in self.chunks:
            self.monitor.qmp("pmemsave", val=start, size=CHUNK, filename=str(self.file))
            self.chunks[start] = self.file.read_bytes()
            self.file.unlink()
        return self.chunks[start][hpa - start:hpa - start + size]


@dataclass
class Mapping:
    va: int
    hpa: int
    size: int
    writable: bool
    executable: bool
    user: bool

    def __str__(self):
        rights = "".join(letter if right else "-" for letter, right in
                         (("w", self.writable), ("x", self.executable), ("u", self.user)))
        return f"{self.va:#018x} -> {self.hpa:#x} +{self.size:#x} {rights}"


def canonical(va):
    return va | 0xffff000000000000 if va & 1 << 47 else va


def mappings(memory, table, level=3, va=0, rights=(True, True, True)):
    """Every page that is mapped, with the rights that all levels together give."""
    for index, entry in enumerate(struct.unpack("<512Q", memory.read(table, 4096))):
        if not entry & PRESENT:
            continue
        size = 1 << (12 + 9 * level)
        here = canonical(va + index * size)
        write, execute, user = rights
        granted = (write and bool(entry & WRITE), execute and not entry & NX,
                   user and bool(entry & USER))
        if level == 0 or entry & LARGE:
            yield Mapping(here, entry & ADDRESS & ~(size - 1), size, *granted)
        else:
            yield from mappings(memory, entry & ADDRESS, level - 1, here, granted)


def frames(mapping):
    return range(mapping.hpa >> 12, (mapping.hpa + mapping.size) >> 12)


def breaches(found):
    """What is wrong with these mappings, one line each."""
    found = list(found)
    executable = {frame for m in found if m.executable for frame in frames(m)}
    for m in found:
        if m.writable and m.executable:
            yield f"writable and executable: {m}"
        elif m.writable and any(frame in executable for frame in frames(m)):
            yield f"writable here, executable elsewhere: {m}"
        if m.user:
            yield f"open to user mode: {m}"
        if m.va < 0xffff800000000000:
            yield f"in the lower half: {m}"
