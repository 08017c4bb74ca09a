#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""README's guide has the commands that slow tests take from it: who rewords it sees what it no longer has here, and not from
a test that runs for an hour."""
import ast

from lib import guide
from lib.paths import TOP
from lib.sources import report
from lib.tap import Tap


def calls(path):
    """Of guide's two functions by their names, with the words that they are to find."""
    tree = ast.parse(path.read_text())
    taken = {alias.asname or alias.name: getattr(guide, alias.name) for node in ast.walk(tree)
             if isinstance(node, ast.ImportFrom) and node.module == "lib.guide" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in taken:
            yield taken[node.func.id], node.args[0].value


def check(paths):
    checked, faults = 0, []
    for path in paths:
        for function, words in calls(path):
            checked += 1
            try:
                function(words)
            except AssertionError as fault:
                faults.append(f"{path.relative_to(TOP)}: {fault}")
    assert checked > 5 or faults, checked
    return faults


def main():
    with Tap() as tap:
        report(tap, "README has the commands that tests take from it",
               check(sorted((TOP / "tests").rglob("*.py"))))


if __name__ == "__main__":
    main()
