# SPDX-License-Identifier: GPL-2.0-or-later
"""A phase as a table for people."""
import re

from commands.hypercalls import ABI, CODE, KERNEL
from lib.paths import TOP

MSR = re.compile(r"^#define\s+HV_MSR_(\w+)\s+(0x[0-9a-f]{8})u?\b", re.MULTILINE)
CALL = re.compile(r"^HC\((\w+), (\w+)", re.MULTILINE)
HV_MSR_H = TOP / "include/viridis/abi/hv_msr.h"


def _call_names():
    """Of the table that the hypervisor's gate is compiled from."""
    codes = dict(CODE.findall(ABI.read_text()))
    return {int(codes[constant], 16): name
            for constant, name in CALL.findall((KERNEL / "hypercalls.def").read_text())}


def _msr_names():
    return {int(value, 16): name.lower() for name, value in MSR.findall(HV_MSR_H.read_text())}


def exit_name(label, names={}):  # the default is the cache
    """The label with the MSR's or the hypercall's name behind its number."""
    if not names:
        names |= {"msr": _msr_names(), "call": _call_names()}
    words = label.split(" ")
    if len(words) == 3 and words[1] in ("rdmsr", "wrmsr", "call"):
        table = names["call" if words[1] == "call" else "msr"]
        name = table.get(int(words[2], 16))
        return f"{label} {name}" if name else label
    return label


def _number(value):
    return f"{value:,.1f}" if value >= 10 else f"{value:,.3f}"


def _functions(functions, operations, total, top):
    rows = sorted(functions.items(), key=lambda item: -item[1].instructions)
    for name, function in rows[:top]:
        calls = f"{_number(function.calls / operations):>14}" if function.calls else ""
        yield (f"    {name[:46]:<46}{_number(function.instructions / operations):>14}"
               f"{function.instructions / total:>8.1%}{calls}")
    if rest := sum(function.instructions for _, function in rows[top:]):
        yield (f"    {f'... and {len(rows) - top} more':<46}{_number(rest / operations):>14}"
               f"{rest / total:>8.1%}")


def _exits(phase, operations, top):
    if not phase.exits:
        return
    count = sum(phase.exits.values())
    yield f"\n  {'exits':<48}{'an operation':>14}{'insns each':>20}"
    yield f"  {'all':<48}{count / operations:>14,.3f}"
    rows = sorted(phase.exits.items(), key=lambda item: -item[1])
    for label, number in rows[:top]:
        spent = sum(f.instructions for f in phase.exit_functions[label].values())
        yield (f"    {exit_name(label)[:46]:<46}{number / operations:>14,.3f}"
               f"{spent / number:>20,.1f}")
    if rest := sum(number for _, number in rows[top:]):
        yield f"    {f'... and {len(rows) - top} more':<46}{rest / operations:>14,.3f}"


def by_exit(phase, top):
    """For each kind of exit the hypervisor's functions, until the next entry."""
    for label, count in sorted(phase.exits.items(), key=lambda item: -item[1]):
        functions = phase.exit_functions[label]
        total = sum(f.instructions for f in functions.values()) or 1
        yield f"\n  {exit_name(label)}: {count:,} exits, {total / count:,.1f} instructions each"
        yield from _functions(functions, count, total, top)


def by_task(phase, top):
    """For each task the root's kernel's functions on its account."""
    rows = {task: sum(f.instructions for f in functions.values())
            for task, functions in phase.tasks.items()}
    operations = phase.operations or 1
    for task, total in sorted(rows.items(), key=lambda item: -item[1]):
        yield f"\n  root kernel for {task or '?'}: {_number(total / operations)} instructions"
        yield from _functions(phase.tasks[task], operations, total or 1, top)


def table(title, phase, top):
    """The lines."""
    operations = phase.operations or 1
    total = phase.instructions or 1
    yield (f"\n{title}: {phase.operations:,} operations, "
           f"{_number(phase.instructions / operations)} instructions each")
    if phase.idle:
        yield f"  and {_number(phase.idle / operations)} ns in which the CPU stood still"
    yield f"\n  {'party, function':<48}{'instructions':>14}{'share':>8}{'calls':>14}"
    for party in sorted(phase.parties, key=lambda party: -phase.party_total(party)):
        spent = phase.party_total(party)
        yield f"  {party:<48}{_number(spent / operations):>14}{spent / total:>8.1%}"
        yield from _functions(phase.parties[party], operations, total, top)
    yield from _exits(phase, operations, top)
