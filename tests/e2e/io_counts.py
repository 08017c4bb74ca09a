# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd target:bench target:tiny_guest target:profiler
# Limit: 1200
"""What a read costs in exits, signals and system calls, one at a time and several at a time: many at once go in batches
(D15), and one at a time is not held up for others. Counts do not depend on the machine; the limits leave room, and
are for what goes wrong by a whole step."""
from lib.tap import Tap
from profiler.works import phase_of, phases_of, run_machine, WORKS

READS_LEAST = 100
SYSTEM_CALLS_MOST = 8
SIGNALS = {"child": "call 005d", "root": "call 00c0"}  # the child's requests, the provider's answers
MOST = {  # of exits and of signals each way
    "read1": (4, 1.2),
    "read4": (1.5, 0.5),
    "read32": (0.5, 0.1),
    "read128k": (4, 1.2),
    "read128k8": (1, 0.3),
}


def per_read(phase, count):
    assert phase.operations >= READS_LEAST, phase.operations
    return count / phase.operations


def exits(phase, work):
    value = per_read(phase, sum(phase.exits.values()))
    assert value <= MOST[work][0], (value, phase.exits)


def signals(phase, work):
    for who, call in SIGNALS.items():
        value = per_read(phase, sum(count for label, count in phase.exits.items()
                                    if label.startswith(who) and label.endswith(call)))
        assert 0 < value <= MOST[work][1], (who, value)


def system_calls(phase, _work):
    """Those of the provider: it takes part in each read."""
    value = per_read(phase, phase.tasks["viridis-storage"]["entry_SYSCALL_64"].calls)
    assert 0 < value <= SYSTEM_CALLS_MOST, value


def agrees(phase, _work):
    """The TSC does, but for a fault at the end of a block now and then."""
    assert abs(phase.unexplained) * 100_000 <= phase.instructions, phase.unexplained


def main():
    with Tap() as tap:
        run_machine("disk", list(MOST))
        phases = phases_of("disk")
        for work in MOST:
            (number, title), = WORKS[work].phases.items()
            phase = phase_of(phases, number)
            print(f"# {title}: {phase.instructions / phase.operations:.0f} instructions,"
                  f" {sum(phase.exits.values()) / phase.operations:.2f} exits")
            for check in (exits, signals, system_calls, agrees):
                tap.run(f"{title}: {check.__name__.replace('_', ' ')}", check, phase, work)


if __name__ == "__main__":
    main()
