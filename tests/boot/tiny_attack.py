# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: target:viridis.elf target:tiny_guest
# Limit: 300
"""A root partition that tries every way out of it: all are shut, and the machine goes on. Two of its
VPs at once, too."""
from boot_iso import Module
from lib.machine import Machine
from lib.paths import HYPERVISOR_ELF
from lib.tap import Tap
from lib.tiny import TINY, run_tiny

PLACES = r"paging: .*image 0x([0-9a-f]+)-0x([0-9a-f]+), reserve 0x([0-9a-f]+)-0x([0-9a-f]+)\s"


def hypervisor_memory(options):
    """Where the hypervisor says it lives; the same machine gives the same place again."""
    with Machine("tiny-attack-where", [Module(TINY, "kernel tests=none")],
                 hypervisor=HYPERVISOR_ELF, **options) as machine:
        found = machine.hypervisor_log.wait(PLACES, 60)
    return f"image={found[1]}-{found[2]} hv={found[3]}-{found[4]}"


def main():
    options = {"cpus": 2, "memory": "512M", "parallel": True,
               "extra": ["-device", "edu"]}
    with Tap() as tap:
        run_tiny(tap, "tiny-attack", "init,attack,race,contend,device",
                 hypervisor_memory(options), limit=200, **options)


if __name__ == "__main__":
    main()
