# SPDX-License-Identifier: MIT
"""Compares every model of the zoo, whole, with torchvision's. Run by hand: it takes half an hour, some 10 GB of memory, and as much of disk.

usage: compare_with_torchvision.py PROGRAM [MODEL...]

PROGRAM is compare_with_torchvision.cpp, compiled: g++ -std=c++20 -O2 -fopenmp -Iinclude tests/golden/compare_with_torchvision.cpp

For each model torch makes random weights and random batch norm statistics, saves them by torch.save in both of its containers and as safetensors, and
computes in double, from the same weights:
- the logits of an image in eval mode. PROGRAM loads each file in double and in float and must give the same: error over the largest logit at most
  1e-12 in double, in float 1e-5 with direct convolutions, 1e-4 with Winograd's, be they chosen or forced. `torch` is the error of torch's own float;
- gradients and batch norm statistics of one training step on small images: error over the largest of the tensor at most 1e-9.
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
    return (net, 299, 299) if name == "inception_v3" else (net, 224, 96)


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


def compare(program, name, folder):
    torch.manual_seed(20)
    torch.set_default_dtype(torch.float32)
    net, size, small = make(name)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    files = {"zip": folder / "zip.pth", "stream": folder / "stream.pth", "safetensors": folder / "net.safetensors"}
    torch.save(net.state_dict(), files["zip"])
    checkpoint = {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in net.state_dict().items()}}
    torch.save(checkpoint, files["stream"], _use_new_zipfile_serialization=False)
    save_file(net.state_dict(), files["safetensors"])
    net.eval()
    x = torch.randn(1, 3, size, size)
    with torch.no_grad():
        in_float = net(x)
        net.double()
        logits = net(x.double())
    save_file({"x": x.double(), "logits": logits}, folder / "case.safetensors")
    train(net, small, folder / "training.safetensors")
    del net
    print(f"{name:17} {'':12} {'torch':10} {error(in_float, logits):.3g}", flush=True)
    failed = False
    for form, file in files.items():
        training = [folder / "training.safetensors"] if form == "zip" else []
        output = subprocess.run([program, name, file, folder / "case.safetensors", *training], check=True, capture_output=True, text=True).stdout
        for line in output.splitlines():
            what, value = line.split()
            passed = float(value) <= LIMITS[what]
            failed |= not passed
            print(f"{name:17} {form:12} {what:10} {value} {'' if passed else 'FAILED'}", flush=True)
    return failed


def main():
    program = sys.argv[1]
    names = sys.argv[2:] or subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
    with tempfile.TemporaryDirectory() as folder:
        failures = [name for name in names if compare(program, name, pathlib.Path(folder))]
    print("failed: " + " ".join(failures) if failures else f"all {len(names)} models agree")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
