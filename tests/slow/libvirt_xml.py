# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: libvirt libvirt-suite
# Limit: 60
"""libvirt's XML becomes our definitions and back, file by file; what cannot be had, and what is hostile, is refused. With
the libvirt of this machine and, by its own loader, that of Debian 13."""
import subprocess

from lib.libvirt_host import OUT, in_suite
from lib.paths import TOP
from lib.tap import Tap, parse


def check(tap, release, *program):
    done = subprocess.run([*program, TOP / "root-partition" / "libvirt" / "pairs"], capture_output=True, text=True)
    print("".join(f"{line}\n" for line in done.stdout.splitlines() if line.startswith("#")), end="")
    tap.adopt(parse(done.stdout), f"{release}: ")


def main():
    with Tap() as tap:
        check(tap, "this release", OUT / "domain_xml_test")
        check(tap, "Debian 13", *in_suite("domain_xml_test"))


if __name__ == "__main__":
    main()
