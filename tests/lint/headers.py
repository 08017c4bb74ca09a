#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each shared header compiles alone: it includes what it uses."""
import subprocess

from lib.paths import TOP
from lib.sources import report, sources
from lib.tap import Tap

FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-fsyntax-only", "-ffreestanding", "-I.",
         "-Iinclude", "-x", "c"]


def main():
    faults = []
    for folder in ("include", "hypervisor", "vmbus"):
        for header in sources(".h", below=folder):
            done = subprocess.run(["gcc", *FLAGS, "-"], cwd=TOP, capture_output=True,
                                  text=True, input=f'#include "{header}"\n')
            faults += [line for line in done.stderr.splitlines() if "error" in line][:2]
    with Tap() as tap:
        report(tap, "each header compiles alone", faults)


if __name__ == "__main__":
    main()
