# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of README's guide, for the tests that run them: so they cannot drift apart.

A block of them follows a heading or a line of text that has the given words in it, and is indented by four.
"""
import re

from lib.paths import TOP


def commands(words):
    """The lines of the first indented block behind a line with these words; comments and continuations dropped."""
    lines = iter((TOP / "README.md").read_text().splitlines())
    for line in lines:
        if words in line:
            break
    block = []
    for line in lines:
        if line.startswith("    "):
            block.append(line[4:])
        elif block:
            break
    assert block, f"README.md has no commands behind '{words}'"
    text = "\n".join(block).replace("\\\n", " ")
    found = [line.split("  #")[0].strip() for line in text.splitlines()]
    return [line for line in found if line and not line.startswith("#")]


def command(words):
    """The one command that a row of a table gives, whose first cell has these words."""
    return re.search(rf"^[|] {words} [|] `([^`]+)`", (TOP / "README.md").read_text(), re.MULTILINE)[1]
