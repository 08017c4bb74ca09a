#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every source says its license and purpose on top, and no file has two jobs; every folder is explained by a README, whose
table of files has them all, and what it names or links to is there. Nothing else has slipped in."""
import re
from pathlib import PurePath

from lib.paths import TOP
from lib.sources import all_names, report, sources
from lib.tap import Tap

CODE = (".c", ".h", ".S", ".def", ".asl", ".ld", ".py", ".sh", ".cmake", "CMakeLists.txt",
        "/dev", "Kbuild", "Makefile", "-init")
SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
COMMENT = re.compile(r'^\s*(/\*|\*|//|#|"""|@)')
LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")
HEADING = re.compile(r"^#+ (.*)", re.MULTILINE)
# A file of ours that a line names; NAME stands for a reader's choice.
NAMED = re.compile(r"(?<![\w/])(?:tests|hypervisor|root-partition|vmbus|vsp|vsc)/[\w/.-]+"
                   r"\.(?:c|h|S|py|sh|def|md)\b")
LINES_MOST = 800


def head_faults(path, lines):
    """The license in the first two lines, then a comment that states the purpose."""
    if not any(SPDX in line for line in lines[:2]):
        yield f"{path}:1: no '{SPDX}'"
    elif not any(COMMENT.match(line) and SPDX not in line and not line.startswith("#!")
                 for line in lines[1:4]):
        yield f"{path}:2: no comment that states the file's purpose"


def is_explained(folder):
    """By a README of its own, or by the nearest one above it, which names the way from there: one that
    only repeated it would say nothing."""
    if (TOP / folder / "README.md").is_file():
        return True
    for above in folder.parents:
        readme = TOP / above / "README.md"
        if readme.is_file():
            way = folder.relative_to(above).parts
            text = readme.read_text()
            return any(f"{'/'.join(way[:length])}/" in text
                       for length in range(len(way), 0, -1))
    return False


def folder_faults():
    folders = {PurePath(path).parent for path in sources("")}
    return [f"{folder}: no README.md, and the one above does not name it"
            for folder in sorted(folders) if not is_explained(folder)]


# What is listed where a README has a table of its folder's files.
LISTED = (".c", ".S", ".sh", ".py", ".asl")


def table_faults():
    for path in sources(*LISTED):
        readme = TOP / path.parent / "README.md"
        text = readme.read_text() if readme.is_file() else ""
        if re.search(r"^\| files? \|", text, re.MULTILINE) and path.name != "__init__.py" \
                and not re.search(rf"(?<!\w){re.escape(path.stem)}(?!\w)", text):
            yield f"{path}: {readme.relative_to(TOP)} has a table of files without it"


def anchors(document):
    """The headings as links name them: small letters and digits, dashes for spaces."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in HEADING.findall(document.read_text())}


def link_faults(path):
    for number, line in enumerate((TOP / path).read_text().splitlines(), start=1):
        for target, anchor in LINK.findall(line):
            file = (TOP / path).parent / target if target else TOP / path
            if not file.exists():
                yield f"{path}:{number}: there is no {target}"
            elif anchor and anchor not in anchors(file):
                yield f"{path}:{number}: {target or path} has no heading #{anchor}"


def named_faults(path, lines):
    for number, line in enumerate(lines, start=1):
        for name in NAMED.findall(line):
            if not (TOP / name).exists() and "NAME" not in name:
                yield f"{path}:{number}: there is no {name}"


# Inputs of fuzz targets are the only files that are no text.
CORPUS = "tests/fuzz/corpus/"


def stray_faults():
    """What programs leave where they ran, and `git add` takes in with the rest."""
    return [f"{name}: no text, and no input of a fuzz target" for name in all_names("")
            if name and not name.startswith(CORPUS) and (TOP / name).is_file()
            and b"\0" in (TOP / name).read_bytes()]


def main():
    heads, lengths, links, named = [], [], [], []
    for path in sources(*CODE):
        lines = (TOP / path).read_text().splitlines()
        heads += head_faults(path, lines)
        named += named_faults(path, lines)
        if len(lines) > LINES_MOST:
            lengths.append(f"{path}: {len(lines)} lines")
    for path in sources(".md"):
        links += link_faults(path)
        named += named_faults(path, (TOP / path).read_text().splitlines())
    with Tap() as tap:
        report(tap, "every source states its license and purpose", heads)
        report(tap, f"no source is longer than {LINES_MOST} lines", lengths)
        report(tap, "every folder is explained by a README", folder_faults())
        report(tap, "a README's table of files has all of them", list(table_faults()))
        report(tap, "what is no text is a fuzz target's input", stray_faults())
        report(tap, "links in documents lead somewhere", links)
        report(tap, "files that code and documents name are there", named)


if __name__ == "__main__":
    main()
