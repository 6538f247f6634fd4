#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How fast is PyTorch on the lecture's network? The opponent, tuned, for this folder's own measurements.

    python3 benchmarks/pytorch_lecture_net.py [--threads 2] [--batch 128] [--seconds 2] [--rounds 5]

Prints one line a workload to standard output, `name images/s`:

    lecture_net_train     forward, cross-entropy, zero_grad, backward and an Adam step, in training mode (dropout on)
    lecture_net_forward   the forward pass alone, in evaluation mode, without a graph

Tuned means: the number of threads is set; malloc keeps what it was given (without that PyTorch is 1.2 to 3 times slower, because every step
pays for its page faults again); both memory formats and, for training, both of Adam's implementations are measured, in turn, and the best
is reported: the median of the rounds, each at least --seconds long. Standard error shows every candidate's median and best.
"""

import argparse
import os
import statistics
import sys
import time

MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "68719476736",
    "MALLOC_TOP_PAD_": "268435456",
}


def lecture_net():
    from torch import nn
    return nn.Sequential(
        nn.BatchNorm2d(3), nn.Conv2d(3, 30, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.BatchNorm2d(30), nn.Conv2d(30, 60, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.BatchNorm2d(60), nn.Conv2d(60, 120, 3), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
        nn.BatchNorm2d(120), nn.Flatten(), nn.Dropout(0.2), nn.Linear(480, 200), nn.ReLU(),
        nn.Dropout(0.2), nn.Linear(200, 60), nn.ReLU(), nn.Linear(60, 10))


def training_step(batch, memory_format, fused):
    import torch
    net = lecture_net().to(memory_format=memory_format)
    images = torch.randn(batch, 3, 32, 32).contiguous(memory_format=memory_format)
    labels = torch.randint(10, (batch,))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01, fused=fused)

    def step():
        loss = torch.nn.functional.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def forward(batch, memory_format):
    import torch
    net = lecture_net().to(memory_format=memory_format).eval()
    images = torch.randn(batch, 3, 32, 32).contiguous(memory_format=memory_format)

    def step():
        with torch.inference_mode():
            net(images)

    return step


def images_per_second(step, batch, seconds):
    start, steps = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds:
        step()
        steps += 1
    return steps * batch / elapsed


def measure(name, candidates, options):
    """The median of the best candidate; candidates take turns, so that a busy moment hits all of them."""
    for step in candidates.values():
        for _ in range(5):
            step()
    speeds = {label: [] for label in candidates}
    for _ in range(options.rounds):
        for label, step in candidates.items():
            speeds[label].append(images_per_second(step, options.batch, options.seconds))
    for label, values in speeds.items():
        print(f"# {name} {label}: median {statistics.median(values):.0f}, best {max(values):.0f} images/s", file=sys.stderr)
    print(f"{name} {max(map(statistics.median, speeds.values())):.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if any(os.environ.get(key) != value for key, value in MALLOC.items()):
        # malloc reads its settings when a process starts.
        os.environ.update(MALLOC, OMP_NUM_THREADS=str(options.threads))
        os.execv(sys.executable, [sys.executable, *sys.argv])

    import torch
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    print(f"# PyTorch {torch.__version__}, {options.threads} threads, batch {options.batch}", file=sys.stderr)
    formats = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
    measure("lecture_net_train", {
        f"{label}, {'fused' if fused else 'default'} Adam": training_step(options.batch, memory_format, fused)
        for label, memory_format in formats.items() for fused in (False, True)
    }, options)
    measure("lecture_net_forward", {label: forward(options.batch, memory_format) for label, memory_format in formats.items()}, options)


if __name__ == "__main__":
    main()
