"""Convolution, pooling, interpolation and sampling, done in PyTorch. Shapes mean
  conv3x3 conv3x3_s2 conv1x1 conv_depthwise conv7x7_s2 conv1d    batch, in, out, size…
  conv_transpose                 batch, in, out, height, width (kernel 4, stride 2, padding 1)
  max_pool (3, stride 2, padding 1), avg_pool (2)    batch, channels, height, width
  resize_bilinear resize_bicubic (twice the size), resize_antialias (0.4 of it)    batch, channels, height, width
  grid_sample                    batch, channels, height, width; as many random places
"""
import math

import torch
import torch.nn.functional as F

# kernel, stride, padding
CONVS = {"conv3x3": (3, 1, 1), "conv3x3_s2": (3, 2, 1), "conv1x1": (1, 1, 0), "conv_depthwise": (3, 1, 1),
         "conv7x7_s2": (7, 2, 3), "conv1d": (3, 1, 1)}


def work(name, shape, grad):
    """(bytes, flops) that a row needs at least, in f32; None for a row of another family."""
    if name in CONVS:
        kernel, stride, _ = CONVS[name]
        b, c, o, *size = shape
        places = math.prod(n // stride for n in size)
        if name == "conv_depthwise":
            return 4 * 2 * b * o * places * (3 if grad else 1), 0
        return 0, 2 * b * c * o * places * kernel ** len(size) * (3 if grad else 1)
    if name == "conv_transpose":
        return 0, 2 * math.prod(shape) * 16 * (3 if grad else 1)
    n = math.prod(shape)
    share = {"max_pool": 1.25, "avg_pool": 1.25, "resize_bilinear": 5, "resize_bicubic": 5, "resize_antialias": 1.16,
             "grid_sample": 2}.get(name)
    return share and (4 * share * n * (2 if grad else 1), 0)


def call(name, shape, x, measure):
    """(inputs, function) of a row, or None when it is not of this family."""
    if name in CONVS:
        kernel, stride, padding = CONVS[name]
        b, c, o, *size = shape
        groups = c if name == "conv_depthwise" else 1
        a, w, bias = x(b, c, *size), x(o, c // groups, *[kernel] * len(size)), x(o)
        conv = F.conv1d if len(size) == 1 else F.conv2d
        return [a, w, bias], lambda: conv(a, w, bias, stride, padding, groups=groups)
    if name == "conv_transpose":
        b, c, o, *size = shape
        a, w, bias = x(b, c, *size), x(c, o, 4, 4), x(o)
        return [a, w, bias], lambda: F.conv_transpose2d(a, w, bias, stride=2, padding=1)
    if name == "max_pool":
        a = x()
        return [a], lambda: F.max_pool2d(a, 3, 2, 1)
    if name == "avg_pool":
        a = x()
        return [a], lambda: F.avg_pool2d(a, 2)
    if name.startswith("resize_"):
        a = x()
        options = {"resize_bilinear": dict(scale_factor=2, mode="bilinear"),
                   "resize_bicubic": dict(scale_factor=2, mode="bicubic"),
                   "resize_antialias": dict(scale_factor=0.4, mode="bilinear", antialias=True)}[name]
        return [a], lambda: F.interpolate(a, **options)
    if name == "grid_sample":
        b, c, h, w = shape
        a, grid = x(), (torch.rand(b, h, w, 2) * 2 - 1).requires_grad_(x(1).requires_grad)
        return [a, grid], lambda: F.grid_sample(a, grid, align_corners=False)
    return None
