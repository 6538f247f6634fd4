# SPDX-License-Identifier: MIT
"""Golden values of conv1d, the 1-D pools, the maximum over time, layer_norm, LSTM and LSTMCell."""

import torch
import torch.nn.functional as F

from golden_file import GoldenFile

golden = GoldenFile("sequence")


def conv(name, x, weight, bias=True, padding_mode="zeros", **options):
    x, weight = golden.normal(*x), golden.normal(*weight)
    inputs = {"x": x, "weight": weight}
    if bias:
        inputs["bias"] = golden.normal(weight.shape[0])

    def function(x, weight, bias=None):
        if padding_mode == "zeros":
            return F.conv1d(x, weight, bias, **options)
        rest = {key: value for key, value in options.items() if key != "padding"}
        return F.conv1d(F.pad(x, [options["padding"]] * 2, mode=padding_mode), weight, bias, **rest)

    golden.differentiate(f"conv.{name}", function, {**options, "padding_mode": padding_mode}, **inputs)


conv("plain", (2, 3, 9), (4, 3, 3))
conv("no_bias", (2, 3, 9), (4, 3, 2), bias=False)
conv("stride", (2, 3, 10), (4, 3, 3), stride=3)
conv("padding", (2, 3, 7), (4, 3, 4), padding=2)
conv("same", (2, 3, 7), (4, 3, 4), padding="same")
conv("same_dilation", (2, 3, 7), (4, 3, 3), padding="same", dilation=2)
conv("dilation", (2, 3, 9), (4, 3, 3), dilation=3)
conv("groups", (2, 4, 9), (6, 2, 3), groups=2)
conv("depthwise", (2, 3, 9), (3, 1, 3), groups=3)
conv("reflect", (2, 3, 7), (4, 3, 3), padding=2, padding_mode="reflect")
conv("replicate", (2, 3, 7), (4, 3, 3), padding=2, padding_mode="replicate")
conv("circular", (2, 3, 7), (4, 3, 3), padding=2, padding_mode="circular")
conv("everything", (2, 4, 13), (6, 2, 3), stride=2, padding=2, dilation=2, groups=2)
conv("single", (3, 9), (4, 3, 3))
conv("one_tap", (2, 3, 5), (4, 3, 1))


def max_case(name, kernel, shape, **options):
    x = golden.normal(*shape).requires_grad_()
    y, indices = F.max_pool1d(x, kernel, return_indices=True, **options)
    dy = golden.normal(*y.shape)
    y.backward(dy)
    golden.add(f"max.{name}", {"kernel": kernel, **options}, x=x, y=y, indices=indices, dy=dy, dx=x.grad)


max_case("plain", 2, (2, 3, 8))
max_case("single", 2, (3, 7))
max_case("overlap", 3, (2, 3, 9), stride=2)
max_case("padding", 3, (2, 3, 9), stride=2, padding=1)
max_case("dilation", 2, (2, 3, 9), stride=1, dilation=3)
max_case("ceil", 2, (2, 3, 7), ceil_mode=True)
max_case("ceil_drops_last", 2, (2, 3, 7), stride=3, padding=1, ceil_mode=True)


def simple(name, function, *shape, **options):
    golden.differentiate(name, function, options, x=golden.normal(*shape))


for name, kernel, shape, options in [
    ("plain", 2, (2, 3, 8), {}),
    ("overlap", 3, (2, 3, 9), {"stride": 2}),
    ("padding", 3, (2, 3, 9), {"stride": 2, "padding": 1}),
    ("padding_excluded", 3, (2, 3, 9), {"stride": 2, "padding": 1, "count_include_pad": False}),
    ("ceil", 2, (3, 7), {"ceil_mode": True}),
    ("ceil_padding", 3, (2, 3, 8), {"stride": 2, "padding": 1, "ceil_mode": True}),
]:
    simple(f"avg.{name}", lambda x: F.avg_pool1d(x, kernel, **options), *shape, kernel=kernel, **options)
for name, size, length in [("one", 1, 7), ("even", 2, 8), ("uneven", 3, 7), ("upward", 5, 3)]:
    simple(f"adaptive_avg.{name}", lambda x: F.adaptive_avg_pool1d(x, size), 2, 3, length, output_size=size)
    simple(f"adaptive_max.{name}", lambda x: F.adaptive_max_pool1d(x, size), 2, 3, length, output_size=size)

LENGTHS = [5, 5, 2, 7, 1]


def max_over_time(x):
    behind = torch.arange(x.shape[2]) >= torch.tensor(LENGTHS)[:, None, None]
    return x.masked_fill(behind, -torch.inf).amax(2)


simple("max_over_time", max_over_time, 5, 3, 7, lengths=LENGTHS)


def layer_norm(name, shape, normalized, weight=True, bias=True, eps=1e-5):
    inputs = {"x": golden.normal(*shape)}
    if weight:
        inputs["weight"] = golden.normal(*normalized)
    if bias:
        inputs["bias"] = golden.normal(*normalized)

    def function(x, *rest):
        rest = list(rest)
        w = rest.pop(0) if weight else None
        return F.layer_norm(x, normalized, w, rest[0] if bias else None, eps)

    golden.differentiate(f"layer_norm.{name}", function, {"normalized_shape": normalized, "eps": eps}, **inputs)


layer_norm("vector", (3, 8), (8,))
layer_norm("text", (2, 3, 8), (8,))
layer_norm("two_axes", (3, 2, 5), (2, 5))
layer_norm("image", (2, 2, 3, 4), (2, 3, 4))
layer_norm("plain", (3, 8), (8,), weight=False, bias=False)
layer_norm("no_bias", (3, 8), (8,), bias=False)
layer_norm("eps", (3, 8), (8,), eps=0.1)


def recurrent(name, module, x, states):
    """Stores weights, input, states, output, both last states, an upstream gradient for each, and the gradient of everything."""
    parameters = dict(module.named_parameters())
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.copy_(golden.normal(*parameter.shape) / 2)
    x = golden.normal(*x).requires_grad_()
    h, c = (golden.normal(*states).requires_grad_() for _ in "hc")
    result = module(x, (h, c))
    results = dict(zip(("h_n", "c_n"), result)) if isinstance(module, torch.nn.LSTMCell) else dict(
        zip(("output", "h_n", "c_n"), (result[0], *result[1])))
    upstream = {f"d{key}": golden.normal(*value.shape) for key, value in results.items()}
    torch.autograd.backward(list(results.values()), list(upstream.values()))
    gradients = {f"d{key}": value.grad for key, value in {"x": x, "h": h, "c": c, **parameters}.items()}
    golden.add(name, {"module": str(module)}, x=x, h=h, c=c, **parameters, **results, **upstream, **gradients)


recurrent("lstm.plain", torch.nn.LSTM(3, 4), (5, 2, 3), (1, 2, 4))
recurrent("lstm.no_bias", torch.nn.LSTM(3, 4, bias=False), (5, 2, 3), (1, 2, 4))
recurrent("lstm.two_layers", torch.nn.LSTM(3, 4, num_layers=2, batch_first=True), (2, 5, 3), (2, 2, 4))
recurrent("lstm.bidirectional", torch.nn.LSTM(3, 4, bidirectional=True), (5, 2, 3), (2, 2, 4))
recurrent("lstm.everything", torch.nn.LSTM(3, 2, num_layers=3, bidirectional=True, batch_first=True), (3, 4, 3), (6, 3, 2))
recurrent("lstm.single", torch.nn.LSTM(3, 4, num_layers=2), (5, 3), (2, 4))
recurrent("lstm_cell.plain", torch.nn.LSTMCell(3, 4), (2, 3), (2, 4))
recurrent("lstm_cell.no_bias", torch.nn.LSTMCell(3, 4, bias=False), (2, 3), (2, 4))
golden.save()
