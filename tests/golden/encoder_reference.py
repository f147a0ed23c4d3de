"""The reference side of encoders and encoder–decoders: tiny models out of transformers, computed in f64.

Used by make_encoder_goldens.py (which stores what this computes) and by tools/check_encoders.py (which compares at
once). As in reference.py, places that transformers casts to f32 whatever the model's dtype are lifted to f64.
"""
import contextlib
import os

import reference  # noqa: F401  (sets up transformers)
from reference import _TorchInF64, assert_pinned, randomise, worst  # noqa: F401

import torch
import transformers
from safetensors.torch import load_file
from transformers import modeling_rope_utils
from transformers.loss import loss_utils
from transformers.models.llama import modeling_llama
from transformers.models.modernbert import modeling_modernbert
from transformers.models.t5 import modeling_t5

FAMILY_CONFIGS = {"Bert": "BertConfig", "Roberta": "RobertaConfig", "DistilBert": "DistilBertConfig",
                  "ModernBert": "ModernBertConfig", "T5": "T5Config", "Bart": "BartConfig", "GPT2": "GPT2Config",
                  "Llama": "LlamaConfig", "Mistral": "MistralConfig", "Qwen2": "Qwen2Config", "Qwen3": "Qwen3Config",
                  "SmolLM3": "SmolLM3Config", "Gemma": "GemmaConfig", "Gemma2": "Gemma2Config",
                  "Gemma3Text": "Gemma3TextConfig", "Phi3": "Phi3Config"}
DECODERS = ("GPT2", "Llama", "Mistral", "Qwen2", "Qwen3", "SmolLM3", "Gemma", "Gemma2", "Gemma3Text", "Phi3")


def family_of(architecture):
    return max((f for f in FAMILY_CONFIGS if architecture.startswith(f)), key=len)


def config_class(architecture):
    return getattr(transformers, FAMILY_CONFIGS[family_of(architecture)])


def model_class(architecture):
    return getattr(transformers, architecture)


@contextlib.contextmanager
def exact(architecture):
    if family_of(architecture) in DECODERS[2:]:
        with reference.exact():
            yield
        return
    modules = [m for m in (modeling_modernbert, modeling_t5, modeling_llama, modeling_rope_utils, loss_utils)
               if hasattr(m, "torch")]
    saved = [m.torch for m in modules]
    for m in modules:
        m.torch = _TorchInF64()
    try:
        yield
    finally:
        for m, t in zip(modules, saved):
            m.torch = t


def open_model(directory, dtype=torch.float64):
    """The directory as transformers opens it, with eager attention, dropout off."""
    config = transformers.AutoConfig.from_pretrained(directory)
    with exact(config.architectures[0]) if dtype == torch.float64 else contextlib.nullcontext():
        model = model_class(config.architectures[0]).from_pretrained(directory, attn_implementation="eager",
                                                                     dtype=torch.float32)
        return model.to(dtype).eval()


def checkpoint_names(model, directory):
    """{name in model.safetensors: parameter}; a tied pair once, under the name that the file keeps."""
    by_name = dict(model.named_parameters(remove_duplicate=False))
    return {name: by_name[name] for name in load_file(os.path.join(directory, "model.safetensors")) if name in by_name}


def evaluate(directory, inputs, dtype=torch.float64):
    """Every output, hidden states included, and with a loss every gradient as "grad.<checkpoint name>"; given as f32."""
    model = open_model(directory, dtype)
    arguments = {k: v.to(dtype) if v.is_floating_point() else v for k, v in inputs.items()}
    with exact(type(model).__name__) if dtype == torch.float64 else contextlib.nullcontext():
        result = model(**arguments, output_hidden_states=True, return_dict=True)
    out = {}
    for name, value in result.items():
        if torch.is_tensor(value):
            out[name] = value
        elif "hidden_states" in name and value is not None:
            out.update({f"{name}.{i}": state for i, state in enumerate(value)})
    if "loss" in out:
        out["loss"].backward()
        for name, p in checkpoint_names(model, directory).items():
            if p.grad is not None:
                out[f"grad.{name}"] = p.grad
    return {k: v.detach().float().contiguous() for k, v in out.items()}


def make_inputs(architecture, config, seed, rng):
    """A batch for the head: rows whole or padded on the right, labels that ignore some positions."""
    g = torch.Generator().manual_seed(seed)
    vocab = config.vocab_size
    batch, length = rng.choice([2, 3, 4]), rng.choice([5, 12, 21])
    inputs = {}

    def ids(*shape):
        return torch.randint(4, vocab, shape, generator=g)

    def ignored(x):
        return torch.where(torch.rand(x.shape, generator=g) < 0.4, torch.tensor(-100), x)

    choices = (rng.choice([2, 3]),) if "MultipleChoice" in architecture else ()
    tokens = ids(batch, *choices, length)
    mask = torch.ones_like(tokens)
    if rng.random() < 0.6:
        flat, flat_mask = tokens.view(-1, length), mask.view(-1, length)
        pad = config.pad_token_id if config.pad_token_id is not None else 0
        for row in range(1, flat.shape[0]):
            pads = int(torch.randint(0, length // 2, (1,), generator=g))
            if pads:
                flat[row, length - pads:] = pad
                flat_mask[row, length - pads:] = 0
        inputs["attention_mask"] = mask
    family = family_of(architecture)
    if "SequenceClassification" in architecture and family in ("Bart", "T5"):
        tokens[:, 1] = config.eos_token_id  # it is classified there
        tokens[:, 3] = config.eos_token_id
    inputs["input_ids"] = tokens
    if family in ("Bert", "Roberta") and rng.random() < 0.6:
        inputs["token_type_ids"] = torch.randint(config.type_vocab_size, tokens.shape, generator=g)
    if family == "ModernBert" and ("Sequence" in architecture or choices):
        inputs["attention_mask"] = mask  # transformers takes its mean without asking whether there is one
    if family in ("Bert", "Roberta", "DistilBert", "ModernBert", *DECODERS) and not choices and rng.random() < 0.3:
        inputs["position_ids"] = torch.stack(
            [torch.randperm(32, generator=g)[:length].sort().values + 2 for _ in range(batch)])

    if architecture.endswith("ForMaskedLM"):
        inputs["labels"] = ignored(tokens)
    elif architecture.endswith("ForPreTraining"):
        inputs["labels"] = ignored(tokens)
        inputs["next_sentence_label"] = torch.randint(2, (batch,), generator=g)
    elif architecture.endswith("ForNextSentencePrediction"):
        inputs["labels"] = torch.randint(2, (batch,), generator=g)
    elif architecture.endswith("ForTokenClassification"):
        inputs["labels"] = ignored(torch.randint(config.num_labels, (batch, length), generator=g))
    elif architecture.endswith("ForMultipleChoice"):
        inputs["labels"] = torch.randint(choices[0], (batch,), generator=g)
    elif architecture.endswith("ForQuestionAnswering"):
        inputs["start_positions"] = torch.randint(0, length + 2, (batch,), generator=g)
        inputs["end_positions"] = torch.randint(0, length + 2, (batch,), generator=g)
        inputs["start_positions"][0] = inputs["end_positions"][0] = 1
    elif architecture.endswith("ForSequenceClassification"):
        problem, n = config.problem_type, config.num_labels
        if problem == "regression" or (problem is None and n == 1):
            inputs["labels"] = torch.randn((batch,) if n == 1 else (batch, n), generator=g)
        elif problem == "multi_label_classification" or (problem is None and rng.random() < 0.5):
            inputs["labels"] = (torch.rand((batch, n), generator=g) < 0.5).float()
        else:
            inputs["labels"] = torch.randint(n, (batch,), generator=g)
    elif architecture.endswith("ForConditionalGeneration"):
        target = rng.choice([4, 9, 15])
        inputs["labels"] = ignored(ids(batch, target))
        if rng.random() < 0.4:
            inputs["decoder_input_ids"] = ids(batch, target)
    elif architecture in ("T5Model", "BartModel"):
        if architecture == "T5Model" or rng.random() < 0.5:
            inputs["decoder_input_ids"] = ids(batch, rng.choice([4, 9]))
    if "decoder_input_ids" in inputs and rng.random() < 0.4:
        mask = torch.ones_like(inputs["decoder_input_ids"])
        mask[1, -2:] = 0
        inputs["decoder_attention_mask"] = mask
    return inputs
