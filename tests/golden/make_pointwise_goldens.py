"""Makes pointwise.safetensors: activations, special functions and losses where PyTorch's conventions have to be met.

    python tests/golden/make_pointwise_goldens.py

All f64. `dy` is the gradient that flows in, `X.grad.a` the one that reaches a.
  activation.x                        -20 … 20, +-0, corners at +-0.5, 1, 3 and 6, subnormal and huge numbers
  activation.<name>.{y,grad}          dy = 1
  special.{x,n}, special.<name>.y     erfinv at tanh(x), lgamma, digamma, polygamma of order n at x
  loss.{x,t,p,q,v,w}                  prediction, target, probability, target probability, variance, weight
  loss.<name>.{y,grad}                with respect to the prediction
  class.{logits,labels,weight,soft}   labels i64 with -100
  class.<name>.{y,grad}
  triplet.{a,p,n}, triplet.<name>.{y,grad}, cosine.y.sign
  ctc.{logits,targets,input_lengths,target_lengths}, ctc.<name>.{y,grad}    gradient with respect to the logits
"""
import os

import reference
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = {}


def case(name, function, x):
    x = x.clone().requires_grad_()
    y = function(x)
    y.backward(torch.ones_like(y))
    OUT[f"{name}.y"] = y.detach().contiguous()
    OUT[f"{name}.grad"] = x.grad.contiguous()


def randn(*shape):
    return torch.randn(shape, generator=G, dtype=torch.float64)


def activations():
    x = torch.cat([torch.linspace(-20, 20, 81, dtype=torch.float64), 3 * randn(20), torch.tensor(
        [0.0, -0.0, 1e-310, -1e-310, 1e-5, -1e-5, 40, -40, 100, -100, 800, -800, 1e30, -1e30], dtype=torch.float64)])
    OUT["activation.x"] = x
    for name, f in {
        "relu": F.relu, "relu6": F.relu6, "relu_squared": lambda x: F.relu(x) ** 2, "leaky_relu": F.leaky_relu,
        "elu": lambda x: F.elu(x, 0.7), "celu": lambda x: F.celu(x, 0.7), "selu": F.selu, "silu": F.silu,
        "mish": F.mish, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x), "softplus": F.softplus,
        "softplus_beta": lambda x: F.softplus(x, 2.5, 3), "log_sigmoid": F.logsigmoid, "softsign": F.softsign,
        "tanh_shrink": F.tanhshrink, "hard_sigmoid": F.hardsigmoid, "hard_swish": F.hardswish,
        "hard_tanh": F.hardtanh, "hard_shrink": F.hardshrink, "soft_shrink": F.softshrink,
        "threshold": lambda x: F.threshold(x, 0.5, -2), "clamp": lambda x: x.clamp(-0.5, 3)}.items():
        case(f"activation.{name}", f, x)


def special():
    x = torch.tensor([-3.7, -1.5, -0.25, 0.1, 0.5, 1, 1.5, 2, 3.3, 10, 200], dtype=torch.float64)
    OUT["special.x"] = x
    OUT["special.erfinv.y"] = torch.erfinv(torch.tanh(x / 2))
    OUT["special.lgamma.y"] = torch.lgamma(x)
    OUT["special.digamma.y"] = torch.digamma(x)
    OUT["special.sinc.y"] = torch.sinc(x)
    for n in (1, 2, 5):
        OUT[f"special.polygamma{n}.y"] = torch.polygamma(n, x.abs())


def losses():
    x, t, w = 2 * randn(4, 6), randn(4, 6), torch.rand(6, generator=G, dtype=torch.float64)
    p, q = torch.rand(4, 6, generator=G, dtype=torch.float64), torch.rand(4, 6, generator=G, dtype=torch.float64)
    p[0, 0], p[0, 1], q[0, 0], q[0, 1] = 0, 1, 1, 1
    x[1, 0], x[1, 1] = 60, -60
    v = torch.rand(4, 6, generator=G, dtype=torch.float64)
    v[2, 2] = 1e-9
    q[1, 3] = 0
    sign = torch.sign(t)
    OUT.update({"loss.x": x, "loss.t": t, "loss.p": p, "loss.q": q, "loss.v": v, "loss.w": w})
    for r in ("none", "mean", "sum"):
        case(f"loss.mse.{r}", lambda x: F.mse_loss(x, t, reduction=r), x)
    case("loss.l1", lambda x: F.l1_loss(x, t), x)
    case("loss.smooth_l1", lambda x: F.smooth_l1_loss(x, t, beta=0.7), x)
    case("loss.huber", lambda x: F.huber_loss(x, t, delta=0.7), x)
    case("loss.bce", lambda p: F.binary_cross_entropy(p, q), p)
    case("loss.bce_weight", lambda p: F.binary_cross_entropy(p, q, weight=w), p)
    case("loss.bce_logits", lambda x: F.binary_cross_entropy_with_logits(x, q), x)
    case("loss.bce_logits_weights", lambda x: F.binary_cross_entropy_with_logits(x, q, weight=w, pos_weight=1 + w), x)
    case("loss.kl_div", lambda x: F.kl_div(x, q, reduction="batchmean"), x)
    case("loss.kl_div_log", lambda x: F.kl_div(x, t, log_target=True, reduction="sum"), x)
    case("loss.poisson", lambda t: F.poisson_nll_loss(t, 4 * q, full=True), t)
    case("loss.poisson_rate", lambda p: F.poisson_nll_loss(p, q, log_input=False), p)
    case("loss.gaussian", lambda v: F.gaussian_nll_loss(x, t, v, full=True), v)
    case("loss.soft_margin", lambda x: F.soft_margin_loss(x, sign), x)
    case("loss.hinge_embedding", lambda x: F.hinge_embedding_loss(x, sign), x)
    case("loss.margin_ranking", lambda x: F.margin_ranking_loss(x, q, sign, margin=0.3), x)


def classes():
    logits, weight = 3 * randn(7, 5), torch.rand(5, generator=G, dtype=torch.float64)
    labels = torch.randint(5, (7,), generator=G)
    labels[[1, 4]] = -100
    soft = torch.softmax(randn(7, 5), -1)
    OUT.update({"class.logits": logits, "class.labels": labels, "class.weight": weight, "class.soft": soft})
    case("class.nll", lambda x: F.nll_loss(x, labels), logits)
    case("class.nll_weight", lambda x: F.nll_loss(x, labels, weight), logits)
    case("class.cross_entropy", lambda x: F.cross_entropy(x, labels, weight, label_smoothing=0.1), logits)
    case("class.cross_entropy_none", lambda x: F.cross_entropy(x, labels, weight, label_smoothing=0.1, reduction="none"),
         logits)
    case("class.soft_cross_entropy", lambda x: F.cross_entropy(x, soft, weight, label_smoothing=0.1), logits)


def metrics():
    a, p, n = randn(6, 4), randn(6, 4), randn(6, 4)
    a[0] = 0
    y = torch.tensor([1, -1, 1, -1, -1, 1], dtype=torch.float64)
    OUT.update({"triplet.a": a, "triplet.p": p, "triplet.n": n, "cosine.y.sign": y})
    case("triplet.p2", lambda a: F.triplet_margin_loss(a, p, n), a)
    case("triplet.p3_swap", lambda a: F.triplet_margin_loss(a, p, n, margin=2, p=3, swap=True), a)
    case("cosine.similarity", lambda a: F.cosine_similarity(a, p), a)
    case("cosine.embedding", lambda a: F.cosine_embedding_loss(a, p, y, margin=-0.2), a)


def ctc():
    logits = 2 * randn(9, 5, 4)
    targets = torch.randint(1, 4, (5, 4), generator=G)
    targets[0] = torch.tensor([2, 2, 3, 3])  # repeats need a blank between them
    lengths, sizes = torch.tensor([9, 7, 9, 5, 4]), torch.tensor([4, 3, 0, 1, 4])
    targets[4] = torch.tensor([1, 1, 1, 2])  # needs six steps, has four
    OUT.update({"ctc.logits": logits, "ctc.targets": targets, "ctc.input_lengths": lengths, "ctc.target_lengths": sizes})
    for name, options in {"mean": dict(zero_infinity=True), "sum": dict(reduction="sum", zero_infinity=True),
                          "none": dict(reduction="none", zero_infinity=True)}.items():
        case(f"ctc.{name}", lambda x: F.ctc_loss(F.log_softmax(x, -1), targets, lengths, sizes, **options), logits)
    OUT["ctc.infinite.y"] = F.ctc_loss(F.log_softmax(logits, -1), targets, lengths, sizes, reduction="none")


if __name__ == "__main__":
    reference.assert_pinned()
    torch.set_num_threads(1)
    G = torch.Generator().manual_seed(31)
    activations()
    special()
    losses()
    classes()
    metrics()
    ctc()
    made_with = " ".join(f"{k}=={v}" for k, v in reference.PINNED.items())
    save_file(OUT, os.path.join(HERE, "pointwise.safetensors"), metadata={"made_with": made_with})
