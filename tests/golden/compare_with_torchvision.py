# SPDX-License-Identifier: MIT
"""Compares every model of the zoo, whole, with torchvision's. Run by hand: it takes minutes, a few GB of memory, and some of disk.

usage: compare_with_torchvision.py PROGRAM [MODEL...]

PROGRAM is compare_with_torchvision.cpp, compiled: g++ -std=c++20 -O2 -fopenmp -Iinclude tests/golden/compare_with_torchvision.cpp

For each model torch makes random weights and random batch norm statistics, saves them by torch.save in both of its containers, and computes the logits
of an image in eval mode in double, from the same weights. PROGRAM loads each file in double and in float and must give the same logits: error over
the largest logit at most 1e-12 and 1e-5 (1e-4 where Winograd's kernels run).
"""

import pathlib
import subprocess
import sys
import tempfile

import torch
import torchvision
from safetensors.torch import save_file

from models_golden import CifarResNet

torch.set_num_threads(2)
LIMITS = {"double": 1e-12, "float": 1e-4}


def make(name):
    if name.startswith("resnet") and int(name[6:]) in (20, 32, 44, 56):
        return CifarResNet((int(name[6:]) - 2) // 6), 32
    options = {"init_weights": False} if name == "inception_v3" else {}
    return getattr(torchvision.models, name)(**options), 299 if name == "inception_v3" else 224


def compare(program, name, folder):
    torch.manual_seed(20)
    torch.set_default_dtype(torch.float32)
    net, size = make(name)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    files = {"zip": folder / "zip.pth", "stream": folder / "stream.pth", "safetensors": folder / "net.safetensors"}
    torch.save(net.state_dict(), files["zip"])
    checkpoint = {"epoch": 3, "state_dict": {f"module.{key}": value for key, value in net.state_dict().items()}}
    torch.save(checkpoint, files["stream"], _use_new_zipfile_serialization=False)
    save_file(net.state_dict(), files["safetensors"])
    net.double().eval()
    x = torch.randn(1, 3, size, size, dtype=torch.float64)
    with torch.no_grad():
        save_file({"x": x, "logits": net(x)}, folder / "case.safetensors")
    failed = False
    for form, file in files.items():
        output = subprocess.run([program, name, file, folder / "case.safetensors"], check=True, capture_output=True, text=True).stdout
        for line in output.splitlines():
            scalar, error = line.split()
            passed = float(error) <= LIMITS[scalar]
            failed |= not passed
            print(f"{name:18} {form:12} {scalar:7} {error} {'' if passed else 'FAILED'}", flush=True)
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
