# SPDX-License-Identifier: MIT
"""Golden values of Pillow's antialiased bilinear resize, uint8, in Pillow's order [H, W, C]."""

import numpy
import torch
from PIL import Image

from golden_file import GoldenFile

golden = GoldenFile("resize")
for name, image, sizes in (("small", (7, 9), ((7, 9), (10, 13), (14, 18), (3, 4), (5, 20), (1, 1))), ("cifar", (32, 32), ((44, 44), (20, 20)))):
    x = golden.integers(0, 256, *image, 3).to(torch.uint8)
    golden.add(name, x=x)
    for height, width in sizes:
        y = Image.fromarray(x.numpy()).resize((width, height), Image.Resampling.BILINEAR)
        golden.add(f"{name}.{height}x{width}", {"size": [height, width]}, y=torch.from_numpy(numpy.array(y)))
golden.save()
