# SPDX-License-Identifier: GPL-2.0-or-later
# Needs: root uapi target:uapi-test
# Limit: 300
"""/dev/mshv by the header that Linux installs: each call once, and where Viridis answers otherwise."""
from lib.child import Root
from lib.paths import BUILD
from lib.tap import Tap, parse

PROGRAM = BUILD / "tests" / "e2e" / "mshv" / "uapi-test"


def main():
    with Tap() as tap, Root("uapi", {"uapi-test": PROGRAM}) as root:
        results = parse(root.ask("/share/uapi-test").output)
        tap.ok(len(results) > 35, f"{len(results)} results")
        tap.adopt(results, "linux/mshv.h: ")
        tap.run("and it leaves nothing", root.nothing_left)
        tap.run("the root powers off", root.power_off)


if __name__ == "__main__":
    main()
