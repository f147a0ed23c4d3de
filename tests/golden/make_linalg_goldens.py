"""Makes linalg.safetensors: linear algebra and the norms over channels as PyTorch computes them, values and gradients.

    python tests/golden/make_linalg_goldens.py

All f64. For each case NAME: its inputs NAME.in.0, NAME.in.1, ...; outputs NAME.out.0, ...; the gradients that flow in,
NAME.dout.0, ... (absent for an output that none flows through), and those that come out, NAME.din.0, ... (absent for an
input that has none). Eigenvectors and singular vectors are determined up to sign; the cases square them.
"""
import os

import reference
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = {}
L = torch.linalg


def randn(*shape):
    return torch.randn(shape, generator=G, dtype=torch.float64)


def case(name, function, *inputs, constant=()):
    inputs = [x.clone().requires_grad_(i not in constant) for i, x in enumerate(inputs)]
    outputs = function(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    flowing = [(y, torch.randn(y.shape, generator=G, dtype=y.dtype)) if y.requires_grad else (y, None) for y in outputs]
    torch.autograd.backward([y for y, d in flowing if d is not None], [d for _, d in flowing if d is not None])
    for i, x in enumerate(inputs):
        OUT[f"{name}.in.{i}"] = x.detach().clone().contiguous()
        if x.grad is not None:
            OUT[f"{name}.din.{i}"] = x.grad.contiguous()
    for i, (y, d) in enumerate(flowing):
        OUT[f"{name}.out.{i}"] = y.detach().clone().contiguous()
        if d is not None:
            OUT[f"{name}.dout.{i}"] = d


def gentle(*shape):
    return randn(*shape) / shape[-1] ** 0.5 + 2 * torch.eye(shape[-1], dtype=torch.float64)


def squared(*outputs):
    return tuple(y ** 2 for y in outputs)


def linear_algebra():
    case("solve", L.solve, gentle(2, 4, 4), randn(2, 4, 3))
    case("solve.vector", L.solve, gentle(2, 4, 4), randn(2, 4))
    case("solve.right", lambda a, b: L.solve(a, b, left=False), gentle(3, 1, 4, 4), randn(2, 3, 4))
    for upper in (False, True):
        case(f"solve_triangular.{'upper' if upper else 'lower'}",
             lambda a, b: L.solve_triangular(a, b, upper=upper), gentle(2, 4, 4), randn(4, 3))
    case("solve_triangular.unit_right",
         lambda a, b: L.solve_triangular(a, b, upper=True, left=False, unitriangular=True), gentle(4, 4), randn(2, 3, 4))
    case("inverse", L.inv, gentle(2, 5, 5))
    case("det", L.det, gentle(2, 4, 4))
    case("slogdet", lambda a: (L.slogdet(a)[0].detach(), L.slogdet(a)[1]), gentle(2, 4, 4) - 2.5 * torch.eye(4, dtype=torch.float64))
    case("lu_factor.lu", lambda a: L.lu_factor(a)[0], randn(2, 5, 3))
    OUT["lu_factor.pivots"] = L.lu_factor(OUT["lu_factor.lu.in.0"])[1]
    for name, shape in (("square", (4, 4)), ("tall", (2, 5, 3)), ("wide", (3, 5))):
        case(f"lu.{name}", lambda a: tuple(L.lu(a)), randn(*shape))
        case(f"qr.{name}", lambda a: tuple(L.qr(a)), randn(*shape))
        case(f"svd.{name}", lambda a: squared(*L.svd(a, full_matrices=False)), randn(*shape))
        case(f"svdvals.{name}", L.svdvals, randn(*shape))
        case(f"pinv.{name}", L.pinv, randn(*shape))
        case(f"lstsq.{name}", lambda a, b: L.lstsq(a, b).solution, randn(*shape), randn(*shape[:-1], 2))
    spd = gentle(2, 4, 4)
    case("cholesky", L.cholesky, spd @ spd.mT)
    case("cholesky.upper", lambda a: L.cholesky(a, upper=True), spd @ spd.mT)
    case("eigh", lambda a: (lambda w, v: (w, v ** 2))(*L.eigh(a)), randn(2, 4, 4))
    case("eigh.upper", lambda a: (lambda w, v: (w, v ** 2))(*L.eigh(a, UPLO="U")), randn(4, 4))
    case("eigvalsh", L.eigvalsh, randn(2, 4, 4))
    for order in ("fro", "nuc", 1, -1, 2, -2, float("inf"), float("-inf")):
        case(f"matrix_norm.{order}", lambda a: L.matrix_norm(a, order), randn(2, 4, 3))
        if not isinstance(order, str):
            # L.cond itself cannot be differentiated for every order
            case(f"cond.{order}", lambda a: L.matrix_norm(a, order) * L.matrix_norm(L.inv(a), order), gentle(2, 3, 3))
    case("matrix_exp", torch.matrix_exp, torch.stack([0.01 * randn(4, 4), randn(4, 4), 5 * randn(4, 4)]))
    case("matrix_power.-2", lambda a: L.matrix_power(a, -2), gentle(2, 3, 3))
    case("matrix_power.5", lambda a: L.matrix_power(a, 5), gentle(3, 3))
    case("cross", L.cross, randn(4, 3), randn(1, 3))
    case("kron", torch.kron, randn(2, 3), randn(2, 2, 2))
    case("multi_dot", lambda a, b, c: L.multi_dot([a, b, c]), randn(3), randn(3, 4), randn(4, 2))


def norms():
    for name, shape in (("short", (6, 3)), ("image", (3, 4, 5, 4))):
        w, b = 1 + 0.3 * randn(shape[1]), randn(shape[1])
        mean, var = randn(shape[1]), 0.5 + randn(shape[1]) ** 2
        moved = (mean.clone(), var.clone())
        case(f"batch_norm.{name}.training",
             lambda x, w, b: F.batch_norm(x, *moved, w, b, training=True, momentum=0.3, eps=1e-3),
             randn(*shape) * 2 + 1, w, b)
        OUT[f"batch_norm.{name}.running"] = torch.stack([mean, var])
        OUT[f"batch_norm.{name}.moved"] = torch.stack(moved)
        case(f"batch_norm.{name}.eval", lambda x, w, b: F.batch_norm(x, mean, var, w, b), randn(*shape), w, b)
    case("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b), randn(3, 4, 5, 4), randn(4), randn(4))
    case("instance_norm", lambda x, w, b: F.instance_norm(x, weight=w, bias=b), randn(3, 4, 7), randn(4), randn(4))
    case("local_response_norm", lambda x: F.local_response_norm(x, 3, 0.3, 0.6, 1.5), randn(2, 7, 3))
    for axis in (0, 1):
        v = randn(4, 3, 2)
        case(f"weight_norm.{axis}", lambda v, g: torch._weight_norm(v, g, axis), v,
             torch.norm_except_dim(v, 2, axis) + randn(*[n if i == axis else 1 for i, n in enumerate(v.shape)]))
    for axis in (0, 1):
        layer = torch.nn.Linear(6, 4, bias=False, dtype=torch.float64)
        w = randn(4, 3, 2)
        layer.weight = torch.nn.Parameter(w.clone())
        layer = torch.nn.utils.parametrizations.spectral_norm(layer, dim=axis)
        inner = layer.parametrizations.weight
        name = f"spectral_norm.{axis}"
        before = (inner[0]._u.clone(), inner[0]._v.clone())
        y = layer.weight
        d = torch.randn(y.shape, generator=G, dtype=y.dtype)
        y.backward(d)
        for key, t in {"in.0": w, "in.1": before[0], "in.2": before[1], "out.0": y, "dout.0": d,
                       "din.0": inner.original.grad, "u": inner[0]._u, "v": inner[0]._v}.items():
            OUT[f"{name}.{key}"] = t.detach().clone().contiguous()


if __name__ == "__main__":
    reference.assert_pinned()
    torch.set_num_threads(1)
    torch.manual_seed(3)
    G = torch.Generator().manual_seed(31)
    linear_algebra()
    norms()
    made_with = " ".join(f"{k}=={v}" for k, v in reference.PINNED.items())
    save_file(OUT, os.path.join(HERE, "linalg.safetensors"), metadata={"made_with": made_with})
