# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root
"""Every program of the root is compiled as include/user_space.cmake says. Programs are found by
looking for them: what the build left below root-partition/ and vsp/ that can be executed."""
import re
import subprocess

from lib.paths import BUILD
from lib.tap import Tap

FOLDERS = ("root-partition", "vsp")
OPTIONS = ("-fPIE", "-fstack-protector-strong", "-fstack-clash-protection", "-fcf-protection")


def readelf(*words):
    return subprocess.run(["readelf", "-W", *map(str, words)], check=True, capture_output=True,
                          text=True, env={"LC_ALL": "C"}).stdout


def programs():
    for folder in FOLDERS:
        for path in sorted((BUILD / folder).rglob("*")):
            if path.is_file() and path.stat().st_mode & 0o100 and path.suffix != ".so":
                with open(path, "rb") as file:
                    if file.read(4) == b"\x7fELF":
                        yield path


def check_segments(path):
    """Moved to a random place, with no memory both writable and executable; what the dynamic
    linker fills in is filled in at once and read-only from then on."""
    head = readelf("-h", path)
    assert re.search(r"Type: +DYN", head), head
    segments = readelf("-l", path)
    assert re.search(r"^ +INTERP ", segments, re.M), segments
    assert re.search(r"^ +GNU_RELRO ", segments, re.M), segments
    assert re.search(r"^ +GNU_STACK .* RW +0x", segments, re.M), segments
    assert not re.search(r"^ +LOAD .* (?:RWE|[ R]WE) +0x", segments, re.M), segments
    dynamic = readelf("-d", path)
    assert re.search(r"\(FLAGS\) .*BIND_NOW", dynamic), dynamic
    assert re.search(r"\(FLAGS_1\) .*NOW.*PIE", dynamic), dynamic
    assert "TEXTREL" not in dynamic, dynamic


def check_calls(path):
    """The C library's checking functions are in use, and the end of a smashed stack is."""
    symbols = readelf("--dyn-syms", path)
    assert "__stack_chk_fail@" in symbols, symbols
    assert re.search(r"\b(__(?!stack)\w+_chk|__open(at)?_2)@", symbols), symbols
    # Those whose bound the library always gets to see.
    plain = re.findall(r"\b(v?snprintf|v?fprintf|vprintf|printf)@", symbols)
    assert not plain, f"unchecked: {plain}"


def check_units(path):
    """Each source in the program, those of our libraries too, says how it was compiled."""
    units = re.findall(r"DW_AT_producer +: (?:\(indirect [^)]*\): )?(.*)",
                       readelf("--debug-dump=info", path))
    ours = [unit for unit in units if "GNU C" in unit]
    assert ours, "no source says how it was compiled"
    for unit in ours:
        missing = [option for option in OPTIONS if option not in unit]
        assert not missing, f"compiled without {missing}: {unit}"


def main():
    with Tap() as tap:
        found = list(programs())
        names = sorted(path.name for path in found)
        tap.ok({"viridis", "viridis-vm", "viridis-storage", "viridis-util", "viridis-net"} <= set(names),
               f"programs are found: {' '.join(names)}")
        for path in found:
            tap.run(f"{path.name}: its memory", check_segments, path)
            tap.run(f"{path.name}: its calls", check_calls, path)
            tap.run(f"{path.name}: its sources", check_units, path)


if __name__ == "__main__":
    main()
