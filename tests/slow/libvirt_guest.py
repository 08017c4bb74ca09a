# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd libvirt-disk
# Limit: 1800
"""Stock virsh manages a stock guest through libvirt's daemon of ours: from its definition to its end, with its console,
its disk and its adapter; and what `viridis` does is seen there."""
import json
import shlex

from lib.child import Root
from lib.log import Failure
from lib.paths import GUEST_INITRD, KERNEL, LIBVIRT_DISK
from lib.tap import Tap

BOOT_SECONDS = 200
ESCAPE = "\x1d"
# The guest: reads its disk, tells, and does what it is told on its serial line.
CHECKS = ("until [ -b /dev/sda -a -e /sys/class/net/eth0 ]; do sleep 1; done; "
          "dd if=/dev/sda of=/dev/null bs=64k count=16; echo check: $(cat /sys/class/net/eth0/address); "
          "exec setsid cttyhack sh")
XML = f"""<domain type='hyperv'>
  <name>web</name>
  <title>A shop</title>
  <memory unit='MiB'>192</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64'>hvm</type>
    <kernel>/share/vmlinuz</kernel>
    <initrd>/share/initrd</initrd>
    <cmdline>console=ttyS0 quiet viridis.run={CHECKS.replace(' ', '%20')}</cmdline>
  </os>
  <devices>
    <disk type='file' device='disk'>
      <driver type='raw'/>
      <source file='/tmp/disk.raw'/>
      <target dev='sda' bus='scsi'/>
    </disk>
    <interface type='bridge'>
      <mac address='00:15:5d:00:00:07'/>
      <source bridge='br9'/>
    </interface>
    <console type='pty'/>
  </devices>
</domain>
"""


HOT_DISK = """<disk type='file' device='disk'><driver type='raw'/><source file='/tmp/hot.raw'/>
<target dev='sdb' bus='scsi'/></disk>"""

# Programs of the disk, by the root's loader with the disk's libraries.
PROGRAM = """#!/bin/sh
exec /lib64/ld-linux-x86-64.so.2 --library-path /mnt/lib /mnt/bin/${0##*/} "$@"
"""


class Virsh:
    """libvirt's command and daemon, in the root."""

    def __init__(self, root):
        self.root = root
        root.tell("mkdir -p /var/cache /var/lock /etc/libvirt && ln -s /run /var/run &&"
                  " mount -t ext4 -o ro /dev/vda /mnt")
        root.tell("mkdir /tmp/bin && cd /tmp/bin && cp /share/program virsh && chmod 755 virsh &&"
                  " ln virsh virtviridisd; cd /")
        root.tell("echo libvirt:x:110: >>/etc/group")
        self.start_daemon()

    def start_daemon(self):
        self.root.tell("(LIBVIRT_DRIVER_DIR=/mnt/drivers /tmp/bin/virtviridisd --config"
                       " /mnt/virtviridisd.conf >>/tmp/daemon.log 2>&1 </dev/null &)")
        self.root.wait("[ -S /run/libvirt/virtviridisd-sock ]", 60, "cat /tmp/daemon.log")

    def line(self, words):
        return f"/tmp/bin/virsh -q -c viridis:///system {words}"

    def tell(self, words, limit=240):
        answer = self.root.ask(self.line(words), limit)
        if answer.status != 0:
            raise Failure(f"virsh {words}: {answer.output}\n"
                          f"{self.root.ask('cat /tmp/daemon.log; viridis log web').output}")
        return answer.output

    def refuse(self, words, why):
        answer = self.root.ask(self.line(words))
        assert answer.status != 0 and why in answer.output, answer.output

    def wait(self, words, pattern, limit):
        self.root.wait(f"{self.line(words)} | grep -q {shlex.quote(pattern)}", limit,
                       f"{self.line(words)}; cat /tmp/daemon.log")


def define(virsh, root):
    root.tell("ip link add br9 type bridge && ip link set br9 up && truncate -s 16M /tmp/disk.raw")
    virsh.tell("define /share/web.xml")
    assert "shut off" in virsh.tell("list --all")
    assert root.state("web") == "off"
    assert "<title>A shop</title>" in virsh.tell("dumpxml web")


def refuse(virsh, root):
    virsh.refuse("define /share/bad.xml", "watchdog")


def start(virsh, root):
    root.tell(f"({virsh.line('event --all --loop')} >/tmp/events 2>&1 </dev/null &)")
    virsh.tell("start web")
    root.tell("(viridis events web --json >/tmp/vevents 2>&1 </dev/null &)")
    assert root.state("web") == "running"
    assert "running" in virsh.tell("list")


def console(virsh, root):
    """Text both ways."""
    machine = root.machine
    machine.send(f"{virsh.line('console web')}; echo has''left\n")
    machine.console.wait("check: 00:15:5d:00:00:07", BOOT_SECONDS)
    machine.send("echo answer $((6*7))\n")
    machine.console.wait("answer 42", 60)
    machine.send(ESCAPE)
    # What is typed before virsh has let go would go to it.
    machine.console.wait("hasleft", 60)


def told_of(virsh):
    """What virsh has of a domain that runs: identity, memory, devices, VPs."""
    told = dict(line.split(":", 1) for line in virsh.tell("dominfo web").splitlines() if ":" in line)
    told = {name: value.strip() for name, value in told.items()}
    assert told["State"] == "running" and told["CPU(s)"] == "1" and told["Persistent"] == "yes", told
    assert told["Max memory"] == told["Used memory"] == f"{192 << 10} KiB" and told["CPU time"] != "0.0s", told
    assert virsh.tell("domid web").strip() == str(virsh.root.json("info web")["status"]["pid"])
    assert "/tmp/disk.raw" in virsh.tell("domblklist web") and "br9" in virsh.tell("domiflist web")
    assert "16777216" in virsh.tell("domblkinfo web sda")
    assert f"actual {192 << 10}" in virsh.tell("dommemstat web")
    assert virsh.tell("vcpucount web --active --live").strip() == "1"
    # Its guest has no daemon that would tell.
    virsh.tell("domifaddr web --source agent")
    virsh.refuse("domifaddr web", "--source agent")


def counters(virsh):
    words = dict(line.split()[1:] for line in virsh.tell("domblkstat web sda").splitlines())
    assert int(words["rd_bytes"]) >= 1 << 20, words
    virsh.tell("domifstat web 00:15:5d:00:00:07")


def counters_of_all(virsh):
    """domstats and CPU time, by the hypervisor's account; the weight that its scheduler goes by."""
    told = dict(line.strip().split("=", 1) for line in virsh.tell("domstats web").splitlines()
                if "=" in line)
    assert int(told["cpu.time"]) > 10 ** 8 and told["state.state"] == "1", told
    assert int(told["vcpu.0.time"]) == int(told["cpu.time"]), told
    assert int(told["block.0.rd.bytes"]) >= 1 << 20 and int(told["block.0.capacity"]) == 16 << 20, told
    assert told["net.count"] == "1" and told["balloon.current"] == str(192 << 10), told
    spent = int(told["cpu.time"])
    told = virsh.tell("cpu-stats web --total")
    assert float(told.split("cpu_time")[1].split()[0]) * 10 ** 9 >= spent, (told, spent)
    virsh.tell("schedinfo web --set weight=200 --live")
    assert "200" in virsh.tell("schedinfo web")


def in_guest(root, words, mark):
    """On its serial line, whose shell has nothing else to do; `mark` is what it prints when the words are done."""
    line = shlex.quote(f"{words}; echo {mark[:2]}''{mark[2:]}")
    root.tell("(cat /run/viridis/web.console >/tmp/told & echo $! >/tmp/reader)")
    root.tell(f"printf '%s\\n' {line} >/run/viridis/web.console")
    root.wait(f"grep -q {mark} /tmp/told", 120, "cat /tmp/told")
    return root.tell("kill $(cat /tmp/reader); cat /tmp/told")


def hot_plug(virsh, root):
    """A disk comes under the guest, with what it holds, and goes."""
    root.tell("truncate -s 8M /tmp/hot.raw && printf hotdisk | dd of=/tmp/hot.raw conv=notrunc")
    virsh.tell("attach-device web /share/hot.xml --live")
    told = in_guest(root, "until [ -b /dev/sdb ]; do sleep 1; done; "
                    "[ $(dd if=/dev/sdb bs=7 count=1 2>/dev/null) = hotdisk ]; echo held $?", "plugged")
    assert "held 0" in told, told
    assert "sdb" in virsh.tell("domblklist web") and "sdb" not in virsh.tell("domblklist web --inactive")
    virsh.refuse("attach-device web /share/hot.xml --live", "sdb")
    virsh.tell("detach-disk web sdb --live")
    in_guest(root, "while [ -b /dev/sdb ]; do sleep 1; done", "unplugged")
    assert "sdb" not in virsh.tell("domblklist web")


def hot_plug_interface(virsh, root):
    """Likewise an adapter; the counters of the one that stays are its own."""
    mac = "00:15:5d:00:00:08"
    seen = f"grep -qs {mac} /sys/class/net/*/address"
    virsh.tell(f"attach-interface web bridge br9 --mac {mac} --live")
    told = in_guest(root, f"until {seen}; do sleep 1; done; "
                    f"ip link set $(basename $(dirname $(grep -l {mac} /sys/class/net/*/address))) up; echo up $?",
                    "gained")
    assert "up 0" in told, told
    assert mac in virsh.tell("domiflist web") and mac not in virsh.tell("domiflist web --inactive")
    assert "tx_packets" in virsh.tell(f"domifstat web {mac}")
    virsh.refuse(f"attach-interface web bridge br8 --mac {mac[:-1]}9 --live", "br8")
    virsh.tell(f"detach-interface web bridge --mac {mac} --live")
    in_guest(root, f"while {seen}; do sleep 1; done", "lost-it")
    assert mac not in virsh.tell("domiflist web")
    virsh.tell("domifstat web 00:15:5d:00:00:07")


def own_events(root):
    """As the command tells them."""
    told = [json.loads(line) for line in root.tell("cat /tmp/vevents").splitlines()]
    numbers = [event["sequence"] for event in told]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), told
    names = [(event["event"], event["source"], event.get("lun")) for event in told]
    for wanted in (("device-added", "request", 1), ("device-removed", "request", 1),
                   ("paused", "request", None), ("resumed", "request", None), ("off", "guest", None)):
        assert wanted in names, (wanted, told)


def pause(virsh, root):
    virsh.tell("suspend web")
    assert "paused" in virsh.tell("domstate web")
    assert root.state("web") == "paused"
    root.tell("viridis resume web")
    virsh.wait("domstate web", "running", 20)
    root.tell("viridis pause web")
    virsh.wait("domstate web", "paused", 20)
    virsh.tell("resume web")
    assert root.state("web") == "running"


def daemon_dies(virsh, root):
    """Machines do not notice, and its successor finds them."""
    end_daemon(root, "KILL")
    assert root.state("web") == "running"
    virsh.start_daemon()
    assert "running" in virsh.tell("domstate web")
    root.tell(f"({virsh.line('event --all --loop')} >>/tmp/events 2>&1 </dev/null &)")


def end_daemon(root, signal):
    root.tell(f"kill -{signal} $(cat /run/virtviridisd.pid)")
    root.wait("! kill -0 $(cat /run/virtviridisd.pid) 2>/dev/null", 20)
    root.tell("rm -f /run/libvirt/virtviridisd-sock /run/virtviridisd.pid")


def shutdown(virsh, root):
    virsh.tell("shutdown web")
    virsh.wait("domstate web --reason", "shut off (shutdown)", BOOT_SECONDS)
    root.nothing_left()


def again(virsh, root):
    virsh.tell("start web")
    virsh.tell("destroy web")
    assert "shut off (destroyed)" in virsh.tell("domstate web --reason")
    root.nothing_left()


def autostart(virsh, root):
    """As after the machine's start, of which a file below /run tells."""
    virsh.tell("autostart web")
    assert "enable" in virsh.tell("dominfo web")
    end_daemon(root, "TERM")
    root.tell("rm -f /run/viridis/autostarted")
    virsh.start_daemon()
    virsh.wait("domstate web", "running", 60)
    root.tell(f"({virsh.line('event --all --loop')} >>/tmp/events 2>&1 </dev/null &)")
    virsh.tell("destroy web")
    virsh.tell("autostart web --disable")
    root.nothing_left()


def undefine(virsh, root):
    virsh.tell("undefine web")
    assert root.ask("viridis info web").status == 4
    assert "web" not in virsh.tell("list --all")


def events(root):
    root.wait("grep -q Undefined /tmp/events", 20, "cat /tmp/events")
    told = root.tell("cat /tmp/events")
    for word in ("Started Booted", "Suspended Paused", "Resumed Unpaused", "Stopped Shutdown",
                 "Stopped Destroyed", "Undefined Removed", "device-added' for domain 'web': sdb",
                 "device-removed' for domain 'web': sdb", "device-added' for domain 'web': net1",
                 "device-removed' for domain 'web': net1"):
        assert word in told, f"no '{word}' in {told}"


def play(tap, root):
    virsh = Virsh(root)
    tap.run("a domain is defined, and is viridis' too", define, virsh, root)
    tap.run("what cannot be had is refused by its name", refuse, virsh, root)
    tap.run("it starts", start, virsh, root)
    tap.run("its console carries text both ways", console, virsh, root)
    tap.run("all is told of it", told_of, virsh)
    tap.run("its disk and its adapter are counted", counters, virsh)
    tap.run("all is counted, CPU time too", counters_of_all, virsh)
    tap.run("a disk comes and goes under it", hot_plug, virsh, root)
    tap.run("and an adapter", hot_plug_interface, virsh, root)
    tap.run("it is suspended by virsh, and resumed by viridis", pause, virsh, root)
    tap.run("the daemon is killed, and its successor finds the machine", daemon_dies, virsh, root)
    tap.run("it shuts down", shutdown, virsh, root)
    tap.run("the command has heard of all that", own_events, root)
    tap.run("it is started again and destroyed", again, virsh, root)
    tap.run("it starts by itself with the machine", autostart, virsh, root)
    tap.run("it is undefined", undefine, virsh, root)
    tap.run("events have told all of it", events, root)
    tap.run("the root powers off", root.power_off)


def main():
    files = {"vmlinuz": KERNEL, "initrd": GUEST_INITRD, "program": PROGRAM, "web.xml": XML, "hot.xml": HOT_DISK,
             "bad.xml": XML.replace(">web<", ">other<").replace(
                 "<console", "<watchdog model='ib700'/><console")}
    with Tap() as tap, Root("libvirt", files, disks=[LIBVIRT_DISK]) as root:
        try:
            play(tap, root)
        except Failure as failure:
            raise Failure(f"{failure}\n{root.machine.describe()}") from failure


if __name__ == "__main__":
    main()
