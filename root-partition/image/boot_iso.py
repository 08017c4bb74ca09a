# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the GRUB ISOs: the hypervisor with its multiboot2 modules, or Linux directly."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

GRUB_MODULES = "normal configfile linux multiboot2 serial iso9660 part_msdos"
# By the machine's firmware: the folder of GRUB's files, modules beside the others.
BIOS, UEFI = ("i386-pc", "biosdisk"), ("x86_64-efi", "part_gpt all_video")
# An ISO that starts by either. A BIOS's GRUB with drivers for a screen of pixels would leave such a screen to Linux.
ANY = (None, "part_gpt all_video test")
SCREEN = {BIOS: "", UEFI: "insmod all_video\n", ANY: "if [ $grub_platform = efi ]; then insmod all_video; fi\n"}

# GRUB's own errors show on COM1.
GRUB_HEAD = """serial --unit=0 --speed=115200
terminal_output serial
set timeout=0
"""


class Module:
    """A file handed to the hypervisor; the first word of its command line names it."""

    def __init__(self, path, command_line):
        self.path = Path(path)
        self.command_line = command_line

    @property
    def name(self):
        return self.command_line.split()[0]


def quoted(words):
    """A command line for grub.cfg, kept from GRUB's own expansion of $, ; and braces."""
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words.split())


def entry(title, lines):
    body = "".join(f"\t{line}\n" for line in lines)
    return f"{GRUB_HEAD}menuentry {title} {{\n{body}}}\n"


def hypervisor_config(command_line, modules):
    lines = [f"multiboot2 /boot/viridis.elf {quoted(command_line)}".rstrip()]
    for module in modules:
        lines.append(f"module2 /boot/{module.name} {quoted(module.command_line)}")
    return entry("viridis", lines)


def linux_config(modules):
    """The same modules without the hypervisor: `kernel` and `initrd` given to Linux."""
    lines = []
    for module in modules:
        words = module.command_line.split(maxsplit=1)
        verb = {"kernel": "linux", "initrd": "initrd"}[words[0]]
        lines.append(f"{verb} /boot/{words[0]} {quoted(' '.join(words[1:]))}".rstrip())
    return entry("linux", lines)


def place(source, target):
    """Links where it can, copies where it must."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def make_iso(folder, modules, hypervisor=None, hypervisor_command_line="", firmware=BIOS):
    """Writes folder/boot.iso from the modules, with the hypervisor's ELF if there is one."""
    # What grub-mkrescue has in TMPDIR it leaves there when it is interrupted.
    with tempfile.TemporaryDirectory(dir=folder, prefix="iso-",
                                     ignore_cleanup_errors=True) as scratch:
        return write_iso(Path(scratch), Path(folder) / "boot.iso", modules, hypervisor,
                         hypervisor_command_line, firmware)


def write_iso(scratch, iso, modules, hypervisor, hypervisor_command_line, firmware):
    boot = scratch / "tree" / "boot"
    boot.mkdir(parents=True)
    for module in modules:
        place(module.path, boot / module.name)
    if hypervisor:
        place(Path(hypervisor), boot / "viridis.elf")
        config = hypervisor_config(hypervisor_command_line, modules)
    else:
        config = linux_config(modules)
    return write_tree(scratch, iso, SCREEN[firmware] + config, firmware,
                      f"--install-modules={GRUB_MODULES} {firmware[1]}")


def write_tree(scratch, iso, config, firmware, *options):
    """The ISO of scratch/tree, with this configuration of GRUB."""
    tree = scratch / "tree"
    grub = tree / "boot" / "grub"
    grub.mkdir(parents=True, exist_ok=True)
    (grub / "grub.cfg").write_text(config)
    folder = ["-d", f"/usr/lib/grub/{firmware[0]}"] if firmware != ANY else []
    command = ["grub-mkrescue", *folder, "-o", str(iso), "--fonts=", "--locales=", "--themes=", *options, str(tree)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "TMPDIR": str(scratch)})
    if done.returncode != 0:
        raise RuntimeError(f"grub-mkrescue failed:\n{done.stdout}")
    return iso


def main(target, hypervisor, kernel, initrd):
    """`./dev iso`: the small root on the hypervisor, to boot anywhere."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda caught, _: sys.exit(128 + caught))
    modules = [Module(kernel, "kernel console=ttyS0 console=tty0"), Module(initrd, "initrd")]
    with tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        shutil.move(make_iso(folder, modules, hypervisor, firmware=ANY), target)


if __name__ == "__main__":
    main(*sys.argv[1:])
