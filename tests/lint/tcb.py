#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts the privileged code: cloc's lines of C, headers and assembly in hypervisor/. Not what stands
there for people and the build (READMEs, HYPERCALLS.md, CMake), nor include/, which everybody shares."""
import csv
import io
import subprocess
from collections import Counter

from lib.paths import TOP
from lib.tap import Tap

LIMIT = 10_000
COMMAND = ["cloc", "--quiet", "--csv", "--by-file", "--skip-uniqueness",
           "--force-lang=C/C++ Header,def", "--include-lang=C,C/C++ Header,Assembly",
           "hypervisor"]


def lines_by_folder():
    done = subprocess.run(COMMAND, cwd=TOP, capture_output=True, text=True, check=True)
    counts = Counter()
    for row in csv.reader(io.StringIO(done.stdout.strip())):
        if len(row) >= 5 and row[1].startswith("hypervisor/"):
            counts[row[1].rsplit("/", 1)[0]] += int(row[4])
    return counts


def main():
    counts = lines_by_folder()
    total = sum(counts.values())
    for folder, lines in sorted(counts.items()):
        print(f"# {lines:6} {folder}")
    print(f"# {total:6} lines of privileged code")
    with Tap() as tap:
        tap.ok(0 < total < LIMIT, f"the privileged code stays below {LIMIT} lines",
               f"it has {total}")


if __name__ == "__main__":
    main()
