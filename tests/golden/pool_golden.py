# SPDX-License-Identifier: MIT
"""Golden values of max_pool2d (with indices), avg_pool2d and adaptive_avg_pool2d."""

import torch
import torch.nn.functional as F

from golden_file import GoldenFile

golden = GoldenFile("pool")


def max_case(name, kernel, image, x=None, **options):
    x = (golden.normal(2, 3, *image) if x is None else x).requires_grad_()
    y, indices = F.max_pool2d(x, kernel, return_indices=True, **options)
    dy = golden.normal(*y.shape)
    y.backward(dy)
    golden.add(f"max.{name}", {"kernel": kernel, **options}, x=x, y=y, indices=indices, dy=dy, dx=x.grad)


def avg_case(name, kernel, image, **options):
    golden.differentiate(
        f"avg.{name}", lambda x: F.avg_pool2d(x, kernel, **options), {"kernel": kernel, **options},
        x=golden.normal(2, 3, *image))


def adaptive_case(name, output, image):
    golden.differentiate(
        f"adaptive_avg.{name}", lambda x: F.adaptive_avg_pool2d(x, output), {"output": output},
        x=golden.normal(2, 2, *image))


max_case("plain", 2, (4, 6))
max_case("odd", 2, (5, 7))
max_case("kernel_pair", (3, 2), (6, 5))
max_case("overlap", 3, (7, 6), stride=2)
max_case("stride_pair", 3, (6, 7), stride=(2, 1))
max_case("padding", 3, (5, 6), stride=2, padding=1)
max_case("padding_pair", (2, 4), (5, 6), stride=(1, 2), padding=(1, 2))
max_case("dilation", 2, (6, 5), stride=1, dilation=2)
max_case("dilation_pair", (3, 2), (7, 6), stride=1, dilation=(2, 3), padding=(1, 1))
max_case("ceil", 2, (5, 7), ceil_mode=True)
max_case("ceil_padding", 3, (5, 6), stride=2, padding=1, ceil_mode=True)
max_case("ceil_drops_last", 2, (4, 6), stride=3, padding=1, ceil_mode=True)
max_case("ceil_dilation", 2, (6, 7), stride=2, dilation=2, ceil_mode=True)
max_case("ties", 3, (5, 6), x=golden.integers(0, 3, 2, 3, 5, 6).double(), stride=2, padding=1)
max_case("negative", 3, (4, 4), x=-1e3 - golden.uniform(0, 1, 2, 3, 4, 4), stride=2, padding=1)
special = golden.normal(1, 2, 4, 4)
special[0, 0, 1, 1] = float("nan")
special[0, 1, 2, 0] = float("inf")
special[0, 1, 0, :] = -float("inf")
special[0, 1, 1, :] = -float("inf")
max_case("special", 2, (4, 4), x=special)

avg_case("plain", 2, (4, 6))
avg_case("kernel_pair", (3, 2), (6, 5))
avg_case("overlap", 3, (7, 6), stride=(2, 1))
avg_case("padding", 3, (5, 6), stride=2, padding=1)
avg_case("padding_excluded", 3, (5, 6), stride=2, padding=1, count_include_pad=False)
avg_case("padding_pair", (2, 4), (5, 6), stride=(1, 2), padding=(1, 2))
avg_case("padding_pair_excluded", (2, 4), (5, 6), stride=(1, 2), padding=(1, 2), count_include_pad=False)
avg_case("ceil", 2, (5, 7), ceil_mode=True)
avg_case("ceil_padding", 3, (6, 6), stride=2, padding=1, ceil_mode=True)
avg_case("ceil_padding_excluded", 3, (6, 6), stride=2, padding=1, ceil_mode=True, count_include_pad=False)
avg_case("ceil_drops_last", 2, (4, 6), stride=3, padding=1, ceil_mode=True)
avg_case("divisor", 2, (4, 6), divisor_override=3)
avg_case("divisor_padding", 3, (5, 6), stride=2, padding=1, divisor_override=5)
avg_case("divisor_ceil", 2, (5, 7), ceil_mode=True, divisor_override=7)

adaptive_case("one", 1, (5, 4))
adaptive_case("whole", (4, 5), (4, 5))
adaptive_case("even", 2, (6, 4))
adaptive_case("uneven", (3, 2), (7, 5))
adaptive_case("upward", (5, 7), (3, 4))

golden.save()
