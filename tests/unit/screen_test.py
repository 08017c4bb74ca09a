# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of screens, as tests read them."""
import struct

from lib.screen import Picture, parse_xwd
from lib.tap import Tap


def check_xwd():
    picture = Picture(2, 1, b"\1\2\3\4\5\6")
    header = [100, 7, 2, 24, 2, 1, 0, 0, 32, 0, 32, 32, 8] + [0] * 6 + [1] + [0] * 5
    data = struct.pack(">25I", *header) + bytes(12) + b"\3\2\1\0\6\5\4\0"
    assert parse_xwd(data) == picture, parse_xwd(data)


def main():
    with Tap() as tap:
        tap.run("an XWD is read", check_xwd)


if __name__ == "__main__":
    main()
