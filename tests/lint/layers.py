#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The layers of hypervisor/kernel: a folder includes its own headers and those of the layers before it."""
import re

from lib.paths import TOP
from lib.sources import report, sources
from lib.tap import Tap

LAYERS = ["base", "memory", "objects", "delivery", "guest", "run"]
INCLUDE = re.compile(r'^\s*#\s*include\s*"(hypervisor/kernel/([a-z]+)/[^"]+)"', re.MULTILINE)


def upward():
    """(file, header) of each include that names a higher layer."""
    for path in sources(".c", ".h", ".def", below="hypervisor/kernel"):
        layer = str(path).split("/")[2]
        if layer not in LAYERS:
            yield str(path), "a folder that is no layer"
            continue
        for header, other in INCLUDE.findall((TOP / path).read_text()):
            if other not in LAYERS or LAYERS.index(other) > LAYERS.index(layer):
                yield str(path), header


def main():
    with Tap() as tap:
        report(tap, "no layer of the hypervisor's kernel includes one above it",
               [f"{file}: may not include {header}" for file, header in sorted(upward())])


if __name__ == "__main__":
    main()
