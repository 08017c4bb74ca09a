# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest target:profiler
# Limit: 300
"""The profiler counts exactly: a loop of known length, round trips, the TSC, the hypervisor's own accounts."""
import json
import re

from lib.dev import dev
from lib.tap import Tap
from profiler.works import folder_of, phase_of, phases_of, run_tiny

LOOPS, ROUNDS = 1_000_000, 1000
EMPTY, NONE, FAULT = 1, 7, 8
ROUND_TRIPS = {"cpuid": (2, 4), "vmmcall": (3, 4), "rdmsr": (4, 4)}  # phase, instructions a turn
ACCOUNTS = re.compile(r"^# accounts (\w+) entries (\d+) hypervisor (\d+) guest (\d+)$", re.MULTILINE)
# The readings of the counters around a phase are the same code each time; a loop in it may differ by some turns.
READING_MOST = 100
# Between its two readings of the TSC the hypervisor enters and leaves: the guest's ticks hold that.
ENTRY_MOST = 400


def known_loop(phases):
    """Two instructions a turn and two around; nobody else's are among them."""
    phase = phase_of(phases, EMPTY)
    assert phase.operations == LOOPS, phase.operations
    assert phase.party_total("root") == 2 * LOOPS + 2, phase.party_total("root")
    assert phase.parties["root"]["profile_loop"].instructions == 2 * LOOPS + 2, phase.parties


def round_trips(phases):
    """An intercepted instruction is not the guest's: the hypervisor carries it out."""
    for name, (number, length) in ROUND_TRIPS.items():
        phase = phase_of(phases, number)
        assert phase.party_total("root") == (length - 1) * ROUNDS + 2, (name, phase.parties)
        assert sum(phase.exits.values()) == ROUNDS, (name, phase.exits)


def time_agrees(phases):
    """Under icount the TSC is a count of instructions: it agrees wherever the hypervisor read it."""
    for phase in phases:
        assert phase.unexplained == 0, (phase.number, phase.unexplained)
        if phase.number in (2, 3, 4, 5):
            assert phase.checked > 0.99 * phase.instructions, (phase.number, phase.checked)


def faults(phases):
    """What faults in the middle of a block is not counted, as the TSC does not."""
    phase = phase_of(phases, FAULT)
    assert phase.unexplained == 0, phase.unexplained
    assert phase.checked > 0.99 * phase.instructions, phase.checked
    assert phase.calls("root", "try_load32") == ROUNDS, phase.parties["root"]["try_load32"]
    # One of four instructions faults, another is where the guest goes on.
    assert phase.parties["root"]["try_load32"].instructions == ROUNDS, phase.party_total("root")


def accounts_agree(phases, console):
    accounts = {name: tuple(map(int, rest)) for name, *rest in ACCOUNTS.findall(console)}
    none, nothing = accounts["none"], phase_of(phases, NONE)
    for name, (number, _) in ROUND_TRIPS.items():
        phase = phase_of(phases, number)
        entries, hypervisor, guest = (now - before for now, before in zip(accounts[name], none))
        counted = phase.instructions - nothing.instructions
        assert entries == sum(phase.exits.values()), (name, entries)
        assert abs(hypervisor + guest - counted) <= READING_MOST, (name, hypervisor, guest, counted)
        inside = guest - (phase.party_total("root") - nothing.party_total("root"))
        assert 0 <= inside <= ENTRY_MOST * ROUNDS, (name, inside)


def signals(phases):
    phase = phase_of(phases, 6)
    assert [label.split(" ", 1)[1] for label in phase.exits] == ["call 005d"], phase.exits
    assert phase.party_total("hypervisor") > phase.party_total("root"), phase.parties


def command():
    """What `./dev profile` prints of the same run."""
    done = dev("profile", "exits", "signal", "--last", "--top", "3", "--by-exit")
    text = done.stdout.decode()
    assert done.returncode == 0 and "svm_enter" in text and "signal_event" in text, done
    done = dev("profile", "exits", "--last", "--json")
    found = json.loads(done.stdout)["exits"]["CPUID"]
    assert found["exits"]["root cpuid"]["count"] == 1, found
    for words, named in (([], "WORK"), (["frob"], "no work 'frob'"), (["exits", "--top", "0"], "--top 0")):
        done = dev("profile", *words)
        assert done.returncode == 2 and named in done.stderr.decode(), done


def main():
    with Tap() as tap:
        run_tiny()
        phases = phases_of("tiny")
        console = (folder_of("tiny") / "console.txt").read_text()
        tap.run("a loop of known length is counted exactly", known_loop, phases)
        tap.run("a round trip is the guest's few instructions and one exit", round_trips, phases)
        tap.run("the TSC agrees with the count", time_agrees, phases)
        tap.run("an instruction that faults is not counted", faults, phases)
        tap.run("the hypervisor's accounts agree with the count", accounts_agree, phases, console)
        tap.run("a signal is one exit until its handler", signals, phases)
        tap.run("./dev profile shows it, as text and JSON", command)


if __name__ == "__main__":
    main()
