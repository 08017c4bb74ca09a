#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Names in Python: what a function uses is there, and each function of a file is used; else a check may never run, or end
in a NameError that nobody meets before. And names of tests: `./dev test NAME` runs all that have it."""
import ast
import builtins
import re
from collections import Counter

from lib.paths import TOP
from lib.sources import report, sources
from lib.tap import Tap

# Its functions are found by their names (tests/unit/README.md).
FOUND_BY_ITSELF = re.compile(r"tests/unit/\w+_test\.py$")
WORD = re.compile(r"\w+")
FUNCTIONS = (ast.FunctionDef, ast.ClassDef)
TEST = re.compile(r"tests/(?:(?:lint|boot|e2e|slow)/(\w+)\.py|(?:unit|fuzz)/(\w+_(?:test|fuzz))\.(?:c|py))$")


def bound(node):
    """The names that are given a meaning in this place, not those within its functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            yield child.name
            continue
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in child.names)
        elif isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load):
            yield child.id
        elif isinstance(child, ast.arg):
            yield child.arg
        elif isinstance(child, ast.ExceptHandler) and child.name:
            yield child.name
        elif isinstance(child, (ast.Global, ast.Nonlocal)):
            yield from child.names
        yield from bound(child)


def missing(node, known):
    """(line, name) of what is used in this place and has no meaning there."""
    for child in ast.iter_child_nodes(node):
        inside = known
        if isinstance(child, FUNCTIONS):
            inside = known | set(bound(child))
        elif isinstance(child, ast.Name) and child.id not in known:
            yield child.lineno, child.id
        yield from missing(child, inside)


def shared_names():
    """Those of tests of different levels."""
    tests = {}
    for path in sources(".py", ".c", below="tests"):
        if (match := TEST.fullmatch(str(path))):
            tests.setdefault(match[1] or match[2], []).append(str(path))
    assert len(tests) > 100, tests
    return [f"{' and '.join(paths)}: one name" for paths in tests.values() if len(paths) > 1]


def main():
    texts = {path: (TOP / path).read_text() for path in sources(".py")}
    words = Counter(word for text in texts.values() for word in WORD.findall(text))
    unknown, unused = [], []
    for path, text in texts.items():
        tree = ast.parse(text)
        known = set(bound(tree)) | set(dir(builtins)) | {"__file__"}
        unknown += [f"{path}:{line}: no {name} here" for line, name in missing(tree, known)]
        if FOUND_BY_ITSELF.match(str(path)):
            continue
        unused += [f"{path}:{node.lineno}: nobody names {node.name}" for node in tree.body
                   if isinstance(node, FUNCTIONS) and words[node.name] == 1]
    with Tap() as tap:
        report(tap, "every name that a script uses has a meaning there", unknown)
        report(tap, "every function of a script is named somewhere", unused)
        report(tap, "no two tests have one name", shared_names())


if __name__ == "__main__":
    main()
