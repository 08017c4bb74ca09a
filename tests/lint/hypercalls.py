#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hypervisor/HYPERCALLS.md says what the table of hypercalls says now."""
import difflib
import subprocess
import sys

from lib.paths import TOP
from lib.sources import report
from lib.tap import Tap

SCRIPT = TOP / "tests" / "commands" / "hypercalls.py"
PAGE = TOP / "hypervisor" / "HYPERCALLS.md"


def faults():
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.splitlines()
    return list(difflib.unified_diff(PAGE.read_text().splitlines(), done.stdout.splitlines(),
                                     "HYPERCALLS.md", "./dev docs makes it", lineterm="", n=0))


def main():
    with Tap() as tap:
        report(tap, "HYPERCALLS.md is what `./dev docs` makes", faults())


if __name__ == "__main__":
    main()
