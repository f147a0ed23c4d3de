"""Makes shapes.safetensors: shape operations, einsum, complex numbers and Fourier transforms as PyTorch has them.

    python tests/golden/make_shapes_goldens.py

f64. `X.dy` is the gradient that flows in; `X.grad.a` the one that reaches a. Complex tensors are pairs in a last axis of
size 2.
  pad.{x}, pad.{constant,reflect,replicate,circular}.{dy,y,grad.x}  pads (2, 1, 1, 3), value 0.5; the last two axes of four
  unfold.{x,dy,y,grad.x}             kernel (2, 3), dilation (2, 1), padding (1, 2), stride (1, 2)
  fold.{x,dy,y,grad.x}               the same back to 5 x 7
  pixel_shuffle.{x,y}                factor 3
  einsum.N.{x0,x1,…,dy,y,grad.*}     the equations stand in the metadata, "einsum", a JSON list
  complex.{a,b}, complex.{mul,div,exp,abs,angle}.{dy,y,grad.a[,grad.b]}
  fft.z                              all lengths 1 … 40 one after another: length n starts at n (n - 1)/2; (820, 2)
  fft.{fft,ifft}                     of those, laid out alike
  fft.rfft.{y,dy,grad.x}             of the real parts; n/2 + 1 bins each, one after another
  fft.irfft.{y,dy,grad.z}            of the first n/2 + 1 of those pairs, to length n
  fft.norm.{x,z}, fft.norm.{ortho,forward}.{rfft,irfft,fft,ifft}    length 9 (irfft: 16)
  fftn.{x,rfftn,z,fftn,irfftn}       x (2, 5, 6): axes 0 and 2 to (3, 8); z (3, 4, 2), irfftn to (3, 7), ortho
"""
import json
import os

import reference
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = {}
EQUATIONS = ["bqhd,bkhd->bhqk", "bhqk,bkhd->bqhd", "ij,jk,kl->li", "iij,j->i", "...ij,...kj->...ik", "ba", "bn,anm,bm->ba"]
SHAPES = [[(2, 3, 2, 4), (2, 5, 2, 4)], [(2, 2, 3, 5), (2, 5, 2, 4)], [(2, 3), (3, 4), (4, 2)], [(3, 3, 4), (4,)],
          [(2, 3, 4), (2, 5, 4)], [(3, 4)], [(2, 3), (4, 3, 2), (2, 2)]]


def put(**tensors):
    OUT.update({k.replace("__", "."): v.detach().clone().contiguous() for k, v in tensors.items()})


def randn(*shape):
    return torch.randn(shape, generator=G, dtype=torch.float64)


def case(name, function, root=None, **inputs):
    """Stores the inputs (under `root`), the output, a random incoming gradient and every outgoing one."""
    inputs = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = function(**inputs)
    dy = randn(*y.shape)
    y.backward(dy)
    OUT[f"{name}.dy"], OUT[f"{name}.y"] = dy, y.detach().contiguous()
    for k, v in inputs.items():
        OUT[f"{root or name}.{k}"] = v.detach()
        OUT[f"{name}.grad.{k}"] = v.grad.contiguous()


def shapes():
    x = randn(2, 2, 4, 5)
    for mode in ("constant", "reflect", "replicate", "circular"):
        value = {"value": 0.5} if mode == "constant" else {}
        case(f"pad.{mode}", lambda x: F.pad(x, (2, 1, 1, 3), mode=mode, **value), root="pad", x=x)
    how = dict(kernel_size=(2, 3), dilation=(2, 1), padding=(1, 2), stride=(1, 2))
    case("unfold", lambda x: F.unfold(x, **how), x=randn(2, 3, 5, 7))
    case("fold", lambda x: F.fold(x, output_size=(5, 7), **how), x=randn(2, 18, 25))
    x = randn(2, 18, 2, 3)
    put(pixel_shuffle__x=x, pixel_shuffle__y=F.pixel_shuffle(x, 3))
    for n, (equation, sizes) in enumerate(zip(EQUATIONS, SHAPES)):
        case(f"einsum.{n}", lambda **xs: torch.einsum(equation, *xs.values()),
             **{f"x{i}": randn(*s) for i, s in enumerate(sizes)})


def complex_numbers():
    a, b = randn(7, 2), randn(7, 2)
    c = torch.view_as_complex
    pairs = torch.view_as_real
    case("complex.mul", lambda a, b: pairs(c(a) * c(b)), root="complex", a=a, b=b)
    case("complex.div", lambda a, b: pairs(c(a) / c(b)), root="complex", a=a, b=b)
    case("complex.exp", lambda a: pairs(c(a).exp()), root="complex", a=a)
    case("complex.abs", lambda a: c(a).abs(), root="complex", a=a)
    case("complex.angle", lambda a: c(a).angle(), root="complex", a=a)


def fourier():
    found = {}

    def add(name, t):
        found.setdefault(name, []).append(t.detach())

    for n in range(1, 41):
        z = randn(n, 2)
        add("fft.z", z)
        add("fft.fft", torch.view_as_real(torch.fft.fft(torch.view_as_complex(z))))
        add("fft.ifft", torch.view_as_real(torch.fft.ifft(torch.view_as_complex(z))))
        x = z[:, 0].clone().requires_grad_()
        y = torch.view_as_real(torch.fft.rfft(x))
        dy = randn(*y.shape)
        y.backward(dy)
        for name, t in {"y": y, "dy": dy, "grad.x": x.grad}.items():
            add(f"fft.rfft.{name}", t)
        h = z[:n // 2 + 1].clone().requires_grad_()
        y = torch.fft.irfft(torch.view_as_complex(h), n)
        dy = randn(n)
        y.backward(dy)
        for name, t in {"y": y, "dy": dy, "grad.z": h.grad}.items():
            add(f"fft.irfft.{name}", t)
    OUT.update({k: torch.cat(v) for k, v in found.items()})

    x, z = randn(9), randn(9, 2)
    put(fft__norm__x=x, fft__norm__z=z)
    for norm in ("ortho", "forward"):
        c = torch.view_as_complex(z)
        OUT[f"fft.norm.{norm}.rfft"] = torch.view_as_real(torch.fft.rfft(x, norm=norm)).clone()
        OUT[f"fft.norm.{norm}.irfft"] = torch.fft.irfft(c, norm=norm)
        OUT[f"fft.norm.{norm}.fft"] = torch.view_as_real(torch.fft.fft(c, norm=norm)).clone()
        OUT[f"fft.norm.{norm}.ifft"] = torch.view_as_real(torch.fft.ifft(c, norm=norm)).clone()
    x, z = randn(2, 5, 6), randn(3, 4, 2)
    c = torch.view_as_complex(z)
    put(fftn__x=x, fftn__rfftn=torch.view_as_real(torch.fft.rfftn(x, s=(3, 8), dim=(0, 2))), fftn__z=z,
        fftn__fftn=torch.view_as_real(torch.fft.fftn(c, norm="ortho")),
        fftn__irfftn=torch.fft.irfftn(c, s=(3, 7), norm="ortho"))


if __name__ == "__main__":
    reference.assert_pinned()
    torch.set_num_threads(1)
    G = torch.Generator().manual_seed(4)
    shapes()
    complex_numbers()
    fourier()
    made_with = " ".join(f"{k}=={v}" for k, v in reference.PINNED.items())
    save_file(OUT, os.path.join(HERE, "shapes.safetensors"),
              metadata={"made_with": made_with, "einsum": json.dumps(EQUATIONS)})
