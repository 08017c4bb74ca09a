# SPDX-License-Identifier: GPL-2.0-or-later
# Limit: 600
"""Four disks of a stock Linux, found as the manual says whatever order its drivers see them in: by label,
and by the identities that `viridis info` tells. One that is taken away renames none of the others."""
import json
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

from lib.child import Root
from lib.paths import GUEST_INITRD, KERNEL
from lib.tap import Tap

BOOT_SECONDS = 240
LABELS = ("one", "two", "three", "four")
STORED = "/var/lib/viridis/names.json"
# As an initramfs waits for root=LABEL=NAME.
SCRIPT = ("modprobe hv_storvsc; for label in {labels}; do"
          " until disk=$(findfs LABEL=$label 2>/dev/null); do sleep 0.1; done;"
          " echo guest: $label $(cat /sys/class/block/${{disk##*/}}/device/wwid)"
          " $(readlink /sys/class/block/${{disk##*/}}/device); done; poweroff; sleep 1000")
INFO = re.compile(r"^disk +/share/(\w+) \(LUN (\d+), by-id wwn-0x([0-9a-f]{16})", re.MULTILINE)
FOUND = re.compile(r"guest: (\w+) naa[.]([0-9a-f]{16}) \S*:(\d+)\s")


def make_disk(folder, label):
    image = folder / label
    with open(image, "wb") as file:
        file.truncate(1 << 20)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", "-L", label, image], check=True)
    return image


def cmdline(labels):
    script = SCRIPT.format(labels=" ".join(labels)).replace(" ", "%20")
    return f"console=ttyS0 quiet viridis.run={script}"


def told(root):
    """What the root says of each disk: its LUN and identity."""
    return {label: (lun, identity)
            for label, lun, identity in INFO.findall(root.tell("viridis info names"))}


def start_once(root):
    """What the guest finds of each disk, in the same words."""
    root.tell("rm -f /tmp/names.out")
    root.start("names")
    root.wait_state("names", "off", BOOT_SECONDS)
    output = root.tell("cat /tmp/names.out")
    return {label: (lun, identity) for label, identity, lun in FOUND.findall(output)}


def check_names(root, starts):
    expected = told(root)
    assert list(expected) == list(LABELS), expected
    for _ in range(starts):
        found = start_once(root)
        assert found == expected, (found, expected)


def check_without_first(root):
    """By hand, as the manual allows: LUN 0 is nobody's then."""
    before = told(root)
    definition = json.loads(root.tell(f"cat {STORED}"))
    del definition["disks"][0]
    definition["cmdline"] = cmdline(LABELS[1:])
    root.tell(f"echo {shlex.quote(json.dumps(definition))} >{STORED}")
    del before[LABELS[0]]
    assert told(root) == before, (told(root), before)
    found = start_once(root)
    assert found == before, (found, before)


def main(starts):
    with Tap() as tap, tempfile.TemporaryDirectory() as folder:
        disks = {label: make_disk(Path(folder), label) for label in LABELS}
        with Root("disk-names", {"vmlinuz": KERNEL, "initrd": GUEST_INITRD, **disks}) as root:
            root.create("names", "--memory 160M --vps 2 --kernel /share/vmlinuz"
                        " --initrd /share/initrd --serial /tmp/names.out "
                        + " ".join(f"--disk /share/{label}" for label in LABELS),
                        cmdline(LABELS))
            tap.run(f"four disks have their names in each of {starts} starts", check_names,
                    root, starts)
            tap.run("and keep them when the first is taken away", check_without_first, root)
            tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main(2)
