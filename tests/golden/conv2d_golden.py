# SPDX-License-Identifier: MIT
"""Golden values of Conv2d: forward and all three gradients for every option."""

import torch

from golden_file import GoldenFile

golden = GoldenFile("conv2d")


def case(name, in_channels, out_channels, kernel, image, batch=2, **options):
    layer = torch.nn.Conv2d(in_channels, out_channels, kernel, **options)
    x = golden.normal(batch, in_channels, *image).requires_grad_()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(golden.normal(*parameter.shape) * 0.5)
    y = layer(x)
    dy = golden.normal(*y.shape)
    y.backward(dy)
    bias = layer.bias
    golden.add(
        name, {"kernel": kernel, **options}, x=x, weight=layer.weight, bias=bias, y=y, dy=dy, dx=x.grad,
        dweight=layer.weight.grad, dbias=None if bias is None else bias.grad)


case("plain", 3, 4, 3, (6, 5))
case("kernel_pair", 2, 3, (3, 2), (5, 6))
case("pointwise", 4, 3, 1, (3, 4))
case("pointwise_stride", 3, 2, 1, (5, 4), stride=2)
case("whole_image", 2, 3, (4, 5), (4, 5))
case("single", 1, 1, 3, (4, 4), batch=1)
case("stride", 3, 2, 3, (7, 6), stride=2)
case("stride_pair", 2, 3, 3, (7, 6), stride=(3, 1))
case("stride_beyond_kernel", 2, 2, 2, (8, 7), stride=3)
case("dilation", 2, 3, 3, (7, 8), dilation=2)
case("dilation_pair", 2, 3, (2, 3), (6, 7), dilation=(3, 1))
case("padding", 3, 2, 3, (4, 5), padding=1)
case("padding_pair", 2, 3, 3, (4, 5), padding=(2, 1))
case("padding_beyond_image", 2, 2, 3, (2, 1), padding=2)
case("same", 2, 3, 3, (4, 5), padding="same")
case("same_even", 2, 3, 2, (4, 5), padding="same")
case("same_even_pair", 2, 2, (4, 3), (5, 4), padding="same")
case("same_even_dilation", 2, 2, (2, 4), (5, 6), padding="same", dilation=(3, 1))
case("same_even_dilation_both", 2, 2, (4, 2), (6, 5), padding="same", dilation=(1, 3))
case("valid", 2, 2, 3, (4, 4), padding="valid")
case("groups", 4, 6, 3, (5, 4), groups=2)
case("groups_padding_stride", 4, 4, 3, (6, 5), groups=2, padding=1, stride=2)
case("depthwise", 3, 3, 3, (5, 4), groups=3, padding=1)
case("depthwise_multiplier", 3, 6, 3, (5, 4), groups=3, padding=1)
case("no_bias", 2, 3, 3, (4, 5), bias=False)
case("all_options", 4, 4, (3, 2), (8, 9), stride=(2, 3), padding=(1, 2), dilation=(2, 1), groups=2, bias=False)
case("zeros", 2, 2, 3, (4, 5), padding=(1, 2), padding_mode="zeros")
for mode in ("reflect", "replicate", "circular"):
    case(mode, 2, 2, 3, (4, 5), padding=1, padding_mode=mode)
    case(f"{mode}_pair", 2, 2, 3, (4, 5), padding=(1, 2), padding_mode=mode, stride=(1, 2))
    case(f"{mode}_same_even", 2, 2, (2, 4), (5, 6), padding="same", padding_mode=mode)
    case(f"{mode}_groups_dilation", 4, 2, 2, (5, 4), padding=2, dilation=2, groups=2, padding_mode=mode)

golden.save()
