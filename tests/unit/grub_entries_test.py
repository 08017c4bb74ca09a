# SPDX-License-Identifier: GPL-2.0-or-later
"""The script that makes GRUB's entries, with GRUB's own functions played, and a /boot of the test's own: how Linux is
told where its root is, as by Debian's entries for the same disk."""
import os
import subprocess
import tempfile
from pathlib import Path

from lib.paths import TOP
from lib.tap import Tap

SCRIPT = TOP / "root-partition" / "packages" / "09_linux_viridis"
LIBRARY = """
grub_quote() { cat; }
grub_add_tab() { cat; }
save_default_entry() { :; }
prepare_grub_to_access_device() { :; }
make_system_path_relative_to_its_root() { echo "$SUBVOLUME$1"; }
uses_abstraction() { [ "$2" = "$ABSTRACTION" ]; }
"""
VERSIONS = ("6.1.0-1-amd64", "6.1.0-2-amd64", "6.1.0-3-amd64")


def prepare(folder):
    (folder / "boot").mkdir()
    (folder / "bin").mkdir()
    (folder / "grub-mkconfig_lib").write_text(LIBRARY)
    listing = folder / "bin" / "linux-version"
    # The newest has no initrd, as while it is being installed.
    listing.write_text("#!/bin/sh\n[ $1 = sort ] && exec sort -r\nprintf '%s\\n' " + " ".join(VERSIONS) + "\n")
    listing.chmod(0o755)
    for name in ("viridis.elf", *(f"initrd.img-{version}" for version in VERSIONS[:2])):
        (folder / "boot" / name).touch()


def menu(folder, **settings):
    environment = os.environ | {
        "PATH": f"{folder}/bin:{os.environ['PATH']}", "pkgdatadir": str(folder), "SUBVOLUME": "", "ABSTRACTION": "",
        "GRUB_DEVICE": "/dev/null", "GRUB_DEVICE_UUID": "1234-5678", "GRUB_DEVICE_BOOT": "/dev/null",
        "GRUB_FS": "ext2", "GRUB_CMDLINE_LINUX": "console=ttyS0"} | settings
    done = subprocess.run(["unshare", "-m", "sh", "-c", 'mount --bind "$1" /boot && exec "$2"', "-",
                           f"{folder}/boot", SCRIPT], env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def entries(folder, **settings):
    """The lines of the menu."""
    return [line.strip() for line in menu(folder, **settings).splitlines()]


def check_versions(folder):
    lines = entries(folder)
    titles = [line.split("'")[1] for line in lines if line.startswith("menuentry")]
    assert titles == ["Debian GNU/Linux, with Viridis hypervisor",
                      "Debian GNU/Linux, with Viridis hypervisor and Linux 6.1.0-1-amd64"], titles
    assert "multiboot2\t/boot/viridis.elf" in lines, lines


def check_roots(folder):
    for settings, words in (
            ({}, "/boot/vmlinuz-6.1.0-2-amd64 kernel root=UUID=1234-5678 ro console=ttyS0"),
            ({"GRUB_DISABLE_LINUX_UUID": "true"}, "root=/dev/null ro"),
            ({"GRUB_DEVICE_UUID": ""}, "root=/dev/null ro"),
            ({"ABSTRACTION": "lvm"}, "root=/dev/null ro"),
            ({"GRUB_FS": "btrfs", "SUBVOLUME": "/@rootfs"},
             "/@rootfs/boot/vmlinuz-6.1.0-2-amd64 kernel root=UUID=1234-5678 ro rootflags=subvol=@rootfs console=ttyS0"),
            ({"GRUB_FS": "btrfs"}, "root=UUID=1234-5678 ro console=ttyS0")):
        linux = next(line for line in entries(folder, **settings) if "vmlinuz" in line and "module2" in line)
        assert words in linux, (settings, linux)


def check_syntax(folder):
    """With GRUB's own functions, and names that must be quoted; its probe alone is played, which wants a real disk."""
    probe = folder / "bin" / "grub-probe"
    probe.write_text("#!/bin/sh\ncase \"$*\" in *target=fs_uuid*) echo 1234-5678 ;; *target=fs*) echo btrfs ;; esac\n")
    probe.chmod(0o755)
    titles = {"Debian": "menuentry 'Debian GNU/Linux, with", "Bob's": r"menuentry 'Bob'\''s GNU/Linux, with"}
    for name, title in titles.items():
        text = menu(folder, pkgdatadir="/usr/share/grub", grub_probe=str(probe), GRUB_DISTRIBUTOR=name,
                    GRUB_SAVEDEFAULT="true", VIRIDIS_CMDLINE="log=x")
        assert title in text, text
        assert "search --no-floppy --fs-uuid --set=root 1234-5678" in text and "insmod btrfs" in text, text
        checked = subprocess.run(["grub-script-check"], input=text, capture_output=True, text=True, timeout=30)
        assert checked.returncode == 0, (checked.stderr, text)


def check_nothing(folder):
    (folder / "boot" / "viridis.elf").unlink()
    assert entries(folder) == []


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as name:
        folder = Path(name)
        prepare(folder)
        tap.run("each Linux with its initrd has an entry, the newest first", check_versions, folder)
        tap.run("Linux is told of LVM's volumes by name, and of a root below a btrfs", check_roots, folder)
        tap.run("GRUB understands what its own functions make of it", check_syntax, folder)
        tap.run("without the hypervisor there are none", check_nothing, folder)


if __name__ == "__main__":
    main()
