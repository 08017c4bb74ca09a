#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A test that is run for each element of an array is run for all of them, where its number is written out by hand."""
import re

from lib.paths import TOP
from lib.sources import report, sources
from lib.tap import Tap

LOOP = re.compile(r"tcase_add_loop_test\(\s*\w+,\s*(\w+),\s*0,\s*(\w+)\s*\);")
# Comments, and what may hold a comma or a brace of its own.
NO_STRUCTURE = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'', re.DOTALL)
OPEN, CLOSE = "{([", "})]"


def elements(text):
    """How many stand between the brace that `text` begins with and its own."""
    depth, count, filled = 0, 0, False
    for letter in text:
        if letter in OPEN:
            filled |= depth > 0
            depth += 1
        elif letter in CLOSE:
            depth -= 1
            if depth == 0:
                return count + filled
        elif letter == "," and depth == 1:
            count, filled = count + 1, False
        elif not letter.isspace():
            filled = True
    return None


def number(text, word):
    """Of a loop test's end: digits, or a name that stands for some; else None."""
    if not word.isdigit():
        named = re.search(rf"^#define {word}\s+(\d+)u?$", text, re.MULTILINE)
        word = named[1] if named else ""
    return int(word) if word else None


def faults_of(path):
    text = (TOP / path).read_text()
    code = NO_STRUCTURE.sub(lambda match: re.sub(r"[^\n]", "x" if match[0][0] != "/" else " ", match[0]), text)
    for test, word in LOOP.findall(code):
        body = re.search(rf"START_TEST\({test}\)(.*?)\nEND_TEST", code, re.DOTALL)
        wanted = number(text, word)
        for array in sorted(set(re.findall(r"(\w+)\[_i\]", body[1]))) if body and wanted else ():
            # Its own, or else the file's; macros that stand for elements are not looked into.
            declared = re.compile(rf"\b{array}\[\](?:\[\w+\])* = ({{)")
            begin = declared.search(body[1]) or declared.search(code)
            found = elements(begin.string[begin.start(1):]) if begin else None
            if found is not None and found != wanted:
                yield f"{path}: {test} is run {wanted} times, and {array} has {found} elements"


def main():
    faults = [fault for path in sources("_test.c", below="tests") for fault in faults_of(path)]
    with Tap() as tap:
        report(tap, "a loop test is run for each of its cases", faults)


if __name__ == "__main__":
    main()
