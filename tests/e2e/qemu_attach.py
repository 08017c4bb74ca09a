# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root qemu-disk pc-guest-initrd
# Limit: 900
"""Debian's own QEMU, unpatched, boots a stock kernel on /dev/mshv; `viridis attach` gives it disk, network and
services on VMBus, and takes them back."""
from lib.attached import attach, attach_root, check_written, make_disk, start, wait_used
from lib.stock_qemu import STEP_SECONDS
from lib.tap import Tap


def check_used(root, qemu):
    attach(root, qemu, qemu.name, "web")
    assert root.state("web") == "running"
    wait_used(root, qemu)


def check_services(root):
    """Its heart beats, and what it read and wrote is counted."""
    root.wait("viridis log web | grep heartbeat | grep -q alive", 60, "viridis log web")
    told = root.json("stats web")
    assert told["util"]["heartbeat"]["alive"] is True, told
    disk = told["storage"]["disks"][0]
    assert disk["read-bytes"] > 0 and disk["written-bytes"] > 0, disk


def check_rights(root, qemu):
    """One machine has one VMBus; who attaches can do no more; no machine, no attachment."""
    again = root.ask(f"viridis attach {qemu.pid} --name two")
    assert again.status == 1, again.output
    for order in ("pause", "reset"):
        refused = root.ask(f"viridis {order} web")
        assert refused.status == 5 and "another VMM" in refused.output, refused.output
    for which in ("1", "nobody"):
        refused = root.ask(f"viridis attach {which}")
        assert refused.status == 1 and "machine" in refused.output, refused.output


def check_monitor(qemu):
    """Each of these stops QEMU's processor by a signal that may come between two of its runs."""
    for _ in range(5):
        qemu.tell("info registers")
    qemu.wait_count("said", "^RIP=|^EIP=", 5, 60)


def check_not_moved(root, qemu):
    """What our providers write is in no bitmap, so that QEMU is refused one, says so, and goes on."""
    qemu.tell("migrate -d file:/tmp/moved")
    root.wait(f"echo info migrate >/tmp/{qemu.name}.mon.in; sleep 1;"
              f" grep -aq 'Status:.*failed' /tmp/{qemu.name}.said", 60,
              f"cat /tmp/{qemu.name}.said /tmp/{qemu.name}.err", STEP_SECONDS)
    qemu.tell("info status")
    qemu.wait_file("said", "VM status: running", 30)


def check_given_back(root, qemu):
    """The disk first, then all: the guest sees each go, and powers its machine off."""
    root.tell("viridis disk remove web 0")
    qemu.wait_output("check: the disk has gone", 120)
    root.tell("viridis stop web")
    qemu.wait_output("check: 0 devices are left", 120)
    qemu.wait_end(0, 120)
    check_written(root)
    root.tell("viridis delete web")
    root.nothing_left()


def main():
    with Tap() as tap, attach_root("qemu-attach") as root:
        make_disk(root)
        qemu = start(root, "first")
        tap.run("its guest mounts our disk and uses our network", check_used, root, qemu)
        tap.run("its heart beats, and its disk is counted", check_services, root)
        tap.run("what is no machine, or has its VMBus, is refused", check_rights, root, qemu)
        tap.run("its monitor answers however busy its processor is", check_monitor, qemu)
        tap.run("it is not moved elsewhere with them", check_not_moved, root, qemu)
        tap.run("disk and devices are taken back, and it powers off", check_given_back, root, qemu)
        tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main()
