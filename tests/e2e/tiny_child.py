# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-initrd target:tiny_guest
# Limit: 1200
"""The conformance guest as a child: one and two VPs beside a sibling that spins, its VMBus and
its disk; and whatever is killed at whatever moment, all pages come back."""
from lib.child import Root
from lib.paths import BUILD
from lib.tap import Tap, parse

TINY = BUILD / "tests" / "guest" / "tiny.bz"


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
    root.start("spin")
    root.wait_output("spin", "spinning on 2 VPs", 60)
    judge(tap, root, "one", 180)
    judge(tap, root, "two", 180)


def check_kill(root, name):
    pid = root.json(f"info {name}")["status"]["pid"]
    root.tell(f"kill -9 {pid}")
    root.wait_state(name, "failed", 20)
    root.nothing_left()


def check_spinning_goes_on(root):
    count = "grep -c spinning /tmp/spin.out"
    before = int(root.tell(count))
    root.wait(f"[ $({count}) -gt {before + 1} ]", 60)


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
                  " /tmp/stop.log && grep -Eq 'status [01]' /tmp/stop.log || ! cat /tmp/stop.log")
        root.nothing_left()
        assert root.state("starts") in ("off", "failed"), root.tell("viridis info starts")


def check_killed_while_resetting(root):
    """Its guest resets as soon as it runs, so that machines come and go all the time."""
    define(root, "resets", "none", 2, "--disk /tmp/disk")
    root.tell("sed -i 's/role=child/role=child exit=reset/' /var/lib/viridis/resets.json")
    resets = "viridis log resets | grep -c 'the guest reset'"
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
                  " [ -z \"$(pidof viridis-vm)\" ] || viridis stop starts 2>/dev/null; do"
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


def check_provider_killed(root, program, name, served):
    """The machine goes on without it, everybody says so, and every order is still obeyed."""
    define(root, "served", "spin", 1, "--disk /tmp/disk")
    root.start("served")
    root.tell(f"kill -9 $(pidof {program})")
    root.wait(f"viridis log served | grep -q '{program}: .*died of signal 9'", 20,
              "viridis log served")
    assert root.state("served") == "running"
    told = root.tell("viridis info served")
    assert f"{name} " in told and "died; the guest is without its devices" in told, told
    assert [vm["state"] for vm in root.json("list")["vms"] if vm["name"] == "served"] == \
        ["running"]
    answer = root.ask("viridis shutdown served --timeout 5")
    assert answer.status == 1 and served in answer.output, answer.output
    root.tell("viridis stop served")
    root.nothing_left()
    root.tell("viridis delete served")


def check_mshv(tap, root):
    """The library's own tests of module and hypervisor: VPs and their state in bulk, deaths after
    each step, messages, events, arguments that mean ill."""
    root.ask("CK_TAP_LOG_FILE_NAME=/tmp/mshv.tap viridis-mshv-test >/dev/null")
    results = parse(root.tell("sed 's|- /[^ ]*_test[.]c:|- |' /tmp/mshv.tap"))
    tap.ok(len(results) > 40, f"/dev/mshv: {len(results)} results")
    tap.adopt(results, "/dev/mshv: ")
    tap.run("and it leaves nothing", root.nothing_left)


def main():
    with Tap() as tap, Root("tiny-child", {"tiny": TINY}) as root:
        root.tell("dd if=/dev/zero of=/tmp/disk bs=1M count=4 2>/dev/null")
        check_mshv(tap, root)
        conformance(tap, root)
        tap.run("the sibling spins on", check_spinning_goes_on, root)
        tap.run("kill -9 of a worker whose VPs spin", check_kill, root, "spin")
        tap.run("and it starts again", check_starts_again, root, "spin")
        define(root, "bus", "vmbus", 1, "--disk /tmp/disk")
        judge(tap, root, "bus", 120)
        root.create("disk", "--memory 64M --kernel /share/tiny --serial /tmp/disk.out"
                    " --disk /tmp/disk", "tests=storage write=yes role=child")
        judge(tap, root, "disk", 120)
        tap.run("and nothing is left of them", root.nothing_left)
        tap.run("kill -9 amid port I/O", check_killed_while_printing, root)
        tap.run("kill -9 at many moments of a start", check_killed_while_starting, root)
        tap.run("kill -9 at many moments of a stop", check_killed_while_stopping, root)
        tap.run("kill -9 at many moments of resets", check_killed_while_resetting, root)
        tap.run("kill -9 of the command that starts it", check_start_killed, root)
        tap.run("and it starts again", check_starts_again, root, "starts")
        tap.run("all answers in JSON", check_json, root)
        tap.run("a console ends with its VM", check_console_ends, root)
        tap.run("stop kills a worker that does not answer", check_silent_worker, root)
        for program, name, why in (("viridis-storage", "storage", "does not listen"),
                                   ("viridis-util", "util", "the utility provider died")):
            tap.run(f"kill -9 of {program}", check_provider_killed, root, program, name, why)
        tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main()
