# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root guest-disk
# Limit: 1200
"""The main job, as `./dev demo` plays it: every step of it is a test."""
import contextlib
import json
import sys

from commands import demo
from lib.tap import Tap


def main():
    # What the demo shows people goes where TAP does not.
    with contextlib.redirect_stdout(sys.stderr):
        demo.play()
    result = json.loads((demo.DEMO / "result.json").read_text())
    steps = result["steps"]
    with Tap() as tap:
        for step in steps:
            tap.ok(step["passed"], step["step"], step["facts"].get("error", ""))
        tap.ok(len(steps) == demo.STEPS, f"all {demo.STEPS} steps were played",
               f"{len(steps)} were")
        tap.ok(result["passed"] and all(step["seconds"] > 0 for step in steps)
               and result["stats"]["vps"], "result.json holds times and counts",
               json.dumps(result["stats"])[:500])


if __name__ == "__main__":
    main()
