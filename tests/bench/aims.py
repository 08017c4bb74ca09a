# SPDX-License-Identifier: GPL-2.0-or-later
"""What an exit, a signal, a read and a start are to cost: the aims beside today's figures."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Aim:
    what: str
    figure: str  # of bench's result
    unit: str
    most: float
    more_is_better: bool = False  # then it is to be that at least

    def met(self, now):
        return now >= self.most if self.more_is_better else now <= self.most


AIMS = (
    Aim("null hypercall and back", "vmmcall-root", "insns", 150),
    Aim("CPUID and back", "cpuid-root", "insns", 150),
    Aim("RDMSR and back", "rdmsr-root", "insns", 150),
    Aim("IPI to itself until served", "self-ipi", "insns", 1000),
    Aim("tiny child: create, start, first instruction", "create-to-first", "ms", 20),
    Aim("HvSignalEvent to a root on the same CPU until its handler", "signal", "insns", 600),
    Aim("4 KiB read, depth 1: the hypervisor's part", "hypervisor-4k-depth-1", "insns", 2000),
    Aim("4 KiB read, depth 32: exits", "exits-4k-depth-32", "exits", 0.5),
    Aim("a child of Linux sends by TCP", "net-send", "Mbit/s", 5000, True),
    Aim("it receives", "net-receive", "Mbit/s", 5500, True),
    Aim("a byte there and back", "net-bounce", "1/s", 18000, True),
    Aim("stock QEMU: a port that it answers for", "qemu-port-read", "insns", 5506),
    Aim("stock QEMU: 4 KiB read by virtio-blk, depth 1", "qemu-virtio-4k-depth-1", "insns", 65300),
    Aim("stock QEMU: 4 KiB read by virtio-blk, depth 32", "qemu-virtio-4k-depth-32", "insns", 32400),
    Aim("stock QEMU: 4 KiB read by IDE", "qemu-ide-4k-depth-1", "insns", 299000),
)


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}".rstrip("0").rstrip(".")


def lines(figures):
    """The table, of what was measured."""
    rows = [(aim, figures[aim.figure]) for aim in AIMS if figures.get(aim.figure) is not None]
    if rows:
        yield f"\n{'work':<60}{'unit':<7}{'now':>10}{'aim':>10}"
    for aim, now in rows:
        sign = ">= " if aim.more_is_better else "<= "
        yield (f"{aim.what:<60}{aim.unit:<7}{number(now):>10}{sign + number(aim.most):>10}"
               f"{'' if aim.met(now) else f'  {now / aim.most:.1f} times the aim'}")
