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


def parse_png(data):
    """Of eight bits a color, without transparency, in lines from above: as QEMU writes it."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:8]
    place, packed = 8, b""
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        body = data[place + 8:place + 8 + size]
        if kind == b"IHDR":
            width, height, *rest = struct.unpack(">IIBBBBB", body)
            assert rest == [8, 2, 0, 0, 0], rest
        elif kind == b"IDAT":
            packed += body
        place += size + 12
    lines, above, step = zlib.decompress(packed), bytes(3 * width), 3 * width + 1
    pixels = bytearray()
    for start in range(0, step * height, step):
        above = unfiltered(lines[start], lines[start + 1:start + step], above)
        pixels += above
    return Picture(width, height, bytes(pixels))


def unfiltered(kind, line, above):
    """A line of a PNG; PNG 9.2."""
    result = bytearray(line)
    for i, byte in enumerate(line):
        left, corner = (result[i - 3], above[i - 3]) if i >= 3 else (0, 0)
        guess = (0, left, above[i], (left + above[i]) // 2, paeth(left, above[i], corner))[kind]
        result[i] = byte + guess & 255
    return bytes(result)


def paeth(left, above, corner):
    """The one that is nearest to left + above - corner; PNG 9.4."""
    guess = left + above - corner
    return min((left, above, corner), key=lambda one: abs(guess - one))


def rows_of(picture):
    step = 3 * picture.width
    return [picture.pixels[y * step:(y + 1) * step] for y in range(picture.height)]


def first_text(picture, height=12):
    """The first rows that are not black, whole. A letter's are 16 at most, and what is below may have a cursor that blinks."""
    rows = rows_of(picture)
    lit = [y for y, row in enumerate(rows) if any(row)]
    assert lit, "a black screen"
    return rows[lit[0]:lit[0] + height]


def place_of(rows, picture):
    """Where these stand in it, below one another: left and top. None: nowhere."""
    lines = rows_of(picture)
    for top in range(len(lines) - len(rows) + 1):
        left = lines[top].find(rows[0])
        if left >= 0 and all(line[left:left + len(row)] == row for line, row in zip(lines[top:], rows)):
            return left // 3, top
    return None


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
