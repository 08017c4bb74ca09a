# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root
# Limit: 500
"""What the hypervisor traced, as the root's command shows it and as ./dev trace keeps it."""
import json
import re
import tempfile
from pathlib import Path

from lib.dev import dev
from lib.paths import BUILD
from lib.tap import Tap

RECORD = re.compile(r"^ *(\d+) +[+-]\d+ cpu([01]) +(?:p0\.[01]|-) +\S")
COMMANDS = """
viridis trace >/dev/null
sleep 1
viridis trace --count 50 >/out/table
viridis trace --cpu 1 --count 20 --json >/out/json
viridis trace --cpu 99 2>/out/no-cpu && exit 1
viridis trace surplus 2>/out/usage
[ $? = 2 ] && exit 4
"""


def run(folder):
    """Two runs: ./dev trace takes /out for itself."""
    for words in (["root", "--out", folder, "--", COMMANDS], ["trace", "--", "exit 4"]):
        done = dev(words[0], "--no-build", "--cpus", "2", *words[1:], limit=200)
        assert done.returncode == 4, (done.returncode, done.stderr.decode()[-3000:])


def check_table(text, least, most):
    lines = text.splitlines()
    assert least <= len(lines) <= most, len(lines)
    found = [RECORD.match(line) for line in lines]
    assert all(found), text
    times = [int(match[1]) for match in found]
    assert times == sorted(times), text
    return {match[2] for match in found}


def check_json(text):
    answer = json.loads(text)
    assert answer["ok"] and len(answer["records"]) == 20, answer
    for record in answer["records"]:
        assert record["cpu"] == 1 and int(record["b"], 16) < 1 << 64, record


def main():
    with Tap() as tap, tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        tap.run("./dev trace exits with the command's status", run, out)
        tap.run("the newest records are listed by time", check_table,
                (out / "table").read_text(), 50, 50)
        tap.run("as JSON, and of one CPU", check_json, (out / "json").read_text())
        tap.ok("no CPU 99" in (out / "no-cpu").read_text(), "a missing CPU is named")
        tap.ok("usage: viridis trace" in (out / "usage").read_text(), "so is wrong use")
        text = (BUILD / "trace.txt").read_text()
        tap.ok(check_table(text, 100, 4096) == {"0", "1"},
               "./dev trace keeps the records of both CPUs")


if __name__ == "__main__":
    main()
