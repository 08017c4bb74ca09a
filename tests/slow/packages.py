# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: packages packages-disk
# Limit: 120
"""Our Debian packages: lintian has no errors for them; installed on a stock Debian they make its menu start the
hypervisor; removed, the old menu is back. Nothing is booted."""
import subprocess

from lib.paths import BUILD
from lib.tap import Tap

DISK = BUILD / "image" / "packages.raw"


def read(path):
    """A file of the disk."""
    return subprocess.run(["debugfs", "-R", f"cat {path}", DISK], capture_output=True,
                          text=True, check=True).stdout


def entries(menu):
    return [line for line in menu.splitlines() if line and not line.startswith("###")]


def check_lintian():
    done = subprocess.run(["lintian", "--fail-on", "error", "--allow-root",
                           *sorted((BUILD / "packages").glob("*.deb"))],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def check_menus():
    before, with_it, removed = (read(f"/boot/grub/grub.cfg{kind}")
                                for kind in (".before", ".with", ".removed"))
    first = with_it[with_it.index("menuentry '"):]
    assert first.startswith("menuentry 'Debian GNU/Linux, with Viridis hypervisor'"), first[:200]
    assert "multiboot2\t/boot/viridis.elf" in with_it and "Viridis" not in before
    # Of a script that makes no entry, which is configuration and stays, there are its marks.
    assert entries(removed) == entries(before), removed


def main():
    with Tap() as tap:
        tap.run("lintian finds no error", check_lintian)
        tap.run("GRUB's menu gains an entry, and loses it with the packages", check_menus)


if __name__ == "__main__":
    main()
