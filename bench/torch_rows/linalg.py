"""The rows of `gradus bench ops` for linear algebra and the norms over channels, done in PyTorch. Shapes mean
  solve inverse cholesky qr eigh svd                       batch, n: square matrices; solve has n right-hand sides
  batch_norm batch_norm_eval group_norm instance_norm      batch, channels, places; group_norm has 32 groups
"""
import math

import torch
import torch.nn.functional as F

NORMS = ("batch_norm", "batch_norm_eval", "group_norm", "instance_norm")
# flops of one matrix over n^3
FLOPS = {"solve": 8 / 3, "inverse": 8 / 3, "cholesky": 1 / 3, "qr": 8 / 3, "eigh": 9, "svd": 22}


def work(name, shape, grad):
    """(bytes, flops) that a row needs at least, in f32; None for a row of another family."""
    if name in FLOPS:
        batch, n = shape
        return 0, FLOPS[name] * batch * n**3 * (5 / 2 if grad else 1)
    if name in NORMS:
        return 4 * (5 if grad else 2) * math.prod(shape), 0
    return None


def call(name, shape, x, measure):
    """See core.call()."""
    if name in FLOPS:
        batch, n = shape
        a, b = x(batch, n, n), x(batch, n, n)
        with torch.no_grad():
            positive = a @ a.mT / n + torch.eye(n)
        return {"solve": ([a, b], lambda: torch.linalg.solve(a, b)),
                "inverse": ([a], lambda: torch.linalg.inv(a)),
                "cholesky": ([positive], lambda: torch.linalg.cholesky(positive)),
                "qr": ([a], lambda: torch.linalg.qr(a).Q),
                "eigh": ([positive], lambda: torch.linalg.eigh(positive).eigenvectors),
                "svd": ([a], lambda: torch.linalg.svd(a, full_matrices=False).U)}[name]
    if name in NORMS:
        a, w, b = x(), x(shape[1]), x(shape[1])
        mean, var = torch.zeros(shape[1]), torch.ones(shape[1])
        return [a, w, b], {"batch_norm": lambda: F.batch_norm(a, None, None, w, b, training=True),
                           "batch_norm_eval": lambda: F.batch_norm(a, mean, var, w, b),
                           "group_norm": lambda: F.group_norm(a, 32, w, b),
                           "instance_norm": lambda: F.instance_norm(a, weight=w, bias=b)}[name]
    return None
