#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Limit: 600
"""CPUs of the root come and go with children under I/O, and the root itself goes with children
running: ports move, nobody waits for ever, and nothing is left for the kernel that comes next."""
from lib.child import Root
from lib.paths import BUILD
from lib.tap import Tap

TINY = BUILD / "tests" / "guest" / "tiny.bz"
CPU = "/sys/devices/system/cpu/cpu1/online"


def define(root, name, tests, words=""):
    root.create(name, f"--memory 64M --vps 2 --kernel /share/tiny --serial /tmp/{name}.out {words}",
                f"tests={tests} role=child")


def check_moves(root):
    """Back and forth, as long as the children talk."""
    root.tell("while [ ! -e /tmp/enough ]; do"
              f" echo 0 >{CPU} || echo stayed >>/tmp/refused; sleep 0.3;"
              f" echo 1 >{CPU}; sleep 0.3; echo turn >>/tmp/turns; done >/dev/null 2>&1 & true")


def check_moved(root):
    root.tell("touch /tmp/enough; wait")
    assert int(root.tell("grep -c turn /tmp/turns")) >= 3
    assert root.ask("cat /tmp/refused").status != 0
    assert root.tell("cat /sys/devices/system/cpu/online") == "0-1"
    amiss = root.ask("dmesg | grep -E 'not moved|no end|message lost|not removed|not deleted|WARNING: CPU'")
    assert amiss.status == 1, amiss.output


def check_offline(root):
    """One that was started on two CPUs goes on by one, and one may be started then."""
    root.start("spin")
    root.tell(f"echo 0 >{CPU}")
    assert root.tell("cat /sys/devices/system/cpu/online") == "0"
    count = "grep -c spinning /tmp/spin.out"
    before = int(root.tell(count))
    root.wait(f"[ $({count}) -gt {before + 1} ]", 60)
    root.start("late")
    root.wait_output("late", "spinning on 2 VPs", 60)
    root.tell(f"echo 1 >{CPU}")
    root.wait(f"[ $({count}) -gt {before + 3} ]", 60)
    assert root.state("spin") == root.state("late") == "running"


def check_end(root):
    """The root powers off with both of them running."""
    root.tell("dmesg -n 8")
    root.machine.send("exit\n")
    root.machine.console.wait(
        r"2 children were ended, 0 not; 0 deposited and 0 pinned pages stay", 60)
    root.machine.wait_exit(60)


def main():
    with Tap() as tap, Root("root-cpus", {"tiny": TINY}) as root:
        root.tell("dd if=/dev/zero of=/tmp/disk bs=1M count=4 2>/dev/null")
        define(root, "disk", "storage", "--disk /tmp/disk")
        root.tell("sed -i 's/tests=storage/tests=storage write=yes/' /var/lib/viridis/disk.json")
        define(root, "bus", "vmbus", "--disk /tmp/disk,ro")
        define(root, "spin", "spin")
        define(root, "late", "spin")
        tap.run("a CPU comes and goes", check_moves, root)
        for name in ("disk", "bus"):
            root.start(name)
            tap.adopt(root.tap_of(name, 180), f"{name}: ")
            root.wait_state(name, "off", 20)
        tap.run("and its ports have moved", check_moved, root)
        tap.run("children go on without it", check_offline, root)
        tap.run("the root ends its children before itself", check_end, root)


if __name__ == "__main__":
    main()
