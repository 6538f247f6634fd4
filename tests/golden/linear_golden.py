# SPDX-License-Identifier: MIT
"""Golden values of linear and embedding."""

import torch.nn.functional as F

from golden_file import GoldenFile

golden = GoldenFile("linear")

for name, shape in (("vector", (4,)), ("matrix", (5, 4)), ("batched", (2, 3, 4))):
    golden.differentiate(
        f"linear.{name}", lambda x, weight, bias: F.linear(x, weight, bias),
        x=golden.normal(*shape), weight=golden.normal(3, 4), bias=golden.normal(3))
golden.differentiate("linear.no_bias", lambda x, weight: F.linear(x, weight), x=golden.normal(5, 4), weight=golden.normal(3, 4))

for name, shape, options in (
        ("vector", (7,), {}), ("matrix", (3, 4), {}), ("padding", (3, 4), {"padding_idx": 2}),
        ("padding_negative", (3, 4), {"padding_idx": -1}), ("frequency", (3, 4), {"scale_grad_by_freq": True})):
    golden.differentiate(
        f"embedding.{name}", lambda indices, weight: F.embedding(indices, weight, **options), options,
        indices=golden.integers(0, 5, *shape), weight=golden.normal(5, 3))

# max_norm renormalises, in place, the rows that are looked up: weight is the table before, weight_after the one after.
for name, options in (("max_norm", {}), ("max_norm_1", {"norm_type": 1.0}), ("max_norm_3", {"norm_type": 3.0}), ("max_norm_inf", {"norm_type": float("inf")})):
    indices, weight = golden.integers(0, 3, 2, 3), golden.normal(5, 3) * 2
    after = weight.clone()
    y = F.embedding(indices, after, max_norm=1.0, **options)
    golden.add(f"embedding.{name}", {"max_norm": 1.0, **options}, indices=indices, weight=weight, y=y, weight_after=after)

golden.save()
