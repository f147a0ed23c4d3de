#!/usr/bin/env python3
"""Compares `gradus run --grad` with transformers on random encoders and encoder–decoders, every head of each
family, and on decoders as classifiers.

    .venv/bin/python tools/check_encoders.py [--n 40] [--seed 0] [--only bert,t5] [--dtype f32|f64] [--keep DIR]

Each case is a fresh tiny model with random weights and a random batch. Every output (padding rows too), the loss and
every gradient are held against transformers computing in f64; the error of a tensor is its largest difference over its
largest value (for a gradient: over at least 1 % of the model's largest gradient). Prints a line a case with its worst
tensor, beside what PyTorch's own f32 loses there. Exit code 1 when any is over the tolerance (and over four times
PyTorch's own loss) or any name is missing. bench/setup_rivals.sh makes the .venv.
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/golden"))
import encoder_reference as reference  # noqa: E402
import random_decoders  # noqa: E402

import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

TOLERANCE = {"f32": 5e-5, "f64": 1e-6}
ACTIVATIONS = ["gelu", "gelu_new", "relu", "silu", "tanh", "quick_gelu"]


def labels_of(rng):
    """num_labels and problem_type of a classifier."""
    problem = rng.choice([None, "regression", "single_label_classification", "multi_label_classification"])
    return dict(num_labels=rng.choice([1, 2, 3, 5]) if problem != "single_label_classification" else rng.choice([2, 4]),
                problem_type=problem)


def bert(rng, **more):
    heads = rng.choice([1, 2, 3, 4])
    return dict(vocab_size=rng.randint(20, 90), hidden_size=heads * rng.choice([4, 6, 8, 16]),
                num_hidden_layers=rng.randint(1, 3), num_attention_heads=heads,
                intermediate_size=rng.choice([17, 32, 48]), hidden_act=rng.choice(ACTIVATIONS),
                max_position_embeddings=rng.choice([40, 64]), type_vocab_size=rng.choice([1, 2, 3]),
                layer_norm_eps=rng.choice([1e-12, 1e-5]), pad_token_id=rng.choice([0, 1, 3]),
                tie_word_embeddings=rng.random() < 0.8, **more)


def distilbert(rng, **more):
    heads = rng.choice([1, 2, 3, 4])
    return dict(vocab_size=rng.randint(20, 90), dim=heads * rng.choice([4, 6, 8, 16]), n_layers=rng.randint(1, 3),
                n_heads=heads, hidden_dim=rng.choice([17, 32, 48]), activation=rng.choice(["gelu", "relu", "silu"]),
                max_position_embeddings=rng.choice([40, 64]), pad_token_id=rng.choice([0, 1]),
                sinusoidal_pos_embds=rng.random() < 0.3, tie_word_embeddings=rng.random() < 0.8, **more)


def modernbert(rng, **more):
    heads, layers = rng.choice([1, 2, 3]), rng.randint(1, 5)
    config = dict(vocab_size=rng.randint(20, 90), hidden_size=heads * rng.choice([4, 6, 8, 16]),
                  intermediate_size=rng.choice([17, 32]), num_hidden_layers=layers, num_attention_heads=heads,
                  hidden_activation=rng.choice(["gelu", "silu", "relu"]), max_position_embeddings=64,
                  norm_eps=rng.choice([1e-5, 1e-3]), norm_bias=rng.random() < 0.3, pad_token_id=rng.choice([0, 2]),
                  bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2, attention_bias=rng.random() < 0.3,
                  local_attention=rng.choice([1, 4, 6, 9, 16]), mlp_bias=rng.random() < 0.3,
                  decoder_bias=rng.random() < 0.7, classifier_pooling=rng.choice(["cls", "mean"]),
                  classifier_bias=rng.random() < 0.3, classifier_activation=rng.choice(["gelu", "relu"]),
                  sparse_prediction=rng.random() < 0.2, tie_word_embeddings=rng.random() < 0.8, **more)
    if rng.random() < 0.5:
        config["layer_types"] = [rng.choice(["full_attention", "sliding_attention"]) for _ in range(layers)]
    else:
        config["global_attn_every_n_layers"] = rng.choice([1, 2, 3])
    if rng.random() < 0.5:
        config["rope_parameters"] = {kind: {"rope_type": "default", "rope_theta": rng.choice([100.0, 5000.0])}
                                     for kind in ("full_attention", "sliding_attention")}
    return config


def t5(rng, **more):
    return dict(vocab_size=rng.randint(20, 90), d_model=rng.choice([8, 16, 24]), d_kv=rng.choice([4, 6, 8]),
                d_ff=rng.choice([17, 32]), num_layers=rng.randint(1, 3), num_decoder_layers=rng.choice([None, 1, 2]),
                num_heads=rng.choice([1, 2, 3]), relative_attention_num_buckets=rng.choice([4, 8, 10, 32]),
                relative_attention_max_distance=rng.choice([20, 40, 128]), layer_norm_epsilon=rng.choice([1e-6, 1e-3]),
                feed_forward_proj=rng.choice(["relu", "gated-gelu", "gated-silu", "gelu"]),
                tie_word_embeddings=rng.random() < 0.5, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, **more)


def bart(rng, **more):
    width = rng.choice([12, 24])
    return dict(vocab_size=rng.randint(20, 90), max_position_embeddings=rng.choice([40, 64]), d_model=width,
                encoder_layers=rng.randint(1, 3), encoder_ffn_dim=rng.choice([17, 32]),
                encoder_attention_heads=rng.choice([1, 2, 3, 4]), decoder_layers=rng.randint(1, 3),
                decoder_ffn_dim=rng.choice([17, 32]), decoder_attention_heads=rng.choice([1, 2, 3, 4]),
                activation_function=rng.choice(ACTIVATIONS), scale_embedding=rng.random() < 0.5,
                tie_word_embeddings=rng.random() < 0.8, pad_token_id=1, bos_token_id=0, eos_token_id=2,
                decoder_start_token_id=2, **more)


def gpt2(rng, **more):
    heads = rng.choice([1, 2, 3])
    return dict(vocab_size=rng.randint(20, 90), n_positions=40, n_embd=heads * rng.choice([4, 8]), n_head=heads,
                n_layer=rng.randint(1, 3), pad_token_id=0, bos_token_id=1, eos_token_id=2, **more)


def llama(rng, **more):
    heads = rng.choice([2, 4])
    return dict(vocab_size=rng.randint(20, 90), hidden_size=heads * 8, intermediate_size=rng.choice([17, 32]),
                num_hidden_layers=rng.randint(1, 3), num_attention_heads=heads, num_key_value_heads=rng.choice([1, 2]),
                max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2, **more)


BERT_HEADS = ["Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering",
              "ForMultipleChoice"]
FAMILIES = {
    "bert": ("Bert", bert, BERT_HEADS + ["ForPreTraining", "ForNextSentencePrediction"]),
    "roberta": ("Roberta", bert, BERT_HEADS),
    "distilbert": ("DistilBert", distilbert, BERT_HEADS),
    "modernbert": ("ModernBert", modernbert, BERT_HEADS),
    "t5": ("T5", t5, ["Model", "EncoderModel", "ForConditionalGeneration", "ForSequenceClassification",
                      "ForTokenClassification", "ForQuestionAnswering"]),
    "bart": ("Bart", bart, ["Model", "ForConditionalGeneration", "ForSequenceClassification", "ForQuestionAnswering"]),
    "gpt2": ("GPT2", gpt2, ["ForSequenceClassification"]),
    "llama": ("Llama", llama, ["Model", "ForSequenceClassification"]),
    **{name: (prefix, None, ["Model", "ForSequenceClassification"]) for name, prefix in (
        ("mistral", "Mistral"), ("qwen2", "Qwen2"), ("qwen3", "Qwen3"), ("smollm3", "SmolLM3"), ("gemma", "Gemma"),
        ("gemma2", "Gemma2"), ("gemma3_text", "Gemma3Text"), ("phi3", "Phi3"))},
}


def make_config(architecture, family, draw, rng, more):
    if draw:
        return reference.config_class(architecture)(**draw(rng, **more))
    config = random_decoders.FAMILIES[family](rng)
    if config.pad_token_id is None:
        config.pad_token_id = 0  # a classifier has to tell where a row ends
    for name, value in more.items():
        setattr(config, name, value)
    return config


def make_case(directory, seed, only):
    """A model directory with inputs.safetensors in it; returns (inputs, one line about the case)."""
    rng = random.Random(seed)
    family = rng.choice(only)
    prefix, draw, heads = FAMILIES[family]
    architecture = prefix + rng.choice(heads)
    more = labels_of(rng) if "Sequence" in architecture else {}
    if "Token" in architecture:
        more = dict(num_labels=rng.choice([2, 5]))
    config = make_config(architecture, family, draw, rng, more)
    torch.manual_seed(seed)
    model = reference.model_class(architecture)(config)
    reference.randomise(model, seed)
    model.save_pretrained(directory)
    inputs = reference.make_inputs(architecture, config, seed, rng)
    save_file(inputs, os.path.join(directory, "inputs.safetensors"))
    return inputs, f"{architecture} {' '.join(sorted(inputs))}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=40, help="cases")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first case; case i has seed + i")
    parser.add_argument("--only", default=",".join(FAMILIES), help="families, separated by commas")
    parser.add_argument("--dtype", choices=TOLERANCE, default="f32")
    parser.add_argument("--gradus", default=str(ROOT / "build/release/gradus"))
    parser.add_argument("--keep", metavar="DIR", help="leave the cases in DIR")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    failed = 0
    print(f"{'seed':>5} {'gradus':>9} {'torch f32':>9}  worst tensor of gradus / case")
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(arguments.seed, arguments.seed + arguments.n):
            directory = os.path.join(arguments.keep or scratch, f"case-{seed}")
            inputs, about = make_case(directory, seed, arguments.only.split(","))
            tolerance = TOLERANCE[arguments.dtype] * (10 if about.startswith("T5") else 1)
            expected = reference.evaluate(directory, inputs)
            rival = max(reference.worst(reference.evaluate(directory, inputs, torch.float32), expected).values())
            out = os.path.join(directory, "out.safetensors")
            command = [arguments.gradus, "run", directory, "--in", os.path.join(directory, "inputs.safetensors"),
                       "--out", out, "--hidden-states", "--dtype", arguments.dtype]
            if "loss" in expected:
                command.append("--grad")
            run = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            problem = f"exit code {run.returncode}: {run.stderr.strip()}" if run.returncode else ""
            error, key = float("inf"), ""
            if not problem:
                got = load_file(out)
                if "logits" not in expected:
                    got.pop("logits", None)  # a tied decoder saved without its head has it all the same
                missing, extra = expected.keys() - got.keys(), got.keys() - expected.keys()
                shapes = [k for k in expected.keys() & got.keys() if expected[k].shape != got[k].shape]
                if missing or extra or shapes:
                    problem = f"missing {sorted(missing)}, unexpected {sorted(extra)}, wrong shape {sorted(shapes)}"
                else:
                    key, error = max(reference.worst(got, expected).items(), key=lambda kv: kv[1])
            bad = bool(problem) or not error <= max(tolerance, 4 * rival)
            failed += bad
            print(f"{seed:>5} {error:>9.1e} {rival:>9.1e}  {'FAIL ' if bad else ''}{key} / {about}", flush=True)
            if problem:
                print(f"      {problem}", flush=True)
    print(f"{arguments.n - failed} of {arguments.n} within the tolerance")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
