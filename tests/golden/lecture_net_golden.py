# SPDX-License-Identifier: MIT
"""Golden values of ten Adam steps of the lecture's network, without dropout, in double and (with a larger eps) in single precision.

Weights and images are too large to store: they come from `number(stream, i)`, an integer hash that any language repeats exactly.
Parameter j of the state dict with i-th element in PyTorch's order is base + scale * number(j, i), where base and scale are
0 and 1 / sqrt(fan in) for convolution and linear weights, 0 and 0.05 for biases, 1 and 0.1 for batch norm's weights, 0 and 0.1 for its biases;
image element i is number(1000, i), label n is (3 * n + 1) % 10.
"""

import math

import torch
from torch import nn

from golden_file import GoldenFile, number

STEPS, BATCH = 10, 8
golden = GoldenFile("lecture_net")


def lecture_net():
    return nn.Sequential(
        nn.BatchNorm2d(3), nn.Conv2d(3, 30, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.BatchNorm2d(30), nn.Conv2d(30, 60, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.BatchNorm2d(60), nn.Conv2d(60, 120, 3), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
        nn.BatchNorm2d(120), nn.Flatten(), nn.Dropout(0.0), nn.Linear(480, 200), nn.ReLU(),
        nn.Dropout(0.0), nn.Linear(200, 60), nn.ReLU(), nn.Linear(60, 10))


def initialise(net):
    parameters = dict(net.named_parameters())
    for stream, name in enumerate(net.state_dict()):
        if name not in parameters:
            continue  # running statistics
        parameter = parameters[name]
        values = number(stream, parameter.numel()).reshape(parameter.shape)
        normalises = isinstance(net[int(name.split(".")[0])], nn.BatchNorm2d)
        if name.endswith("bias"):
            values = (0.1 if normalises else 0.05) * values
        else:
            values = 1 + 0.1 * values if normalises else values / math.sqrt(parameter[0].numel())
        with torch.no_grad():
            parameter.copy_(values)


def case(name, dtype, **adam):
    net = lecture_net().to(dtype)
    initialise(net)
    images = number(1000, BATCH * 3 * 32 * 32).reshape(BATCH, 3, 32, 32).to(dtype)
    labels = torch.tensor([(3 * n + 1) % 10 for n in range(BATCH)])
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01, **adam)
    losses, roles = [], {}
    for step in range(STEPS):
        logits = net(images)
        loss = nn.functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            roles["logits"] = logits
            for key, parameter in net.named_parameters():  # of large gradients the sum of magnitudes and the first elements
                gradient = parameter.grad
                roles[f"gradient_sum.{key}"] = gradient.abs().sum()
                roles[f"gradient.{key}"] = gradient.flatten()[:32].clone()
        optimizer.step()
        losses.append(loss.item())
    roles["losses"] = torch.tensor(losses, dtype=dtype)
    for key, value in net.state_dict().items():
        roles[f"final.{key}"] = value.flatten()[:64]
    net.eval()
    roles["evaluated"] = net(images)
    golden.add(name, **roles)


case("float64", torch.float64)
# With the default eps Adam moves a weight by lr however small its gradient, so that of a gradient which is nothing but rounding the sign decides
# and ten steps in single precision end anywhere. A larger eps makes steps that follow the gradients: they can be compared.
case("float32", torch.float32, eps=1e-2)
golden.save()
