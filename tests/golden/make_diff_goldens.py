"""Makes diff.safetensors: derivatives of a small network as torch.func and torch.autograd compute them.

    python tests/golden/make_diff_goldens.py

All f64. net(x) = gelu(layer_norm(x, weight, bias) w1) w2 with x (6), w1 (6, 5), w2 (5, 3); energy(x) = sum(softmax(net(x))
* net(x)^2); loss(x, t) = sum((net(x) - t)^2).
  x weight bias w1 w2                the point and the parameters
  u v                                what is multiplied with Jacobians: (3) and (6)
  jacobian jvp vjp                   of net at x
  gradient hessian hvp trace         of energy at x; the product is with v
  penalty.{w1,x}                     gradients of |d energy/dx|^2
  third                              gradient of v . H v by x: third derivatives
  batch targets                      (4, 6) and (4, 3)
  sample.{w1,w2,weight}              gradients of each sample's loss, (4, ...)
"""
import os

import reference
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch.func import grad, hessian, jacrev, jvp, vjp, vmap

HERE = os.path.dirname(os.path.abspath(__file__))


def randn(*shape):
    return torch.randn(shape, generator=G, dtype=torch.float64)


def layer_norm(x, weight, bias):
    """In small steps: third derivatives through F.layer_norm of torch 2.15 miss finite differences by far."""
    c = x - x.mean(-1, keepdim=True)
    return c * torch.rsqrt((c * c).mean(-1, keepdim=True) + 1e-5) * weight + bias


def net(p, x):
    return F.gelu(layer_norm(x, p["weight"], p["bias"]) @ p["w1"]) @ p["w2"]


def energy(p, x):
    y = net(p, x)
    return (torch.softmax(y, -1) * y**2).sum()


def main():
    p = {"weight": randn(6), "bias": randn(6), "w1": randn(6, 5), "w2": randn(5, 3)}
    x, u, v = randn(6), randn(3), randn(6)
    at = lambda z: net(p, z)
    scalar = lambda z: energy(p, z)
    h = hessian(scalar)(x)
    out = dict(p, x=x, u=u, v=v, jacobian=jacrev(at)(x), jvp=jvp(at, (x,), (v,))[1], vjp=vjp(at, x)[1](u)[0],
               gradient=grad(scalar)(x), hessian=h, hvp=h @ v, trace=h.trace())
    penalty = lambda q, z: (grad(energy, argnums=1)(q, z)**2).sum()
    by_p, by_x = grad(penalty, argnums=(0, 1))(p, x)
    out["penalty.w1"], out["penalty.x"] = by_p["w1"], by_x
    out["third"] = grad(lambda z: v @ hessian(scalar)(z) @ v)(x)
    batch, targets = randn(4, 6), randn(4, 3)
    loss = lambda q, z, t: ((net(q, z) - t)**2).sum()
    each = vmap(grad(loss), in_dims=(None, 0, 0))(p, batch, targets)
    out.update(batch=batch, targets=targets, **{f"sample.{k}": each[k] for k in ("w1", "w2", "weight")})
    made_with = " ".join(f"{k}=={v}" for k, v in reference.PINNED.items())
    save_file({k: t.detach().clone().contiguous() for k, t in out.items()}, os.path.join(HERE, "diff.safetensors"),
              metadata={"made_with": made_with})


if __name__ == "__main__":
    reference.assert_pinned()
    torch.set_num_threads(1)
    G = torch.Generator().manual_seed(20)
    main()
