# SPDX-License-Identifier: MIT
"""Writes resize_golden.hpp: what Pillow's antialiased bilinear resize makes of images that both sides compute from a formula.

Small results stand in full, large ones as a checksum (64-bit FNV-1a of all bytes). Needs Pillow:
    python3 -m venv /tmp/pillow && /tmp/pillow/bin/pip install pillow && /tmp/pillow/bin/python tests/data/make_resize_golden.py
"""

import pathlib
import struct

import PIL
from PIL import Image

# (channels, kind, height, width, new height, new width)
CASES = (
    (3, "noise", 32, 32, 44, 44),
    (3, "noise", 32, 32, 32, 32),
    (3, "noise", 32, 32, 20, 20),
    (3, "noise", 375, 500, 256, 341),  # Resize(256)
    (3, "noise", 500, 375, 341, 256),
    (3, "extreme", 32, 32, 44, 44),
    (3, "extreme", 97, 61, 13, 7),
    (1, "noise", 28, 28, 17, 61),
    (3, "noise", 1, 1, 3, 5),
    (3, "noise", 7, 9, 1, 1),
    (1, "noise", 1, 64, 5, 3),
    (1, "noise", 64, 1, 3, 5),
    (3, "noise", 7, 9, 10, 9),
    (3, "noise", 7, 9, 7, 13),
    (1, "extreme", 5, 7, 6, 8),
    (3, "noise", 33, 17, 32, 16),
    (1, "noise", 2, 3, 200, 301),
    (1, "extreme", 1000, 3, 1, 2),
    (3, "noise", 600, 400, 300, 300),  # from here on Pillow 13 begins with the columns
    (3, "noise", 48, 30, 20, 45),
    (1, "noise", 65, 69, 23, 48),  # 42 = 2 * 21: it does not
    (1, "noise", 66, 69, 23, 48),
)
# (height, width, new height, new width), one channel of floats
FLOAT_CASES = ((5, 7, 3, 4), (3, 4, 5, 9), (6, 6, 6, 2), (6, 6, 3, 8))
LISTED = 200  # bytes that stand in full


def image_bytes(kind, count):
    """A linear congruential generator's top byte; `extreme` keeps only 0 and 255."""
    state, values = 1, bytearray()
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        value = state >> 24
        values.append((255 if value & 1 else 0) if kind == "extreme" else value)
    return bytes(values)


def checksum(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def wrapped(items):
    lines, line = [], " "
    for item in items:
        if len(line) + len(item) + 2 > 140:
            lines.append(line)
            line = " "
        line += f" {item},"
    return "\n".join([*lines, line])


out = [
    "// SPDX-License-Identifier: MIT",
    f"// Written by make_resize_golden.py with Pillow {PIL.__version__}.",
    "#pragma once",
    "",
    "#include <cstdint>",
    "#include <vector>",
    "",
    "namespace resize_golden {",
    "",
    "struct Case {",
    "  int channels;",
    "  bool extreme;",
    "  int height, width, new_height, new_width;",
    "  std::uint64_t checksum;",
    "  std::vector<std::uint8_t> pixels;  // empty where only the checksum is known",
    "};",
    "inline const std::vector<Case> cases = {",
]
for channels, kind, height, width, new_height, new_width in CASES:
    mode = "L" if channels == 1 else "RGB"
    image = Image.frombytes(mode, (width, height), image_bytes(kind, height * width * channels))
    result = image.resize((new_width, new_height), Image.Resampling.BILINEAR).tobytes()
    extreme = "true" if kind == "extreme" else "false"
    head = f"{{{channels}, {extreme}, {height}, {width}, {new_height}, {new_width}, 0x{checksum(result):016x}u, {{"
    if len(result) <= LISTED:
        out += ["  " + head, wrapped(map(str, result)), "  }},"]
    else:
        out.append("  " + head + "}},")
out += ["};", "", "struct FloatCase {", "  int height, width, new_height, new_width;", "  std::vector<float> values;", "};"]
out.append("inline const std::vector<FloatCase> float_cases = {")
for height, width, new_height, new_width in FLOAT_CASES:
    values = [byte / 256 for byte in image_bytes("noise", height * width)]
    image = Image.frombytes("F", (width, height), struct.pack(f"<{len(values)}f", *values))
    result = struct.unpack(f"<{new_height * new_width}f", image.resize((new_width, new_height), Image.Resampling.BILINEAR).tobytes())
    out += [f"  {{{height}, {width}, {new_height}, {new_width}, {{", wrapped(f"{value:.8e}f" for value in result), "  }},"]
out += ["};", "", "}  // namespace resize_golden", ""]
pathlib.Path(__file__).with_name("resize_golden.hpp").write_text("\n".join(out))
