"""Makes optim.safetensors: ten steps of every optimiser, and schedules that make_op_goldens.py does not have.

    pip install schedulefree==1.4.1 lion-pytorch==0.2.5
    python tests/golden/make_optim_goldens.py

All f64. One matrix w (6, 10) and one vector b (17), whose gradients do not depend on them:
  {w,b}0, {w,b}_grads                     start, and one gradient a step (10, ...)
  <case>.{w,b}                            the parameters after each step (10, ...); the arguments of the cases stand in the
                                          metadata, `arguments`, a JSON object by case
  schedule_free.{w,b}.x                   the weights to evaluate after the last step
  muon.w, muon_match.w                    torch.optim.Muon, told to orthogonalise in f64
  muon_bf16.w                             muon.w as torch has it, orthogonalised in bf16
  sam.{w,b}                               sharpness-aware SGD on sum(c w^4) + sum(d b^4) / 4, c and d stored
  ema.w, swa.w                            torch.optim.swa_utils.AveragedModel over adam's path, after each step
  schedule.<name>                         factors at steps 0, 1, ...
"""
import json
import math
import os
import warnings
from unittest import mock

import reference
import torch
from lion_pytorch import Lion
from safetensors.torch import save_file
from schedulefree import AdamWScheduleFreeReference
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import get_scheduler
from transformers.optimization import Adafactor

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = 10
OUT, ARGUMENTS = {}, {}

CASES = {  # name: (class, its arguments)
    "sgd": (torch.optim.SGD, dict(lr=1e-2)),
    "sgd_momentum": (torch.optim.SGD, dict(lr=1e-2, momentum=0.9, dampening=0.3, weight_decay=0.1)),
    "sgd_nesterov": (torch.optim.SGD, dict(lr=1e-2, momentum=0.9, nesterov=True)),
    "adam": (torch.optim.Adam, dict(lr=1e-2, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.1)),
    "rmsprop": (torch.optim.RMSprop, dict(lr=1e-3)),
    "rmsprop_all": (torch.optim.RMSprop, dict(lr=1e-3, alpha=0.9, eps=1e-6, weight_decay=0.1, momentum=0.8,
                                              centered=True)),
    "adagrad": (torch.optim.Adagrad, dict(lr=1e-2, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.2)),
    "lion_32bit": (Lion, dict(lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)),
    "schedule_free": (AdamWScheduleFreeReference, dict(lr=1e-2, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1,
                                                       warmup_steps=3)),
    "adafactor": (Adafactor, dict(lr=1e-2, scale_parameter=False, relative_step=False)),
    "adafactor_all": (Adafactor, dict(lr=None, beta1=0.9, weight_decay=0.1, scale_parameter=True, relative_step=True,
                                      warmup_init=True, clip_threshold=0.5, decay_rate=-0.7)),
    "muon": (torch.optim.Muon, dict(lr=1e-2, weight_decay=0.1)),
    "muon_match": (torch.optim.Muon, dict(lr=1e-2, weight_decay=0.1, nesterov=False, ns_steps=3, momentum=0.8,
                                          adjust_lr_fn="match_rms_adamw")),
    "muon_bf16": (torch.optim.Muon, dict(lr=1e-2, weight_decay=0.1)),
}


def randn(*shape):
    return torch.randn(shape, generator=G, dtype=torch.float64)


def run(name, kind, arguments, start, gradients):
    tensors = [torch.nn.Parameter(t.clone()) for t in start.values()]
    optimiser = kind(tensors, **arguments)
    if name == "schedule_free":
        optimiser.train()
    path = {k: [] for k in start}
    for i in range(STEPS):
        for p, g in zip(tensors, gradients.values()):
            p.grad = g[i].clone()
        optimiser.step()
        for k, p in zip(start, tensors):
            path[k].append(p.detach().clone())
    for k in start:
        OUT[f"{name}.{k}"] = torch.stack(path[k])
    if name == "schedule_free":
        optimiser.eval()
        for k, p in zip(start, tensors):
            OUT[f"{name}.{k}.x"] = p.detach().clone()
    ARGUMENTS[name] = arguments


def averages():
    for name, make in {"ema": lambda m: AveragedModel(m, multi_avg_fn=get_ema_multi_avg_fn(0.9)),
                       "swa": AveragedModel}.items():
        model = torch.nn.Linear(10, 6, bias=False).double()
        average, path = make(model), []
        for step in range(STEPS):
            with torch.no_grad():
                model.weight.copy_(OUT["adam.w"][step])
            average.update_parameters(model)
            path.append(average.module.weight.detach().clone())
        OUT[f"{name}.w"] = torch.stack(path)


def sam(start, rho=0.05, lr=1e-2):
    """Foret et al. 2021, algorithm 1: w - lr grad(w + rho g / |g|)."""
    c = {k: randn(*t.shape) for k, t in start.items()}
    params = {k: t.clone() for k, t in start.items()}

    def gradients(at):
        at = {k: t.clone().requires_grad_() for k, t in at.items()}
        sum((c[k] * t ** 4).sum() / 4 for k, t in at.items()).backward()
        return {k: t.grad for k, t in at.items()}

    path = {k: [] for k in start}
    for _ in range(STEPS):
        g = gradients(params)
        norm = math.sqrt(sum(float((t ** 2).sum()) for t in g.values()))
        g = gradients({k: t + rho * g[k] / (norm + 1e-12) for k, t in params.items()})
        params = {k: t - lr * g[k] for k, t in params.items()}
        for k in start:
            path[k].append(params[k])
    for k in start:
        OUT[f"sam.{k}"], OUT[f"sam.{k}.c"] = torch.stack(path[k]), c[k]


def schedules(steps=40):
    def factors(make, rate=1.0):
        optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
        schedule, out = make(optimiser), []
        for step in range(steps + 1):
            out.append(schedule.get_last_lr()[0])
            if step < steps:
                optimiser.step()
                try:
                    schedule.step()
                except ValueError:  # OneCycleLR ends
                    break
        return torch.tensor(out, dtype=torch.float64)

    hugging_face = {
        "cosine_with_restarts": ("cosine_with_restarts", 5, {"num_cycles": 3}),
        "polynomial": ("polynomial", 5, {"lr_end": 0.05, "power": 2.0}),
        "inverse_sqrt": ("inverse_sqrt", 5, {}),
        "inverse_sqrt_timescale": ("inverse_sqrt", 5, {"timescale": 20}),
        "cosine_with_min_lr": ("cosine_with_min_lr", 5, {"min_lr": 0.2}),
    }
    for name, (kind, warmup, extra) in hugging_face.items():
        OUT[f"schedule.{name}"] = factors(lambda o: get_scheduler(kind, o, num_warmup_steps=warmup,
                                                                  num_training_steps=steps,
                                                                  scheduler_specific_kwargs=extra))
        ARGUMENTS[f"schedule.{name}"] = [kind, warmup, steps, extra]
    one = {"one_cycle": {}, "one_cycle_linear": dict(pct_start=0.4, anneal_strategy="linear", div_factor=10.0,
                                                     final_div_factor=50.0),
           "one_cycle_three": dict(three_phase=True, pct_start=0.25)}
    for name, extra in one.items():
        OUT[f"schedule.{name}"] = factors(lambda o: torch.optim.lr_scheduler.OneCycleLR(
            o, max_lr=1.0, total_steps=steps, cycle_momentum=False, **extra))
        ARGUMENTS[f"schedule.{name}"] = ["one_cycle", 0, steps, extra]
    multi = dict(milestones=[7, 20, 33], gamma=0.3)
    OUT["schedule.multi_step"] = factors(lambda o: torch.optim.lr_scheduler.MultiStepLR(o, **multi))
    ARGUMENTS["schedule.multi_step"] = ["multi_step", 0, steps, multi]


if __name__ == "__main__":
    reference.assert_pinned()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    G = torch.Generator().manual_seed(21)
    w, b = randn(6, 10), randn(17)
    grads = {"w": randn(STEPS, 6, 10), "b": randn(STEPS, 17) * torch.logspace(-6, 2, 17, dtype=torch.float64)}
    grads["b"][:, 5] = 0
    OUT.update({"w0": w, "b0": b, "w_grads": grads["w"], "b_grads": grads["b"]})
    for case, (kind, arguments) in CASES.items():
        only_matrix = kind is torch.optim.Muon
        names = ["w"] if only_matrix else ["w", "b"]
        orthogonal_in = torch.float64 if case in ("muon", "muon_match") else torch.bfloat16
        with mock.patch.object(torch, "bfloat16", orthogonal_in):  # Muon asks for it by this name
            run(case, kind, arguments, {k: {"w": w, "b": b}[k] for k in names}, {k: grads[k] for k in names})
    averages()
    sam({"w": w, "b": b})
    schedules()
    made_with = " ".join(f"{k}=={v}" for k, v in reference.PINNED.items())
    save_file({k: v.contiguous() for k, v in OUT.items()}, os.path.join(HERE, "optim.safetensors"),
              metadata={"made_with": made_with, "arguments": json.dumps(ARGUMENTS)})
