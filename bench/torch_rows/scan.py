"""The rows of `gradus bench ops` for reductions, scans, sorting and indexing, done in PyTorch. Along the last axis, or
the first (`_rows`), or all but the second (`_channels`). Shapes mean
  gather scatter_add             rows, n of x, m of the index (the same rows)
  index_select index_add         rows of the table, width, numbers of rows
  the others                     any; topk_K takes the K largest
"""
import math

import torch

ALONG_LAST = {
    "sort": lambda a: torch.sort(a).values,
    "argsort": lambda a: torch.argsort(a),
    "cumsum": lambda a: a.cumsum(-1),
    "cumsum_rows": lambda a: a.cumsum(0),
    "cumprod": lambda a: a.cumprod(-1),
    "argmax": lambda a: a.argmax(-1),
    "argmax_rows": lambda a: a.argmax(0),
    "max_rows": lambda a: a.amax(0),
    "sum_channels": lambda a: a.sum((0, 2, 3)),
    "var_channels": lambda a: a.var((0, 2, 3)),
    "var": lambda a: a.var(-1),
    "var_rows": lambda a: a.var(0),
    "prod": lambda a: a.prod(-1),
    "logsumexp": lambda a: a.logsumexp(-1),
}


def work(name, shape, grad):
    """(bytes, flops) that a row needs at least, in f32; None for a row of another family."""
    if grad:
        return None
    n = math.prod(shape)
    if name in ("argmax", "argmax_rows", "max_rows", "var", "var_rows", "prod", "logsumexp", "sum_channels",
                "var_channels") or name.startswith("topk"):
        return 4 * n, 0
    if name in ("cumsum", "cumsum_rows", "cumprod"):
        return 8 * n, 0
    if name == "gather":
        return 16 * shape[0] * shape[2], 0
    if name == "index_select":
        return 8 * shape[1] * shape[2], 0
    return None


def call(name, shape, x, measure):
    """As in core.py."""
    if name in ALONG_LAST:
        a = x()
        return [a], lambda: ALONG_LAST[name](a)
    if name.startswith("topk_"):
        a, k = x(), int(name[5:])
        return [a], lambda: torch.topk(a, k).values
    if name in ("gather", "scatter_add"):
        rows, n, m = shape
        a, index, src = x(rows, n), torch.randint(n, (rows, m)), x(rows, m)
        if name == "gather":
            return [a], lambda: torch.gather(a, 1, index)
        return [a, src], lambda: torch.scatter_add(a, 1, index, src)
    if name in ("index_select", "index_add"):
        rows, width, n = shape
        table, index, src = x(rows, width), torch.randint(rows, (n,)), x(n, width)
        if name == "index_select":
            return [table], lambda: torch.index_select(table, 0, index)
        return [table, src], lambda: torch.index_add(table, 0, index, src)
    return None
