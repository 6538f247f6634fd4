# SPDX-License-Identifier: MIT
"""Golden values of BatchNorm1d and BatchNorm2d: three training batches, then one in evaluation mode."""

import torch

from golden_file import GoldenFile

golden = GoldenFile("norm")


def case(name, make, shape, **options):
    layer = make(shape[1], **options)
    if layer.affine:
        with torch.no_grad():
            layer.weight.copy_(golden.uniform(0.5, 1.5, shape[1]))
            if layer.bias is not None:
                layer.bias.copy_(golden.normal(shape[1]))
    roles = {"weight": layer.weight, "bias": layer.bias}
    for batch in range(4):
        layer.train(batch < 3)
        layer.zero_grad()
        x = (golden.normal(*shape) * 2 + 0.5 * batch).requires_grad_()
        y = layer(x)
        dy = golden.normal(*shape)
        y.backward(dy)
        roles |= {f"x{batch}": x, f"dy{batch}": dy, f"y{batch}": y, f"dx{batch}": x.grad}
        if layer.affine:
            roles[f"dweight{batch}"] = layer.weight.grad.clone()
        if layer.bias is not None:
            roles[f"dbias{batch}"] = layer.bias.grad.clone()
        if batch < 3 and layer.track_running_stats:
            roles |= {f"{key}{batch}": value.clone() for key, value in layer.named_buffers()}
    golden.add(name, options, **roles)


for name, make, shape in (
        ("2d", torch.nn.BatchNorm2d, (2, 3, 3, 2)),
        ("1d", torch.nn.BatchNorm1d, (5, 3)),
        ("1d_length", torch.nn.BatchNorm1d, (2, 3, 4))):
    case(f"{name}.default", make, shape)
    case(f"{name}.momentum", make, shape, momentum=0.3)
    case(f"{name}.cumulative", make, shape, momentum=None)
    case(f"{name}.eps", make, shape, eps=0.05)
    case(f"{name}.no_bias", make, shape, bias=False)
    case(f"{name}.no_affine", make, shape, affine=False)
    case(f"{name}.no_statistics", make, shape, track_running_stats=False)
    case(f"{name}.nothing", make, shape, affine=False, track_running_stats=False, momentum=None)

golden.save()
