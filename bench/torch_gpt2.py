"""The rival's side of train_step.py: one full training step of GPT-2 in PyTorch, as a user would plainly write it.

    python bench/torch_gpt2.py s|m [--compile] [--fused] [--steps N]     prints one JSON object

Forward, backward, gradient norm clipped to 1.0, AdamW; f32, dropout 0, random tokens, tied embeddings. The figure is
the median over the steps that follow two warm-up steps; peak_mb is the resident peak of this process (VmHWM).
"""
import argparse
import json
import statistics
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

#        layers, width, heads, vocabulary, context, batch
SIZES = {"s": (6, 384, 6, 8192, 256, 16), "m": (12, 768, 12, 50257, 1024, 2)}


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn_in, self.attn_out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp_in, self.mlp_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.attn_in(self.ln_1(x)).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn_out(a.transpose(1, 2).reshape(B, T, C))
        return x + self.mlp_out(F.gelu(self.mlp_in(self.ln_2(x)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self, layers, width, heads, vocabulary, context):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)

    def forward(self, ids, targets):
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def resident_peak_mb():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    parser.add_argument("--fused", action="store_true", help="AdamW(fused=True)")
    parser.add_argument("--steps", type=int, default=5, help="timed steps, after two warm-up steps")
    parser.add_argument("--threads", type=int, help="default: PyTorch's own choice, which honours OMP_NUM_THREADS")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)

    torch.manual_seed(0)
    layers, width, heads, vocabulary, context, batch = SIZES[arguments.size]
    model = Gpt2(layers, width, heads, vocabulary, context)
    step_model = torch.compile(model) if arguments.compile else model
    adamw = torch.optim.AdamW(model.parameters(), lr=3e-4, fused=arguments.fused or None)

    seconds = []
    for step in range(arguments.steps + 2):
        tokens = torch.randint(vocabulary, (batch, context + 1))
        start = time.perf_counter()
        adamw.zero_grad(set_to_none=True)
        loss = step_model(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adamw.step()
        loss.item()
        seconds.append(time.perf_counter() - start)
    step_s = statistics.median(seconds[2:])
    print(json.dumps({"tokens_per_s": batch * context / step_s, "step_s": step_s, "peak_mb": resident_peak_mb(),
                      "threads": torch.get_num_threads(), "loss": loss.item(), "torch": torch.__version__}))


if __name__ == "__main__":
    main()
