"""The reference side of the whole-model proof: tiny decoders out of transformers, computed in f64.

Used by make_model_goldens.py (which stores what this computes) and by tools/check_parity.py (which compares at once).
transformers casts some places to f32 whatever the model's dtype (RMSNorm, softmax, rotary angles, the loss);
`exact()` lifts those casts to f64, so that the numbers stored are right to more digits than the f32 under test has.
"""
import contextlib
import json
import math
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from transformers import modeling_rope_utils
from transformers.models.gemma import modeling_gemma
from transformers.models.gemma2 import modeling_gemma2
from transformers.models.gemma3 import modeling_gemma3
from transformers.models.llama import modeling_llama
from transformers.models.mistral import modeling_mistral
from transformers.models.phi3 import modeling_phi3
from transformers.models.qwen2 import modeling_qwen2
from transformers.models.qwen3 import modeling_qwen3
from transformers.models.smollm3 import modeling_smollm3

transformers.utils.logging.disable_progress_bar()

PINNED = {"torch": "2.15.0", "transformers": "5.23.0", "safetensors": "0.8.0", "numpy": "2.4.6"}


def assert_pinned():
    """Goldens are only reproducible with the versions that made them."""
    from importlib.metadata import version
    for package, wanted in PINNED.items():
        found = version(package).split("+")[0]
        assert found == wanted, f"{package} {found} is installed, the goldens are pinned to {wanted}"


class _TorchInF64:
    """Stands in for the name `torch` inside a transformers module: the same, but f32 means f64."""

    def __getattr__(self, name):
        return torch.float64 if name in ("float", "float32") else getattr(torch, name)


@contextlib.contextmanager
def exact():
    modules = (modeling_llama, modeling_mistral, modeling_qwen2, modeling_qwen3, modeling_smollm3, modeling_gemma,
               modeling_gemma2, modeling_gemma3, modeling_phi3, modeling_rope_utils)
    saved = [m.torch for m in modules]
    for m in modules:
        m.torch = _TorchInF64()
    to_float, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double  # Gemma's norms say x.float()
    try:
        yield
    finally:
        torch.Tensor.float = to_float
        for m, t in zip(modules, saved):
            m.torch = t


def randomise(model, seed):
    """Weights far from the initialisers' near-zero, so that every path contributes visibly to the logits."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=g)
            if p.dim() == 1:
                norm_weight = name.endswith("weight")
                mean = 0 if model.config.model_type.startswith("gemma") else 1  # Gemma multiplies by 1 + weight
                p.copy_(mean + 0.2 * noise if norm_weight else 0.1 * noise)
            elif "wte" in name or "wpe" in name or "embed" in name:
                p.copy_(0.5 * noise)
            else:  # a Conv1D stores (in, out), a Linear (out, in): either way close to unit gain
                p.copy_(0.8 / math.sqrt(min(p.shape)) * noise)


def old_spelling(directory):
    """Rewrites config.json as transformers 4 wrote it: `rope_theta` and `rope_scaling`, `torch_dtype`."""
    path = os.path.join(directory, "config.json")
    with open(path) as f:
        config = json.load(f)
    rope = dict(config.pop("rope_parameters"))
    if "full_attention" in rope:
        config["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        rope = dict(rope["full_attention"])
    config["rope_theta"] = rope.pop("rope_theta")
    if "partial_rotary_factor" in rope:
        config["partial_rotary_factor"] = rope.pop("partial_rotary_factor")
    config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    if rope["rope_type"] == "linear" and config["model_type"] != "gemma3_text":
        rope["type"] = rope.pop("rope_type")  # the oldest files say `type`
    config["torch_dtype"] = config.pop("dtype", "float32")
    with open(path, "w") as f:
        json.dump(config, f, indent=2)
        f.write("\n")


def open_model(directory, dtype=torch.float64):
    """The directory as transformers opens it, with eager attention, dropout off."""
    with exact() if dtype == torch.float64 else contextlib.nullcontext():
        model = AutoModelForCausalLM.from_pretrained(directory, attn_implementation="eager", dtype=torch.float32)
        return model.to(dtype).eval()


def checkpoint_names(model, directory):
    """{name in model.safetensors: parameter}; a tied pair once, under the name that the file keeps."""
    stored = load_file(os.path.join(directory, "model.safetensors"))
    by_name = dict(model.named_parameters())
    names = {}
    for name in stored:
        inside = name if name in by_name else f"{model.base_model_prefix}.{name}"
        names[name] = by_name[inside]
    assert len(names) == len(by_name), "every parameter has its place in the file"
    return names


def logits_and_loss(model, inputs):
    """Logits, and the mean cross-entropy with labels shifted by one and -100 ignored (None without labels)."""
    labels = inputs.get("labels")
    arguments = {k: v for k, v in inputs.items() if k != "labels"}
    with exact() if model.dtype == torch.float64 else contextlib.nullcontext():
        logits = model(**arguments).logits  # config.use_cache decides whether positions that jump mean packed documents
    if labels is None:
        return logits, None
    shifted = torch.nn.functional.pad(labels, (0, 1), value=-100)[:, 1:]
    return logits, torch.nn.functional.cross_entropy(logits.flatten(0, 1), shifted.flatten(), ignore_index=-100)


def evaluate(directory, inputs, dtype=torch.float64):
    """{"logits", "loss", "grad.<checkpoint name>"} of a model directory, computed in `dtype`, given as f32."""
    model = open_model(directory, dtype)
    logits, loss = logits_and_loss(model, inputs)
    out = {"logits": logits}
    if loss is not None:
        loss.backward()
        out["loss"] = loss
        for name, p in checkpoint_names(model, directory).items():
            assert p.grad is not None, f"no gradient for {name}"
            out[f"grad.{name}"] = p.grad
    return {k: v.detach().float().contiguous() for k, v in out.items()}


def train(directory, inputs, steps=10, lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, clip=1.0, dtype=torch.float64):
    """Losses before each of `steps` AdamW steps and after the last one, on one fixed batch; every parameter decays."""
    model = open_model(directory, dtype)
    optimiser = torch.optim.AdamW(model.parameters(), lr=lr, betas=betas, eps=1e-8, weight_decay=weight_decay)
    losses = []
    for step in range(steps + 1):
        optimiser.zero_grad()
        _, loss = logits_and_loss(model, inputs)
        losses.append(loss.item())
        if step < steps:
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimiser.step()
    return torch.tensor(losses, dtype=torch.float64)


def make_inputs(generator, vocab, batch, length, padded, positions, max_positions):
    """A batch whose rows are whole, right-padded and left-padded in turn.

    A left-padded row has queries that see no key at all; transformers lets those average over everything. Nothing real
    depends on them: their keys are masked, and labels are -100 on every pad and on the first real token, which the last
    pad would have to predict. So compare logits where attention_mask is 1, and loss and gradients everywhere.
    """
    ids = torch.randint(vocab, (batch, length), generator=generator)
    labels = ids.clone()
    labels[torch.rand(ids.shape, generator=generator) < 0.15] = -100
    inputs = {"input_ids": ids, "labels": labels}
    mask = torch.ones_like(ids)
    if padded:
        for row in range(batch):
            pads = int(torch.randint(1, length // 2, (1,), generator=generator))
            if row % 3 == 1:
                mask[row, length - pads:] = 0
            elif row % 3 == 2:
                mask[row, :pads] = 0
                labels[row, pads] = -100
        labels[mask == 0] = -100
        inputs["attention_mask"] = mask
    if positions == "from_mask":  # as generation does: the first real token sits at position 0
        inputs["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    elif positions == "scattered":
        inputs["position_ids"] = torch.stack(
            [torch.randperm(max_positions, generator=generator)[:length].sort().values for _ in range(batch)])
    return inputs


def worst(got, expected, mask=None):
    """The largest error of each tensor, over the largest value of that tensor; {name: error}.

    A gradient that symmetry makes zero (a key bias) has no size of its own: its error is measured against at least 1 %
    of the largest gradient of the model.
    """
    largest_gradient = max((v.abs().max().item() for k, v in expected.items() if k.startswith("grad.")), default=0.0)
    errors = {}
    for name, e in expected.items():
        g, e = got[name].double(), e.double()
        if name == "logits" and mask is not None:
            g, e = g[mask.bool()], e[mask.bool()]
        floor = 0.01 * largest_gradient if name.startswith("grad.") else 0.0
        scale = max(e.abs().max().item(), floor, 1e-30)
        errors[name] = (g - e).abs().max().item() / scale if torch.isfinite(g).all() else math.inf
    return errors
