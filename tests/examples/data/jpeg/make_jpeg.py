# SPDX-License-Identifier: MIT
"""Makes the JPEG files of this folder and beside each, as PNG, the pixels that Pillow (libjpeg-turbo), and so torchvision, decodes from it.

Run: python tests/examples/data/jpeg/make_jpeg.py
"""
import pathlib

import numpy
from PIL import Image

folder = pathlib.Path(__file__).resolve().parent
y, x = numpy.mgrid[0:61, 0:83]  # no multiple of a block
random = numpy.random.default_rng(5)
scene = numpy.stack([90 + 70 * numpy.sin(x / 9.0) + y, 220 - 2 * y + 25 * numpy.cos((x + y) / 5.0), 60 + 1.5 * x + 30 * numpy.sin(y / 4.0)], 2)
scene[20:45, 30:60] = (200, 60, 40)  # an edge between colours
scene = Image.fromarray(numpy.clip(scene + random.normal(0, 4, scene.shape), 0, 255).astype(numpy.uint8))
options = {"quality_95_444": {"quality": 95, "subsampling": "4:4:4"}, "quality_90_420": {"quality": 90, "subsampling": "4:2:0"},
           "quality_75_422": {"quality": 75, "subsampling": "4:2:2"}, "progressive_420": {"quality": 85, "subsampling": "4:2:0", "progressive": True}}
for name, option in options.items():
    scene.save(folder / f"{name}.jpg", **option)
scene.convert("L").save(folder / "grey.jpg", quality=90)
for path in sorted(folder.glob("*.jpg")):
    Image.open(path).convert("RGB").save(path.with_suffix(".png"), optimize=True)
