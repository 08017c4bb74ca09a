# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root qemu-disk pc-guest-initrd
# Limit: 1800
"""How an attachment to stock QEMU's machine ends: its server killed, its guest rebooting, QEMU killed. Whoever is
left goes on, and no page stays behind. Before that, a firmware that names the bus twice."""
import tempfile
from pathlib import Path

from lib.attached import attach, attach_root, check_over, check_written, make_disk, start, wait_used
from lib.paths import BUILD
from lib.tap import Tap

TABLE = BUILD / "root-partition" / "cli" / "vmbus.aml"


def second_table(folder):
    """Our ACPI table with another name for its device: beside it a second one for the same bus. ACPI 5.2.6"""
    table = bytearray(TABLE.read_bytes().replace(b"VMBS", b"VMBT"))
    assert b"VMBT" in table
    table[9] = 0
    table[9] = -sum(table) & 0xff
    path = Path(folder) / "second.aml"
    path.write_bytes(table)
    return path


def check_named_twice(root):
    """Linux takes one of both: its guest has our devices once, and ends."""
    root.tell("cp /share/second.aml /tmp/")
    qemu = start(root, "twice", more="-acpitable file=/tmp/second.aml")
    attach(root, qemu, qemu.name, "web")
    wait_used(root, qemu)
    root.tell("viridis disk remove web 0")
    qemu.wait_output("check: the disk has gone", 120)
    root.tell("viridis stop web")
    qemu.wait_output("check: 0 devices are left", 120)
    qemu.wait_end(0, 120)
    check_written(root)
    root.tell("viridis delete web")
    root.nothing_left()


def check_server_killed(root):
    """The keeper alone is left to say it, and the guest sees all go; its poweroff waits for the disk that nobody
    serves, in Linux."""
    qemu = start(root, "first", "q35")
    attach(root, qemu, qemu.name, "web")
    wait_used(root, qemu)
    keeper = root.json("info web")["status"]["pid"]
    root.tell(f"for p in $(pidof viridis-vm); do grep -q '^PPid:.{keeper}$' /proc/$p/status"
              " && kill -9 $p; done; true")
    root.wait_state("web", "failed", 60)
    qemu.wait_output("check: 0 devices are left", 120)
    qemu.tell("info status")
    qemu.wait_file("said", "VM status: running", 30)
    qemu.tell("quit")
    qemu.wait_end(0, 60)
    check_written(root)
    root.tell("viridis delete web")
    root.nothing_left()


def check_reboot(root):
    """QEMU 11 cannot reset this accelerator's machine, and ends instead: what starts it anew attaches anew."""
    make_disk(root, "touch /tmp/m/reboots")
    qemu = start(root, "second")
    attach(root, qemu, qemu.pid, "web")
    wait_used(root, qemu)
    qemu.wait_end(0, 120)
    check_over(root, "web")


def check_qemu_killed(root):
    make_disk(root)
    qemu = start(root, "third")
    attach(root, qemu, qemu.pid, "web")
    wait_used(root, qemu)
    root.tell(f"kill -9 {qemu.pid}")
    check_over(root, "web")


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as folder, \
            attach_root("qemu-attach-ends", {"second.aml": second_table(folder)}) as root:
        make_disk(root)
        tap.run("a bus that is named twice is served once", check_named_twice, root)
        make_disk(root)
        tap.run("a server that dies takes its devices, not the guest", check_server_killed, root)
        tap.run("a guest that reboots ends its machine, and the next is attached", check_reboot, root)
        tap.run("QEMU killed ends the attachment, and no page is left", check_qemu_killed, root)
        tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main()
