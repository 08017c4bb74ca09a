# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd target:unmap_shared
# Limit: 1800
"""Stock Linux as a child, from the small initrd, several at once, with 1, 2 and 4 VPs; its clock, console,
interrupts and drivers; how it ends by its own will, by the host's order, and by a crash."""
import re
import time

from lib.child import Root, guest_initrd
from lib.paths import BUILD, KERNEL
from lib.shell import ASH_PROMPT, GuestShell
from lib.tap import Tap

UNMAP_SHARED = BUILD / "tests" / "e2e" / "unmap_shared"
BOOT_SECONDS = 480
CLOCKS = "/sys/devices/system/clocksource/clocksource0/available_clocksource"

# Class ids of VMBus, as its specification has them.
HEARTBEAT = "{57164f39-9115-4e78-ab55-382f3bd5422d}"
KVP = "{a9a0f4e7-5a45-4d96-b827-8a841e8c03e6}"
SCSI = "{ba6163d9-04a1-4d29-b605-72e2ffb1dc7f}"
SHUTDOWN = "{0e0b6031-5213-4934-818b-38d90ced39db}"
TIMESYNC = "{9527e630-d0ae-497b-adce-e80ab0175caf}"
VSS = "{35fa2e29-ea23-4236-96ae-3a6ebacba440}"
FCOPY = "{34d14be3-dee4-41c8-9ae7-6b174977c192}"


def define(root, name, vps, words="", run="", serial=True, disk=""):
    command = f"viridis.run={run.replace(' ', '%20')}" if run else ""
    root.create(name, f"--memory 160M --vps {vps} --kernel /share/vmlinuz"
                " --initrd /share/initrd"
                + (f" --serial /tmp/{name}.out" if serial else "")
                + (f" --disk {disk}" if disk else ""),
                # Each byte of a boot's messages would cost two exits.
                f"console=ttyS0 quiet {words} {command}")


# --- what the child's shell tells

def check_console(guest):
    """Both ways, and more at once than a UART's FIFO holds."""
    assert guest.tell("echo back $((6 * 7))") == "back 42"
    sent = "0123456789abcdef" * 12
    assert guest.tell(f"echo {sent}") == sent
    lines = guest.tell("seq 1 500").splitlines()
    assert lines == [str(n) for n in range(1, 501)], lines[-3:]


def check_hypervisor(guest):
    for line in ("Hypervisor detected: Microsoft Hyper-V", "Vmbus version:5.3",
                 "tsc: Detected [0-9.]* MHz processor", "Hyper-V: Host Build"):
        guest.tell(f"dmesg | grep '{line}'")
    amiss = guest.ask("dmesg | grep -E -A 20"
                      " 'Call Trace|BUG:|WARNING: CPU|Firmware Bug|lockup|stall|unchecked'")
    assert amiss.status == 1, amiss.output


def check_clocks(guest):
    assert "hyperv_clocksource_tsc_page" in guest.tell(f"cat {CLOCKS}").split()
    assert "tsc_known_freq" in guest.tell("grep -m1 flags /proc/cpuinfo").split()
    calibrated = guest.ask("dmesg | grep -E 'tsc:.*(calibrat|PIT|HPET|PMTIMER)'")
    assert calibrated.status != 0, calibrated.output


HOUR = 3600
REBIND = (f"name=$(dirname $(grep -l '{TIMESYNC}' /sys/bus/vmbus/devices/*/class_id));"
          " for how in unbind bind; do"
          " basename $name >/sys/bus/vmbus/drivers/hv_utils/$how; done")


def behind(root, guest):
    """Seconds of the child's clock behind the root's."""
    there = float(guest.tell("date +%s"))
    guest.detach()
    here = float(root.tell("date +%s"))
    guest.attach()
    return here - there


def check_time(root, guest):
    """An hour wrong it stays, until its driver connects to the host anew: hv_utils sets it once."""
    guest.tell(f"date -s @$(($(date +%s) - {HOUR}))")
    before = behind(root, guest)
    assert abs(before - HOUR) < 60, before
    guest.tell(REBIND)
    difference = before
    for _ in range(20):
        difference = behind(root, guest)
        if abs(difference) < 3:
            return
        time.sleep(1)
    raise AssertionError(f"the child is {difference} s behind")


def check_steady(guest):
    """A second of the guest's is a second here, on each of its clocks."""
    start = time.monotonic()
    before = float(guest.tell("cut -d ' ' -f 1 /proc/uptime; sleep 5"))
    there = float(guest.tell("cut -d ' ' -f 1 /proc/uptime")) - before
    here = time.monotonic() - start
    assert 5 <= there <= here + 1, (there, here)
    assert here < 30, here


def check_interrupts(guest):
    text = guest.tell("cat /proc/interrupts")
    line = re.search(r"^ *\d+:((?: +\d+)+) +[A-Z-]*IO-APIC +4-edge +ttyS0$", text,
                     re.MULTILINE)
    assert line, text
    assert sum(map(int, line[1].split())) > 10, line[0]
    assert "Hypervisor callback interrupts" in text, text


def check_alarm(guest):
    """The clock's interrupt wakes it, and is its own."""
    guest.tell("cd /sys/class/rtc/rtc0; echo +1000 >wakealarm; [ -n \"$(cat wakealarm)\" ]"
               " && echo 0 >wakealarm; echo +2 >wakealarm; cd /")
    guest.tell("for _ in $(seq 100); do [ -z \"$(cat /sys/class/rtc/rtc0/wakealarm)\" ] && break;"
               " sleep 0.1; done; [ -z \"$(cat /sys/class/rtc/rtc0/wakealarm)\" ]", 30)
    line = guest.tell("grep rtc0 /proc/interrupts")
    counts = re.match(r" *\d+:((?: +\d+)+) .* 8-edge +rtc0", line)
    assert counts and sum(map(int, counts[1].split())) >= 1, line


def check_vps(guest, count):
    assert guest.tell("nproc") == str(count)
    for vp in range(count):
        assert guest.tell(f"taskset -c {vp} sh -c 'echo runs'") == "runs"


def check_devices(guest):
    """What a VM without disks is offered, each with its driver."""
    names = guest.tell("cat /sys/bus/vmbus/devices/*/class_id").split()
    assert sorted(names) == sorted((FCOPY, HEARTBEAT, KVP, SCSI, SHUTDOWN, TIMESYNC, VSS)), names
    drivers = guest.tell("for link in /sys/bus/vmbus/devices/*/driver; do"
                         " basename $(readlink $link); done").split()
    assert sorted(drivers) == ["hv_storvsc", *["hv_utils"] * 6], drivers


def check_first_disk(root, guest):
    root.tell("head -c 1048576 /dev/zero >/tmp/first; viridis disk add two /tmp/first")
    guest.attach()
    guest.tell("until [ -b /dev/sda ]; do sleep 0.1; done; echo first >/dev/sda; sync", 60)
    guest.detach()
    assert root.tell("head -n 1 /tmp/first") == "first"
    guest.attach()
    scsi = f"$(dirname $(grep -l '{SCSI}' /sys/bus/vmbus/devices/*/class_id))"
    assert guest.tell(f"ls {scsi}/channels | wc -l") == "2"
    # What orders requests costs more than it brings; Linux leaves it out where there are several channels.
    assert "[none]" in guest.tell("cat /sys/block/sda/queue/scheduler")
    guest.tell("for vp in 0 1; do taskset -c $vp dd if=/dev/sda of=/dev/null bs=4k iflag=direct status=none; done")
    used = guest.tell(f"cat {scsi}/channels/*/interrupts").split()
    assert len(used) == 2 and all(int(count) > 0 for count in used), used
    guest.detach()
    root.tell("viridis disk remove two /tmp/first")
    guest.attach()
    guest.tell("while [ -e /sys/block/sda ]; do sleep 0.1; done", 60)
    guest.detach()


def flushes(root):
    return sum(vp["flushes"] for vp in root.json("stats two")["vps"])


UNMAPPED = 100
FLUSHES_MOST = 2 * UNMAPPED  # one for each page, and what else the guest does meanwhile


def check_flushes(root, guest):
    before = flushes(root)
    guest.attach()
    guest.tell("dmesg | grep 'Hyper-V: Using hypercall for remote TLB flush'")
    guest.tell(f"/share/unmap_shared {UNMAPPED}", 60)
    guest.detach()
    made = flushes(root) - before
    assert UNMAPPED <= made <= FLUSHES_MOST, made


def shell(tap, root):
    root.start("two")
    guest = GuestShell(root.shell, "two", ASH_PROMPT, BOOT_SECONDS)
    tap.run("the console works both ways", check_console, guest)
    tap.run("two VPs both run", check_vps, guest, 2)
    tap.run("it sees Hyper-V and VMBus 5.3, and nothing is amiss", check_hypervisor, guest)
    tap.run("its TSC's frequency and clocks come from the hypervisor", check_clocks, guest)
    tap.run("its clock runs as ours does", check_steady, guest)
    tap.run("ttyS0 interrupts through the I/O APIC, VMBus by its vector",
            check_interrupts, guest)
    tap.run("its clock's alarm interrupts it", check_alarm, guest)
    tap.run("heartbeat, shutdown and time synchronization are there", check_devices, guest)
    tap.run("the time is the root's", check_time, root, guest)
    guest.detach()
    tap.run("what one VP unmaps the other forgets by a hypercall", check_flushes, root, guest)
    tap.run("a disk can be added to it though it had none", check_first_disk, root, guest)
    return guest


def check_heartbeat(root):
    root.wait("viridis log two | grep heartbeat | grep -q alive", 30,
              "viridis log two | tail -n 20")


def uptime(guest):
    """Detached again even where the guest does not answer: what follows is for the root's shell."""
    try:
        return float(guest.tell("cut -d ' ' -f 1 /proc/uptime"))
    finally:
        guest.detach()


def uptime_of_next_boot(root):
    return uptime(GuestShell(root.shell, "two", ASH_PROMPT, BOOT_SECONDS))


def entries(root):
    return sum(vp["entries"] for vp in root.json("stats two")["vps"])


def check_pause(root, guest):
    """Paused it is never entered and has no time; resumed it goes on as if nothing had been."""
    guest.attach()
    before = uptime(guest)
    root.tell("viridis events two >/tmp/events & true")
    root.tell("viridis pause two")
    assert root.state("two") == "paused"
    assert "resume it first" in root.ask("viridis shutdown two").output
    made = entries(root)
    root.tell("sleep 30")
    assert entries(root) == made
    root.tell("viridis resume two")
    assert root.state("two") == "running"
    guest.attach()
    passed = uptime(guest) - before
    assert passed < 25, passed
    assert root.tell("cat /tmp/events").split() == ["paused", "resumed"]


def check_reset(root):
    root.tell("viridis reset two")
    assert uptime_of_next_boot(root) < 60
    # The newest may be of the guest that begins anew.
    assert root.tell("grep -c ^reset /tmp/events") == "1"


def check_restart(root):
    """`viridis shutdown --reboot`: the console stays, the guest comes again."""
    root.tell("viridis shutdown two --reboot", 60)
    assert uptime_of_next_boot(root) < 60


def check_shutdown(root):
    root.wait("viridis log two | grep -c '\"shutdown\".*ready' | grep -q 3", 30,
              "viridis log two | tail -n 20")
    root.tell("viridis shutdown two --timeout 60", 90)
    assert root.state("two") == "off"


# --- children that run one line

def check_poweroff(root):
    root.wait_state("one", "off", BOOT_SECONDS)
    text = root.tell("cat /tmp/one.out")
    assert "guest: 1 VP" in text, text[-2000:]
    assert "guest: poweroff" in text, text[-2000:]


def check_old_version(root):
    """A guest that knows no VMBus newer than 2.4 reads its disk all the same."""
    root.wait_state("old", "off", BOOT_SECONDS)
    text = root.tell("cat /tmp/old.out")
    assert re.search(r"guest: Vmbus version:2\.4\s", text), text[-2000:]
    assert "guest: " + root.tell("sha256sum </tmp/old-disk").split()[0] in text, text[-2000:]


def check_reboot(root):
    """It restarts itself once and again; stopped from outside in the end, and not before it has to
    run: without an end it would take the CPUs from the others."""
    root.start("four")
    root.wait("[ $(grep -c 'guest: 4 VP' /tmp/four.out) -ge 2 ]", BOOT_SECONDS,
              "tail -n 30 /tmp/four.out; viridis log four | tail -n 20")
    assert root.state("four") == "running"
    root.tell("viridis stop four")
    assert root.state("four") == "off"


def check_panic(root):
    """Its last words are told; it stands still until it is stopped, and no driver is blamed."""
    root.start("panics")
    root.wait_state("panics", "panicked", BOOT_SECONDS)
    told = root.tell("viridis info panics")
    assert "(Kernel panic - not syncing: sysrq triggered crash)" in told, told
    assert "panicked" in root.tell("viridis list | grep panics")
    log = root.tell("viridis log panics")
    assert re.search(r"crash: .*sysrq: Trigger a crash", log), log[-3000:]
    root.machine.hypervisor_log.wait(r"p\d+ vp\d+ crash: ", 10)
    answer = root.ask("viridis shutdown panics --timeout 20")
    assert answer.status == 5 and "the guest has panicked" in answer.output, answer.output
    root.tell("viridis stop panics")
    assert root.state("panics") == "off"


def check_triple_fault(root):
    root.start("triple")
    root.wait_state("triple", "crashed", BOOT_SECONDS)


def main():
    with Tap() as tap, guest_initrd({"unmap_shared": UNMAP_SHARED}) as initrd, \
            Root("linux-child", {"vmlinuz": KERNEL, "initrd": initrd}) as root:
        define(root, "one", 1, run="echo guest: $(nproc) VP; poweroff; sleep 1000")
        define(root, "four", 4, run="echo guest: $(nproc) VP; reboot; sleep 1000")
        define(root, "two", 2, serial=False)
        define(root, "panics", 2, run="echo c >/proc/sysrq-trigger", words="panic=0")
        define(root, "triple", 1, run="reboot -f", words="reboot=t,force")
        root.tell("dd if=/dev/urandom of=/tmp/old-disk bs=1M count=4 2>/dev/null")
        define(root, "old", 1, disk="/tmp/old-disk", words="hv_vmbus.max_version=0x20004",
               run="echo guest: $(dmesg | grep -o Vmbus.version:[0-9].*); modprobe hv_storvsc;"
                   " until [ -b /dev/sda ]; do sleep 1; done;"
                   " echo guest: $(sha256sum </dev/sda); poweroff; sleep 1000")
        root.start("one")
        root.start("old")
        guest = shell(tap, root)
        tap.run("its heart beats", check_heartbeat, root)
        tap.run("one VP, and poweroff in the guest", check_poweroff, root)
        tap.run("VMBus 2.4 and a disk", check_old_version, root)
        tap.run("four VPs, and reboot in the guest", check_reboot, root)
        tap.run("viridis pause and resume", check_pause, root, guest)
        tap.run("viridis reset", check_reset, root)
        tap.run("viridis shutdown --reboot", check_restart, root)
        tap.run("viridis shutdown", check_shutdown, root)
        tap.run("a panic and its text are told", check_panic, root)
        tap.run("a triple fault is a crash", check_triple_fault, root)
        tap.run("and nothing is left of them", root.nothing_left)
        tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main()
