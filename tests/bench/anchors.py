# SPDX-License-Identifier: GPL-2.0-or-later
"""What KVM and Xen cost on the same emulated machine, with the same guest kernel and programs.

QEMU 10.0.2, TCG, q35, EPYC, -m 3072, one CPU, -icount shift=0,sleep=off, so that a virtual
nanosecond is an executed instruction. KVM is Linux 6.1's kvm_amd with QEMU 7.2 and virtio-blk,
Xen is 4.17.5 with a PVH guest and blkfront. Depth 1 and 128 KiB are pread and pwrite, depth 32 is
native AIO. Uptimes are of two CPUs. The network is virtio-net without vhost when it sends and with it
else, and netfront; its limit is the loopback.
"""
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    name: str
    unit: str
    more_is_better: bool = False
    kvm: float = None
    xen: float = None
    limit: float = None  # the same program on the same kernel without a hypervisor


FIGURES = (
    Figure("cpuid-root", "insns", kvm=3254),
    Figure("cpuid-child", "insns", kvm=3254),
    Figure("vmmcall-root", "insns", kvm=3200),
    Figure("vmmcall-child", "insns", kvm=3200),
    Figure("rdmsr-root", "insns"),
    Figure("rdmsr-child", "insns"),
    Figure("port-child", "insns", kvm=5506),
    Figure("self-ipi", "insns"),
    Figure("signal", "insns"),
    Figure("create-to-first", "ms"),
    Figure("read-4k-depth-1", "insns/IO", kvm=65300, xen=86100, limit=3800),
    Figure("read-4k-aio-1", "insns/IO"),
    Figure("read-4k-depth-32", "insns/IO", kvm=32400, xen=13800, limit=4700),
    Figure("hypervisor-4k-depth-1", "insns/IO"),
    Figure("exits-4k-depth-1", "exits/IO", kvm=2.10, xen=5.7),
    Figure("exits-4k-depth-32", "exits/IO", kvm=0.43),
    Figure("read-128k", "MB/s", True, kvm=1028, xen=788, limit=3453),
    Figure("write-128k", "MB/s", True, kvm=854, xen=682, limit=3239),
    Figure("qemu-port-read", "insns", kvm=5506),
    Figure("qemu-port-sector", "insns"),
    Figure("qemu-virtio-4k-depth-1", "insns/IO", kvm=65300),
    Figure("qemu-virtio-4k-depth-32", "insns/IO", kvm=32400),
    Figure("qemu-ide-4k-depth-1", "insns/IO", kvm=299000),
    Figure("net-send", "Mbit/s", True, kvm=3956, xen=3179, limit=8429),
    Figure("net-receive", "Mbit/s", True, kvm=4428, xen=3648, limit=8242),
    Figure("net-bounce", "1/s", True, kvm=13606, xen=7640, limit=30009),
    Figure("create-to-init", "s", kvm=6.69, xen=7.05),
    Figure("uptime-root", "s", xen=4.61),
    Figure("uptime-bare", "s", limit=2.71),
    *(Figure(f"ramdisk-{where}-{what}", unit, more, limit=limit)
      for where in ("root", "bare")
      for what, unit, more, limit in (("4k-depth-1", "insns/IO", False, 3800),
                                      ("4k-depth-32", "insns/IO", False, 4700),
                                      ("128k", "MB/s", True, 3453))),
    *(Figure(f"{where}-{what}", unit, True, limit=limit)
      for where in ("root", "bare")
      for what, unit, limit in (("net-send", "Mbit/s", 8429), ("net-receive", "Mbit/s", 8242),
                                ("net-bounce", "1/s", 30009))),
)
