# SPDX-License-Identifier: MIT
"""Golden texts of print(net) and print(tensor).

print_tensor.safetensors holds the tensors; print_tensor.txt and print_net.txt the texts, each after a line `=== name`.
"""

import warnings

import torch
from torch import nn

from golden_file import DATA, GoldenFile

torch.set_default_dtype(torch.float32)
warnings.filterwarnings("ignore", category=UserWarning)
golden = GoldenFile("print_tensor")
texts = []


def tensor(name, value):
    golden.tensors[name] = value.contiguous()
    texts.append(f"=== {name}\n{str(value)}\n")  # str: an f-string formats a 0-d tensor as its number


def normal(*shape):
    return torch.randn(shape, generator=golden.generator)


nan, inf = float("nan"), float("inf")
tensor("vector", torch.tensor([1.5, -2.25, 3.0]))
tensor("vector_whole", torch.tensor([1.0, 2.0, -3.0]))
tensor("vector_random", normal(7))
tensor("vector_long", normal(40))
tensor("matrix", normal(3, 4))
tensor("matrix_whole", torch.arange(6.0).reshape(2, 3))
tensor("matrix_wide", normal(2, 25))
tensor("cube", normal(2, 2, 3))
tensor("images", normal(2, 2, 2, 3))
tensor("images_of_one", normal(1, 1, 1, 1))
tensor("scalar", torch.tensor(2.5))
tensor("scalar_whole", torch.tensor(3.0))
tensor("scalar_small", torch.tensor(1e-5))
tensor("scalar_large", torch.tensor(123456789.0))
tensor("scalar_int", torch.tensor(7))
tensor("scalar_bool", torch.tensor(True))
tensor("scalar_double", torch.tensor(0.1, dtype=torch.float64))
tensor("ints", torch.tensor([1, -20, 300]))
tensor("ints_matrix", torch.arange(12).reshape(3, 4) * 7)
tensor("ints_large", torch.tensor([2**62, -1]))
tensor("int32", torch.tensor([1, 2, -3], dtype=torch.int32))
tensor("uint8", torch.tensor([[0, 255], [10, 2]], dtype=torch.uint8))
tensor("bools", torch.tensor([True, False, True]))
tensor("bools_matrix", torch.tensor([[True, False], [False, False]]))
tensor("double", torch.tensor([1.0, 0.1, -2.5], dtype=torch.float64))
tensor("double_random", normal(3, 3).double())
tensor("scientific_small", torch.tensor([1e-6, 1.0]))
tensor("scientific_tiny", torch.tensor([1e-10, 2.5e-12]))
tensor("scientific_large", torch.tensor([1e9, 1.5]))
tensor("scientific_ratio", torch.tensor([0.01, 100.5]))
tensor("scientific_just_not", torch.tensor([0.5, 400.25]))
tensor("scientific_matrix", normal(2, 3) * 1e-7)
tensor("scientific_exponent3", torch.tensor([1e-200, 1e150], dtype=torch.float64))
tensor("whole_large", torch.tensor([1e7, 2e7]))
tensor("whole_huge", torch.tensor([1e9, 1.0]))
tensor("whole_wide", torch.tensor([1.0, 100000.0, -5.0]))
tensor("special", torch.tensor([nan, inf, -inf, 1.5]))
tensor("special_whole", torch.tensor([nan, inf, -inf, 1.0]))
tensor("special_only", torch.tensor([nan, inf]))
tensor("special_scientific", torch.tensor([nan, 1e-8, -inf, 3.0]))
tensor("zeros", torch.zeros(3))
tensor("zeros_negative", torch.tensor([-0.0, 0.5]))
tensor("zero_among", torch.tensor([0.0, 1e-3, 0.5]))
tensor("rounds_up", torch.tensor([0.99999, 9.99996]))
tensor("halves", torch.tensor([0.00005, 0.00015, 0.12345, 2.00025], dtype=torch.float64))
tensor("empty", torch.zeros(0))
tensor("empty_matrix", torch.zeros(2, 0))
tensor("empty_ints", torch.zeros(0, dtype=torch.int64))
tensor("empty_ints_matrix", torch.zeros(0, 3, dtype=torch.int64))
tensor("empty_double", torch.zeros(0, dtype=torch.float64))
tensor("thousand", torch.arange(1000.0))
tensor("summarised", torch.arange(1001.0))
tensor("summarised_random", normal(1200))
tensor("summarised_ints", torch.arange(1500, dtype=torch.int32))
tensor("summarised_matrix", normal(34, 34))
tensor("summarised_tall", normal(340, 3))
tensor("summarised_wide", normal(3, 340))
tensor("summarised_cube", normal(9, 8, 15))
tensor("summarised_bools", torch.arange(1100) % 3 == 0)
(DATA / "print_tensor.txt").write_text("".join(texts))
golden.save()


class Block(nn.Module):
    def __init__(self, downsample):
        super().__init__()
        self.conv1 = nn.Conv2d(8, 16, kernel_size=3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        if downsample:
            self.downsample = nn.Sequential(nn.Conv2d(8, 16, kernel_size=1, stride=2, bias=False), nn.BatchNorm2d(16))


class Leaf(nn.Module):
    pass


NETS = {
    "lecture": nn.Sequential(
        nn.BatchNorm2d(3), nn.Conv2d(3, 30, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.BatchNorm2d(30), nn.Conv2d(30, 60, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.BatchNorm2d(60), nn.Conv2d(60, 120, 3), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
        nn.BatchNorm2d(120), nn.Flatten(), nn.Dropout(0.2), nn.Linear(480, 200), nn.ReLU(),
        nn.Dropout(0.2), nn.Linear(200, 60), nn.ReLU(), nn.Linear(60, 10)),
    "first_program": nn.Sequential(
        nn.Conv2d(3, 30, 3), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(30), nn.Flatten(), nn.Linear(30 * 15 * 15, 10)),
    "nested": nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), nn.Sequential(nn.Sequential(nn.Tanh()))),
    "empty": nn.Sequential(),
    "nested_empty": nn.Sequential(nn.Sequential(), nn.ReLU()),
    "block": Block(False),
    "block_downsample": Block(True),
    "leaf": Leaf(),
    "conv2d": nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.Conv2d(3, 6, (3, 5), stride=2, padding=(1, 2)), nn.Conv2d(4, 6, 3, padding="same"),
        nn.Conv2d(4, 6, 3, dilation=2, groups=2, bias=False), nn.Conv2d(4, 6, 1, padding=1, padding_mode="reflect"),
        nn.Conv2d(4, 4, (1, 7), stride=(1, 2), padding=(0, 3), dilation=(1, 2), groups=4, bias=False, padding_mode="circular")),
    "pool": nn.Sequential(
        nn.MaxPool2d(2), nn.MaxPool2d(3, stride=2, padding=1),
        nn.MaxPool2d((2, 3), stride=(2, 1), padding=(1, 0), dilation=(1, 2), ceil_mode=True),
        nn.MaxPool2d((2, 2), padding=(1, 1), return_indices=True), nn.AvgPool2d(2), nn.AvgPool2d(3, stride=2, padding=1),
        nn.AvgPool2d((3, 2), stride=(2, 1), ceil_mode=True, count_include_pad=False, divisor_override=3), nn.AdaptiveAvgPool2d(1),
        nn.AdaptiveAvgPool2d((3, 5)), nn.AdaptiveAvgPool2d((1, 1))),
    "norm": nn.Sequential(
        nn.BatchNorm1d(4), nn.BatchNorm2d(4, eps=1e-3), nn.BatchNorm2d(4, momentum=0.01, affine=False),
        nn.BatchNorm2d(4, momentum=None, track_running_stats=False)),
    "activation": nn.Sequential(
        nn.ReLU(), nn.ReLU(inplace=True), nn.LeakyReLU(), nn.LeakyReLU(0.2), nn.LeakyReLU(0.1, inplace=True), nn.Sigmoid(), nn.Tanh(), nn.GELU(),
        nn.GELU(approximate="tanh"), nn.Softmax(dim=1), nn.Softmax(dim=-1), nn.LogSoftmax(dim=1), nn.Dropout(), nn.Dropout(0.25),
        nn.Dropout(p=0.5, inplace=True), nn.Identity()),
    "other": nn.Sequential(nn.Flatten(), nn.Flatten(2, 3), nn.Linear(3, 4), nn.Linear(3, 4, bias=False)),
    "embedding": nn.Embedding(10, 3),
    "embedding_padding": nn.Embedding(10, 3, padding_idx=0),
}
(DATA / "print_net.txt").write_text("".join(f"=== {name}\n{net}\n" for name, net in NETS.items()))
