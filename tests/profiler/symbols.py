# SPDX-License-Identifier: GPL-2.0-or-later
"""From an address to the function it lies in."""
import bisect
import re
import subprocess
from functools import cache

from lib.paths import BUILD

TEXT_KINDS = frozenset("tTwWiu")
LARGEST = 1 << 24  # bytes of a function of unknown size
SYMBOL = re.compile(r"^([0-9a-f]+) (\S) (\S+)(?:\s+\[(\S+)\])?$", re.MULTILINE)
SIZED = re.compile(r"^([0-9a-f]+) (?:([0-9a-f]+) )?(\S) (\S+)$", re.MULTILINE)
# Where Linux puts a position-independent program when addresses are not random.
PROGRAM_BASE = 0x555555554000
LIBRARY = re.compile(r"^(\S+): .*?(\S*/\S+|linux-vdso\S*) \(0x([0-9a-f]+)\)$", re.MULTILINE)


class Symbols:
    """Functions (address, name, size; 0: up to the next) that lie `slide` above where their file says."""

    def __init__(self, symbols, slide=0):
        self.symbols = sorted((address + slide, name, size) for address, name, size in symbols)
        self.addresses = [address for address, _, _ in self.symbols]

    def find(self, address):
        """(name, whether the address is the function's first), or None."""
        index = bisect.bisect_right(self.addresses, address) - 1
        if index < 0:
            return None
        start, name, size = self.symbols[index]
        if address - start >= (size or LARGEST):
            return None
        return plain(name), address == start


@cache
def functions_of(path):
    """A program's own table, or, when that was stripped, what it exports."""
    for options in ((), ("-D",)):
        done = subprocess.run(["nm", "-S", "--defined-only", *options, str(path)], check=False,
                              capture_output=True, text=True)
        found = [(int(address, 16), name.split("@")[0], int(size or "0", 16))
                 for address, size, kind, name in SIZED.findall(done.stdout)
                 if kind in TEXT_KINDS]
        if found:
            return tuple(found)
    return ()


def plain(name):
    """Without what the compiler adds to a function that it cut up or moved."""
    return name.split(".")[0] or name


class InlinedSymbols(Symbols):
    """Those of a program of ours: a function that was inlined by its own name too."""

    def __init__(self, path):
        super().__init__(functions_of(path))
        self.path = path
        self.inlined = {}

    def learn(self, addresses):
        """Looks them all up, by one call of addr2line."""
        new = sorted(set(addresses) - set(self.inlined))
        done = subprocess.run(["addr2line", "-a", "-f", "-i", "-e", str(self.path)], check=True,
                              input="\n".join(map(hex, new)), capture_output=True, text=True)
        names, address = {}, None
        for line in done.stdout.splitlines():
            if line.startswith("0x"):
                address, names[int(line, 16)] = int(line, 16), []
            else:
                names[address].append(line)
        # Pairs of function and place, the innermost first.
        self.inlined |= {address: [plain(name) for name in lines[::2]]
                         for address, lines in names.items()}

    def find(self, address):
        found = super().find(address)
        chain = self.inlined.get(address, ())
        if not found or len(chain) < 2:
            return found
        return f"{plain(found[0])}: {chain[0]}", found[1]


def of_elf(path, slide=0):
    return Symbols(functions_of(path), slide)


def of_kallsyms(text):
    """The kernel's and its modules'."""
    return Symbols([(int(address, 16), f"{name} [{module}]" if module else name, 0)
                    for address, kind, name, module in SYMBOL.findall(text)
                    if kind in TEXT_KINDS])


class Child:
    """A child's kernel is the root's, at the same place; where it has its modules nobody says."""

    MODULES = 0xffffffffa0000000

    def __init__(self, kernel, program):
        self.kernel, self.program = kernel, program

    def find(self, address):
        if address >= self.MODULES:
            return "[modules]", False
        return (self.kernel if address >> 63 else self.program).find(address)


def is_movable(path):
    """ELF's type is that of a shared object."""
    with open(path, "rb") as program:
        return program.read(17)[16] == 3


# Task to program.
ROOT_PROGRAMS = {
    "in_root": BUILD / "tests/profiler/in_root",
    "viridis": BUILD / "root-partition/cli/viridis",
    "viridis-vm": BUILD / "root-partition/vm/viridis-vm",
    "viridis-storage": BUILD / "vsp/storage/viridis-storage",
    "viridis-util": BUILD / "vsp/util/viridis-util",
    "viridis-net": BUILD / "vsp/net/viridis-net",
}


class Processes:
    """Functions of the root's processes, whose programs are in a folder. `libraries` is what their loader
    says, a line each: PROGRAM: NAME => FILE (ADDRESS)."""

    def __init__(self, folder, libraries):
        self.programs = {name: of_elf(folder / name, PROGRAM_BASE if is_movable(folder / name)
                                      else 0) for name in ROOT_PROGRAMS}
        self.libraries = {}
        for program, path, base in LIBRARY.findall(libraries):
            self.libraries.setdefault(program, []).append((int(base, 16), path))
        for found in self.libraries.values():
            found.sort(reverse=True)

    def find(self, task, address):
        program = self.programs.get(task)
        if program and address < PROGRAM_BASE + (1 << 30):
            return program.find(address)
        for base, path in self.libraries.get(task, ()):
            if address >= base:
                found = of_elf(path, base).find(address) if "vdso" not in path else None
                name = path.rsplit("/", 1)[-1]
                return (f"{found[0]} [{name}]", found[1]) if found else (f"[{name}]", False)
        return None
