# SPDX-License-Identifier: MIT
"""What the golden scripts share: a named collection of tensors and the options each case was made with."""

import json
import pathlib

import numpy
import torch
from safetensors.torch import save_file

DATA = pathlib.Path(__file__).resolve().parent / "data"

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def number(stream, count):
    """Numbers in [-1, 1), multiples of 2^-23: the top 24 bits of MurmurHash3's finaliser of stream * 2^32 + i."""
    with numpy.errstate(over="ignore"):
        h = numpy.uint64(stream << 32) + numpy.arange(count, dtype=numpy.uint64)
        h ^= h >> numpy.uint64(33)
        h *= numpy.uint64(0xFF51AFD7ED558CCD)
        h ^= h >> numpy.uint64(33)
        h *= numpy.uint64(0xC4CEB9FE1A85EC53)
        h ^= h >> numpy.uint64(33)
    return torch.from_numpy((h >> numpy.uint64(40)).astype(numpy.float64) / 2**23 - 1)


class GoldenFile:
    """Tensors named `case.role`, written to data/<name>.safetensors with the options of every case as metadata."""

    def __init__(self, name):
        self.name = name
        self.tensors = {}
        self.options = {}
        self.generator = torch.Generator().manual_seed(20)

    def normal(self, *shape):
        return torch.randn(shape, generator=self.generator)

    def uniform(self, low, high, *shape):
        return low + (high - low) * torch.rand(shape, generator=self.generator)

    def integers(self, low, high, *shape):
        return torch.randint(low, high, shape, generator=self.generator)

    def add(self, case, options=None, **roles):
        assert case not in self.options, f"case {case} occurs twice"
        self.options[case] = options or {}
        for role, tensor in roles.items():
            if tensor is not None:
                self.tensors[f"{case}.{role}"] = tensor.detach().clone().contiguous()

    def differentiate(self, case, function, options=None, extra=None, **inputs):
        """Runs function(*inputs) and its backward pass from a random upstream gradient.

        Stores the inputs under their names, `dy`, `y` and a gradient `d<name>` for every floating-point input.
        """
        leaves = {
            name: value.detach().clone().requires_grad_() if value.is_floating_point() else value
            for name, value in inputs.items()
        }
        y = function(*leaves.values())
        dy = self.normal(*y.shape) if y.dim() else torch.tensor(1.0, dtype=y.dtype)
        y.backward(dy)
        gradients = {f"d{name}": leaf.grad for name, leaf in leaves.items() if leaf.requires_grad}
        self.add(case, options, **inputs, dy=dy, y=y, **gradients, **(extra or {}))

    def save(self):
        # One metadata key: with several, their order in the file would change from run to run.
        metadata = {"golden": json.dumps({"torch": torch.__version__.split("+")[0], "options": self.options}, sort_keys=True)}
        path = DATA / f"{self.name}.safetensors"
        save_file(self.tensors, path, metadata=metadata)
        print(f"{path.name}: {len(self.options)} cases, {len(self.tensors)} tensors, {path.stat().st_size} bytes")
