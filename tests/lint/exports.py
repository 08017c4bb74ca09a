#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A function that a file of hypervisor/ gives to others is declared in the header of the file's own name, and
somebody uses it. Handlers of hypercalls are excepted, for their table declares them; so is what the compiler
or boot.S alone calls."""
import re

from lib.paths import TOP
from lib.sources import report, sources
from lib.tap import Tap

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
DEFINITION = re.compile(r"^(?!static\b)[a-zA-Z_][\w \t*()]*?\b(\w+)\([^;{}]*\)\n\{", re.MULTILINE)
OTHERS_CALL = {"__stack_chk_fail", "main"}


def words(path):
    return re.findall(r"\w+", COMMENT.sub(" ", (TOP / path).read_text()))


def definitions():
    """(file, function) of all that is not static."""
    for path in sources(".c", below="hypervisor"):
        for name in DEFINITION.findall(COMMENT.sub(" ", (TOP / path).read_text())):
            if not name.startswith("hc_") and name not in OTHERS_CALL:
                yield str(path), name


def main():
    files = {str(path): words(path)
             for path in sources(".c", ".h", ".S", ".def") if not str(path).startswith("tests/")}
    misplaced, unused = [], []
    for path, name in definitions():
        header = path[:-1] + "h"
        if name not in files.get(header, ()):
            misplaced.append(f"{path}: {name}() is not declared in {header}")
        # Its declaration is one mention; a macro or an inline function may be another.
        if sum(body.count(name) for file, body in files.items() if file != path) < 2:
            unused.append(f"{path}: nothing but tests uses {name}()")
    with Tap() as tap:
        report(tap, "a function is declared in the header of its own file's name", misplaced)
        report(tap, "each of them is used", unused)


if __name__ == "__main__":
    main()
