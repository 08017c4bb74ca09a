# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd target:bench target:tiny_guest target:profiler
# Limit: 1800
"""What a read costs in exits, signals and system calls, one at a time and several at a time: many at once go in batches
(D15), and one at a time is not held up for others. The same of what a child sends and receives by TCP. Counts do
not depend on the machine; the limits leave room, and are for what goes wrong by a whole step."""
from lib.tap import Tap
from profiler.works import phase_of, phases_of, run_machine, WORKS

OPERATIONS_LEAST = 100
PROVIDERS = {"disk": "viridis-storage", "net": "viridis-net"}
SIGNALS = {"child": "call 005d", "root": "call 00c0"}  # the child's requests, the provider's answers
TURNS_MOST = {"read1": 2.6}  # of the hypervisor's loop: the child's signal comes without one
LOOKUPS_MOST, ONE_PAGE = 0.1, ("read1", "read4", "read32")  # pages in a row are not looked up
MOST = {  # of exits, of signals each way, of the provider's system calls
    "read1": (4, 1.2, 2.2),
    "read4": (1.5, 0.5, 2),
    "read32": (0.5, 0.1, 1),
    "read128k": (4, 1.2, 2.2),
    "read128k8": (1, 0.3, 2),
    "send": (1.6, 0.5, 3.2),
    "receive": (1.6, 0.5, 1.8),
    "bounce": (4.6, 1.2, 4.4),
}
# Of the root's tasks: who waits for a guest that answers soon gives its CPU to no other, and is not woken.
SWITCHES_MOST = {"read1": 0.2, "read128k": 0.2, "bounce": 2.6}
# Of pressure, brought up to date: those of the machine alone, at each wake-up, switch and end.
ACCOUNTS_MOST = {"read1": 0.5, "bounce": 6.5}
# Instructions of all but the guest's.
HOST_MOST = {"read1": 12_500, "read32": 5_500, "bounce": 40_000}


def per_operation(phase, count):
    assert phase.operations >= OPERATIONS_LEAST, phase.operations
    return count / phase.operations


def exits(phase, work):
    value = per_operation(phase, sum(phase.exits.values()))
    assert value <= MOST[work][0], (value, phase.exits)


def signals(phase, work):
    for who, call in SIGNALS.items():
        value = per_operation(phase, sum(count for label, count in phase.exits.items()
                                    if label.startswith(who) and label.endswith(call)))
        assert 0 < value <= MOST[work][1], (who, value)


def turns(phase, work):
    value = per_operation(phase, phase.calls("hypervisor", "svm_run"))
    assert 0 < value <= TURNS_MOST.get(work, MOST[work][0]), value


def system_calls(phase, work):
    """Those of the provider: it takes part in each operation."""
    provider = PROVIDERS[WORKS[work].machine]
    value = per_operation(phase, phase.tasks[provider]["entry_SYSCALL_64"].calls)
    assert 0 < value <= MOST[work][2], value


def lookups(phase, work):
    """Of the guest's pages by the root's kernel, which holds them all from the beginning."""
    functions = phase.tasks[PROVIDERS[WORKS[work].machine]]
    value = per_operation(phase, functions["internal_get_user_pages_fast"].calls)
    assert value <= LOOKUPS_MOST, value


def switches(phase, work):
    value = per_operation(phase, sum(functions["__switch_to"].calls for functions in phase.tasks.values()
                                     if "__switch_to" in functions))
    assert value <= SWITCHES_MOST[work], value


def host(phase, work):
    """What it costs beside the guest's own part, which is its kernel's."""
    value = per_operation(phase, phase.instructions - phase.party_total("child"))
    assert 0 < value <= HOST_MOST[work], value


def accounts(phase, work):
    """None are kept of the VM's control group and the one above, which would be three times as many."""
    value = per_operation(phase, sum(functions["record_times"].calls for functions in phase.tasks.values()
                                     if "record_times" in functions))
    assert 0 < value <= ACCOUNTS_MOST[work], value


def agrees(phase, _work):
    """The TSC does, but for a fault at the end of a block now and then."""
    assert abs(phase.unexplained) * 100_000 <= phase.instructions, phase.unexplained


def main():
    with Tap() as tap:
        phases = {}
        for machine in PROVIDERS:
            run_machine(machine, [work for work in MOST if WORKS[work].machine == machine])
            phases[machine] = phases_of(machine)
        for work in MOST:
            (number, title), = WORKS[work].phases.items()
            phase = phase_of(phases[WORKS[work].machine], number)
            print(f"# {title}: {phase.instructions / phase.operations:.0f} instructions,"
                  f" {sum(phase.exits.values()) / phase.operations:.2f} exits")
            checks = [exits, signals, turns, system_calls, agrees]
            checks += [lookups] * (work in ONE_PAGE) + [accounts] * (work in ACCOUNTS_MOST)
            checks += [switches] * (work in SWITCHES_MOST) + [host] * (work in HOST_MOST)
            for check in checks:
                tap.run(f"{title}: {check.__name__.replace('_', ' ')}", check, phase, work)


if __name__ == "__main__":
    main()
