# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of README's guide, for the tests that run them: so they cannot drift apart.

A block of them is indented by four, and is found by what one of its lines begins with; so its text may be reworded.
`./dev lint` holds that each is there.
"""
import re

from lib.paths import TOP


def blocks(text):
    """Of commands: lists of lines, comments and continuations dropped."""
    found = []
    for block in re.findall(r"(?:^    .*\n)+", text, re.MULTILINE):
        lines = re.sub(r"^    ", "", block, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
        lines = [line.split("  #")[0].strip() for line in lines]
        found.append([line for line in lines if line and not line.startswith("#")])
    return found


def commands(start):
    """The lines of the block in which one begins with these words."""
    found = [block for block in blocks((TOP / "README.md").read_text())
             if any(line.startswith(start) for line in block)]
    assert len(found) == 1, f"README.md has {len(found)} blocks of commands with '{start}'"
    return found[0]


def command(start):
    """The one command within a line of text or a table that begins with these words."""
    found = re.findall(rf"`({re.escape(start)}[^`]*)`", (TOP / "README.md").read_text())
    assert len(found) == 1, f"README.md has {len(found)} commands '{start}' in its text"
    return found[0]
