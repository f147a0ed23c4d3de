"""Makes scan.safetensors: reductions, scans, sorting and indexing where PyTorch's conventions have to be met.

    python tests/golden/make_scan_goldens.py

All f64 or i64. `X.dy` is the gradient that flows in, `X.grad.a` the one that reaches a; `#` counts variants.
  prod.{x,y,grad.x}                  along the last axis; rows with no zero, one, two
  cumprod.{x,y,dy,grad.x}            the same rows
  norm.x, norm.P.{y,grad.x}          along the last axis; a row of zeros, one zero, ties of |x|; P = 0, 0.5, 1, 1.5, 2,
                                     3, inf, -inf, -1
  std.{x,y,grad.x}, var0.{y,grad.x}  correction 1 and 0; a row of equal numbers
  logsumexp.{x,y,grad.x}             rows with -inf, one of nothing else
  logcumsumexp.{y,dy,grad.x}         the same rows
  special.x                          NaN, infinities, both zeros, ties
  sort.{up,down}.{values,indices}    of special.x, stable
  topk.{values}, cummax.{values,indices}, cummin.{values,indices}, median.values, kthvalue.values
  unique.x, unique.{values,inverse,counts}
  quantile.{x,q}, quantile.MODE.{y,grad.x}   along the last axis, q first; a row with NaN has no gradient looked at
  searchsorted.{edges,values,left,right}
  histc.{x,y}                        8 bins from -2 to 2
  scatter.{x,index,src,dy}, scatter.MODE.{self,alone}.{y,grad.x,grad.src}   axis 1, include_self or not
  bag.{table,ids,offsets}, bag.MODE.{y,grad.table}
"""
import os

import reference
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

OUT = {}
NAN, INF = float("nan"), float("inf")


def put(name, tensor):
    OUT[name] = tensor.detach().clone().contiguous()


def randn(*shape):
    return torch.randn(shape, generator=G, dtype=torch.float64)


def weights(y):
    """A gradient to flow in that differs everywhere, without a random number."""
    return torch.arange(1, y.numel() + 1, dtype=torch.float64).reshape(y.shape) / 8


def case(name, x, function, store_x=True):
    x = x.clone().requires_grad_()
    y = function(x)
    y.backward(weights(y))
    if store_x:
        put(f"{name}.x", x)
    put(f"{name}.y", y)
    put(f"{name}.grad.x", torch.zeros_like(x) if x.grad is None else x.grad)


def reductions():
    x = randn(3, 6)
    x[1, 2] = 0
    x[2, [0, 4]] = 0
    case("prod", x, lambda x: x.prod(-1))
    case("cumprod", x, lambda x: x.cumprod(-1))
    x = randn(4, 5)
    x[1] = 0
    x[2, 3] = 0
    x[3, 1], x[3, 2] = 2.5, -2.5
    put("norm.x", x)
    for p in (0, 0.5, 1, 1.5, 2, 3, INF, -INF, -1):
        case(f"norm.{p}", x, lambda x: torch.linalg.vector_norm(x, p, dim=-1), store_x=False)
    x = randn(3, 5)
    x[1] = 0.75
    case("std", x, lambda x: x.std(-1))
    case("var0", x, lambda x: x.var(-1, correction=0), store_x=False)
    x = randn(3, 5) * 20
    x[0, 0] = x[0, 3] = x[2, 4] = -INF
    x[1] = -INF
    case("logsumexp", x[[0, 2]], lambda x: x.logsumexp(-1))
    case("logcumsumexp", x[[0, 2]], lambda x: x.logcumsumexp(-1), store_x=False)


def order():
    x = torch.tensor([[3.0, NAN, 0.0, -0.0, 1.0, INF, 3.0, -INF, NAN, 1.0],
                      [2.0, 2.0, -1.0, 5.0, 2.0, -1.0, 5.0, 0.0, -0.0, 4.0]], dtype=torch.float64)
    put("special.x", x)
    for name, descending in (("up", False), ("down", True)):
        values, indices = torch.sort(x, dim=-1, descending=descending, stable=True)
        put(f"sort.{name}.values", values)
        put(f"sort.{name}.indices", indices)
    put("topk.values", torch.topk(x, 4).values)
    for name in ("cummax", "cummin"):
        values, indices = getattr(x, name)(-1)
        put(f"{name}.values", values)
        put(f"{name}.indices", indices)
    put("median.values", x.median(-1).values)
    put("kthvalue.values", x.kthvalue(3, -1).values)
    x = torch.randint(-3, 4, (4, 5), generator=G).double()
    put("unique.x", x)
    for name, y in zip(("values", "inverse", "counts"), torch.unique(x, return_inverse=True, return_counts=True)):
        put(f"unique.{name}", y)
    x, q = randn(3, 8), torch.tensor([0.0, 0.2, 0.5, 0.9, 1.0], dtype=torch.float64)
    put("quantile.x", x)
    put("quantile.q", q)
    for mode in ("linear", "lower", "higher", "nearest", "midpoint"):
        case(f"quantile.{mode}", x, lambda x: torch.quantile(x, q, dim=-1, interpolation=mode), store_x=False)
    edges = torch.tensor([-1.0, 0.0, 0.0, 2.0, 5.0], dtype=torch.float64)
    values = torch.tensor([[-3.0, -1.0, 0.0], [5.0, 6.0, NAN]], dtype=torch.float64)
    put("searchsorted.edges", edges)
    put("searchsorted.values", values)
    put("searchsorted.left", torch.searchsorted(edges, values))
    put("searchsorted.right", torch.searchsorted(edges, values, right=True))
    x = torch.cat([randn(50), torch.tensor([-2.0, 2.0, -1.5, 1.0], dtype=torch.float64)])
    put("histc.x", x)
    put("histc.y", torch.histc(x, 8, -2, 2).long())


def indexing():
    x, src = randn(3, 4), randn(3, 7)
    index = torch.tensor([[0, 1, 1, 3, 0, 0, 1], [2, 2, 2, 2, 0, 2, 2], [3, 1, 0, 3, 1, 0, 3]])
    src[0, 4] = 0                  # one factor of a product
    src[1, 0] = src[1, 3] = 0      # two of them
    src[2, 0] = src[2, 6]          # equal winners
    put("scatter.x", x)
    put("scatter.index", index)
    put("scatter.src", src)
    for mode in ("sum", "prod", "mean", "amax", "amin"):
        for name, include_self in (("self", True), ("alone", False)):
            a, b = x.clone().requires_grad_(), src.clone().requires_grad_()
            y = torch.scatter_reduce(a, 1, index, b, mode, include_self=include_self)
            y.backward(weights(y))
            put(f"scatter.{mode}.{name}.y", y)
            put(f"scatter.{mode}.{name}.grad.x", a.grad)
            put(f"scatter.{mode}.{name}.grad.src", b.grad)
    table, ids, offsets = randn(6, 3), torch.tensor([5, 0, 0, 3, 2, 5]), torch.tensor([0, 2, 2, 5])
    put("bag.table", table)
    put("bag.ids", ids)
    put("bag.offsets", offsets)
    for mode in ("sum", "mean", "max"):
        t = table.clone().requires_grad_()
        y = F.embedding_bag(ids, t, offsets, mode=mode)
        y.backward(weights(y))
        put(f"bag.{mode}.y", y)
        put(f"bag.{mode}.grad.table", t.grad)


if __name__ == "__main__":
    reference.assert_pinned()
    torch.set_num_threads(1)
    G = torch.Generator().manual_seed(21)
    reductions()
    order()
    indexing()
    made_with = " ".join(f"{k}=={v}" for k, v in reference.PINNED.items())
    save_file(OUT, os.path.join(os.path.dirname(os.path.abspath(__file__)), "scan.safetensors"),
              metadata={"made_with": made_with})
