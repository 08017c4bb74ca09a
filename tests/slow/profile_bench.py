# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root bench-disk target:tiny_guest target:profiler
# Limit: 3600
"""`./dev profile bench-DEVICE-JOB`: jobs of fio and iperf3 under the profiler, as `viridis bench` runs them, on synthetic devices
and on one of QEMU's; whose the instructions are, by name. With names of works behind it, those alone."""
import sys

from lib.tap import Tap
from profiler.works import MEASUREMENT, phase_of, phases_of, run_machine

KERNEL = "root kernel"
# By work: how many operations a quarter of a second has at least, what one may cost, who takes part in it, and whose functions
# are among those that are named. What it costs is known from the report; the marks themselves are some hundredths of it.
WORKS = {
    "bench-synthetic-randread-4k-32": (8_000, (15_000, 26_000), ("hypervisor", "root: viridis-storage"), "io_submit_sqes"),
    "bench-synthetic-send": (1_500, (95_000, 165_000), ("hypervisor", "root: viridis-net", "root: iperf3"), "tcp_v4_rcv"),
    "bench-virtio-randread-4k-32": (2_000, (60_000, 110_000), ("hypervisor", "root: qemu-system-x86"), "vp_run [viridis_mshv]"),
}


def check(work):
    run_machine(work, [work])
    phase = phase_of(phases_of(work), MEASUREMENT)
    least, (cheap, dear), parties, function = WORKS[work]
    each = phase.instructions / phase.operations
    shares = {party: phase.party_total(party) / phase.operations for party in phase.parties}
    print(f"# {work}: {phase.operations} operations, {each:.0f} instructions each: "
          + ", ".join(f"{party} {share:.0f}" for party, share in sorted(shares.items(), key=lambda item: -item[1])[:8]))
    assert phase.operations >= least and cheap < each < dear, (phase.operations, each)
    assert abs(phase.unexplained) < 1e-5 * phase.instructions, phase.unexplained
    for party in (*parties, KERNEL, "child"):
        assert shares.get(party, 0) > 0, (party, shares)
    assert any(function in name for name in phase.parties[KERNEL]), list(phase.parties[KERNEL])


def main():
    with Tap() as tap:
        for work in sys.argv[1:] or WORKS:
            tap.run(f"{work} is counted and named", check, work)


if __name__ == "__main__":
    main()
