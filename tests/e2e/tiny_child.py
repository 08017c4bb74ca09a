# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd target:tiny_guest
# Limit: 1200
"""The conformance guest as a child: one and two VPs beside a sibling that spins, its VMBus and
its disk; and whatever is killed at whatever moment, all pages come back."""
from lib.child import Root
from lib.paths import BUILD
from lib.tap import Tap, parse

TINY = BUILD / "tests" / "guest" / "tiny.bz"
MSHV_TEST = BUILD / "tests" / "e2e" / "mshv" / "viridis-mshv-test"


def define(root, name, tests, vps=1, words=""):
    root.create(name, f"--memory 64M --vps {vps} --kernel /share/tiny"
                f" --serial /tmp/{name}.out {words}", f"tests={tests} role=child")


def judge(tap, root, name, limit):
    """Runs a child to its end; its results become ours."""
    root.start(name)
    tap.adopt(root.tap_of(name, limit), f"{name}: ")
    tap.run(f"{name}: powers off", root.wait_state, name, "off", 20)


def conformance(tap, root):
    define(root, "spin", "spin", 2)
    define(root, "one", "default")
    define(root, "two", "default", 2)
    define(root, "three", "smp,flush", 3)
    define(root, "four", "smp,flush", 4)
    root.start("spin")
    root.wait_output("spin", "spinning on 2 VPs", 60)
    judge(tap, root, "one", 180)
    judge(tap, root, "two", 180)
    judge(tap, root, "three", 180)
    judge(tap, root, "four", 180)


def worker_of(root, name):
    """The worker's process id; `viridis info` has its keeper's."""
    pid = root.json(f"info {name}")["status"]["pid"]
    return root.tell(f"for p in $(pidof viridis-vm); do grep -q '^PPid:.{pid}$' /proc/$p/status"
                     " && echo $p; done; true").strip()


def check_kill(root, name, of_worker=False):
    pid = worker_of(root, name) if of_worker else root.json(f"info {name}")["status"]["pid"]
    root.tell(f"kill -9 {pid}")
    root.wait_state(name, "failed", 20)
    if of_worker:
        assert "the worker died of signal 9" in root.json(f"info {name}")["reason"]
    root.nothing_left()


def check_unprivileged(root):
    """A worker whose guest has reset is what it was: no rights, a user of its VM, nothing open but its own."""
    define(root, "confined", "none", 1)
    root.tell("sed -i 's/role=child/role=child exit=reset/' /var/lib/viridis/confined.json")
    root.start("confined")
    root.wait("[ $(viridis log confined | grep -c 'the guest reset') -ge 2 ]", 60)
    pid = worker_of(root, "confined")
    told = dict(line.split(":\t", 1) for line in root.tell(
        f"grep -E '^(Uid|CapEff|Seccomp|NoNewPrivs|NSpid):' /proc/{pid}/status").splitlines())
    assert told["CapEff"] == "0000000000000000" and told["NoNewPrivs"] == "1", told
    assert told["Seccomp"] == "2" and told["NSpid"].split()[-1] == "1", told
    assert int(told["Uid"].split()[0]) >= 0x70000000, told
    opened = root.tell(f"ls -l /proc/{pid}/fd | sed 's/.*-> //'")
    assert "/dev/mshv" not in opened and "/share/tiny" not in opened, opened
    root.tell("viridis stop confined; viridis delete confined")
    root.nothing_left()


def check_spinning_goes_on(root):
    count = "grep -c spinning /tmp/spin.out"
    before = int(root.tell(count))
    root.wait(f"[ $({count}) -gt {before + 1} ]", 60)


def check_top(root):
    """Two VPs that spin have the most of two CPUs, by the VM's name, and the root is told beside it."""
    told = {row["name"]: row for row in root.json("top --interval 2 --count 1")["partitions"]}
    assert set(told) == {"root", "spin"}, told
    assert told["spin"]["vps"] == 2 and told["spin"]["percent"] > 60, told
    assert told["spin"]["percent"] > told["root"]["percent"] and told["root"]["exits/s"] > 0, told
    assert "spin" in root.tell("viridis top --interval 0.5 --count 2")


def check_killed_while_printing(root):
    define(root, "talks", "default", 2)
    root.start("talks")
    root.wait("[ $(grep -c ^ok /tmp/talks.out) -gt 20 ]", 60)
    check_kill(root, "talks")


def check_killed_while_starting(root):
    """The worker is killed at many moments of its start; the command says that it died."""
    define(root, "starts", "spin", 2, "--disk /tmp/disk")
    for delay in (0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5):
        root.tell("viridis start starts >/tmp/start.log 2>&1 &"
                  " until pid=$(pidof viridis-vm); do :; done;"
                  f" sleep {delay}; kill -9 $pid; wait; grep -Eq 'died|runs' /tmp/start.log")
        root.nothing_left()


def check_killed_while_stopping(root):
    """The order to stop comes to its end, and says which, however far the worker got."""
    for delay in (0, 0.01, 0.02, 0.04, 0.08, 0.16):
        root.start("starts")
        root.tell("pid=$(pidof viridis-vm); (viridis stop starts >/tmp/stop.log 2>&1;"
                  f" echo status $? >>/tmp/stop.log) & sleep {delay};"
                  " kill -9 $pid 2>/dev/null; wait; grep -Eq 'is off|hung up|does not run'"
                  " /tmp/stop.log && grep -Eq 'status [015]' /tmp/stop.log || ! cat /tmp/stop.log")
        root.nothing_left()
        assert root.state("starts") in ("off", "failed"), root.tell("viridis info starts")


def check_killed_while_resetting(root):
    """Its guest resets as soon as it runs, so that machines come and go all the time."""
    define(root, "resets", "none", 2, "--disk /tmp/disk")
    root.tell("sed -i 's/role=child/role=child exit=reset/' /var/lib/viridis/resets.json")
    resets = "viridis log resets 2>/dev/null | grep -c 'the guest reset'"
    for delay in (0, 0.03, 0.07, 0.13, 0.21, 0.31):
        before = root.ask(resets).output
        root.start("resets")
        root.wait(f"[ $({resets}) -gt {before} ]", 60)
        root.tell(f"sleep {delay}; kill -9 $(pidof viridis-vm)")
        root.nothing_left()
        assert root.state("resets") == "failed", root.tell("viridis info resets")
    root.tell("viridis delete resets")


def check_start_killed(root):
    """Who ordered the start dies: the VM runs or does not, and obeys either way."""
    for delay in (0, 0.03, 0.1, 0.2, 0.4):
        root.tell("viridis start starts >/dev/null 2>&1 & pid=$!;"
                  f" sleep {delay}; kill -9 $pid 2>/dev/null; wait; until"
                  " [ -z \"$(pidof viridis viridis-vm)\" ] || viridis stop starts 2>/dev/null; do"
                  " sleep 0.1; done")
        root.nothing_left()
        assert root.state("starts") in ("off", "failed"), root.tell("viridis info starts")


def check_starts_again(root, name):
    root.start(name)
    assert root.state(name) == "running"
    root.tell(f"viridis stop {name}")
    assert root.state(name) == "off"
    root.nothing_left()


def check_json(root):
    """Every command that can be done answers in JSON, while its VM runs too."""
    define(root, "answers", "spin", 1, "--disk /tmp/disk")
    for line in ("start answers", "list", "info answers", "log answers", "stats answers",
                 "stats", "trace --count 9", "stop answers", "delete answers"):
        assert root.json(line)["ok"] is True, line


def check_console_ends(root):
    """Who watches a VM's console sees what it prints, and is let go when the VM ends."""
    root.create("watched", "--memory 64M --kernel /share/tiny", "tests=spin role=child")
    root.start("watched")
    root.tell("(viridis console watched </dev/null >/tmp/console 2>&1;"
              " echo ended with $? >>/tmp/console) & true")
    root.wait("grep -q 'spinning on 1 VPs' /tmp/console", 60, "cat /tmp/console")
    root.tell("viridis stop watched")
    root.wait("grep -q '^ended with 0' /tmp/console", 20, "cat /tmp/console")
    root.tell("viridis delete watched")
    root.nothing_left()


def check_apart(root):
    """Worker and providers are in the VM's control group and in no folder; they end with the VM, and the group too."""
    define(root, "apart", "spin", 1, "--disk /tmp/disk")
    root.start("apart")
    for program, count in (("viridis-vm", 2), ("viridis-storage", 1), ("viridis-util", 1)):
        told = root.tell(f"for pid in $(pidof {program}); do cat /proc/$pid/cgroup; done")
        assert told.split() == ["0::/viridis/apart"] * count, (program, told)
    keeper = root.json("info apart")["status"]["pid"]
    assert root.tell(f"readlink /proc/{keeper}/cwd") == "/"
    # One of its processes takes its time: until that has ended, the machine has not.
    late = "sleep 4 & late=$!; echo $late >/sys/fs/cgroup/viridis/apart/cgroup.procs"
    root.tell(f"{late}; kill -9 {keeper}; viridis wait apart --timeout 60 && ! kill -0 $late")
    root.start("apart")
    root.tell(f"{late}; viridis stop apart && ! kill -0 $late")
    root.tell("viridis delete apart; [ ! -e /sys/fs/cgroup/viridis/apart ]")


def check_panic_kept(root):
    """The panic's text and numbers are told everywhere; nobody blames a driver; stop ends it."""
    define(root, "kept", "panic")
    root.tell("sed -i 's/role=child/role=child exit=halt/' /var/lib/viridis/kept.json")
    root.start("kept")
    root.wait_state("kept", "panicked", 60)
    results = root.tap_of("kept")
    assert len(results) == 7 and all(result.passed for result in results), results
    assert root.state("kept") == "panicked"
    told = root.json("info kept")
    assert told["reason"] == "Kernel panic - not syncing: tiny", told
    panic = told["status"]["panic"]
    assert panic["reason"] == told["reason"], panic
    assert panic["parameters"].startswith("0x1111 0x2222 0x3333 0x"), panic
    assert panic["text"] == "tiny: the last words\n?[2J\nKernel panic - not syncing: tiny\n", \
        panic
    assert "panicked" in root.tell("viridis list | grep kept")
    log = root.tell("viridis log kept")
    for words in ("crash: 0x1111 0x2222 0x3333 0x4444 0x5555", "crash: tiny: the last words",
                  "crash: Kernel panic - not syncing: tiny", "again"):
        assert words in log, log
    answer = root.ask("viridis shutdown kept --timeout 5")
    assert answer.status == 5 and "the guest has panicked" in answer.output, answer.output
    root.tell("viridis stop kept")
    assert root.state("kept") == "off"
    stats = root.json("stats kept")
    assert stats["ended"] and stats["vps"][0]["entries"] > 10, stats


def check_panic_ends(root):
    """`--on-crash stop` ends the machine, and `restart` begins a new one, after a fault too."""
    define(root, "ends", "panic", 1, "--on-crash stop")
    root.start("ends")
    root.wait_state("ends", "crashed", 60)
    assert "(the guest panicked: crash 0x1111 " in root.tell("viridis info ends")
    for name, tests in (("again", "panic"), ("faults", "triple")):
        define(root, name, tests, 1, "--on-crash restart")
        root.start(name)
        root.wait(f"[ $(viridis log {name} | grep -c 'is restarted') -ge 2 ]", 90,
                  f"viridis log {name} | tail -n 20")
        root.tell(f"viridis stop {name}")
        assert root.state(name) == "off"
    root.nothing_left()


def check_silent_worker(root):
    """One that answers nobody is killed by stop, and its partition goes with it."""
    define(root, "hangs", "spin", 2, "--disk /tmp/disk")
    root.start("hangs")
    root.tell("kill -STOP $(pidof viridis-vm)")
    told = root.tell("viridis stop hangs")
    assert "was killed" in told, told
    assert root.state("hangs") == "failed"
    root.nothing_left()
    root.tell("viridis delete hangs")


def check_provider_killed(root, program, name):
    """The machine goes on, another takes its place, everybody says so, and every order is still obeyed."""
    define(root, "served", "spin", 1, "--disk /tmp/disk")
    root.start("served")
    root.tell(f"kill -9 $(pidof {program})")
    root.wait(f"viridis log served | grep -q '{program}: .*died of signal 9'", 20,
              "viridis log served")
    root.wait(f"viridis log served | grep -q '{name}: provider-restarted'", 20, "viridis log served")
    assert root.state("served") == "running"
    assert root.json("info served")["status"]["providers"][name] == "serving"
    assert [vm["state"] for vm in root.json("list")["vms"] if vm["name"] == "served"] == \
        ["running"]
    answer = root.ask("viridis shutdown served --timeout 5")
    assert answer.status == 5 and "does not listen" in answer.output, answer.output
    root.tell("viridis stop served")
    root.nothing_left()
    root.tell("viridis delete served")


def check_mshv(tap, root):
    """The library's own tests of module and hypervisor: VPs and their state in bulk, deaths after
    each step, messages, events, arguments that mean ill."""
    root.ask("CK_TAP_LOG_FILE_NAME=/tmp/mshv.tap /share/mshv-test >/dev/null")
    results = parse(root.tell("sed 's|- /[^ ]*_test[.]c:|- |' /tmp/mshv.tap"))
    tap.ok(len(results) > 40, f"/dev/mshv: {len(results)} results")
    tap.adopt(results, "/dev/mshv: ")
    tap.run("and it leaves nothing", root.nothing_left)


def main():
    with Tap() as tap, Root("tiny-child", {"tiny": TINY, "mshv-test": MSHV_TEST}) as root:
        root.tell("dd if=/dev/zero of=/tmp/disk bs=1M count=4 2>/dev/null")
        check_mshv(tap, root)
        conformance(tap, root)
        tap.run("the sibling spins on", check_spinning_goes_on, root)
        tap.run("top tells who has the processors", check_top, root)
        tap.run("kill -9 of a worker whose VPs spin", check_kill, root, "spin")
        tap.run("and it starts again", check_starts_again, root, "spin")
        root.start("spin")
        tap.run("kill -9 of a worker, and its keeper lives", check_kill, root, "spin", True)
        define(root, "bus", "vmbus", 1, "--disk /tmp/disk")
        judge(tap, root, "bus", 120)
        root.create("disk", "--memory 64M --kernel /share/tiny --serial /tmp/disk.out"
                    " --disk /tmp/disk", "tests=storage write=yes role=child")
        judge(tap, root, "disk", 120)
        tap.run("and nothing is left of them", root.nothing_left)
        tap.run("a worker has no rights, after resets too", check_unprivileged, root)
        tap.run("kill -9 amid port I/O", check_killed_while_printing, root)
        tap.run("kill -9 at many moments of a start", check_killed_while_starting, root)
        tap.run("kill -9 at many moments of a stop", check_killed_while_stopping, root)
        tap.run("kill -9 at many moments of resets", check_killed_while_resetting, root)
        tap.run("kill -9 of the command that starts it", check_start_killed, root)
        tap.run("and it starts again", check_starts_again, root, "starts")
        tap.run("all answers in JSON", check_json, root)
        tap.run("a console ends with its VM", check_console_ends, root)
        tap.run("a worker has left its caller", check_apart, root)
        tap.run("a panic is told and the guest kept", check_panic_kept, root)
        tap.run("a panic ends a VM, or restarts it", check_panic_ends, root)
        tap.run("stop kills a worker that does not answer", check_silent_worker, root)
        for program, name in (("viridis-storage", "storage"), ("viridis-util", "util")):
            tap.run(f"kill -9 of {program}", check_provider_killed, root, program, name)
        tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main()
