# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root qemu-disk pc-guest-initrd target:bench target:tiny_guest target:profiler
# Limit: 1800
"""What stock QEMU's guest costs, in instructions and exits: a port that QEMU answers for, by IN and by REP INSW, and blocks of
its virtio disk. Counts do not depend on the machine. What an IN costs in all is held to KVM's figure; the other limits
leave room, and are for what goes wrong by a whole step."""
from bench.anchors import FIGURES
from lib.tap import Tap
from profiler.works import WORKS, phase_of, phases_of, run_machine

MACHINE = "qemu"
OPERATIONS_LEAST = 90
KVM = {figure.name: figure.kvm for figure in FIGURES}
# The hypervisor's instructions and those of the root's kernel that an operation may cost, and its exits. QEMU's ppoll() sets the
# root's timer 0.25 to 1.3 times a read at depth 1, by the run, which is 720 of the hypervisor's each time.
MOST = {
    "qemu-port": (2_150, 1_960, 2.05),
    "qemu-sector": (10_000, 290_000, 3.05),
    "qemu-read1": (7_100, 29_500, 4.3),
    "qemu-read32": (300, 6_500, 0.3),
}
# These come by the clock: the longer an operation takes, the more of them.
BY_CLOCK = (" interrupt", " wrmsr 400000b1")
# In all, no more than KVM takes.
KVM_OF = {"qemu-port": "qemu-port-read", "qemu-read32": "qemu-virtio-4k-depth-32"}


def per_operation(phase, count):
    assert phase.operations >= OPERATIONS_LEAST, phase.operations
    return count / phase.operations


def hypervisor(phase, work):
    value = per_operation(phase, phase.party_total("hypervisor"))
    assert 0 < value <= MOST[work][0], value


def root_kernel(phase, work):
    value = per_operation(phase, phase.party_total("root kernel"))
    assert 0 < value <= MOST[work][1], value


def exits(phase, work):
    counts = {label: count for label, count in phase.exits.items() if not label.endswith(BY_CLOCK)}
    value = per_operation(phase, sum(counts.values()))
    assert 0 < value <= MOST[work][2], (value, phase.exits)


def no_more_than_kvm(phase, work):
    value = per_operation(phase, phase.instructions)
    assert value <= KVM[KVM_OF[work]], value


def main():
    with Tap() as tap:
        run_machine(MACHINE, MOST)
        phases = phases_of(MACHINE)
        for work in MOST:
            (number, title), = WORKS[work].phases.items()
            phase = phase_of(phases, number)
            print(f"# {title}: {phase.instructions / phase.operations:.0f} instructions,"
                  f" {phase.party_total('hypervisor') / phase.operations:.0f} of the hypervisor,"
                  f" {phase.party_total('root kernel') / phase.operations:.0f} of the root's kernel,"
                  f" {sum(phase.exits.values()) / phase.operations:.2f} exits")
            for check in (hypervisor, root_kernel, exits):
                tap.run(f"{title}: {check.__name__.replace('_', ' ')}", check, phase, work)
            if work in KVM_OF:
                tap.run(f"{title}: no more than KVM", no_more_than_kvm, phase, work)


if __name__ == "__main__":
    main()
