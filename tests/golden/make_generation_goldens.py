"""Makes generation.json: what transformers generates and how its processors change a distribution.

    python tests/golden/make_generation_goldens.py

greedy: for tiny models under models/, a prompt and the tokens that generate(do_sample=False) picks, also with a
repetition penalty; every choice is clear by a margin that f32 keeps.
beams: what beam search finds, texts and scores, for settings of num_beams, length_penalty, early_stopping, and tokens
that end a text.
warped: logits and what is left of their probabilities behind transformers' own processors, in the order in which
generate() runs them (zero: the token is out).
"""
import json
import os

import reference
import torch
from transformers import generation

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = ["gpt2-plain", "gpt2-unscaled-untied", "llama-plain", "llama-one-kv-head", "llama-llama3-rope",
          "mistral-window", "qwen3", "smollm3-nope", "gemma2", "gemma3-untied-old-config", "phi3-longrope"]
PROMPT, NEW = [5, 3, 17, 42, 8], 14
PENALTY = 1.3


def greedy(model, penalty):
    model.generation_config.eos_token_id = None  # or it would end the text
    ids = torch.tensor([PROMPT])
    config = generation.GenerationConfig(do_sample=False, max_new_tokens=NEW, repetition_penalty=penalty, pad_token_id=0)
    with reference.exact():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config,
                             output_logits=True, output_scores=True, return_dict_in_generate=True)
    for scores in out.scores:
        best = scores[0].topk(2).values
        assert best[0] - best[1] > 1e-3, "too close for f32"
    return out.sequences[0, len(PROMPT):].tolist()


def beams():
    cases = []
    for name, eos, settings in [
            ("gpt2-plain", [], dict(num_beams=3)), ("llama-plain", [0, 13], dict(num_beams=4, length_penalty=0.5)),
            ("llama-plain", [7, 21, 33, 40, 55], dict(num_beams=4, early_stopping=True)),
            ("gpt2-plain", [1, 9, 20, 31, 44, 60], dict(num_beams=3, early_stopping="never", length_penalty=2.0)),
            ("gemma2", [5, 11, 30], dict(num_beams=2, length_penalty=-0.5)),
            ("llama-one-kv-head", [2, 12, 22, 32, 42, 52], dict(num_beams=5, repetition_penalty=1.2))]:
        model = reference.open_model(os.path.join(HERE, "models", name))
        model.generation_config.eos_token_id = eos or None
        ids = torch.tensor([PROMPT])
        n = settings["num_beams"]
        config = generation.GenerationConfig(do_sample=False, max_new_tokens=10, num_return_sequences=n, pad_token_id=0,
                                             eos_token_id=eos or None, **settings)
        with reference.exact():
            out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config,
                                 output_scores=True, return_dict_in_generate=True)
        texts = []
        for row in out.sequences[:, len(PROMPT):].tolist():
            ends = [i for i, token in enumerate(row) if token in eos]
            texts.append(row[:ends[0] + 1] if ends else row)
        cases.append({"model": name, "eos": eos, "settings": settings, "texts": texts,
                      "scores": [round(x, 6) for x in out.sequences_scores.tolist()]})
    return cases


def warped():
    cases = []
    settings = [dict(), dict(temperature=0.7), dict(top_k=5), dict(top_p=0.8), dict(min_p=0.2),
                dict(repetition_penalty=1.4), dict(temperature=1.3, top_k=12, top_p=0.7, min_p=0.1),
                dict(repetition_penalty=0.8, temperature=0.5, top_p=0.95), dict(top_k=1), dict(top_p=0.01),
                dict(typical_p=0.6), dict(typical_p=0.95, temperature=1.5, top_k=20)]
    g = torch.Generator().manual_seed(7)
    for s in settings:
        logits = 2.5 * torch.randn(1, 40, generator=g)
        seen = torch.randint(40, (1, 12), generator=g)
        scores = logits.double()
        if "repetition_penalty" in s:
            scores = generation.RepetitionPenaltyLogitsProcessor(s["repetition_penalty"])(seen, scores)
        if "temperature" in s:
            scores = generation.TemperatureLogitsWarper(s["temperature"])(seen, scores)
        if "top_k" in s:
            scores = generation.TopKLogitsWarper(s["top_k"])(seen, scores)
        if "top_p" in s:
            scores = generation.TopPLogitsWarper(s["top_p"])(seen, scores)
        if "min_p" in s:
            scores = generation.MinPLogitsWarper(s["min_p"])(seen, scores)
        if "typical_p" in s:
            scores = generation.TypicalLogitsWarper(s["typical_p"])(seen, scores)
        cases.append({"settings": s, "seen": seen[0].tolist(), "logits": [round(x, 9) for x in logits[0].tolist()],
                      "probabilities": [round(x, 9) for x in scores.softmax(-1)[0].tolist()]})
    return cases


if __name__ == "__main__":
    reference.assert_pinned()
    torch.set_num_threads(1)
    out = {"prompt": PROMPT, "repetition_penalty": PENALTY, "greedy": {}, "penalised": {}}
    for name in MODELS:
        model = reference.open_model(os.path.join(HERE, "models", name))
        out["greedy"][name] = greedy(model, 1.0)
        out["penalised"][name] = greedy(model, PENALTY)
    out["beams"] = beams()
    out["warped"] = warped()
    with open(os.path.join(HERE, "generation.json"), "w") as f:
        json.dump(out, f)
        f.write("\n")
    print(json.dumps({k: out[k] for k in ("greedy", "penalised")}, indent=1))
