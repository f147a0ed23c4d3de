"""The rows of `gradus bench ops` for element-wise functions, activations and losses, done in PyTorch. Shapes are any,
  ctc_loss    time, batch, classes, length of the targets
"""
import math

import torch
import torch.nn.functional as F

ONE = {"exp": torch.exp, "log": torch.log, "log1p": torch.log1p, "expm1": torch.expm1, "sin": torch.sin,
       "tan": torch.tan, "atan": torch.atan, "tanh": torch.tanh, "erf": torch.erf, "sqrt": torch.sqrt,
       "round": torch.round, "pow 2.5": lambda a: a ** 2.5, "clamp": lambda a: a.clamp(-0.5, 0.5), "relu": F.relu,
       "leaky_relu": F.leaky_relu, "elu": F.elu, "softplus": F.softplus, "mish": F.mish, "hard_swish": F.hardswish,
       "quick_gelu": lambda a: a * torch.sigmoid(1.702 * a), "relu_squared": lambda a: F.relu(a).square(),
       "log_sigmoid": F.logsigmoid, "erfc": torch.erfc, "exp f64": torch.exp,
       "gelu f16": F.gelu, "gelu bf16": F.gelu}
TWO = {"pow": torch.pow, "logaddexp": torch.logaddexp, "less": torch.less, "geglu": lambda a, b: F.gelu(a) * b,
       "reglu": lambda a, b: F.relu(a) * b, "mse_loss": F.mse_loss, "smooth_l1_loss": F.smooth_l1_loss,
       "atan2": torch.atan2, "hypot": torch.hypot, "fmod": torch.fmod, "remainder": torch.remainder, "add f64": torch.add, "add bf16": torch.add}
DTYPES = {"f64": torch.float64, "f16": torch.float16, "bf16": torch.bfloat16}
POSITIVE = ("log", "log1p", "sqrt", "pow", "pow 2.5", "fmod", "remainder")


def work(name, shape, grad):
    n = math.prod(shape)
    if name.split()[-1] in DTYPES:
        n *= {"f64": 2}.get(name.split()[-1], 0.5)
    if name in ONE:
        return 4 * n * (5 if grad else 2), 0
    if name in TWO or name in ("where", "bce_with_logits"):
        return 4 * n * (7 if grad else 3), 0
    return (4 * n * (3 if grad else 1), 0) if name == "ctc_loss" else None


def call(name, shape, x, measure):
    def operand():
        a = x()
        if name in POSITIVE:
            with torch.no_grad():
                a.uniform_(0.1, 2)
        return a.detach().to(DTYPES[name.split()[-1]]) if name.split()[-1] in DTYPES else a

    if name in ONE:
        a = operand()
        return [a], lambda: ONE[name](a)
    if name in TWO:
        a, b = operand(), operand()
        return [a, b], lambda: TWO[name](a, b)
    if name == "where":
        a, b, c = x(), x(), torch.randn(shape) > 0
        return [a, b], lambda: torch.where(c, a, b)
    if name == "bce_with_logits":
        a, t = x(), torch.rand(shape)
        return [a], lambda: F.binary_cross_entropy_with_logits(a, t)
    if name == "ctc_loss":
        time, batch, classes, length = shape
        a, targets = x(time, batch, classes), torch.randint(1, classes, (batch, length))
        steps, lengths = torch.full((batch,), time), torch.full((batch,), length)
        return [a], lambda: F.ctc_loss(F.log_softmax(a, -1), targets, steps, lengths, reduction="sum")
    return None
