#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts the privileged code by room: cloc's lines of C, headers and assembly in hypervisor/. READMEs,
HYPERCALLS.md and CMake are for people and the build. What the hypervisor shares with others of include/viridis
is counted too and printed apart: its headers are data and inline helpers, and nothing of devices."""
import csv
import io
import re
import subprocess
from collections import Counter

from lib.paths import TOP
from lib.sources import sources
from lib.tap import Tap

LIMIT = 10_000
COMMAND = ["cloc", "--quiet", "--csv", "--by-file", "--skip-uniqueness",
           "--force-lang=C/C++ Header,def", "--include-lang=C,C/C++ Header,Assembly",
           "hypervisor", "include/viridis"]
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"](viridis/[^">]+)[>"]', re.MULTILINE)


def lines_by_file():
    done = subprocess.run(COMMAND, cwd=TOP, capture_output=True, text=True, check=True)
    rows = csv.reader(io.StringIO(done.stdout.strip()))
    return {row[1]: int(row[4]) for row in rows
            if len(row) >= 5 and row[1].startswith(("hypervisor/", "include/"))}


def includes(path):
    return {f"include/{header}" for header in INCLUDE.findall((TOP / path).read_text())}


def shared():
    """The headers of include/ that hypervisor/ reaches, directly or through each other."""
    reached = set()
    ahead = set().union(*(includes(path)
                          for path in sources(".c", ".h", ".S", ".def", below="hypervisor")))
    while ahead:
        reached |= ahead
        ahead = set().union(*(includes(path) for path in ahead)) - reached
    return reached


def print_rooms(files):
    rooms = Counter()
    for path, lines in files.items():
        rooms[path.rsplit("/", 1)[0]] += lines
    for room, lines in sorted(rooms.items()):
        print(f"# {lines:6} {room}")


def main():
    files = lines_by_file()
    own = {path: lines for path, lines in files.items() if path.startswith("hypervisor/")}
    with_others = {path: lines for path, lines in files.items() if path in shared()}
    print_rooms(own)
    total = sum(own.values())
    print(f"# {total:6} lines of privileged code, of at most {LIMIT}")
    print_rooms(with_others)
    print(f"# {sum(with_others.values()):6} lines of headers shared with others")
    with Tap() as tap:
        tap.ok(0 < total < LIMIT, f"the privileged code stays below {LIMIT} lines",
               f"it has {total}")
        tap.ok(len(with_others) > 5, "headers shared with it are counted too")


if __name__ == "__main__":
    main()
