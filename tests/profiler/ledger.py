# SPDX-License-Identifier: GPL-2.0-or-later
"""What the plugin wrote, with functions in place of addresses. ledger.h has the format."""
from collections import defaultdict
from dataclasses import dataclass, field

KERNEL_HALF = 1 << 63


@dataclass
class Function:
    instructions: int = 0
    calls: int = 0


@dataclass
class Phase:
    number: int
    operations: int
    instructions: int
    idle: int
    unexplained: int
    checked: int
    # Party to function to its counts.
    parties: dict = field(default_factory=lambda: defaultdict(lambda: defaultdict(Function)))
    # Exit to how often, and to the hypervisor's functions until the next entry.
    exits: dict = field(default_factory=dict)
    exit_functions: dict = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Function)))
    # Task to the root's kernel's functions on its account.
    tasks: dict = field(default_factory=lambda: defaultdict(lambda: defaultdict(Function)))

    def nanoseconds(self):
        """Virtual time: an instruction is one, and the CPU stood still for the others."""
        return self.instructions + self.idle

    def party_total(self, party):
        return sum(function.instructions for function in self.parties[party].values())

    def calls(self, party, function):
        found = self.parties.get(party, {}).get(function)
        return found.calls if found else 0


class Resolver:
    """Which function an address of a party is in. Each symbol table may be missing."""

    def __init__(self, hypervisor=None, root=None, child=None, processes=None):
        self.hypervisor, self.root, self.child = hypervisor, root, child
        self.processes = processes

    def party(self, kind, partition, label, address):
        if kind == "child":
            return f"child {partition}" if partition > 1 else "child"
        if kind == "root" and self.processes:
            return "root kernel" if address >= KERNEL_HALF else f"root: {label or '?'}"
        return kind

    def function(self, kind, label, address):
        table = {"hypervisor": self.hypervisor, "root": self.root, "child": self.child}.get(kind)
        if kind == "root" and self.processes and address < KERNEL_HALF:
            found = self.processes.find(label, address)
        else:
            found = table.find(address) if table else None
        return found or ("?", False)


def add(functions, name, instructions, calls):
    functions[name].instructions += instructions
    functions[name].calls += calls


def _add_cell(phase, resolver, context, address, entries, instructions):
    kind, partition, label = context
    name, first = resolver.function(kind, label, address)
    party = resolver.party(kind, partition, label, address)
    calls = entries if first else 0
    add(phase.parties[party], name, instructions, calls)
    if kind == "hypervisor":
        add(phase.exit_functions[label or "entry"], name, instructions, calls)
    if party == "root kernel":
        add(phase.tasks[label], name, instructions, calls)


def _add_cells(phase, resolver, cells, blocks):
    """A block of the hypervisor's that was never left early goes to each instruction's function."""
    addresses = [start + offset for (start, _), offsets in blocks.items() for offset in offsets]
    if resolver.hypervisor:
        resolver.hypervisor.learn(addresses)
    for context, address, length, entries, instructions in cells:
        offsets = blocks.get((address, length))
        if offsets and instructions == entries * length:
            for offset in offsets:
                _add_cell(phase, resolver, context, address + offset,
                          0 if offset else entries, entries)
        else:
            _add_cell(phase, resolver, context, address, entries, instructions)


def read(text, resolver):
    """The phases in their order; each is complete or not there."""
    phases, phase, contexts, cells, blocks = [], None, {}, [], {}
    for line in text.splitlines():
        word, *rest = line.split(" ")
        if word == "phase":
            phase, contexts, cells, blocks = Phase(*map(int, rest)), {}, [], {}
        elif word == "context":
            label = " ".join(rest[4:])
            contexts[rest[0]] = rest[1], int(rest[2]), label
            if rest[1] == "hypervisor" and int(rest[3]):
                phase.exits[label] = int(rest[3])
        elif word == "cell":
            cells.append((contexts[rest[0]], int(rest[1], 16), *map(int, rest[2:])))
        elif word == "block":
            blocks[int(rest[0], 16), int(rest[1])] = [int(offset) for offset in rest[2:]]
        elif word == "end":
            _add_cells(phase, resolver, cells, blocks)
            phases.append(phase)
    return phases


def notes(text):
    """WORD to value of the lines outside of phases."""
    return {word: int(value, 16) for word, value in
            (line.split() for line in text.splitlines() if line.startswith("text-"))}


def _scaled(functions, operations):
    return {name: {"instructions": f.instructions / operations, "calls": f.calls / operations}
            for name, f in sorted(functions.items(), key=lambda i: -i[1].instructions)}


def as_json(phase):
    """All of it, per operation."""
    operations = phase.operations or 1
    return {
        "operations": phase.operations,
        "instructions": phase.instructions / operations,
        "idle-ticks": phase.idle / operations,
        "unexplained-ticks": phase.unexplained,
        "parties": {party: {"instructions": phase.party_total(party) / operations,
                            "functions": _scaled(functions, operations)}
                    for party, functions in phase.parties.items()},
        "exits": {label: {"count": count / operations,
                          "functions": _scaled(phase.exit_functions[label], operations)}
                  for label, count in phase.exits.items()},
        "kernel-of-task": {task: _scaled(functions, operations)
                           for task, functions in phase.tasks.items()},
    }
