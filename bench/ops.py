"""Times single operations, `gradus bench ops --json` and PyTorch alternately, and prints their ratios.

    python bench/ops.py [--rounds 3] [--gradus build/release/gradus] [--only REGEX] [--cpu-time]

A row is known by its name and shape, and gradus decides which rows there are; what a shape means stands in the module of
its family in torch_rows. `+grad` after a name means forward and backward together. Rows of fewer than 1000 elements
show the overhead of one call. Ratios above 1 mean that gradus is faster. GB/s and GF/s count what the mathematics must
move and compute. With --cpu-time both are measured in processor time: on a busy machine, with OMP_NUM_THREADS=1.
"""
import argparse
import json
import math
import statistics
import subprocess
import sys
import time

from torch_rows import torch_row, work


def measure(function, at_least=0.25, now=time.perf_counter):
    """Median seconds of one call; calls that are too short for the clock are timed in groups."""
    function()
    start = now()
    function()
    group = max(1, int(2e-4 / max(now() - start, 1e-7)))
    samples, begin = [], now()
    while len(samples) < 5 or now() - begin < at_least:
        start = now()
        for _ in range(group):
            function()
        samples.append((now() - start) / group)
    return statistics.median(samples)


def torch_side(rows, now):
    result = []
    for name, shape in rows:
        function = torch_row(name, shape, measure)
        result.append(measure(function, now=now) if function else None)
    return result


def gradus_side(program, only, cpu_time):
    command = [program, "bench", "ops", "--json", "--only", only] + ["--cpu-time"] * cpu_time
    out = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {(r["name"], tuple(r["shape"])): r["median_s"] for r in out}


def seconds(s):
    return "" if s is None else f"{s * 1e6:.2f} µs" if s < 1e-4 else f"{s * 1e3:.2f} ms"


def rate(name, shape, s):
    moved, flops = work(name, shape)
    if s is None or math.prod(shape) < 1000:
        return ""
    return f"{flops / s / 1e9:.0f} GF/s" if flops else f"{moved / s / 1e9:.1f} GB/s"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gradus", default="build/release/gradus")
    parser.add_argument("--only", default="", metavar="REGEX", help="rows whose name matches")
    parser.add_argument("--cpu-time", action="store_true", help="processor time instead of the clock's")
    parser.add_argument("--torch-child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    if arguments.torch_child:  # a fresh process, so that neither side inherits the other's threads or memory
        now = time.process_time if arguments.cpu_time else time.perf_counter
        print(json.dumps(torch_side(json.loads(arguments.torch_child), now)))
        return
    ours, theirs = {}, {}
    for _ in range(arguments.rounds):
        found = gradus_side(arguments.gradus, arguments.only, arguments.cpu_time)
        rows = list(found)
        for row, s in found.items():
            ours.setdefault(row, []).append(s)
        child = [sys.executable, __file__, "--torch-child", json.dumps(rows)]
        child += ["--cpu-time"] * arguments.cpu_time
        measured = json.loads(subprocess.run(child, check=True, stdout=subprocess.PIPE).stdout)
        for row, s in zip(rows, measured):
            if s is not None:
                theirs.setdefault(row, []).append(s)

    print("| op | shape | gradus | | PyTorch | | ratio |\n|---|---|---:|---:|---:|---:|---:|")
    for row in rows:
        name, shape = row
        a = statistics.median(ours[row])
        b = statistics.median(theirs[row]) if row in theirs else None
        ratio = f"{b / a:.2f}" if b else ""
        print(f"| {name} | {' × '.join(map(str, shape))} | {seconds(a)} | {rate(name, shape, a)} "
              f"| {seconds(b)} | {rate(name, shape, b)} | {ratio} |")


if __name__ == "__main__":
    main()
