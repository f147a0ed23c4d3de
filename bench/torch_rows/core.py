"""The rows of `gradus bench ops` for a decoder and its training, done in PyTorch. Shapes mean
  add mul gelu gelu_tanh silu    any               softmax layer_norm rms_norm    rows, width
  swiglu                         any (gate's)      cross_entropy                  rows, vocabulary
  adamw                          parameters        embedding                      tokens, vocabulary, width
  attention                      batch, heads, time, d (causal)
  matmul                         m, k, n or batch, m, k, n
"""
import math

import torch
import torch.nn.functional as F


def work(name, shape, grad):
    """(bytes, flops) that a row needs at least, in f32; None for a row of another family."""
    n = math.prod(shape)
    if name == "matmul":
        return 0, 2 * n * (3 if grad else 1)
    if name == "attention":
        b, h, t, d = shape
        return 0, b * h * t * t * d * 2 * (3.5 if grad else 1)  # two products forward and five backward, half of each
    if name == "adamw":
        return 4 * 7 * n, 0  # reads parameter, gradient and two moments, writes three
    if name == "embedding":
        return 4 * 2 * shape[0] * shape[2], 0
    if name not in ("add", "mul", "gelu", "gelu_tanh", "silu", "swiglu", "softmax", "layer_norm", "rms_norm", "cross_entropy"):
        return None
    moved = {"add": 3, "mul": 3, "swiglu": 3, "cross_entropy": 1}.get(name, 2)
    if grad:
        moved += {"add": 3, "swiglu": 5, "cross_entropy": 2}.get(name, 3)
    return 4 * moved * n, 0


def call(name, shape, x, measure):
    """(inputs, function) of a row, or None when it is not of this family. x(*sizes) makes an operand (of the row's own
    shape without sizes); `measure` times a function."""
    rows, width = (shape + [1, 1])[:2]
    if name in ("add", "mul"):
        a, b = x(), x()
        return [a, b], (lambda: a + b) if name == "add" else (lambda: a * b)
    if name in ("gelu", "gelu_tanh", "silu"):
        a = x()
        return [a], {"gelu": lambda: F.gelu(a), "gelu_tanh": lambda: F.gelu(a, approximate="tanh"),
                     "silu": lambda: F.silu(a)}[name]
    if name == "swiglu":
        a, b = x(), x()
        return [a, b], lambda: F.silu(a) * b
    if name == "softmax":
        a = x()
        return [a], lambda: F.softmax(a, -1)
    if name == "layer_norm":
        a, w, b = x(), x(shape[-1]), x(shape[-1])
        return [a, w, b], lambda: F.layer_norm(a, (shape[-1],), w, b)
    if name == "rms_norm":
        a, w = x(), x(shape[-1])
        return [a, w], lambda: F.rms_norm(a, (shape[-1],), w, 1e-6)
    if name == "cross_entropy":
        a, labels = x(), torch.randint(width, (rows,))
        return [a], lambda: F.cross_entropy(a, labels)
    if name == "embedding":
        table, ids = x(*shape[1:]), torch.randint(shape[1], (shape[0],))
        return [table], lambda: F.embedding(ids, table)
    if name == "attention":
        q, k, v = x(), x(), x()
        return [q, k, v], lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    if name == "matmul":
        *batch, m, k, n = shape
        a, b = x(*batch, m, k), x(*batch, k, n)
        return [a, b], lambda: a @ b
    if name == "adamw":
        p = torch.nn.Parameter(torch.randn(shape))
        p.grad = torch.randn(shape)
        fastest = {}
        for fused in (True, False):  # the better of the two is the rival
            step = torch.optim.AdamW([p], lr=1e-4, weight_decay=0.1, fused=fused).step
            fastest[measure(step, 0.1)] = step
        return [p], fastest[min(fastest)]
    return None
