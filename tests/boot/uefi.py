# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root target:tiny_guest
# Limit: 500
"""UEFI's GRUB boots the hypervisor: the conformance guest as the root, and Linux, which has UEFI's services and screen.
A BIOS's GRUB leaves text on the screen, and that Linux goes on there."""
import shutil
import tempfile
from pathlib import Path

from boot_iso import Module
from lib.dev import dev
from lib.machine import Machine
from lib.paths import BUILD, HYPERVISOR_ELF, KERNEL, ROOT_INITRD
from lib.tap import Tap
from lib.tiny import run_tiny

# A variable, written and read by the firmware's own code in the root: attributes (4 bytes), then what is in it.
COMMANDS = """
dmesg >/out/dmesg
cat /sys/firmware/efi/fw_platform_size >/out/bits
cat /sys/class/graphics/fb0/name /sys/class/graphics/fb0/virtual_size >/out/screen
insmod /share/efivarfs.ko && mount -t efivarfs efivarfs /sys/firmware/efi/efivars || exit 20
cd /sys/firmware/efi/efivars
printf '\\007\\000\\000\\000viridis' >Test-6a1b1c6e-6a1b-4c6e-8a1b-6a1b1c6e6a1b || exit 21
cat Test-* >/out/variable
ls >/out/variables
"""


def check_linux(folder):
    share, out = folder / "share", folder / "out"
    share.mkdir()
    shutil.copy(next((BUILD / "kernel").rglob("efivarfs.ko")), share)
    done = dev("root", "--no-build", "--uefi", "--name", "uefi-root", "--share", share, "--out", out,
               "--timeout", "200", "--", COMMANDS, limit=250)
    assert done.returncode == 0, (done.returncode, done.stderr.decode()[-3000:])
    dmesg = (out / "dmesg").read_text()
    assert "Hypervisor detected: Microsoft Hyper-V" in dmesg and "/dev/mshv ready" in dmesg, dmesg
    assert "efi: EFI v2" in dmesg and "MEMATTR=" in dmesg, dmesg
    assert (out / "bits").read_text() == "64\n"
    assert (out / "variable").read_bytes() == b"\7\0\0\0viridis"
    assert "BootOrder-" in (out / "variables").read_text()
    name, size = (out / "screen").read_text().splitlines()
    assert "EFI" in name or "simple" in name, name
    assert all(int(side) >= 600 for side in size.split(",")), size


def check_text():
    with Machine("text-screen", [Module(KERNEL, "kernel console=ttyS0 console=tty0"),
                                 Module(ROOT_INITRD, "initrd")],
                 hypervisor=HYPERVISOR_ELF, cpus=1, extra=["-vga", "std"]) as machine:
        machine.console.wait(r"Console: colour VGA\+ 80x25", 60)


def main():
    with Tap() as tap, tempfile.TemporaryDirectory() as folder:
        run_tiny(tap, "uefi-tiny", "cpuid,msr,exceptions,smp,init", cpus=2, parallel=True, memory="512M", uefi=True)
        tap.run("Linux has UEFI's services, and a screen of pixels", check_linux, Path(folder))
        tap.run("behind a BIOS the screen shows text", check_text)


if __name__ == "__main__":
    main()
