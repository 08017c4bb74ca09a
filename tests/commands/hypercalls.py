#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints HYPERCALLS.md: the hypercalls as their table, kernel/guest/hypercalls.def, has them."""
import re
from pathlib import Path

KERNEL = Path(__file__).resolve().parents[2] / "hypervisor" / "kernel" / "guest"
ABI = KERNEL.parents[2] / "include" / "viridis" / "abi" / "hv_hypercall.h"
CODE = re.compile(r"^\tHVCALL_(\w+) = (0x[0-9a-f]{4}),", re.MULTILINE)
COMMENT = re.compile(r"/\* (.+) \*/")
TARGET = re.compile(r"^\tTARGET_(\w+), +/\* (.+) \*/$", re.MULTILINE)

HEAD = """\
# Hypercalls

Made by `./dev docs` from [kernel/guest/hypercalls.def](kernel/guest/hypercalls.def): edit that.

A rep call does one thing for each of its reps, whose elements follow the fixed part: "each" is one
element. Of a variable call it is a qword of the variable header, which follows the fixed part. The types
are those of [abi/hv_hypercall.h](../include/viridis/abi/hv_hypercall.h), privileges those of
[abi/hv_cpuid.h](../include/viridis/abi/hv_cpuid.h) (`HV_PRIVILEGE_`). The gate,
[kernel/guest/hypercall.c](kernel/guest/hypercall.c), checks shape, privilege, blocks and target before the handler
`hc_NAME` sees the call.
"""


def rows(text):
    """(comment, fields) of each line HC(...); the comment stands on the line above it."""
    above = ""
    for line in text.splitlines():
        if line.startswith("HC("):
            comment = COMMENT.fullmatch(above)
            fields = [field.strip() for field in line[3:].rstrip(")").split(",")]
            if not comment or len(fields) != 9:
                raise SystemExit(f"hypercalls.def: no comment above, or not 9 fields: {line}")
            yield comment[1], fields
        above = line


def block(fixed, each):
    """A block of input or output: its fixed part, and what each rep adds."""
    def plain(name):
        return f"`{re.sub('^(struct|union) ', '', name)}`"
    parts = [] if fixed == "none" else [plain(fixed)]
    return ", ".join(parts + ([] if each == "none" else [f"each {plain(each)}"])) or "-"


def table(head, lines):
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for line in lines:
        yield "| " + " | ".join(line) + " |"


def markdown():
    targets = TARGET.findall((KERNEL / "hypercall.h").read_text())
    codes = dict(CODE.findall(ABI.read_text()))
    calls = [(f"`{codes[code]}`", f"`{name}`", what, shape.lower(), target, privilege,
              block(given, rep_given), block(answer, rep_answer))
             for what, (code, name, shape, privilege, target, given, rep_given, answer, rep_answer)
             in rows((KERNEL / "hypercalls.def").read_text())]
    return "\n".join([HEAD, *table(("target", "whom the input names"), targets), "",
                      *table(("code", "name", "what it does", "shape", "target", "privilege",
                              "input", "output"), calls), ""])


if __name__ == "__main__":
    print(markdown(), end="")
