#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every source says its license and purpose on top, and no file has two jobs."""
import re

from lib.paths import TOP
from lib.sources import report, sources
from lib.tap import Tap

CODE = (".c", ".h", ".S", ".def", ".asl", ".ld", ".py", ".sh", ".cmake", "CMakeLists.txt",
        "/dev", "Kbuild", "Makefile", "-init")
SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
COMMENT = re.compile(r'^\s*(/\*|\*|//|#|"""|@)')
LINES_MOST = 800


def head_faults(path, lines):
    """The license in the first two lines, then a comment that states the purpose."""
    if not any(SPDX in line for line in lines[:2]):
        yield f"{path}:1: no '{SPDX}'"
    elif not any(COMMENT.match(line) and SPDX not in line and not line.startswith("#!")
                 for line in lines[1:4]):
        yield f"{path}:2: no comment that states the file's purpose"


def main():
    heads, lengths = [], []
    for path in sources(*CODE):
        lines = (TOP / path).read_text().splitlines()
        heads += head_faults(path, lines)
        if len(lines) > LINES_MOST:
            lengths.append(f"{path}: {len(lines)} lines")
    with Tap() as tap:
        report(tap, "every source states its license and purpose", heads)
        report(tap, f"no source is longer than {LINES_MOST} lines", lengths)


if __name__ == "__main__":
    main()
