# SPDX-License-Identifier: MIT
"""Golden values of the operations on tensors: arithmetic, reductions, selection, shape."""

import torch
import torch.nn.functional as F

from golden_file import GoldenFile

golden = GoldenFile("tensor")
normal, uniform, case = golden.normal, golden.uniform, golden.differentiate

for name, a, b in (
        ("matrices", (2, 3), (3, 4)), ("batched", (2, 3, 4), (2, 4, 2)), ("broadcast_batch", (2, 1, 3, 4), (3, 4, 2)),
        ("broadcast_left", (3, 4), (2, 4, 2)), ("broadcast_both", (2, 1, 2, 3), (1, 3, 3, 2)), ("vectors", (4,), (4,)),
        ("vector_matrix", (3,), (3, 4)), ("matrix_vector", (2, 3), (3,)), ("batch_vector", (2, 2, 3), (3,)),
        ("vector_batch", (3,), (2, 3, 2)), ("inner_zero", (2, 0), (0, 3))):
    case(f"matmul.{name}", torch.matmul, a=normal(*a), b=normal(*b))

for name, a, b in (
        ("same", (2, 3), (2, 3)), ("row", (2, 3), (3,)), ("column", (2, 3), (2, 1)), ("outer", (3, 1), (1, 4)),
        ("scalar", (2, 3), ()), ("left_smaller", (4,), (2, 3, 4)), ("middle", (2, 1, 3), (1, 4, 1))):
    for operation, function in (("add", torch.add), ("sub", torch.sub), ("mul", torch.mul), ("div", torch.div)):
        case(f"{operation}.{name}", function, a=normal(*a), b=normal(*b).abs() + 0.5)
    case(f"pow.{name}", torch.pow, a=uniform(0.2, 2, *a), b=normal(*b))
    case(f"where.{name}", lambda condition, a, b: torch.where(condition, a, b), condition=normal(2, 1, 1) > -0.3, a=normal(*a), b=normal(*b))

points = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
for exponent in (2.0, 3.0, 0.5, -1.0, 0.0, 1.0, -0.5):
    case(f"pow.exponent{exponent}", lambda x: torch.pow(x, exponent), {"exponent": exponent}, x=points)
case("pow.zero_base", torch.pow, a=torch.tensor([0.0, 0.0, 0.0]), b=torch.tensor([0.0, 1.0, 2.0]))
case("clamp.both", lambda x: x.clamp(-1, 1), {"min": -1.0, "max": 1.0}, x=points)
case("clamp.min", lambda x: x.clamp(min=0), {"min": 0.0}, x=points)
case("clamp.max", lambda x: x.clamp(max=0.5), {"max": 0.5}, x=points)
case("abs", torch.abs, x=points)
case("neg", torch.neg, x=points)
case("exp", torch.exp, x=points)
case("sqrt", torch.sqrt, x=uniform(0.1, 3, 5))
case("log", torch.log, x=uniform(0.1, 3, 5))

for name, options in (
        ("all", {}), ("all0", {"correction": 0}), ("axis0", {"dim": 0}), ("axis1_correction0", {"dim": 1, "correction": 0}),
        ("axis_last_keepdim", {"dim": -1, "keepdim": True}), ("axes", {"dim": (0, 2), "correction": 1}),
        ("axes_correction2", {"dim": (1, 2), "correction": 2})):
    case(f"var.{name}", lambda x: torch.var(x, **options), options, x=normal(2, 3, 4))
for name, options in (("axis0", {"dim": 0}), ("axis_last", {"dim": -1}), ("axes_keepdim", {"dim": (0, 2), "keepdim": True})):
    case(f"sum.{name}", lambda x: torch.sum(x, **options), options, x=normal(2, 3, 4))
    case(f"mean.{name}", lambda x: torch.mean(x, **options), options, x=normal(2, 3, 4))
case("sum.all", torch.sum, x=normal(2, 3, 4))
case("mean.all", torch.mean, x=normal(2, 3, 4))

tied = torch.tensor([[3.0, 1.0, 3.0, 2.0], [1.0, 1.0, 1.0, 1.0], [-1.0, 4.0, 4.0, -1.0]])
holed = torch.tensor([[1.0, float("nan"), 3.0, float("nan")], [1.0, 2.0, float("inf"), -float("inf")]])
for operation in ("max", "min"):
    function = getattr(torch, operation)
    for name, x, options in (
            ("axis0", normal(3, 4, 2), {"dim": 0}), ("axis1_keepdim", normal(3, 4, 2), {"dim": 1, "keepdim": True}),
            ("axis_last", normal(3, 4, 2), {"dim": -1}), ("ties", tied, {"dim": 1}), ("nan", holed, {"dim": 1})):
        indices = function(x, **options).indices
        case(f"{operation}.{name}", lambda x: function(x, **options).values, options, extra={"indices": indices}, x=x)
        golden.add(f"arg{operation}.{name}", options, x=x, y=getattr(torch, f"arg{operation}")(x, **options))
    case(f"{operation}.all", function, x=normal(3, 4))
    golden.add(f"arg{operation}.all", x=tied, y=getattr(torch, f"arg{operation}")(tied))

for name, options in (
        ("last", {"k": 3}), ("axis0", {"k": 2, "dim": 0}), ("smallest", {"k": 2, "dim": 1, "largest": False}), ("all", {"k": 5, "dim": -1})):
    x = normal(3, 4, 5)
    case(f"topk.{name}", lambda x: torch.topk(x, **options).values, options, extra={"indices": torch.topk(x, **options).indices}, x=x)

for dim, index in ((0, [2, 0, 2]), (1, [3, 3, 1, 0, 2]), (-1, [1])):
    options = {"dim": dim}
    case(f"index_select.dim{dim}", lambda x, index: torch.index_select(x, dim, index), options, x=normal(3, 4, 2), index=torch.tensor(index))

for order in ((0, 2, 3, 1), (3, 1, 0, 2), (1, 0, 2, 3), (0, 1, 2, 3), (3, 2, 1, 0)):
    case(f"permute.{''.join(map(str, order))}", lambda x: x.permute(order), {"order": order}, x=normal(2, 3, 2, 2))
case("transpose.matrix", lambda x: x.transpose(0, 1), {"axes": (0, 1)}, x=normal(2, 3))
case("transpose.outer", lambda x: x.transpose(0, -1), {"axes": (0, -1)}, x=normal(2, 3, 4))
for name, dim, start, stop, step in (
        ("first", 0, 0, 1, 1), ("middle", 1, 1, 4, 1), ("from_end", 1, -3, -1, 1), ("step", 1, 0, 5, 2),
        ("step_offset", 2, 1, 4, 2), ("beyond", 1, 3, 99, 1), ("empty", 1, 4, 2, 1)):
    case(f"slice.{name}", lambda x: x[(slice(None),) * dim + (slice(start, stop, step),)],
         {"dim": dim, "start": start, "stop": stop, "step": step}, x=normal(2, 5, 4))
for name, shape, pad, options in (
        ("last", (2, 3), (1, 2), {}), ("image", (1, 2, 2, 3), (1, 0, 2, 1), {}),
        ("value", (2, 3), (0, 1, 1, 0), {"value": 2.5}), ("negative", (3, 4), (-1, 2, 1, -1), {})):
    case(f"pad.{name}", lambda x: F.pad(x, pad, **options), {"pad": pad, **options}, x=normal(*shape))
for mode in ("reflect", "replicate", "circular"):
    case(f"pad.{mode}", lambda x: F.pad(x, (1, 2, 2, 0), mode=mode), {"pad": (1, 2, 2, 0), "mode": mode}, x=normal(1, 2, 3, 4))
for dim in (0, 1, -1):
    case(f"stack.dim{dim}", lambda a, b: torch.stack((a, b), dim), {"dim": dim}, a=normal(2, 3), b=normal(2, 3))
    shapes = [[2, 3, 2] for _ in range(3)]
    shapes[1][dim], shapes[2][dim] = 1, 4
    case(f"cat.dim{dim}", lambda a, b, c: torch.cat((a, b, c), dim), {"dim": dim},
         a=normal(*shapes[0]), b=normal(*shapes[1]), c=normal(*shapes[2]))

golden.save()
