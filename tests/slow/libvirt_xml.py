# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: libvirt
# Limit: 60
"""libvirt's XML becomes our definitions and back, file by file; what cannot be had, and what is hostile, is refused."""
import subprocess

from lib.paths import BUILD, TOP
from lib.tap import Tap, parse


def main():
    done = subprocess.run([BUILD / "libvirt" / "out" / "domain_xml_test",
                           TOP / "root-partition" / "libvirt" / "pairs"],
                          capture_output=True, text=True)
    print("".join(f"{line}\n" for line in done.stdout.splitlines() if line.startswith("#")), end="")
    with Tap() as tap:
        tap.adopt(parse(done.stdout))


if __name__ == "__main__":
    main()
