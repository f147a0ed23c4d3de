"""Makes ops.safetensors and schedules.safetensors: single operations where PyTorch's conventions have to be met.

    python tests/golden/make_op_goldens.py

ops.safetensors (f64 unless said otherwise). `X.dy` is the gradient that flows in; `X.grad.a` the one that reaches a.
  gelu.{x,dy}, gelu.{erf,tanh}.{y,grad.x}            the exact form and the tanh approximation
  silu.{x,dy,y,grad.x}
  swiglu.{gate,up,dy,y,grad.gate,grad.up}            silu(gate) * up
  layer_norm.{x,weight,bias,dy,y,grad.*}             over the last axis, eps 1e-5
  rms_norm.{x,weight,dy,y,grad.*}                    over the last axis, eps 1e-6
  softmax.{x,dy,y,grad.x}                            over the last axis; some -inf
  rope.{q,positions,dy,y,grad.q}                     q (batch, heads, time, d): halves rotated as Llama does, theta 1e4
  attention.{q,k,v,dy,y,grad.*}                      causal, (batch, heads, time, d); k and v have half the heads
  cross_entropy.{logits,labels}                      labels i64 with -100, not shifted
  cross_entropy.{mean,sum}.{loss,grad.logits}
  cross_entropy.ignored.{labels,sum.loss}            every label -100; the mean is 0/0, NaN in PyTorch
  clip.{a,b,norm,clipped.a,clipped.b}                clip_grad_norm_ to 1.0: factor min(1, 1 / (norm + 1e-6))
  adamw.{p0,grads}                                   one parameter vector, one gradient a step (10, n)
  adamw.{plain,decayed}.p                            the vector after each step (10, n): lr 1e-2, betas 0.9 0.999,
                                                     eps 1e-8, decay 0 / lr 3e-3, betas 0.9 0.95, eps 1e-6, decay 0.1
schedules.safetensors (f64): the factor on the learning rate at steps 0, 1, ... as transformers computes it; the
arguments of each stand in the file's metadata, `arguments`, a JSON object by tensor name.
"""
import json
import os

import reference
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import get_scheduler
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = {}


def put(**tensors):
    OUT.update({k.replace("__", "."): v.detach().clone().contiguous() for k, v in tensors.items()})


def case(name, function, **inputs):
    """Stores the inputs, the output, a random incoming gradient (shared by name) and every outgoing one."""
    inputs = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = function(**inputs)
    root = name.split(".")[0]
    dy = OUT.setdefault(f"{root}.dy", torch.randn(y.shape, generator=G, dtype=y.dtype))
    y.backward(dy)
    for k, v in inputs.items():
        OUT[f"{root}.{k}"] = v.detach()
        OUT[f"{name}.grad.{k}"] = v.grad
    OUT[f"{name}.y"] = y.detach()


def randn(*shape):
    return torch.randn(shape, generator=G, dtype=torch.float64)


def elementwise_and_norms():
    x = torch.cat([randn(40) * 3, torch.tensor([0.0, -0.0, 20.0, -20.0, 1e-4], dtype=torch.float64)])
    case("gelu.erf", lambda x: F.gelu(x), x=x)
    case("gelu.tanh", lambda x: F.gelu(x, approximate="tanh"), x=x)
    case("silu", lambda x: F.silu(x), x=x)
    case("swiglu", lambda gate, up: F.silu(gate) * up, gate=randn(4, 9), up=randn(4, 9))
    x = randn(5, 19) * 2 + 3
    x[2] = 1.5  # a row without variance: eps decides
    case("layer_norm", lambda x, weight, bias: F.layer_norm(x, (19,), weight, bias, 1e-5),
         x=x, weight=1 + 0.3 * randn(19), bias=randn(19))
    x = randn(5, 19) * 2
    x[3] = 0
    case("rms_norm", lambda x, weight: F.rms_norm(x, (19,), weight, 1e-6), x=x, weight=1 + 0.3 * randn(19))
    x = randn(4, 13) * 5
    x[1, 3:9] = -torch.inf
    case("softmax", lambda x: F.softmax(x, -1), x=x)


def attention():
    positions = torch.tensor([[0, 1, 2, 3, 7], [5, 6, 100, 1000, 4000]])
    d = 12
    inverse = 1.0 / 10000.0 ** (torch.arange(0, d, 2, dtype=torch.float64) / d)
    angle = positions[..., None] * inverse
    angle = torch.cat([angle, angle], -1)
    case("rope", lambda q: apply_rotary_pos_emb(q, q, angle.cos(), angle.sin())[0], q=randn(2, 3, 5, d))
    OUT["rope.positions"] = positions
    case("attention", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True),
         q=randn(2, 4, 11, 6), k=randn(2, 2, 11, 6), v=randn(2, 2, 11, 6))


def cross_entropy():
    logits = randn(9, 11) * 4
    labels = torch.randint(11, (9,), generator=G)
    labels[[0, 4, 8]] = -100
    put(cross_entropy__logits=logits, cross_entropy__labels=labels)
    for reduction in ("mean", "sum"):
        x = logits.clone().requires_grad_()
        loss = F.cross_entropy(x, labels, ignore_index=-100, reduction=reduction)
        loss.backward()
        OUT[f"cross_entropy.{reduction}.loss"] = loss.detach()
        OUT[f"cross_entropy.{reduction}.grad.logits"] = x.grad
    none = torch.full_like(labels, -100)
    assert torch.isnan(F.cross_entropy(logits, none))
    put(cross_entropy__ignored__labels=none,
        cross_entropy__ignored__sum__loss=F.cross_entropy(logits, none, reduction="sum"))


def optimiser():
    a, b = randn(3, 4), randn(7)
    p = [torch.nn.Parameter(torch.zeros_like(t)) for t in (a, b)]
    p[0].grad, p[1].grad = a.clone(), b.clone()
    norm = torch.nn.utils.clip_grad_norm_(p, 1.0)
    put(clip__a=a, clip__b=b, clip__norm=norm, clip__clipped__a=p[0].grad, clip__clipped__b=p[1].grad)

    p0, grads = randn(17), randn(10, 17) * torch.logspace(-6, 2, 17, dtype=torch.float64)
    grads[:, 5] = 0
    put(adamw__p0=p0, adamw__grads=grads)
    for name, settings in {"plain": dict(lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0),
                           "decayed": dict(lr=3e-3, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.1)}.items():
        p = torch.nn.Parameter(p0.clone())
        adamw = torch.optim.AdamW([p], **settings)
        path = []
        for g in grads:
            p.grad = g.clone()
            adamw.step()
            path.append(p.detach().clone())
        OUT[f"adamw.{name}.p"] = torch.stack(path)


SCHEDULES = {
    "constant": ("constant", 0, {}),
    "constant_with_warmup": ("constant_with_warmup", 5, {}),
    "linear": ("linear", 7, {}),
    "linear_no_warmup": ("linear", 0, {}),
    "cosine": ("cosine", 10, {}),
    "cosine_no_warmup": ("cosine", 0, {}),
    "cosine_with_min_lr": ("cosine_with_min_lr", 10, {"min_lr_rate": 0.1}),
    "wsd": ("warmup_stable_decay", 8, {"num_decay_steps": 12}),
    "wsd_linear_min": ("warmup_stable_decay", 8, {"num_decay_steps": 12, "decay_type": "linear", "min_lr_ratio": 0.1}),
    "wsd_one_minus_sqrt": ("warmup_stable_decay", 0, {"num_decay_steps": 12, "decay_type": "1-sqrt"}),
}


def schedules(steps=40):
    tensors, arguments = {}, {}
    for name, (kind, warmup, extra) in SCHEDULES.items():
        optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        schedule = get_scheduler(kind, optimiser, num_warmup_steps=warmup, num_training_steps=steps,
                                 scheduler_specific_kwargs=extra)
        factors = []
        for _ in range(steps + 1):
            factors.append(schedule.get_last_lr()[0])
            optimiser.step()
            schedule.step()
        tensors[name] = torch.tensor(factors, dtype=torch.float64)
        arguments[name] = {"lr_scheduler_type": kind, "warmup_steps": warmup, "max_steps": steps,
                           "lr_scheduler_kwargs": extra}
    save_file(tensors, os.path.join(HERE, "schedules.safetensors"),
              metadata={"arguments": json.dumps(arguments)})


if __name__ == "__main__":
    reference.assert_pinned()
    torch.set_num_threads(1)
    G = torch.Generator().manual_seed(20)
    elementwise_and_norms()
    attention()
    cross_entropy()
    optimiser()
    made_with = " ".join(f"{k}=={v}" for k, v in reference.PINNED.items())
    save_file(OUT, os.path.join(HERE, "ops.safetensors"), metadata={"made_with": made_with})
    schedules()
