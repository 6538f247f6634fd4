# SPDX-License-Identifier: MIT
"""Golden values of the learning-rate schedules: what the optimiser uses before each of 31 steps, a column a parameter group."""

import warnings

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LambdaLR, LinearLR, MultiStepLR, OneCycleLR, StepLR

from golden_file import GoldenFile

STEPS = 30
golden = GoldenFile("schedule")
warnings.filterwarnings("ignore", category=UserWarning)


def case(name, make, options=None, optimizer="sgd", steps=STEPS):
    parameters = [torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)]
    groups = [{"params": [parameters[0]], "lr": 0.5}, {"params": [parameters[1]], "lr": 0.02}]
    optimizer = torch.optim.Adam(groups) if optimizer == "adam" else torch.optim.SGD(groups, momentum=0.9)
    schedule = make(optimizer)
    lr, momentum = [], []
    for step in range(steps + 1):
        lr.append([group["lr"] for group in optimizer.param_groups])
        momentum.append([group["betas"][0] if "betas" in group else group["momentum"] for group in optimizer.param_groups])
        if step < steps:
            for parameter in parameters:
                parameter.grad = torch.zeros(1)
            optimizer.step()
            schedule.step()
    golden.add(name, options, lr=torch.tensor(lr), momentum=torch.tensor(momentum))


def simple(name, schedule, **options):
    case(name, lambda optimizer: schedule(optimizer, **options), options)


simple("step", StepLR, step_size=7)
simple("step_gamma", StepLR, step_size=4, gamma=0.5)
simple("multi_step", MultiStepLR, milestones=[3, 10, 22])
simple("multi_step_repeated", MultiStepLR, milestones=[12, 5, 5], gamma=0.3)
simple("exponential", ExponentialLR, gamma=0.9)
simple("cosine", CosineAnnealingLR, T_max=30)
simple("cosine_eta_min", CosineAnnealingLR, T_max=20, eta_min=0.01)
simple("cosine_periodic", CosineAnnealingLR, T_max=7, eta_min=0.001)
simple("linear", LinearLR)
simple("linear_options", LinearLR, start_factor=0.1, end_factor=0.8, total_iters=12)
case("lambda", lambda optimizer: LambdaLR(optimizer, lambda step: 1.0 / (1 + step)), {"lambda": "1 / (1 + step)"})
# OneCycleLR takes total_steps - 1 steps after its first value.
for optimizer in ("sgd", "adam"):
    for name, options in (
            ("default", {}), ("linear", {"anneal_strategy": "linear"}), ("three_phase", {"three_phase": True, "pct_start": 0.4}),
            ("options", {"pct_start": 0.2, "base_momentum": 0.8, "max_momentum": 0.9, "div_factor": 10.0, "final_div_factor": 100.0}),
            ("no_momentum", {"cycle_momentum": False})):
        options = {"max_lr": 0.5, "total_steps": 30, **options}
        case(f"one_cycle.{optimizer}.{name}", lambda o: OneCycleLR(o, **options), options, optimizer, steps=29)

golden.save()
