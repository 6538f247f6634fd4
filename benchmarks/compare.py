#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs workloads on Tapestry and its contenders in turn, checks that all compute the same, and prints how fast they are; see benchmarks/run.

For each workload everyone builds its network in a process of its own. Then in each round everyone takes one sample after the other, while all others
are stopped, so that no spinning thread of theirs takes the processor.
"""

import argparse
import csv
import fnmatch
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
from collections import namedtuple

from contenders import BOUND, CONTENDERS, Exported, output_error

Workload = namedtuple("Workload", "name network kind batch size classes multiply_adds")
HERE = os.path.dirname(os.path.abspath(__file__))

# A malloc that keeps what it was given: without, some contenders are 1.2 to 3 times slower, as every step pays for its page faults again.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "68719476736", "MALLOC_TOP_PAD_": "268435456"}


class Failure(Exception):
    pass


def run(command, options):
    """The command's output; Failure with the last line of its errors."""
    done = subprocess.run(command, env=environment(options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Failure(last_line(done.stderr) or f"exit status {done.returncode}")
    return done.stdout


def environment(options):
    return {**os.environ, **MALLOC, "OMP_NUM_THREADS": str(options.threads)}


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else ""


def is_other_precision(name):
    return name.endswith(" bf16")


class Contender:
    """A process that computes, and stands still unless it is asked to."""

    def __init__(self, name, command, options, folder):
        self.name, self.samples, self.failure, self.error = name, [], None, None
        self.errors = open(f"{folder}/{name.replace(' ', '_')}.log", "w+")
        self.process = subprocess.Popen(command, env=environment(options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        start_new_session=True)
        self.numbers = self.attempt(lambda: self.reply()["numbers"])

    def attempt(self, action):
        if self.failure:
            return None
        try:
            return action()
        except (Failure, OSError) as failure:
            self.failure = str(failure)
            return None

    def signal(self, number):
        """To the process and those that it started."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def reply(self):
        for line in self.process.stdout:
            if line.startswith("{"):  # libraries print, too
                self.signal(signal.SIGSTOP)
                return json.loads(line)
        self.process.wait()
        self.errors.seek(0)
        raise Failure(last_line(self.errors.read()) or f"exit status {self.process.returncode}")

    def sample(self, seconds):
        def ask():
            self.signal(signal.SIGCONT)
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
            self.samples.append(self.reply())

        self.attempt(ask)

    def compare(self, reference, kind):
        if self.failure:
            return
        if len(self.numbers) != len(reference):
            self.failure = f"computed {len(self.numbers)} numbers, expected {len(reference)}"
            return
        if kind == "forward":
            self.error = output_error(self.numbers, reference)
        else:
            self.error = max(abs(a - b) / abs(b) for a, b in zip(self.numbers, reference))
        if not self.error <= BOUND[kind] and not is_other_precision(self.name):
            self.failure = f"numbers differ by {self.error:.1e} from the reference, allowed are {BOUND[kind]:.0e}"

    def close(self):
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.errors.close()

    @property
    def median(self):
        return statistics.median(s["speed"] for s in self.samples)

    @property
    def best(self):
        return max(s["speed"] for s in self.samples)


def contestants(workload, options, folder):
    """Each contender of the workload, started; those that cannot start carry the reason."""
    arguments = [folder, workload.network, workload.kind, workload.batch, workload.size, workload.classes, "--threads", options.threads]
    python = [sys.executable, f"{HERE}/contenders.py"]
    if not os.path.exists(f"{folder}/reference.json"):
        run([*python, "prepare", *map(str, arguments)], options)
    yield Contender("tapestry", [options.program, workload.name, folder, "--threads", str(options.threads)], options, folder)
    for name, contender in CONTENDERS.items():
        if workload.kind not in contender.kinds or not any(fnmatch.fnmatch(name, pattern) for pattern in options.contenders.split(",")):
            continue
        command = [*python, name, *map(str, arguments)]
        if isinstance(contender, Exported):
            try:
                run([*command, "--export"], options)
            except Failure as failure:
                command = ["sh", "-c", 'echo "$0" >&2; exit 1', f"export: {failure}"]
        yield Contender(name, command, options, folder)


def measure(workload, options, peak):
    """The contenders with their samples; prints them."""
    folder = f"{options.data}/{workload.name}"
    os.makedirs(folder, exist_ok=True)
    everyone = []
    try:
        for contender in contestants(workload, options, folder):
            everyone.append(contender)
        with open(f"{folder}/reference.json") as file:
            reference = json.load(file)
        for contender in everyone:
            contender.compare(reference, workload.kind)
        for _ in range(options.rounds):
            for contender in everyone:
                contender.sample(options.seconds)
    finally:
        for contender in everyone:
            contender.close()
        if not options.keep:
            shutil.rmtree(folder)
    report(workload, everyone, peak)
    return everyone


def fastest(everyone):
    return max((c for c in everyone if c.name != "tapestry" and not c.failure and not is_other_precision(c.name)), key=lambda c: c.median, default=None)


def direct_limit(workload, peak):
    return peak * 1e9 / (2 * workload.multiply_adds)


def ratio(everyone):
    """Tapestry's median over the fastest contender's; None if anyone failed."""
    best = fastest(everyone)
    if best is None or any(c.failure for c in everyone):
        return None
    return everyone[0].median / best.median


def report(workload, everyone, peak):
    limit = direct_limit(workload, peak)
    print(f"\n{workload.name}: {workload.multiply_adds / 1e6:,.1f} million multiply-adds an image, direct limit {limit:,.0f} images/s")
    print(f"  {'':22} {'median':>9} {'best':>9} {'of limit':>9} {'peak MB':>9} {'prepared':>9} {'faults/step':>11} {'error':>8}")
    for c in everyone:
        if c.failure:
            print(f"  {c.name:22} failed: {c.failure}")
            continue
        memory, faults = max(s["memory"] for s in c.samples), statistics.median(s["faults"] for s in c.samples[-3:])
        prepared = max(s.get("prepared", 0) for s in c.samples)  # only Tapestry tells
        print(f"  {c.name:22} {c.median:9,.1f} {c.best:9,.1f} {c.median / limit:9.0%} {memory:9,.0f} {f'{prepared:,.0f}' if prepared else '-':>9} {faults:11,.1f} "
              f"{c.error:8.0e}")
    if (r := ratio(everyone)) is not None:
        print(f"  ratio to the fastest in float32, {fastest(everyone).name}: {r:.2f}")
    sys.stdout.flush()


def summary(results, machine):
    """The same in short, as Markdown."""
    print(f"\nPeak {machine['peak']:.0f} GF/s ({machine['instructions']}), bandwidth {machine['bandwidth']:.0f} GB/s; images/s, medians\n")
    print("| workload | tapestry | fastest in float32 | ratio | of direct limit |\n|---|---:|---|---:|---:|")
    for workload, everyone in results:
        own, best, r = everyone[0], fastest(everyone), ratio(everyone)
        speed, share = ("failed", "-") if own.failure else (f"{own.median:,.1f}", f"{own.median / direct_limit(workload, machine['peak']):.0%}")
        other = f"{best.name} {best.median:,.1f}" if best else "-"
        print(f"| {workload.name} | {speed} | {other} | {'-' if r is None else f'{r:.2f}'} | {share} |")


def write_csv(path, results):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["workload", "contender", "unit", "median", "best"])
        for workload, everyone in results:
            for c in everyone:
                if not c.failure:
                    writer.writerow([workload.name, c.name, "images/s", f"{c.median:.6g}", f"{c.best:.6g}"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, help="folder of the built workloads and machine")
    parser.add_argument("--data", required=True, help="folder for weights and networks in the contenders' formats")
    parser.add_argument("--only", default="*", help="workloads to run: names or patterns, separated by commas")
    parser.add_argument("--contenders", default="*", help="likewise")
    parser.add_argument("--csv")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a sample")
    parser.add_argument("--keep", action="store_true", help="keep the networks' files for the next time")
    options = parser.parse_args()
    options.program = f"{options.programs}/workloads"

    workloads = [Workload(*fields[:3], *map(int, fields[3:])) for fields in map(str.split, run([options.program, "--list"], options).splitlines())]
    chosen = [w for w in workloads if any(fnmatch.fnmatch(w.name, pattern) for pattern in options.only.split(","))]
    if not chosen:
        sys.exit(f"--only {options.only} matches no workload; there are {', '.join(w.name for w in workloads)}")

    machine, results = {"peak": 0, "bandwidth": 0}, []
    for workload in chosen:
        now = json.loads(run([f"{options.programs}/machine", "--threads", str(options.threads)], options))
        machine = {**now, "peak": max(now["peak"], machine["peak"]), "bandwidth": max(now["bandwidth"], machine["bandwidth"])}
        results.append((workload, measure(workload, options, machine["peak"])))
    summary(results, machine)
    if options.csv:
        write_csv(options.csv, results)
    if any(c.failure for _, everyone in results for c in everyone):
        sys.exit(1)


if __name__ == "__main__":
    main()
