# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root target:tiny_guest
# Limit: 900
"""A disk that takes its time: QEMU holds the root's device back, so that what a provider asked for is
still under way when the provider is killed. The kernel goes on with it, into the guest's pages."""
import tempfile
from pathlib import Path

from lib.child import Root
from lib.paths import BUILD
from lib.tap import Tap

TINY = BUILD / "tests" / "guest" / "tiny.bz"
DISK_BYTES = 4 << 20
SLOW = 512  # bytes a second: after a write of 64 KiB the next one waits for two minutes
IN_FLIGHT = "awk '{ print $1 + $2 }' /sys/block/vda/inflight"
RESTARTED = "viridis log writes | grep 'storage: provider-restarted' | wc -l"


def set_speed(root, bytes_per_second):
    others = ("bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr")
    root.machine.monitor.qmp("block_set_io_throttle", device="disk0", bps=bytes_per_second,
                             **dict.fromkeys(others, 0))


def begin(root):
    """The guest writes, and a write of its is under way."""
    set_speed(root, SLOW)
    root.start("writes")
    root.wait(f"[ $({IN_FLIGHT}) -gt 0 ]", 60, "cat /sys/block/vda/inflight /tmp/writes.out")
    root.tell("sleep 2")
    assert int(root.tell(IN_FLIGHT)) > 0


def check_killed(root):
    """The provider is dead, and everybody is told so; its I/O is not, and nobody takes its place. What is
    asked for the disk meanwhile is refused."""
    begin(root)
    root.tell("kill -9 $(pidof viridis-storage)")
    root.wait("viridis log writes | grep -q 'its I/O goes on'", 20, "viridis log writes")
    assert root.tell("pidof viridis-storage || true") == ""
    assert root.json("info writes")["status"]["providers"]["storage"] == "died"
    answer = root.ask("viridis start other")
    assert answer.status == 1 and "the VM 'writes' is using it" in answer.output, answer.output
    assert int(root.tell(IN_FLIGHT)) > 0
    assert int(root.tell(RESTARTED)) == 0


def check_over(root):
    """With the I/O over another process goes on where the dead one stood, and the guest finds nothing amiss."""
    set_speed(root, 0)
    root.wait(f"[ $({RESTARTED}) -gt 0 ]", 60, "viridis log writes; cat /sys/block/vda/inflight")
    bad = [result.name for result in root.tap_of("writes", 120) if not result.passed]
    assert not bad, bad
    root.wait_state("writes", "off", 60)


def check_stopped(root):
    """Who stops the VM is not kept waiting for ever, and nobody else gets the disk until the old I/O
    is over."""
    begin(root)
    root.tell("viridis stop writes", 120)
    assert int(root.tell(IN_FLIGHT)) > 0
    assert "its I/O does not end" in root.tell("viridis log writes")
    answer = root.ask("viridis start other")
    assert answer.status == 1 and "Device or resource busy" in answer.output, answer.output
    set_speed(root, 0)
    root.wait(f"[ $({IN_FLIGHT}) -eq 0 ]", 60)
    root.start("other")
    root.tell("viridis stop other")


def main():
    with Tap() as tap, tempfile.TemporaryDirectory(prefix="viridis-") as folder:
        disk = Path(folder) / "disk"
        disk.write_bytes(bytes(DISK_BYTES))
        with Root("slow-disk", {"tiny": TINY}, disks=[disk]) as root:
            for name, tests in (("writes", "storage"), ("other", "spin")):
                root.create(name, "--memory 64M --kernel /share/tiny --disk /dev/vda"
                            f" --serial /tmp/{name}.out", f"tests={tests} write=yes role=child")
            tap.run("kill -9 of the provider, and its I/O goes on", check_killed, root)
            tap.run("when it is over another goes on for it", check_over, root)
            tap.run("a stop is done, and the disk stays in use", check_stopped, root)
            tap.run("nothing is left", root.nothing_left)
            tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main()
