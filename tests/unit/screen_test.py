# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures of screens, as tests read and compare them."""
import random
import struct
import zlib

from lib.screen import Picture, chunk, first_text, paeth, parse_png, parse_xwd, place_of, rows_of
from lib.tap import Tap

WIDTH, HEIGHT = 7, 10


def noise():
    return Picture(WIDTH, HEIGHT, random.Random(1).randbytes(3 * WIDTH * HEIGHT))


def filtered(kind, row, above):
    """As a writer of PNG files does it, which knows all bytes."""
    result = bytearray([kind])
    for i, byte in enumerate(row):
        left, corner = (row[i - 3], above[i - 3]) if i >= 3 else (0, 0)
        result.append(byte - (0, left, above[i], (left + above[i]) // 2, paeth(left, above[i], corner))[kind] & 255)
    return bytes(result)


def check_png():
    """Each kind of line, in two pieces."""
    picture = noise()
    lines, above = b"", bytes(3 * WIDTH)
    for y, row in enumerate(rows_of(picture)):
        lines, above = lines + filtered(y % 5, row, above), row
    packed = zlib.compress(lines)
    data = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", packed[:9]) + chunk(b"IDAT", packed[9:]) + chunk(b"IEND", b""))
    assert parse_png(data) == picture
    assert parse_png(picture.png()) == picture


def check_paeth():
    """Worked out by hand; of equals the first."""
    assert [paeth(*three) for three in ((10, 20, 15), (10, 20, 20), (10, 20, 10), (5, 5, 9))] == [15, 10, 20, 5]


def check_xwd():
    picture = Picture(2, 1, b"\1\2\3\4\5\6")
    header = [100, 7, 2, 24, 2, 1, 0, 0, 32, 0, 32, 32, 8] + [0] * 6 + [1] + [0] * 5
    data = struct.pack(">25I", *header) + bytes(12) + b"\3\2\1\0\6\5\4\0"
    assert parse_xwd(data) == picture, parse_xwd(data)


def check_places():
    """A line of text is found where it is, in the window of another, and nowhere else."""
    text = bytes(range(1, 16))
    black = bytes(15)
    machine = Picture(5, 4, black + text + black + black)
    rows = first_text(machine, 2)
    assert rows == [text, black]
    pixels = bytearray(b"\xff" * 3 * WIDTH * HEIGHT)
    window = Picture(WIDTH, HEIGHT, bytes(pixels))
    assert place_of(rows, window) is None
    for y, row in ((3, text), (4, black)):
        start = 3 * (WIDTH * y + 1)
        pixels[start:start + 15] = row
    assert place_of(rows, Picture(WIDTH, HEIGHT, bytes(pixels))) == (1, 3)
    pixels[3 * (WIDTH * 4 + 3)] = 1
    assert place_of(rows, Picture(WIDTH, HEIGHT, bytes(pixels))) is None


def check_black():
    try:
        first_text(Picture(2, 2, bytes(12)))
    except AssertionError:
        return
    raise AssertionError("a black screen has text")


def main():
    with Tap() as tap:
        tap.run("a PNG of every kind of line is read", check_png)
        tap.run("what a line is guessed from", check_paeth)
        tap.run("an XWD is read", check_xwd)
        tap.run("a text is found where it is", check_places)
        tap.run("a black screen has none", check_black)


if __name__ == "__main__":
    main()
