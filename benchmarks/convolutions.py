#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every distinct convolution of the well-known networks, in its three passes, beside oneDNN's (through PyTorch, in its better memory format; forward
also with weights that were reordered beforehand): what Tapestry chooses, all that it could have chosen, and oneDNN, in turn. See benchmarks/run."""

import argparse
import csv
import json
import math
import subprocess
import time
from collections import namedtuple

import torch

PASSES = ["forward", "backward_data", "backward_weight"]
Convolution = namedtuple("Convolution", "network batch channels height width filters groups kernel stride dilation padding")


def read_convolution(line):
    network, *numbers = line.split()
    n = list(map(int, numbers))
    return Convolution(network, *n[:6], tuple(n[6:8]), tuple(n[8:10]), tuple(n[10:12]), tuple(n[12:14]))


def describe(c):
    groups = f", {c.groups} groups" if c.groups > 1 else ""
    return f"b{c.batch} {c.channels}->{c.filters} {c.height}x{c.width} k{c.kernel[0]}x{c.kernel[1]} s{c.stride[0]}{groups}"


def best_seconds(function, seconds):
    function()
    best, rounds, end = math.inf, 0, time.perf_counter() + seconds
    while rounds < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        function()
        best, rounds = min(best, time.perf_counter() - start), rounds + 1
    return best


def onednn(c, number, seconds):
    """Floating-point operations a second of the quickest way to compute a pass."""
    best = math.inf
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.full((c.batch, c.channels, c.height, c.width), 0.5).to(memory_format=layout)
        w = torch.full((c.filters, c.channels // c.groups, *c.kernel), 0.25).to(memory_format=layout)
        y = torch.nn.functional.conv2d(x, w, None, c.stride, c.padding, c.dilation, c.groups)
        dy = torch.full_like(y, 0.125)
        if number == 0:
            ways = [lambda: torch.nn.functional.conv2d(x, w, None, c.stride, c.padding, c.dilation, c.groups)]
            reordered = torch.ops.mkldnn._reorder_convolution_weight(w, c.padding, c.stride, c.dilation, c.groups, list(x.shape))
            ways.append(lambda: torch.ops.mkldnn._convolution_pointwise(x, reordered, None, c.padding, c.stride, c.dilation, c.groups, "none", [], ""))
        else:
            mask = [number == 1, number == 2, False]
            ways = [lambda: torch.ops.aten.convolution_backward(dy, x, w, None, c.stride, c.padding, c.dilation, False, [0, 0], c.groups, mask)]
        best = min(best, *(best_seconds(way, seconds / len(ways) / 2) for way in ways), math.inf)
    return 2.0 * y.numel() * w[0].numel() / best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the built convolutions")
    parser.add_argument("--only", default="", help="a network")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--milliseconds", type=int, default=60, help="for each way to compute a pass")
    parser.add_argument("--csv")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)

    arguments = ["--only", options.only, "--threads", str(options.threads), "--milliseconds", str(options.milliseconds)]
    listed = subprocess.run([options.program, "--list", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
    convolutions = list(map(read_convolution, listed.splitlines()))
    program = subprocess.Popen([options.program, "--serve", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    rows = []
    print(f"{'':12} {'GF/s':44} {'pass':15} {'choice':9} {'speed':>6} {'oneDNN':>6} {'ratio':>5}  of all that can")
    for i, c in enumerate(convolutions):
        for number, name in enumerate(PASSES):
            program.stdin.write(f"{i} {number}\n")
            program.stdin.flush()
            ours = json.loads(program.stdout.readline())
            theirs = onednn(c, number, options.milliseconds / 1000)
            speed, best = ours["speeds"][ours["chosen"]], max(ours["speeds"].values())
            rows.append((c, name, ours["chosen"], speed, best, theirs))
            others = " ".join(f"{way} {value / 1e9:.0f}" for way, value in ours["speeds"].items())
            note = "" if speed >= 0.95 * best else "NOT BEST: "
            print(f"{c.network:12} {describe(c):44} {name:15} {ours['chosen']:9} {speed / 1e9:6.0f} {theirs / 1e9:6.0f} {speed / theirs:5.2f}  {note}{others}",
                  flush=True)
    program.stdin.close()
    program.wait()

    good = sum(speed >= 0.95 * best for *_, speed, best, _ in rows)
    print(f"\nthe choice is within 5% of the best in {good} of {len(rows)} passes")
    for name in PASSES:
        ratios = [speed / theirs for _, of, _, speed, _, theirs in rows if of == name]
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"{name}: at least as fast as oneDNN in {sum(r >= 1 for r in ratios)} of {len(ratios)}, in the geometric mean {mean:.2f} times as fast")
    if options.csv:
        with open(options.csv, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["network", "convolution", "pass", "choice", "gflops", "best_gflops", "onednn_gflops"])
            for c, name, chosen, *speeds in rows:
                writer.writerow([c.network, describe(c), name, chosen, *(f"{speed / 1e9:.5g}" for speed in speeds)])


if __name__ == "__main__":
    main()
