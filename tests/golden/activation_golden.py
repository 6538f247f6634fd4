# SPDX-License-Identifier: MIT
"""Golden values of the activations, softmax and log_softmax among them."""

import torch
import torch.nn.functional as F

from golden_file import GoldenFile

golden = GoldenFile("activation")

x = torch.cat([golden.normal(11) * 2, torch.tensor([0.0, -0.0, 1e-9, -1e-9, 20.0, -20.0, 40.0, -40.0, 800.0, -800.0])])
x = x.reshape(3, 7)

golden.differentiate("relu", F.relu, x=x)
golden.differentiate("leaky_relu", F.leaky_relu, x=x)
golden.differentiate("leaky_relu.slope", lambda x: F.leaky_relu(x, 0.1), {"negative_slope": 0.1}, x=x)
golden.differentiate("sigmoid", torch.sigmoid, x=x)
golden.differentiate("tanh", torch.tanh, x=x)
golden.differentiate("gelu", F.gelu, x=x)
golden.differentiate("gelu.tanh", lambda x: F.gelu(x, approximate="tanh"), {"approximate": "tanh"}, x=x)

special = torch.tensor([float("nan"), float("inf"), -float("inf"), 1.0])
for name, function in (("relu", F.relu), ("leaky_relu", F.leaky_relu), ("sigmoid", torch.sigmoid), ("tanh", torch.tanh)):
    golden.differentiate(f"{name}.special", function, x=special)

for dim in (0, 1, 2, 3, -1, -3):
    options = {"dim": dim}
    x = golden.normal(2, 3, 4, 2) * 3
    golden.differentiate(f"softmax.dim{dim}", lambda x: F.softmax(x, dim), options, x=x)
    golden.differentiate(f"log_softmax.dim{dim}", lambda x: F.log_softmax(x, dim), options, x=x)
far = torch.tensor([[1000.0, 0.0, -1000.0], [-1e5, -1e5 + 1, -1e5 + 2], [0.0, -float("inf"), 1.0]])
golden.differentiate("softmax.far", lambda x: F.softmax(x, 1), {"dim": 1}, x=far)
golden.differentiate("log_softmax.far", lambda x: F.log_softmax(x, 1), {"dim": 1}, x=far)

golden.save()
