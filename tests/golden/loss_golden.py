# SPDX-License-Identifier: MIT
"""Golden values of cross_entropy, nll_loss and mse_loss."""

import itertools

import torch
import torch.nn.functional as F

from golden_file import GoldenFile

golden = GoldenFile("loss")
CLASSES = 4
SHAPES = {"matrix": (5, CLASSES), "length": (2, CLASSES, 3), "image": (2, CLASSES, 2, 2), "vector": (CLASSES,)}


def class_axis_removed(shape):
    return shape[:1] + shape[2:] if len(shape) > 1 else ()


def indices(shape):
    """Class indices in which class 2, the one to be ignored, occurs, but not alone."""
    target = golden.integers(0, CLASSES, *class_axis_removed(shape))
    if target.dim():
        target.view(-1)[0], target.view(-1)[1] = 2, 1
    return target


def case(name, function, target, weighted, options, shape, log_probabilities=False):
    inputs = {"x": golden.normal(*shape) * 2}
    if log_probabilities:
        inputs["x"] = F.log_softmax(inputs["x"], 1 if len(shape) > 1 else 0)
    weight = golden.uniform(0.2, 2.0, CLASSES) if weighted else None
    golden.differentiate(
        name, lambda x: function(x, target, weight=weight, **options), {**options, "weighted": weighted},
        extra={"target": target, "weight": weight}, **inputs)


def option_sets(**choices):
    """Every combination; a case's name lists the options that differ from the default."""
    for values in itertools.product(*choices.values()):
        options = dict(zip(choices, values))
        name = "".join(
            [".weight" if options.pop("weighted") else "",
             f".smoothing" if options.get("label_smoothing") else "",
             f".ignore" if options.get("ignore_index", -100) != -100 else "",
             f".{options['reduction']}"])
        yield name, values[0], options


REDUCTIONS = ("mean", "sum", "none")
for shape_name in ("matrix", "image"):
    for name, weighted, options in option_sets(
            weighted=(False, True), label_smoothing=(0.0, 0.1), ignore_index=(-100, 2), reduction=REDUCTIONS):
        shape = SHAPES[shape_name]
        case(f"cross_entropy.{shape_name}{name}", F.cross_entropy, indices(shape), weighted, options, shape)
for shape_name in ("length", "vector"):
    for name, weighted, options in option_sets(weighted=(False, True), label_smoothing=(0.0, 0.2), reduction=("mean", "none")):
        shape = SHAPES[shape_name]
        case(f"cross_entropy.{shape_name}{name}", F.cross_entropy, indices(shape), weighted, options, shape)
case("cross_entropy.all_ignored", F.cross_entropy, torch.tensor([2, 2]), False, {"ignore_index": 2}, (2, CLASSES))
case("cross_entropy.all_ignored_sum", F.cross_entropy, torch.tensor([2, 2]), False, {"ignore_index": 2, "reduction": "sum"}, (2, CLASSES))

for shape_name, shape in SHAPES.items():
    reductions = REDUCTIONS if shape_name in ("matrix", "image") else ("mean",)
    for name, weighted, options in option_sets(weighted=(False, True), label_smoothing=(0.0, 0.1), reduction=reductions):
        target = F.softmax(golden.normal(*shape), 1 if len(shape) > 1 else 0)
        weight = golden.uniform(0.2, 2.0, CLASSES) if weighted else None
        golden.differentiate(
            f"cross_entropy_probabilities.{shape_name}{name}",
            lambda x, target: F.cross_entropy(x, target, weight=weight, **options), {**options, "weighted": weighted},
            extra={"weight": weight}, x=golden.normal(*shape) * 2, target=target)

for shape_name, shape in SHAPES.items():
    for name, weighted, options in option_sets(weighted=(False, True), ignore_index=(-100, 2), reduction=REDUCTIONS):
        if shape_name == "vector" and "ignore" in name:
            continue
        if shape_name in ("length", "vector") and options["reduction"] == "sum":
            continue
        case(f"nll_loss.{shape_name}{name}", F.nll_loss, indices(shape), weighted, options, shape, log_probabilities=True)

for reduction in REDUCTIONS:
    golden.differentiate(
        f"mse_loss.{reduction}", lambda x, target: F.mse_loss(x, target, reduction=reduction), {"reduction": reduction},
        x=golden.normal(3, 4), target=golden.normal(3, 4))

golden.save()
