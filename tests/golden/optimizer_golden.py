# SPDX-License-Identifier: MIT
"""Golden values of ten steps of every optimiser in every variant, and of gradient clipping.

The problem: parameters p [3, 2] and q [4]; in step t the loss is
sum(0.5 * a * p * p + c[t] * p) + sum(0.5 * b * q * q + d[t] * q), so the gradients are a * p + c[t] and b * q + d[t].
In the cases named `skip` the terms of q are left out in odd steps, and q then has no gradient.
"""

import torch

from golden_file import GoldenFile

STEPS = 10
golden = GoldenFile("optimizer")
a, c = golden.uniform(0.2, 3, 3, 2), golden.normal(STEPS, 3, 2) * 0.3
b, d = golden.uniform(0.2, 3, 4), golden.normal(STEPS, 4) * 0.3
p0, q0 = golden.normal(3, 2), golden.normal(4)
golden.add("problem", a=a, b=b, c=c, d=d, p=p0, q=q0)


def case(name, make, skip=False, groups=None, **options):
    p, q = p0.clone().requires_grad_(), q0.clone().requires_grad_()
    optimizer = make([p, q] if groups is None else [{"params": [p], **groups[0]}, {"params": [q], **groups[1]}], **options)
    ps, qs = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = (0.5 * a * p * p + c[step] * p).sum()
        if not (skip and step % 2 == 1):
            loss = loss + (0.5 * b * q * q + d[step] * q).sum()
        loss.backward()
        optimizer.step()
        ps.append(p.detach().clone())
        qs.append(q.detach().clone())
    state = {
        f"state.{'pq'[index]}.{key}": value
        for index, entries in optimizer.state_dict()["state"].items() for key, value in entries.items() if value is not None
    }
    golden.add(name, {**options, "groups": groups, "skip": skip}, p=torch.stack(ps), q=torch.stack(qs), **state)


SGD, Adam, AdamW, RMSprop = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop
case("sgd.plain", SGD, lr=0.1)
case("sgd.weight_decay", SGD, lr=0.1, weight_decay=0.2)
case("sgd.momentum", SGD, lr=0.1, momentum=0.9)
case("sgd.dampening", SGD, lr=0.1, momentum=0.9, dampening=0.4)
case("sgd.nesterov", SGD, lr=0.1, momentum=0.9, nesterov=True)
case("sgd.all", SGD, lr=0.05, momentum=0.8, weight_decay=0.1, nesterov=True, maximize=True)
case("sgd.skip", SGD, skip=True, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.1)
case("sgd.groups", SGD, groups=({"lr": 0.05}, {"momentum": 0.5, "weight_decay": 0.3}), lr=0.1, momentum=0.9)
for name, make in (("adam", Adam), ("adamw", AdamW)):
    case(f"{name}.default", make)
    case(f"{name}.lr", make, lr=0.1)
    case(f"{name}.betas", make, lr=0.05, betas=(0.8, 0.95))
    case(f"{name}.eps", make, lr=0.1, eps=0.01)
    case(f"{name}.weight_decay", make, lr=0.1, weight_decay=0.2)
    case(f"{name}.amsgrad", make, lr=0.1, amsgrad=True, betas=(0.5, 0.6))
    case(f"{name}.amsgrad_weight_decay", make, lr=0.1, amsgrad=True, weight_decay=0.1, betas=(0.5, 0.6))
    case(f"{name}.maximize", make, lr=0.1, maximize=True)
    case(f"{name}.skip", make, skip=True, lr=0.1, weight_decay=0.1)
    case(f"{name}.groups", make, groups=({"lr": 0.02}, {"betas": (0.7, 0.9), "weight_decay": 0.3}), lr=0.1)
case("adam.decoupled", Adam, lr=0.1, weight_decay=0.2, decoupled_weight_decay=True)
case("sgd.default", SGD)
case("rmsprop.default", RMSprop)
case("rmsprop.alpha_eps", RMSprop, lr=0.05, alpha=0.8, eps=0.01)
case("rmsprop.weight_decay", RMSprop, lr=0.05, weight_decay=0.2)
case("rmsprop.momentum", RMSprop, lr=0.02, momentum=0.9)
case("rmsprop.centered", RMSprop, lr=0.05, centered=True)
case("rmsprop.all", RMSprop, lr=0.02, alpha=0.9, momentum=0.5, centered=True, weight_decay=0.1, maximize=True)
case("rmsprop.skip", RMSprop, skip=True, lr=0.02, momentum=0.9)
case("rmsprop.groups", RMSprop, groups=({"lr": 0.05}, {"alpha": 0.5, "momentum": 0.3}), lr=0.1)


def clip(name, function, *arguments, scale=1.0, **options):
    parameters = [torch.zeros(3, 2), torch.zeros(4), torch.zeros(2)]
    gradients = [c[0] * scale, d[0] * scale, None]  # the third has no gradient
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = None if gradient is None else gradient.clone()
    total = function(parameters, *arguments, **options)
    golden.add(
        name, {"arguments": arguments, **options}, dp=gradients[0], dq=gradients[1], clipped_dp=parameters[0].grad,
        clipped_dq=parameters[1].grad, total=total)


clip("clip_norm.below", torch.nn.utils.clip_grad_norm_, 100.0)
clip("clip_norm.above", torch.nn.utils.clip_grad_norm_, 0.5)
clip("clip_norm.near", torch.nn.utils.clip_grad_norm_, 1e-7, scale=1e-6)
clip("clip_norm.one", torch.nn.utils.clip_grad_norm_, 0.5, norm_type=1.0)
clip("clip_norm.infinity", torch.nn.utils.clip_grad_norm_, 0.2, norm_type=float("inf"))
clip("clip_norm.three", torch.nn.utils.clip_grad_norm_, 0.5, norm_type=3.0)
clip("clip_value", torch.nn.utils.clip_grad_value_, 0.2)

golden.save()
