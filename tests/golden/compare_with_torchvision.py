# SPDX-License-Identifier: MIT
"""Compares every model of the zoo, whole, with torchvision's. Run by hand: it takes an hour, some 8 GB of memory, and 4 GB of disk.

usage: compare_with_torchvision.py PROGRAM [MODEL...]

PROGRAM is compare_with_torchvision.cpp, compiled: g++ -std=c++20 -O2 -fopenmp -Iinclude tests/golden/compare_with_torchvision.cpp

For each model torch makes random weights and random batch norm statistics, saves them by torch.save in both of its containers and as safetensors, and
computes in double, from the same weights:
- the logits of an image in eval mode. PROGRAM loads each file in double and in float and must give the same: error over the largest logit at most
  1e-12 in double, in float 1e-5 with direct convolutions, 1e-4 with Winograd's, be they chosen or forced. `torch` is the error of torch's own float;
- gradients and batch norm statistics of one training step on small images: error over the largest of the tensor at most 1e-9;
- the logits once more, with the statistics of one batch in the batch norms (`calibrated`). Such a network keeps its numbers at 1 from layer to layer, as a
  trained one, and multiplies each rounding: where torch's own float errs much, four times as much is allowed, and ten times by Winograd's algorithm,
  whose large tiles round up to nine times as much as a direct sum.
"""

import pathlib
import subprocess
import sys
import tempfile

import torch
import torchvision
from safetensors.torch import save_file
from torch.nn import functional as F

from models_golden import CifarResNet

torch.set_num_threads(2)
LIMITS = {"double": 1e-12, "float": 1e-4, "winograd": 1e-4, "direct": 1e-5, "gradients": 1e-9, "statistics": 1e-9}


def make(name):
    """The network, and the edge of the images to evaluate and to train on."""
    if name.startswith("resnet") and int(name[6:]) in (20, 32, 44, 56):
        return CifarResNet((int(name[6:]) - 2) // 6), 32, 32
    options = {"init_weights": False} if name == "inception_v3" else {}
    net = getattr(torchvision.models, name)(**options)
    if name == "inception_v3":
        return net, 299, 299
    return net, 224, 64 if name.startswith("vgg") else 96


def train(net, size, file):
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    net.train()
    x, labels = torch.randn(4, 3, size, size, dtype=torch.float64), torch.tensor([3, 0, 7, 9])
    outputs = net(x)
    if isinstance(outputs, tuple):
        loss = F.cross_entropy(outputs.logits, labels) + 0.4 * F.cross_entropy(outputs.aux_logits, labels)
    else:
        loss = F.cross_entropy(outputs, labels)
    loss.backward()
    results = {"x": x, "labels": labels}
    results |= {f"gradient.{key}": parameter.grad for key, parameter in net.named_parameters()}
    results |= {f"statistics.{key}": value for key, value in net.state_dict().items() if "running_" in key}
    save_file(results, file)


def error(logits, expected):
    return ((logits - expected).abs().max() / expected.abs().max()).item()


def evaluate(net, x, file):
    """Writes the logits in double, and returns the error of those in float. The network is in double afterwards."""
    net.eval()
    with torch.no_grad():
        in_float = net(x)
        net.double()
        logits = net(x.double())
    save_file({"x": x.double(), "logits": logits}, file)
    return error(in_float, logits)


def calibrate(net, x):
    """Gives the batch norms, if there are any, the statistics of a batch."""
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    net.train()
    with torch.no_grad():
        net(x)
    for norm in norms:
        norm.momentum = 0.1
    return bool(norms)


class Comparison:
    """What PROGRAM says of one model, held to the limits."""

    def __init__(self, program, name):
        self.program, self.name, self.failed = program, name, False

    def line(self, form, what, value, limit):
        passed = limit is None or float(value) <= limit
        self.failed |= not passed
        print(f"{self.name:17} {form:12} {what:10} {value} {'' if passed else 'FAILED'}", flush=True)

    def run(self, form, limits, *files):
        output = subprocess.run([self.program, self.name, *files], check=True, capture_output=True, text=True).stdout
        for line in output.splitlines():
            what, value = line.split()
            self.line(form, what, value, limits[what])


def compare(program, name, folder):
    torch.manual_seed(20)
    torch.set_default_dtype(torch.float32)
    net, size, small = make(name)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    case, training = folder / "case.safetensors", folder / "training.safetensors"
    files = {"zip": folder / "zip.pth", "stream": folder / "stream.pth", "safetensors": folder / "net.safetensors"}
    torch.save(net.state_dict(), files["zip"])
    checkpoint = {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in net.state_dict().items()}}
    torch.save(checkpoint, files["stream"], _use_new_zipfile_serialization=False)
    save_file(net.state_dict(), files["safetensors"])
    x = torch.randn(1, 3, size, size)
    comparison = Comparison(program, name)
    comparison.line("", "torch", f"{evaluate(net, x, case):.3g}", None)
    train(net, small, training)
    del net  # PROGRAM needs the memory
    for form, file in files.items():
        comparison.run(form, LIMITS, file, case, *([training] if form == "zip" else []))
    training.unlink()

    net = make(name)[0]
    net.load_state_dict(torch.load(files["zip"]))
    if calibrate(net, torch.randn(4, 3, size, size)):
        save_file(net.state_dict(), files["safetensors"])
        own = evaluate(net, x, case)
        comparison.line("calibrated", "torch", f"{own:.3g}", None)
        del net
        comparison.run("calibrated", LIMITS | {kind: max(LIMITS[kind], factor * own) for kind, factor in {"float": 10, "direct": 4, "winograd": 10}.items()}, files["safetensors"], case)
    return comparison.failed


def main():
    program = sys.argv[1]
    names = sys.argv[2:] or subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    with tempfile.TemporaryDirectory() as folder:
        failures = [name for name in names if compare(program, name, pathlib.Path(folder))]
    print("failed: " + " ".join(failures) if failures else f"all {len(names)} models agree")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
