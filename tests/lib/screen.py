# SPDX-License-Identifier: GPL-2.0-or-later
"""What a stock QEMU's screen shows: its picture, kept beside the machine's logs, and its text.

    picture = screen_of(root, qemu)    # build/run/NAME/QEMU.png
    picture.cells(9, 16)
"""
import base64
import struct
import zlib
from dataclasses import dataclass


@dataclass
class Picture:
    width: int
    height: int
    pixels: bytes  # red, green, blue

    def cell(self, column, row, width, height):
        """The pixels of one of a grid's cells."""
        step, left = 3 * self.width, 3 * column * width
        return b"".join(self.pixels[y * step + left:y * step + left + 3 * width]
                        for y in range(row * height, (row + 1) * height))

    def cells(self, width, height):
        """All of a grid's, row by row; what is left at the right and below is not looked at."""
        return [[self.cell(column, row, width, height) for column in range(self.width // width)]
                for row in range(self.height // height)]

    def looks(self, width, height):
        """The same in one list."""
        return [cell for row in self.cells(width, height) for cell in row]

    def png(self):
        step = 3 * self.width
        lines = b"".join(b"\0" + self.pixels[y * step:(y + 1) * step] for y in range(self.height))
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", self.width, self.height,
                                                                  8, 2, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def parse_ppm(data):
    """As screendump writes it: P6, a line of sizes, a line of the largest value, pixels."""
    kind, sizes, most, pixels = data.split(b"\n", 3)
    width, height = map(int, sizes.split())
    assert kind == b"P6" and most == b"255" and len(pixels) == 3 * width * height, (kind, sizes, most)
    return Picture(width, height, pixels)


def parse_xwd(data):
    """As Xvfb keeps its screen: XWD of 32 bits a pixel, blue first."""
    header = struct.unpack(">25I", data[:100])
    width, height, step = header[4], header[5], header[12]
    assert header[7] == 0 and step == 4 * width, header
    start = header[0] + 12 * header[19]
    pixels = bytearray(3 * width * height)
    for color in range(3):
        pixels[color::3] = data[start + 2 - color:start + step * height:4]
    return Picture(width, height, bytes(pixels))


def screen_of(root, qemu):
    """Its picture, which stays in the machine's folder as NAME.png."""
    file = f"/tmp/{qemu.name}.ppm"
    root.tell(f"rm -f {file}")
    qemu.tell(f"screendump {file}")
    # Not all of it is there at first.
    root.wait(f"[ -s {file} ] && set -- $(sed -n 2p {file} | head -c 20) &&"
              f" [ $(stat -c %s {file}) -gt $(($1 * $2 * 3)) ]", 60, qemu.words(), 1)
    picture = parse_ppm(zlib.decompress(base64.b64decode(
        root.tell(f"gzip -c {file} | base64 -w 76")), wbits=31))
    (root.machine.path / f"{qemu.name}.png").write_bytes(picture.png())
    return picture


def text_of(root, qemu, columns=80, rows=25):
    """What is in the memory of the VGA's text mode: rows of cells, each its character and attribute."""
    count = 2 * columns * rows
    lines = f"grep -a '^[0-9a-f]*: 0x' /tmp/{qemu.name}.said"
    root.tell(f": >/tmp/{qemu.name}.said")
    qemu.tell(f"xp /{count}bx 0xb8000")
    root.wait(f"[ $({lines} | grep -ao 0x | wc -l) = {count} ]", 60, qemu.words(), 1)
    memory = bytes(int(byte, 16) for line in root.tell(lines).splitlines()
                   for byte in line.split(":")[1].split())
    cells = [memory[i:i + 2] for i in range(0, count, 2)]
    return [cells[row * columns:(row + 1) * columns] for row in range(rows)]


def words_of(text):
    """Its characters, a line a row."""
    return "\n".join("".join(chr(cell[0]) for cell in row) for row in text)


def check_text(picture, text, width=9, height=16):
    """The picture is that of the text: like cells look alike, and each letter otherwise. The cursor may be on one."""
    seen, odd = {}, 0
    for row, looks in zip(text, picture.cells(width, height)):
        for cell, look in zip(row, looks):
            odd += seen.setdefault(cell, look) != look
    assert odd <= 1, f"{odd} cells look otherwise than their like"
    letters = {cell: look for cell, look in seen.items() if chr(cell[0]).isalnum()}
    assert len(letters) >= 10, words_of(text)
    assert len(set(letters.values())) == len(letters), "letters that look the same"
