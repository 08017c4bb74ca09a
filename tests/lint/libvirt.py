#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""libvirt's driver is built by a Makefile of its own, apart from the rest: it has to name each file of ours that those
it names need, or the driver does not link, which a slow test alone would find."""
import re

from lib.paths import TOP
from lib.sources import report
from lib.tap import Tap

FOLDER = TOP / "root-partition" / "libvirt"
LISTS = {"driver": "root-partition/libvirt", "config": "root-partition/config", "client": "root-partition/client"}
LIST = re.compile(r"^(\w+) := ((?:.*\\\n)*.*)$", re.M)
PIECE = re.compile(r"(?:\.\./)?([\w-]+(?:/[\w-]+)+)(?=\s|$)", re.M)
INCLUDE = re.compile(r'^#include "([\w/-]+)\.h"', re.M)


def linked():
    """Files without their endings, from the top."""
    lists = dict(LIST.findall((FOLDER / "Makefile").read_text()))
    files = {f"{folder}/{name}" for key, folder in LISTS.items() for name in lists[key].replace("\\", "").split()}
    for piece in PIECE.findall(lists["pieces"]):
        files.add(piece if (TOP / f"{piece}.c").is_file() else f"root-partition/{piece}")
    return files


def missing(files):
    for file in sorted(files):
        source = TOP / f"{file}.c"
        if not source.is_file():
            yield f"root-partition/libvirt/Makefile: there is no {file}.c"
            continue
        for needed in INCLUDE.findall(source.read_text()):
            if (TOP / f"{needed}.c").is_file() and needed not in files:
                yield f"root-partition/libvirt/Makefile: {file}.c needs {needed}.c"


def main():
    with Tap() as tap:
        files = linked()
        assert len(files) > 25, files
        report(tap, "libvirt's driver is linked with what its files need", sorted(set(missing(files))))


if __name__ == "__main__":
    main()
