# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are: the repository, and what the build puts below build/."""
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
RUN = BUILD / "run"

HYPERVISOR_ELF = BUILD / "hypervisor" / "viridis.elf"
KERNEL = BUILD / "kernel" / "vmlinuz"
ROOT_INITRD = BUILD / "image" / "root.cpio.gz"
# Other kernels' small roots, by name: (kernel, initrd).
OTHER_ROOTS = {name: (BUILD / f"kernel-{name}" / "vmlinuz", BUILD / "image" / f"root-{name}.cpio.gz")
               for name in ("trixie", "newest")}
# The same kernels with the small guest's initrd.
OTHER_GUESTS = {name: (kernel, BUILD / "image" / f"guest-{name}.cpio.gz") for name, (kernel, _) in OTHER_ROOTS.items()}
GUEST_INITRD = BUILD / "image" / "guest.cpio.gz"
PC_GUEST_INITRD = BUILD / "image" / "pc-guest.cpio.gz"
QEMU_DISK = BUILD / "image" / "qemu.raw"
LIBVIRT_DISK = BUILD / "image" / "libvirt.raw"
NBD_DISK = BUILD / "image" / "nbd.raw"
# Debian's own root, of one release or the other.
ROOT_SUITES = ("trixie", "bookworm")
GUEST_DISK = BUILD / "image" / "debian-guest.raw"
GUEST_VMLINUZ = BUILD / "image" / "debian-guest.vmlinuz"
GUEST_DISK_INITRD = BUILD / "image" / "debian-guest.initrd"
# Debian 13 as our packages make it a root, with libvirt and QEMU; its partitions are UEFI's.
FULL_DISK = BUILD / "image" / "root-full.raw"
# As Debian's cloud images are, with GRUB for a BIOS.
CLOUD_DISK = BUILD / "image" / "debian-cloud.raw"
FOREIGN = BUILD / "image" / "foreign"


def root_disk(suite, kind):
    """`kind`: raw, vmlinuz or initrd."""
    return BUILD / "image" / f"debian-root-{suite}.{kind}"


def shown(path):
    """A path as a person in the repository would type it."""
    path = Path(path)
    return str(path.relative_to(TOP)) if path.is_relative_to(TOP) else str(path)
