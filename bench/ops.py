"""Times single operations, `gradus bench ops --json` and PyTorch alternately, and prints their ratios.

    python bench/ops.py [--rounds 3] [--gradus build/release/gradus] [--only REGEX] [--torch-only]

A row is known by its name and shape, and gradus decides which rows there are; the shapes mean
  add mul gelu gelu_tanh silu    any               softmax layer_norm rms_norm    rows, width
  swiglu                         any (gate's)      cross_entropy                  rows, vocabulary
  adamw                          parameters        embedding                      tokens, vocabulary, width
  attention                      batch, heads, time, d (causal)
  matmul                         m, k, n or batch, m, k, n
and `+grad` after a name means forward and backward together. Rows of fewer than 1000 elements show the overhead of one
call. Ratios above 1 mean that gradus is faster. GB/s and GF/s count what the mathematics must move and compute.
"""
import argparse
import json
import math
import re
import statistics
import subprocess
import sys
import time

DEFAULT_ROWS = [
    ("add", [64]), ("add+grad", [64]), ("matmul", [4, 4, 4]),
    ("add", [4096, 1536]), ("mul", [4096, 1536]), ("gelu_tanh", [4096, 1536]), ("gelu_tanh+grad", [4096, 1536]),
    ("gelu", [4096, 1536]), ("silu", [4096, 1536]), ("swiglu", [4096, 1024]), ("swiglu+grad", [4096, 1024]),
    ("softmax", [6144, 256]), ("softmax+grad", [6144, 256]), ("layer_norm", [4096, 384]), ("layer_norm+grad", [4096, 384]),
    ("layer_norm+grad", [2048, 768]), ("rms_norm", [4096, 384]), ("rms_norm+grad", [4096, 384]),
    ("cross_entropy", [4096, 8192]), ("cross_entropy+grad", [4096, 8192]), ("adamw", [14000000]),
    ("embedding", [4096, 8192, 384]), ("embedding+grad", [4096, 8192, 384]),
    ("attention", [1, 8, 512, 64]), ("attention+grad", [1, 8, 512, 64]), ("attention+grad", [1, 8, 2048, 64]),
    ("attention+grad", [1, 8, 4096, 64]), ("attention+grad", [16, 6, 256, 64]), ("attention+grad", [2, 12, 1024, 64]),
    ("matmul", [4096, 384, 1152]), ("matmul", [4096, 384, 1536]), ("matmul", [4096, 1536, 384]),
    ("matmul", [4096, 384, 8192]), ("matmul", [2048, 768, 3072]), ("matmul", [2048, 3072, 768]),
    ("matmul+grad", [4096, 384, 1536]), ("matmul", [64, 64, 64]), ("matmul", [96, 256, 64, 256]),
]


def work(name, shape):
    """(bytes, flops) that a row needs at least, in f32; zeros where neither says anything."""
    base, grad = name.removesuffix("+grad"), name.endswith("+grad")
    n = math.prod(shape)
    if base == "matmul":
        return 0, 2 * n * (3 if grad else 1)
    if base == "attention":
        b, h, t, d = shape
        return 0, b * h * t * t * d * 2 * (3.5 if grad else 1)  # two products forward and five backward, half of each
    if base == "adamw":
        return 4 * 7 * n, 0  # reads parameter, gradient and two moments, writes three
    if base == "embedding":
        return 4 * 2 * shape[0] * shape[2], 0
    moved = {"add": 3, "mul": 3, "swiglu": 3, "cross_entropy": 1}.get(base, 2)
    if grad:
        moved += {"add": 3, "swiglu": 5, "cross_entropy": 2}.get(base, 3)
    return 4 * moved * n, 0


def torch_row(name, shape):
    """A function that does the row's work once in PyTorch."""
    import torch
    import torch.nn.functional as F
    base, grad = name.removesuffix("+grad"), name.endswith("+grad")

    def x(*s):
        return torch.randn(*(s or shape), requires_grad=grad)

    rows, width = (shape + [1, 1])[:2]
    if base in ("add", "mul"):
        a, b = x(), x()
        inputs, call = [a, b], (lambda: a + b) if base == "add" else (lambda: a * b)
    elif base in ("gelu", "gelu_tanh", "silu"):
        a = x()
        inputs = [a]
        call = {"gelu": lambda: F.gelu(a), "gelu_tanh": lambda: F.gelu(a, approximate="tanh"),
                "silu": lambda: F.silu(a)}[base]
    elif base == "swiglu":
        a, b = x(), x()
        inputs, call = [a, b], lambda: F.silu(a) * b
    elif base == "softmax":
        a = x()
        inputs, call = [a], lambda: F.softmax(a, -1)
    elif base == "layer_norm":
        a, w, b = x(), x(shape[-1]), x(shape[-1])
        inputs, call = [a, w, b], lambda: F.layer_norm(a, (shape[-1],), w, b)
    elif base == "rms_norm":
        a, w = x(), x(shape[-1])
        inputs, call = [a, w], lambda: F.rms_norm(a, (shape[-1],), w, 1e-6)
    elif base == "cross_entropy":
        a, labels = x(), torch.randint(width, (rows,))
        inputs, call = [a], lambda: F.cross_entropy(a, labels)
    elif base == "embedding":
        table, ids = x(*shape[1:]), torch.randint(shape[1], (shape[0],))
        inputs, call = [table], lambda: F.embedding(ids, table)
    elif base == "attention":
        q, k, v = x(), x(), x()
        inputs, call = [q, k, v], lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    elif base == "matmul":
        *batch, m, k, n = shape
        a, b = x(*batch, m, k), x(*batch, k, n)
        inputs, call = [a, b], lambda: a @ b
    elif base == "adamw":
        p = torch.nn.Parameter(torch.randn(shape))
        p.grad = torch.randn(shape)
        fastest = {}
        for fused in (True, False):  # the better of the two is the rival
            step = torch.optim.AdamW([p], lr=1e-4, weight_decay=0.1, fused=fused).step
            fastest[measure(step, 0.1)] = step
        return fastest[min(fastest)]
    else:
        return None
    if not grad:
        return call
    dy = torch.randn_like(call())

    def forward_and_backward():
        for t in inputs:
            t.grad = None
        call().backward(dy)

    return forward_and_backward


def measure(function, at_least=0.25):
    """Median seconds of one call; calls that are too short for the clock are timed in groups."""
    function()
    start = time.perf_counter()
    function()
    group = max(1, int(2e-4 / max(time.perf_counter() - start, 1e-7)))
    samples, begin = [], time.perf_counter()
    while len(samples) < 5 or time.perf_counter() - begin < at_least:
        start = time.perf_counter()
        for _ in range(group):
            function()
        samples.append((time.perf_counter() - start) / group)
    return statistics.median(samples)


def torch_side(rows):
    result = []
    for name, shape in rows:
        function = torch_row(name, shape)
        result.append(measure(function) if function else None)
    return result


def gradus_side(program, only):
    command = [program, "bench", "ops", "--json"]
    out = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    rows = out["ops"] if isinstance(out, dict) else out
    return {(r["name"], tuple(r["shape"])): r["median_s"] for r in rows if re.search(only, r["name"])}


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
    parser.add_argument("--torch-only", action="store_true", help="the rival alone, on this script's own rows")
    parser.add_argument("--torch-child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    if arguments.torch_child:  # a fresh process, so that neither side inherits the other's threads or memory
        print(json.dumps(torch_side(json.loads(arguments.torch_child))))
        return
    ours, theirs = {}, {}
    rows = [(n, tuple(s)) for n, s in DEFAULT_ROWS if re.search(arguments.only, n)]
    for _ in range(arguments.rounds):
        if not arguments.torch_only:
            found = gradus_side(arguments.gradus, arguments.only)
            rows = list(found)
            for row, s in found.items():
                ours.setdefault(row, []).append(s)
        child = [sys.executable, __file__, "--torch-child", json.dumps(rows)]
        measured = json.loads(subprocess.run(child, check=True, stdout=subprocess.PIPE).stdout)
        for row, s in zip(rows, measured):
            if s is not None:
                theirs.setdefault(row, []).append(s)

    print("| op | shape | gradus | | PyTorch | | ratio |\n|---|---|---:|---:|---:|---:|---:|")
    for row in rows:
        name, shape = row
        a = statistics.median(ours[row]) if row in ours else None
        b = statistics.median(theirs[row]) if row in theirs else None
        ratio = f"{b / a:.2f}" if a and b else ""
        print(f"| {name} | {' × '.join(map(str, shape))} | {seconds(a)} | {rate(name, shape, a)} "
              f"| {seconds(b)} | {rate(name, shape, b)} | {ratio} |")


if __name__ == "__main__":
    main()
