"""Makes conv.safetensors: convolution, pooling, interpolation and sampling as PyTorch and Pillow compute them.

    python tests/golden/make_conv_goldens.py

f64 unless said otherwise. `X.dy` is the gradient that flows in; `X.grad.a` the one that reaches a.
  conv.N.{x,w,b,dy,y,grad.*}, transpose.N.{…}    arguments of each case below: CONVS, TRANSPOSED
  pool.NAME.{x,dy,y,grad.x}, pool.max.indices    POOLS
  resize.NAME.{x,dy,y,grad.x}                    RESIZES
  grid.NAME.{x,grid,dy,y,grad.*}                 mode.padding.align; grid3: trilinear in three axes
  affine.{false,true}.{theta,dy,y,grad.theta}    size (3, 4)
  image.{x,FILTER.HxW}                           u8 (H, W, 3), Pillow's Image.resize
  imagef.{x,FILTER.HxW}                          f32 (H, W), Pillow's mode F
"""
import os
from importlib.metadata import version

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
PINNED = {"torch": "2.15.0", "safetensors": "0.8.0", "numpy": "2.4.6", "pillow": "12.1.1"}
OUT = {}
G = torch.Generator().manual_seed(1)


def randn(*shape):
    return torch.randn(shape, generator=G, dtype=torch.float64)


def case(name, function, **inputs):
    """Stores the inputs, the output, a random incoming gradient and every outgoing one."""
    inputs = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = function(**inputs)
    dy = randn(*y.shape)
    y.backward(dy)
    OUT[f"{name}.y"], OUT[f"{name}.dy"] = y.detach(), dy
    for k, v in inputs.items():
        OUT[f"{name}.{k}"], OUT[f"{name}.grad.{k}"] = v.detach(), v.grad


# x, w, and the options
CONVS = [((2, 3, 9), (4, 3, 3), dict(padding=1)),
         ((2, 4, 8, 7), (6, 2, 3, 2), dict(stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)),
         ((1, 3, 6, 5), (2, 3, 4, 3), dict(padding="same")),
         ((1, 2, 5, 6, 4), (3, 2, 2, 3, 2), dict(stride=2, padding=1)),
         ((2, 4, 6, 6), (8, 1, 3, 3), dict(padding=1, groups=4))]
TRANSPOSED = [((2, 3, 5), (3, 2, 3), dict(stride=2, padding=1, output_padding=1)),
              ((1, 4, 3, 4), (4, 2, 3, 2), dict(stride=(2, 3), dilation=(2, 1), groups=2)),
              ((1, 2, 2, 3, 2), (2, 3, 2, 2, 3), dict(stride=2, padding=1, output_padding=1))]
POOLS = {
    "max": lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True),
    "max_dilated": lambda x: F.max_pool2d(x, (2, 3), 1, (1, 1), dilation=(1, 2)),
    "avg": lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
    "avg_valid": lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
    "avg_divisor": lambda x: F.avg_pool2d(x, (2, 3), divisor_override=4),
    "lp": lambda x: F.lp_pool2d(x.abs(), 2, 3, 2, ceil_mode=True),
    "adaptive_avg": lambda x: F.adaptive_avg_pool2d(x, (3, 5)),
    "adaptive_max": lambda x: F.adaptive_max_pool2d(x, (3, 5)),
}
RESIZES = {
    "nearest": dict(size=(4, 11), mode="nearest"),
    "nearest_scale": dict(scale_factor=1.7, mode="nearest"),
    "nearest_exact": dict(size=(4, 11), mode="nearest-exact"),
    "bilinear": dict(size=(4, 11), mode="bilinear"),
    "bilinear_scale": dict(scale_factor=1.7, mode="bilinear"),
    "bilinear_corners": dict(size=(4, 11), mode="bilinear", align_corners=True),
    "bicubic": dict(size=(4, 11), mode="bicubic"),
    "bicubic_corners": dict(size=(4, 11), mode="bicubic", align_corners=True),
    "area": dict(size=(4, 11), mode="area"),
    "bilinear_aa": dict(size=(3, 11), mode="bilinear", antialias=True),
    "bicubic_aa": dict(size=(3, 4), mode="bicubic", antialias=True),
    "bicubic_aa_corners": dict(size=(3, 4), mode="bicubic", antialias=True, align_corners=True),
}


def convolutions():
    for i, (x, w, options) in enumerate(CONVS):
        f = (F.conv1d, F.conv2d, F.conv3d)[len(x) - 3]
        case(f"conv.{i}", lambda x, w, b: f(x, w, b, **options), x=randn(*x), w=randn(*w), b=randn(w[0]))
    for i, (x, w, options) in enumerate(TRANSPOSED):
        f = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[len(x) - 3]
        outputs = w[1] * options.get("groups", 1)
        case(f"transpose.{i}", lambda x, w, b: f(x, w, b, **options), x=randn(*x), w=randn(*w), b=randn(outputs))


def pools_and_resizes():
    for name, f in POOLS.items():
        case(f"pool.{name}", f, x=randn(1, 2, 8, 9))
    OUT["pool.max.indices"] = F.max_pool2d(OUT["pool.max.x"], 3, 2, 1, ceil_mode=True, return_indices=True)[1]
    for name, options in RESIZES.items():
        case(f"resize.{name}", lambda x: F.interpolate(x, **options), x=randn(1, 1, 7, 8))


def sampling():
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            for align in (False, True):
                case(f"grid.{mode}.{padding}.{str(align).lower()}",
                     lambda x, grid: F.grid_sample(x, grid, mode, padding, align), x=randn(1, 2, 4, 5),
                     grid=randn(1, 3, 3, 2))
    for padding in ("zeros", "border", "reflection"):
        case(f"grid3.bilinear.{padding}.false",
             lambda x, grid: F.grid_sample(x, grid, "bilinear", padding, False), x=randn(1, 2, 3, 4, 3),
             grid=randn(1, 2, 2, 2, 3))
    for align in (False, True):
        case(f"affine.{str(align).lower()}", lambda theta: F.affine_grid(theta, (2, 1, 3, 4), align),
             theta=randn(2, 2, 3))


def images():
    filters = {"nearest": 0, "box": 4, "bilinear": 2, "hamming": 5, "bicubic": 3, "lanczos": 1}
    # Smooth parts, hard edges and noise: overshoot must meet both ends of the range.
    x = torch.randint(256, (23, 31, 3), generator=G, dtype=torch.uint8)
    x[:12, :15] = 255
    x[4:8, 4:9] = 0
    OUT["image.x"] = x
    xf = (torch.randn(13, 17, generator=G) * 50).float()
    OUT["imagef.x"] = xf
    for name, number in filters.items():
        for h, w in ((7, 40), (50, 9), (23, 10)):
            OUT[f"image.{name}.{h}x{w}"] = torch.from_numpy(
                np.array(Image.fromarray(x.numpy()).resize((w, h), Image.Resampling(number))))
        OUT[f"imagef.{name}.6x20"] = torch.from_numpy(
            np.array(Image.fromarray(xf.numpy()).resize((20, 6), Image.Resampling(number))))


def main():
    for package, wanted in PINNED.items():
        found = version(package).split("+")[0]
        assert found == wanted, f"{package} {found} is installed, the goldens are pinned to {wanted}"
    convolutions()
    pools_and_resizes()
    sampling()
    images()
    save_file({k: v.contiguous() for k, v in sorted(OUT.items())}, os.path.join(HERE, "conv.safetensors"))


if __name__ == "__main__":
    main()
