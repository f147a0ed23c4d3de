"""Shape ops, einsum, grouped products and Fourier transforms in PyTorch. Shapes mean
  rfft irfft                 batch, entries of the real signal      fft fft2 rfft2    complex (rfft2: real) values
  fft_conv1d                 batch, channels, length                einsum_*          batch, heads, time, d
  einsum_bilinear            batch, n, m, outputs                   grouped_matmul    rows, K, N, groups
  others                     the operand's own
"""
import math

import torch
import torch.nn.functional as F

NAMES = ("rfft irfft fft fft2 rfft2 fft_conv1d einsum_scores einsum_context einsum_bilinear pad pad_reflect concat stack "
         "roll flip unfold2d grouped_matmul").split()


def work(name, shape, grad):
    if name not in NAMES:
        return None
    n = math.prod(shape)
    if name in ("fft", "fft2", "rfft", "irfft", "rfft2"):
        length = math.prod(shape[-2:]) if name.endswith("2") else shape[-1]
        return 0, (2 if grad else 1) * (2.5 if "rfft" in name else 5) * n * math.log2(length)
    if name == "grouped_matmul":
        return 0, 2 * math.prod(shape[:3]) * (3 if grad else 1)
    if name in ("einsum_scores", "einsum_context"):
        return 0, 2 * n * shape[2] * (3 if grad else 1)
    copied = {"concat": 2, "stack": 3, "unfold2d": 5}.get(name, 1)
    return 8 * copied * n * (2 if grad else 1), 0


def call(name, shape, x, measure):
    if name not in NAMES:
        return None
    if name == "rfft":
        a = x()
        return [a], lambda: torch.view_as_real(torch.fft.rfft(a))
    if name == "irfft":
        a = x(*shape[:-1], shape[-1] // 2 + 1, 2)
        return [a], lambda: torch.fft.irfft(torch.view_as_complex(a), shape[-1])
    if name in ("fft", "fft2"):
        a = x(*shape, 2)
        f = torch.fft.fft if name == "fft" else torch.fft.fft2
        return [a], lambda: torch.view_as_real(f(torch.view_as_complex(a)))
    if name == "rfft2":
        a = x()
        return [a], lambda: torch.view_as_real(torch.fft.rfft2(a))
    if name == "fft_conv1d":
        a, k = x(), x(*shape[1:])
        length = shape[-1]
        return [a, k], lambda: torch.fft.irfft(torch.fft.rfft(a, 2 * length) * torch.fft.rfft(k, 2 * length), 2 * length)[..., :length]
    if name == "einsum_scores":
        b, h, t, d = shape
        q, k = x(b, t, h, d), x(b, t, h, d)
        return [q, k], lambda: torch.einsum("bqhd,bkhd->bhqk", q, k)
    if name == "einsum_context":
        b, h, t, d = shape
        p, v = x(b, h, t, t), x(b, t, h, d)
        return [p, v], lambda: torch.einsum("bhqk,bkhd->bqhd", p, v)
    if name == "einsum_bilinear":
        b, n, m, o = shape
        u, w, v = x(b, n), x(o, n, m), x(b, m)
        return [u, w, v], lambda: torch.einsum("bn,anm,bm->ba", u, w, v)
    if name == "pad":
        a = x()
        return [a], lambda: F.pad(a, (1, 1, 1, 1))
    if name == "pad_reflect":
        a = x()
        return [a], lambda: F.pad(a, (3, 3, 3, 3), mode="reflect")
    if name == "concat":
        a, b = x(), x()
        return [a, b], lambda: torch.cat([a, b], -1)
    if name == "stack":
        xs = [x() for _ in range(3)]
        return xs, lambda: torch.stack(xs, 1)
    if name == "roll":
        a = x()
        return [a], lambda: torch.roll(a, (-3, -3), (1, 2))
    if name == "flip":
        a = x()
        return [a], lambda: a.flip(-1)
    if name == "unfold2d":
        a = x()
        return [a], lambda: F.unfold(a, 3, padding=1)
    rows, k, n, groups = shape
    sizes = [0] * groups
    for i in range(rows):
        sizes[i * i % (groups + 3) % groups] += 1
    a, w = x(rows, k), x(groups, k, n)
    return [a, w], lambda: torch.cat([p @ w[g] for g, p in enumerate(a.split(sizes))])
