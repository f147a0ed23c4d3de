"""What PyTorch does for each row of `gradus bench ops`: one module a family, each with call() and work() as core.py
explains them."""
from . import conv, core, diff, linalg, pointwise, scan, shapes

FAMILIES = [core, conv, diff, linalg, pointwise, scan, shapes]


def split(name):
    return name.removesuffix("+grad"), name.endswith("+grad")


def work(name, shape):
    """(bytes, flops) that a row needs at least, in f32; zeros where its family says nothing."""
    base, grad = split(name)
    for family in FAMILIES:
        found = family.work(base, list(shape), grad)
        if found:
            return found
    return 0, 0


def torch_row(name, shape, measure):
    """A function that does the row's work once in PyTorch; None for a row that no family knows."""
    import torch
    base, grad = split(name)

    def x(*sizes):
        return torch.randn(*(sizes or shape), requires_grad=grad)

    for family in FAMILIES:
        found = family.call(base, list(shape), x, measure)
        if found:
            break
    else:
        return None
    inputs, function = found
    if not grad:
        return function
    dy = torch.randn_like(function())

    def forward_and_backward():
        for t in inputs:
            t.grad = None
        function().backward(dy)

    return forward_and_backward
