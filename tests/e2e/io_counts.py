# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd target:bench target:tiny_guest target:profiler
# Limit: 1200
"""What a read of 4 KiB costs in exits, signals and system calls, one at a time and 32 at a time. Counts do not depend
on the machine; the limits leave room, and are for what goes wrong by a whole step."""
from lib.tap import Tap
from profiler.works import READ_1, READ_32, phase_of, phases_of, run_machine

READS_LEAST = 100
EXITS_MOST, SIGNALS_MOST, SYSTEM_CALLS_MOST = 4, 1.2, 8
SIGNALS = {"child": "call 005d", "root": "call 00c0"}  # the child's requests, the provider's answers


def per_read(phase, count):
    assert phase.operations >= READS_LEAST, phase.operations
    return count / phase.operations


def exits(phase):
    value = per_read(phase, sum(phase.exits.values()))
    assert value <= EXITS_MOST, (value, phase.exits)


def signals(phase):
    for who, call in SIGNALS.items():
        value = per_read(phase, sum(count for label, count in phase.exits.items()
                                    if label.startswith(who) and label.endswith(call)))
        assert 0 < value <= SIGNALS_MOST, (who, value)


def system_calls(phase):
    """Those of the provider: it takes part in each read."""
    value = per_read(phase, phase.tasks["viridis-storage"]["entry_SYSCALL_64"].calls)
    assert 0 < value <= SYSTEM_CALLS_MOST, value


def agrees(phase):
    """The TSC does, but for a fault at the end of a block now and then."""
    assert abs(phase.unexplained) * 100_000 <= phase.instructions, phase.unexplained


def main():
    with Tap() as tap:
        run_machine("disk", ["read1", "read32"])
        phases = phases_of("disk")
        for depth, number in ((1, READ_1), (32, READ_32)):
            phase = phase_of(phases, number)
            for check in (exits, signals, system_calls, agrees):
                tap.run(f"depth {depth}: {check.__name__.replace('_', ' ')}", check, phase)


if __name__ == "__main__":
    main()
