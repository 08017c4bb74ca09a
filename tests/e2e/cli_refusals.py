# SPDX-License-Identifier: GPL-2.0-or-later
# Limit: 900
"""Input that is wrong: every command of `viridis` names what is wrong, ends with 1 or 2, and
leaves no file, process, partition or page behind."""
import time

from lib.child import Root
from lib.paths import BUILD
from lib.tap import Tap

TINY = BUILD / "tests" / "guest" / "tiny.bz"
SOCKET_SEND = BUILD / "tests" / "e2e" / "socket_send"
GOOD = "--memory 32M --kernel /share/tiny"
LONG = "x" * 300

# What is asked, the exit status, what the message must name. $S is the folder of definitions.
CREATE = (
    ("create", 2, "NAME"),
    ("create a b", 2, "too many"),
    (f"create a {GOOD} --frob", 2, "--frob"),
    (f"create a {GOOD} --vps", 2, "--vps"),
    (f"create a {GOOD} --vps two", 2, "two"),
    (f"create a {GOOD} --vps 0", 1, "vps 0"),
    (f"create a {GOOD} --vps -1", 1, "vps"),
    (f"create a {GOOD} --vps 65", 1, "vps 65"),
    (f"create a {GOOD} --vps 99999999999999", 2, "99999999999999"),
    ("create a --kernel /share/tiny", 2, "--memory"),
    ("create a --memory 32M", 2, "--kernel"),
    ("create a --kernel /share/tiny --memory lots", 1, "lots"),
    ("create a --kernel /share/tiny --memory -5M", 1, "-5M"),
    ("create a --kernel /share/tiny --memory 5X", 1, "5X"),
    ("create a --kernel /share/tiny --memory 0", 1, "memory 0"),
    ("create a --kernel /share/tiny --memory 4M", 1, "4M"),
    ("create a --kernel /share/tiny --memory 33554433", 1, "33554433"),
    ("create a --kernel /share/tiny --memory 99999999999999999999G", 1, "999999"),
    ("create a --kernel /share/tiny --memory 64G", 1, "64G"),
    ("create a --kernel /share/tiny --memory 1", 1, "memory 1:"),
    ("create a --kernel /share/tiny --memory 18E", 1, "18E"),
    ("create a --kernel /share/tiny --memory ''", 1, "memory ''"),
    ("create a --kernel /share/tiny --memory '32M '", 1, "'32M '"),
    (f"create '' {GOOD}", 1, "name"),
    (f"create ../a {GOOD}", 1, "../a"),
    (f"create a/b {GOOD}", 1, "a/b"),
    (f"create 'a b' {GOOD}", 1, "a b"),
    (f"create {LONG} {GOOD}", 1, "xxx"),
    (f"create .. {GOOD}", 1, "'..'"),
    (f"create .a {GOOD}", 1, "'.a'"),
    (f"create $(printf 'sch\\303\\266n') {GOOD}", 1, "name 'sch"),
    (f"create $(printf 'a\\377b') {GOOD}", 1, "name 'a"),
    ("create a --memory 32M --kernel $(printf '/tmp/\\377')", 1, "UTF-8"),
    ("create a --memory 32M --kernel /nonexistent", 1, "/nonexistent"),
    ("create a --memory 32M --kernel /tmp", 1, "/tmp"),
    ("create a --memory 32M --kernel /dev/null", 1, "/dev/null"),
    (f"create a {GOOD} --initrd /nonexistent", 1, "/nonexistent"),
    (f"create a {GOOD} --initrd /tmp", 1, "/tmp"),
    (f"create a {GOOD} --disk /tmp/sealed/disk", 1, "/tmp/sealed/disk: Read-only"),
    (f"create a {GOOD} --disk /nonexistent", 1, "/nonexistent"),
    (f"create a {GOOD} --disk /nonexistent,ro", 1, "/nonexistent:"),
    (f"create a {GOOD} --disk /tmp", 1, "/tmp"),
    (f"create a {GOOD} --disk /dev/null", 1, "/dev/null"),
    (f"create a {GOOD} --disk /share/tiny,rw", 1, "/share/tiny,rw"),
    (f"create a {GOOD} --serial /share/tiny", 1, "the VM's kernel"),
    (f"create a {GOOD} --disk /tmp/disk --serial /tmp/disk", 1, "the VM's disk"),
    (f"create a {GOOD} --serial /nonexistent/x", 1, "/nonexistent/x: No such"),
    (f"create a {GOOD} --serial /tmp", 1, "/tmp: Is a dir"),
    (f"create there {GOOD}", 1, "there"),
    ("frobnicate", 2, "frobnicate"),
    ("", 2, "command is needed"),
    ("list me", 2, "too many"),
)
UNKNOWN = ("start", "info", "console", "shutdown", "stop", "delete", "stats", "log")
OFF = ("console", "shutdown", "stats")


def refused(root, words, status, named, variables=""):
    answer = root.ask(f"{variables} viridis {words} </dev/null")
    assert answer.status == status, f"'{words}' ended with {answer.status}: {answer.output}"
    assert named in answer.output, f"'{words}' does not name '{named}': {answer.output}"
    for line in answer.output.splitlines():
        assert "CRITICAL" not in line and "GLib" not in line, answer.output


def refused_all(root, cases):
    before = root.tell("find /var/lib/viridis /var/log/viridis /run/viridis | sort")
    for words, status, named in cases:
        refused(root, words, status, named)
    assert root.tell("find /var/lib/viridis /var/log/viridis /run/viridis | sort") == before
    root.nothing_left()


def check_json(root):
    """With --json an error is an object too."""
    answer = root.ask("viridis info nobody --json | tr -d ' \\n'")
    assert answer.output.startswith('{"ok":false,"code":"unknown-vm","error":"noVMisnamed'), answer.output


def define(root, name, words):
    root.create(name, words, "tests=spin role=child")


def check_starts(root, cases):
    """Each is well defined, but cannot be started."""
    for number, (words, named) in enumerate(cases):
        name = f"bad{number}"
        define(root, name, words)
        refused(root, f"start {name}", 1, named)
        assert root.state(name) in ("off", "failed"), words
        root.tell(f"viridis delete {name}")
    root.nothing_left()
    left = root.tell("ls /run/viridis /var/lib/viridis /var/log/viridis")
    assert "bad" not in left, left


def make_files(root):
    root.tell("head -c 65536 /dev/urandom >/tmp/noise; echo hello >/tmp/text; : >/tmp/empty;"
              " head -c 700 /share/tiny >/tmp/cut; head -c 20000 /share/tiny >/tmp/short;"
              " head -c 1000000 /dev/zero >/tmp/odd; head -c 1048576 /dev/zero >/tmp/disk;"
              " head -c 33554432 /dev/zero >/tmp/large; mkdir /tmp/sealed;"
              " mount -t tmpfs none /tmp/sealed; head -c 1048576 /dev/zero >/tmp/sealed/disk;"
              " mount -o remount,ro /tmp/sealed")


def check_kernels(root):
    """What cannot boot is refused when it is defined, with the reason; and again when it is started."""
    root.tell("cp /share/tiny /tmp/zimage; cp /share/tiny /tmp/bits16; cp /share/tiny /tmp/spoilt;"
              r" printf '\000' | dd of=/tmp/zimage bs=1 seek=$((0x211)) conv=notrunc 2>/dev/null;"
              r" printf '\000\000' | dd of=/tmp/bits16 bs=1 seek=$((0x236)) conv=notrunc 2>/dev/null")
    for name, why in (("noise", "not a Linux kernel"), ("text", "not a Linux kernel"),
                      ("empty", "not a Linux kernel"), ("cut", "shorter than"),
                      ("short", "shorter than"), ("zimage", "no 64-bit entry"),
                      ("bits16", "no 64-bit entry")):
        refused(root, f"create a --memory 32M --kernel /tmp/{name}", 1, f"kernel /tmp/{name}: ")
        refused(root, f"create a --memory 32M --kernel /tmp/{name}", 1, why)
    define(root, "spoilt", "--memory 32M --kernel /tmp/spoilt")
    root.tell("head -c 20000 /share/tiny >/tmp/spoilt")
    refused(root, "start spoilt", 1, "/tmp/spoilt")
    root.tell("viridis delete spoilt")
    check_starts(root, (
        (f"{GOOD} --initrd /tmp/large", "initrd"),
        (f"{GOOD} --disk /tmp/odd", "/tmp/odd"), (f"{GOOD} --disk /tmp/empty", "/tmp/empty")))


def check_vanished(root):
    """What was there when it was defined is gone when it starts."""
    root.tell("cp /share/tiny /tmp/kernel; cp /tmp/disk /tmp/vanishing")
    define(root, "gone", "--memory 32M --kernel /tmp/kernel --disk /tmp/vanishing")
    root.tell("rm /tmp/vanishing")
    refused(root, "start gone", 1, "/tmp/vanishing")
    root.tell("rm /tmp/kernel")
    refused(root, "start gone", 1, "/tmp/kernel")
    root.tell("viridis delete gone")
    root.nothing_left()


def check_memory(root):
    """More than there is now, though each alone would fit."""
    free = int(root.tell("awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo"))
    half = f"--memory {free * 6 // 10}M --kernel /share/tiny --serial /dev/null"
    define(root, "first", half)
    define(root, "second", half)
    root.start("first")
    refused(root, "start second", 1, "memory")
    root.tell("viridis stop first; viridis delete first; viridis delete second")
    root.nothing_left()


def check_shared_disk(root):
    define(root, "left", f"{GOOD} --disk /tmp/disk")
    define(root, "right", f"{GOOD} --disk /tmp/disk")
    define(root, "reads", f"{GOOD} --disk /tmp/disk,ro")
    root.start("left")
    refused(root, "start right", 1, "/tmp/disk: the VM 'left' is using it")
    refused(root, "start reads", 1, "/tmp/disk: the VM 'left' is using it")
    define(root, "prints", f"{GOOD} --serial /tmp/disk")
    refused(root, "start prints", 1, "/tmp/disk: another process")
    root.tell("viridis stop left; viridis delete prints")
    root.start("reads")
    refused(root, "start right", 1, "/tmp/disk")
    root.tell("viridis stop reads; for n in left right reads; do viridis delete $n; done")
    root.nothing_left()


def check_at_once(root):
    """Of several that start it, one does; none starts what another deletes."""
    define(root, "raced", GOOD)
    for _ in range(3):
        root.tell("rm -f /tmp/at.*; for n in 1 2 3 4; do (viridis start raced >/tmp/at.$n 2>&1;"
                  " echo $? >>/tmp/at.$n) & done; wait")
        told = root.tell("cat /tmp/at.*")
        assert told.count("\n0") == 1 and told.count("\n1") == 3, told
        assert told.count("raced is running already") == 3, told
        assert "not started" not in root.tell("viridis log raced"), told
        root.tell("[ -s /var/log/viridis/raced.log ]")
        root.tell("viridis stop raced")
    for delay in range(0, 10, 2):
        root.tell(f"(sleep 0.0{delay}; viridis delete raced >/tmp/at.1 2>&1) &"
                  " viridis start raced >/tmp/at.2 2>&1; wait")
        exists = root.ask("viridis info raced").status == 0
        assert exists == (root.ask("pidof viridis-vm").status == 0), root.tell("cat /tmp/at.*")
        if exists:
            root.tell("viridis stop raced; viridis delete raced")
        assert root.ask("ls -d /var/lib/viridis/raced* /var/log/viridis/raced* /run/viridis/raced*").status != 0
        root.nothing_left()
        define(root, "raced", GOOD)
    root.tell("viridis delete raced")


def check_running(root):
    refused(root, "start runs", 1, "runs")
    refused(root, "delete runs", 5, "runs")
    refused(root, "console runs", 1, "/tmp/runs.out")
    refused(root, "shutdown runs --timeout 2", 5, "listen")
    assert root.state("runs") == "running"


def check_spoiled(root):
    """Somebody spoils the definition of a VM that runs: it can still be ended."""
    define(root, "spoiled", GOOD)
    root.start("spoiled")
    root.tell("echo '{' >/var/lib/viridis/spoiled.json")
    refused(root, "start spoiled", 1, "spoiled.json")
    refused(root, "delete spoiled", 5, "spoiled")
    root.tell("viridis stop spoiled")
    refused(root, "stop spoiled", 1, "spoiled.json")
    root.tell("viridis delete spoiled")


SEND = "/share/socket_send /run/viridis/runs.sock"
DESCRIPTORS = "for pid in $(pidof viridis-vm); do ls /proc/$pid/fd; done | wc -l"
SILENT_SECONDS = 8


def check_socket(root):
    """Garbage on the control socket: an error or a hang-up, and the VM runs on."""
    for line in ("hello", "{", "[]", "null", "{}", '{"command": 5}', '{"command": "frob"}',
                 '{"command": "status", "extra": 1}', '{"command": "stop", "reboot": "no"}',
                 '{"command": "stop"', '{"command": "stop"}}', "\\\\0\\\\377"):
        answer = root.ask(f"printf '%b\\n' '{line}' | {SEND}")
        assert '"ok":false' in answer.output.replace(" ", ""), (line, answer.output)
    root.ask(f"{SEND} </tmp/noise >/dev/null")
    root.ask(f"tr -d '\\n' </tmp/noise | {SEND} >/dev/null")
    assert root.state("runs") == "running"


def check_long_lines(root):
    """Half a line and a hang-up, a line of 10 MB, a line in two pieces."""
    before = root.tell(DESCRIPTORS)
    root.ask(f"printf '{{\"command\": \"st' | {SEND}")
    root.ask(f"head -c 10000000 /dev/zero | tr '\\0' ' ' | {SEND} >/dev/null")
    answer = root.tell("(printf '{\"command\": '; sleep 1; printf '\"status\"}\\n')"
                       f" | {SEND}")
    assert '"ok":true' in answer.replace(" ", ""), answer
    assert root.tell(DESCRIPTORS) == before


def check_silence(root):
    """Many that connect and say nothing: who has something to say is heard, at once."""
    before = root.tell(DESCRIPTORS)
    root.tell(f"for n in $(seq 40); do (sleep {SILENT_SECONDS} | {SEND} >/dev/null) & done;"
              f" n=0; until [ $({DESCRIPTORS}) -ge $(({before} + 16)) ]; do sleep 0.1;"
              " n=$((n + 1)); [ $n -lt 50 ] || break; done")
    most = int(root.tell(DESCRIPTORS))
    assert most == int(before) + 16, (before, most)
    start = time.monotonic()
    assert "pid" in root.json("info runs")["status"]
    root.tell("viridis stats runs")
    assert time.monotonic() - start < SILENT_SECONDS, "they were waited for"
    root.wait(f"[ $({DESCRIPTORS}) -eq {before} ]", SILENT_SECONDS + 10)


def check_definitions(root):
    """Files a person has edited."""
    folder = "/var/lib/viridis"
    for number, text in enumerate(("", "{", "[]", "null", "{}", '{"name": "d0"}',
                                   '{"name": "other", "memory": "32M"}', "\\0", "[[[[[[[")):
        name = f"edited{number}"
        root.tell(f"printf '%b' '{text}' >{folder}/{name}.json")
        refused(root, f"start {name}", 1, name)
        refused(root, f"info {name}", 1, name)
        assert "invalid" in root.tell(f"viridis list | grep {name}")
        root.tell(f"viridis delete {name}")
    for change, named in (("s/\"32M\"/32/", "memory"), ("s/\"vps\".*,/\"vps\": 1000,/", "vps"),
                          ("s/\"vps\"/\"vpz\"/", "vpz"), ("s/there/their/", "their")):
        root.tell(f"sed '{change}' {folder}/there.json >{folder}/edited.json;"
                  f" sed -i s/there/edited/ {folder}/edited.json")
        refused(root, "start edited", 1, named)
        root.tell("viridis delete edited")
    root.tell(f"ln -s /dev/zero {folder}/zero.json; mkdir {folder}/folder.json")
    refused(root, "start zero", 1, "zero.json")
    refused(root, "start folder", 1, "folder.json")
    root.tell(f"rm -r {folder}/zero.json {folder}/folder.json")
    root.nothing_left()


def main():
    with Tap() as tap, Root("cli-refusals",
                            {"tiny": TINY, "socket_send": SOCKET_SEND}) as root:
        make_files(root)
        define(root, "there", GOOD)
        tap.run("arguments that are wrong", refused_all, root, CREATE)
        tap.run("names nobody has", refused_all, root,
                [(f"{command} nobody", 4, "nobody") for command in UNKNOWN])
        tap.run("orders to a VM that is off", refused_all, root,
                [(f"{command} there", 5, "there") for command in OFF])
        tap.run("errors in JSON", check_json, root)
        tap.run("kernels, initrds and disks that are none", check_kernels, root)
        tap.run("files that have gone", check_vanished, root)
        tap.run("definitions that were edited", check_definitions, root)
        tap.run("a disk that another VM writes to", check_shared_disk, root)
        tap.run("too much memory", check_memory, root)
        define(root, "runs", f"{GOOD} --serial /tmp/runs.out")
        root.start("runs")
        tap.run("a second start, and other orders a running VM refuses", check_running, root)
        tap.run("garbage on the control socket", check_socket, root)
        tap.run("lines too long, or in pieces", check_long_lines, root)
        tap.run("many who connect and say nothing", check_silence, root)
        root.tell("viridis stop runs")
        tap.run("a second stop", root.wait, "viridis stop runs | grep -q 'runs does not run'", 1)
        tap.run("a definition spoiled while its VM runs", check_spoiled, root)
        tap.run("starts and deletes at once", check_at_once, root)
        tap.run("and nothing is left", root.nothing_left)
        tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main()
