"""Random small configurations of every decoder family, for tools/check_parity.py."""
import transformers as hf


ACTIVATIONS = ["silu", "swish", "relu", "relu2", "relu6", "gelu", "gelu_10", "gelu_fast", "gelu_python", "gelu_accurate",
               "quick_gelu", "mish", "hardswish", "leaky_relu", "tanh", "sigmoid", "laplace", "sqrtsoftplus", "linear"]


def shared(rng, heads, kv, width=None):
    """What every family names alike. Hidden size and heads fit each other, as some families demand."""
    return dict(vocab_size=rng.randint(40, 150), hidden_size=heads * rng.choice([4, 8, 10]),
                intermediate_size=rng.choice([24, 37, 64]), num_hidden_layers=rng.randint(1, 4),
                num_attention_heads=heads, num_key_value_heads=kv, rms_norm_eps=rng.choice([1e-6, 1e-5, 1e-3]),
                max_position_embeddings=rng.choice([64, 128]), tie_word_embeddings=rng.random() < 0.5,
                pad_token_id=rng.choice([None, 0, 7]), bos_token_id=0, eos_token_id=1,
                use_cache=rng.random() < 0.8, **({"head_dim": width} if width else {}))


def heads(rng):
    kv = rng.choice([1, 2, 3, 4])
    return kv * rng.choice([1, 2, 3]), kv


def rope(rng, types=("default", "linear", "dynamic", "yarn", "llama3", "longrope"), width=8):
    kind = rng.choice(types)
    r = {"rope_type": kind, "rope_theta": rng.choice([100.0, 10000.0, 500000.0])}
    if kind != "default":
        r["factor"] = rng.choice([2.0, 3.5, 8.0])
    if kind in ("yarn", "llama3", "longrope"):
        r["original_max_position_embeddings"] = rng.choice([16, 32])
    if kind == "llama3":
        r.update(low_freq_factor=1.0, high_freq_factor=4.0)
    if kind == "yarn":
        r.update(rng.choice([{}, {"beta_fast": 8.0, "beta_slow": 0.5}, {"attention_factor": 1.3}, {"truncate": False},
                             {"mscale": 0.8, "mscale_all_dim": 1.2}]))
    if kind == "longrope":
        r["short_factor"] = [1 + rng.random() for _ in range(width // 2)]
        r["long_factor"] = [2 + 3 * rng.random() for _ in range(width // 2)]
        if rng.random() < 0.3:
            r["attention_factor"] = 1.2
    return r


def gpt2(rng):
    n = rng.choice([1, 2, 3, 4, 6])
    return hf.GPT2Config(
        vocab_size=rng.randint(11, 150), n_positions=rng.choice([32, 48, 80]), n_embd=n * rng.choice([4, 7, 8, 16]),
        n_layer=rng.randint(1, 4), n_head=n, n_inner=rng.choice([None, 31, 64]),
        activation_function=rng.choice(["gelu_new", "gelu", *ACTIVATIONS]),
        layer_norm_epsilon=rng.choice([1e-5, 1e-6, 1e-3]), scale_attn_weights=rng.random() < 0.8,
        scale_attn_by_inverse_layer_idx=rng.random() < 0.3, tie_word_embeddings=rng.random() < 0.7,
        bos_token_id=0, eos_token_id=0)


def llama(rng):
    width = rng.choice([4, 6, 8, 16])
    return hf.LlamaConfig(**shared(rng, *heads(rng), width), hidden_act=rng.choice(["silu", "silu", *ACTIVATIONS]),
                          attention_bias=rng.random() < 0.4, mlp_bias=rng.random() < 0.4,
                          rope_parameters=rope(rng, width=width))


def mistral(rng):
    width = rng.choice([4, 8, 16])
    return hf.MistralConfig(**shared(rng, *heads(rng), width), hidden_act=rng.choice(["silu", *ACTIVATIONS]),
                            sliding_window=rng.choice([None, 1, 3, 8, 200]), rope_parameters=rope(rng, width=width))


def qwen(rng, make, **extra):
    c = shared(rng, *heads(rng), extra.pop("head_dim", None))
    width = c.get("head_dim", c["hidden_size"] // c["num_attention_heads"])
    layers = c["num_hidden_layers"]
    sliding = rng.random() < 0.6
    types = rng.choice([None, [rng.choice(["full_attention", "sliding_attention"]) for _ in range(layers)]])
    return make(**c, hidden_act=rng.choice(["silu", *ACTIVATIONS]), use_sliding_window=sliding, sliding_window=rng.choice([2, 5, 9]),
                max_window_layers=rng.randint(0, layers), layer_types=types if sliding else None,
                rope_parameters=rope(rng, width=width), **extra)


def qwen2(rng):
    return qwen(rng, hf.Qwen2Config)


def qwen3(rng):
    return qwen(rng, hf.Qwen3Config, head_dim=rng.choice([4, 8, 16]), attention_bias=rng.random() < 0.4)


def smollm3(rng):
    c = shared(rng, *heads(rng))
    layers = c["num_hidden_layers"]
    return hf.SmolLM3Config(
        **c, hidden_act=rng.choice(["silu", *ACTIVATIONS]), no_rope_layer_interval=rng.choice([1, 2, 4]), attention_bias=rng.random() < 0.3,
        no_rope_layers=rng.choice([None, [rng.randint(0, 1) for _ in range(layers)]]), mlp_bias=rng.random() < 0.3,
        use_sliding_window=rng.random() < 0.4, sliding_window=rng.choice([None, 3, 6]),
        rope_parameters=rope(rng, width=c["hidden_size"] // c["num_attention_heads"]))


def gemma(rng):
    width = rng.choice([4, 8, 16])
    return hf.GemmaConfig(**shared(rng, *heads(rng), width), attention_bias=rng.random() < 0.3,
                          hidden_act=rng.choice(["gelu_pytorch_tanh", "gelu", "silu"]),
                          rope_parameters=rope(rng, ("default", "default", "linear", "yarn"), width))


def gemma2(rng):
    width = rng.choice([4, 8, 16])
    c = shared(rng, *heads(rng), width)
    types = [rng.choice(["full_attention", "sliding_attention"]) for _ in range(c["num_hidden_layers"])]
    return hf.Gemma2Config(
        **c, attention_bias=rng.random() < 0.3, hidden_activation=rng.choice(["gelu_pytorch_tanh", "gelu"]),
        query_pre_attn_scalar=rng.choice([4, 24, 256]), sliding_window=rng.choice([2, 5, 9]),
        layer_types=rng.choice([None, types]), final_logit_softcapping=rng.choice([None, 2.0, 30.0]),
        attn_logit_softcapping=rng.choice([None, 1.5, 50.0]), rope_parameters=rope(rng, ("default", "linear"), width))


def gemma3_text(rng):
    width = rng.choice([4, 8, 16])
    c = shared(rng, *heads(rng), width)
    full = rope(rng, ("default", "linear", "yarn", "llama3"), width)
    return hf.Gemma3TextConfig(
        **c, attention_bias=rng.random() < 0.3, query_pre_attn_scalar=rng.choice([4, 24, 256]),
        sliding_window=rng.choice([2, 5, 9]), final_logit_softcapping=rng.choice([None, None, 3.0]),
        layer_types=rng.choice([None, ["full_attention", "sliding_attention"] * 2])
        and [rng.choice(["full_attention", "sliding_attention"]) for _ in range(c["num_hidden_layers"])],
        rope_parameters={"full_attention": full,
                         "sliding_attention": {"rope_type": "default", "rope_theta": rng.choice([50.0, 10000.0])}})


def phi3(rng):
    c = shared(rng, *heads(rng))
    width = c["hidden_size"] // c["num_attention_heads"]
    partial = rng.choice([1.0, 1.0, 0.5]) if width % 4 == 0 else 1.0
    original = rng.choice([8, 16, 64])
    if c["pad_token_id"] is None:
        c["pad_token_id"] = 3
    r = rope(rng, ("default", "longrope"), int(width * partial))
    r.pop("original_max_position_embeddings", None)
    if rng.random() < 0.5:
        r.pop("factor", None)
    r["partial_rotary_factor"] = partial
    return hf.Phi3Config(**c, hidden_act=rng.choice(["silu", "gelu"]), sliding_window=rng.choice([None, 4]),
                         original_max_position_embeddings=original, rope_parameters=r)


FAMILIES = {f.__name__: f for f in (gpt2, llama, mistral, qwen2, qwen3, smollm3, gemma, gemma2, gemma3_text, phi3)}
