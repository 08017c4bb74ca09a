# SPDX-License-Identifier: GPL-2.0-or-later
"""From the lines of disk_reader and root_watch to figures."""
import json
import re

PHASE = re.compile(r"^phase (\S+) (\d+) (\d+) (\d+)$", re.MULTILINE)
MARK = re.compile(r"^mark (\d+) (\d+) (\{.*\})$", re.MULTILINE)
BEGIN, END, INIT = 1, 2, 3


def operations(text):
    """Phase name to how many operations it made."""
    return {name: int(count) for name, count, _, _ in PHASE.findall(text)}


def from_phases(text):
    """Instructions per 4 KiB read; MB per virtual second of the larger ones. Of the network
    Mbit per virtual second, and bytes there and back."""
    figures = {}
    for name, count, size, ns in PHASE.findall(text):
        count, size, ns = int(count), int(size), int(ns)
        if count:
            if name == "net-bounce":
                figures[name] = count * 1e9 / ns
            elif name.startswith("net-"):
                figures[name] = size * 8000 / ns
            else:
                figures[name] = ns / count if "-4k-" in name or name.startswith("port-") else size * 1000 / ns
    return {name: round(value, 1) for name, value in figures.items()}


def difference(before, after):
    """Of every counter, summed over the VPs or CPUs of each list."""
    sums = {}
    for owner, now in after.items():
        earlier = before.get(owner, [])
        totals = {}
        for index, counters in enumerate(now):
            old = earlier[index] if index < len(earlier) else {}
            for name, value in counters.items():
                totals[name] = totals.get(name, 0) + value - old.get(name, 0)
        sums[owner] = totals
    return sums


def per_operation(counters, count):
    """Exits, and instructions by who executed them; ticks are instructions here."""
    cpus = counters["cpus"]
    parts = {"exits": sum(counters[owner]["entries"] for owner in ("root", "child"))}
    for owner in ("child", "root"):
        parts[f"exits of the {owner}"] = counters[owner]["entries"]
        for name, value in counters[owner].items():
            if name.startswith("exit-") and value >= count / 100:
                parts[f"  {owner}: {name.removeprefix('exit-')}"] = value
    for owner in ("child", "root"):
        parts[f"insns in the {owner}"] = counters[owner]["guest-ticks"]
    parts["insns in the hypervisor"] = cpus["hypervisor-ticks"]
    parts["idle"] = cpus["idle-ticks"]
    return {name: round(value / count, 3) for name, value in parts.items()}


def from_marks(text, child):
    """The phases come in their order, a pair of marks each."""
    marks = [(int(kind), int(ns), json.loads(counters))
             for kind, ns, counters in MARK.findall(text)]
    counts = operations(child)
    begins = [counters for kind, _, counters in marks if kind == BEGIN]
    ends = [counters for kind, _, counters in marks if kind == END]
    result = {"figures": {}, "per-operation": {}, "counters": {}}
    for (name, count), before, after in zip(counts.items(), begins, ends):
        counters = difference(before, after)
        result["counters"][name] = counters
        # The idle phase: the machine's own exits in the time of a phase.
        parts = per_operation(counters, count or 1)
        result["per-operation"][name] = parts
        if "-4k-" in name:
            result["figures"][name.replace("read", "exits", 1)] = parts["exits"]
    for kind, ns, _ in marks:
        if kind == INIT:
            result["figures"]["create-to-init"] = round((ns - marks[0][1]) / 1e9, 3)
    return result
