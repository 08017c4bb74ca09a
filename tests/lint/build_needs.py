#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the build asks for by name, a library of pkg-config's or a program, comes in a package that image/packages.sh lists.
One that only another package happens to bring along is there on the developer's machine, and missing on the next."""
import re
import subprocess

from lib.paths import TOP
from lib.sources import report, sources
from lib.tap import Tap

LIST = "root-partition/image/packages.sh"
ARRAY = re.compile(r"^(?:packages=|[\w*]+\) packages\+=)\((.*?)\)$", re.M | re.S)
MODULES = re.compile(r"pkg_check_modules\(\w+ ([^)]*)\)")
KEYWORDS = {"REQUIRED", "IMPORTED_TARGET"}
PROGRAM = re.compile(r"find_program\(\w+ ([\w-]+)")
COMMENT = re.compile(r"(?<!\$)#.*")
EXACT = re.compile(r"([\w.+-]+)(?::\w+)? \(= ")


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def listed():
    text = COMMENT.sub("", (TOP / LIST).read_text())
    return {package for array in ARRAY.findall(text) for package in array.split()}


def with_parts(packages):
    """And what these need in their own version alone: a part of the same source, as libglib2.0-dev has one from Debian 13 on."""
    # It fails for those of the list that are not of this release.
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Depends}, ", *sorted(packages)], capture_output=True, text=True)
    return packages | set(EXACT.findall(done.stdout))


def file_of(kind, name):
    if kind == "program":
        return output("sh", "-c", 'command -v "$0"', name)
    folder = output("pkg-config", "--variable=pcfiledir", name)
    return f"{folder}/{name}.pc" if folder else ""


def needs():
    """(kind, name) and the first file that asks for it."""
    asked = {}
    for path in sources("CMakeLists.txt", ".cmake"):
        text = COMMENT.sub("", (TOP / path).read_text())
        for modules in MODULES.findall(text):
            for name in sorted(set(modules.split()) - KEYWORDS):
                asked.setdefault(("library", name), path)
        for name in PROGRAM.findall(text):
            asked.setdefault(("program", name), path)
    return asked


def missing(asked, packages):
    for (kind, name), path in asked.items():
        file = file_of(kind, name)
        owners = re.findall(r"^([\w.+-]+)(?::\w+)?:", output("dpkg", "-S", file), re.M) if file else []
        if not packages.intersection(owners):
            yield f"{path}: {kind} {name}: {' '.join(owners) or 'no package here'}, which {LIST} does not list"


def main():
    asked, packages = needs(), listed()
    with Tap() as tap:
        assert len(asked) > 5 and len(packages) > 40, (asked, packages)
        report(tap, "each library and program that the build asks for is in a listed package",
               sorted(missing(asked, with_parts(packages))))


if __name__ == "__main__":
    main()
