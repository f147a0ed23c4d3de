"""Makes encoders/<name>/: tiny encoders and encoder–decoders with what they must give.

    python tests/golden/make_encoder_goldens.py [NAME...]

Each directory holds
  config.json, model.safetensors   as transformers' save_pretrained writes them (f32)
  inputs.safetensors               under Hugging Face's names
  expected.safetensors             every output, hidden states and loss included, and with a loss grad.<name in
                                   model.safetensors> of every parameter (computed in f64, stored as f32)
transformer-torch is the original Transformer out of torch.nn's encoder and decoder layers, under Gradus's names;
and t5_buckets.safetensors holds T5's buckets of the distances -200 … 200 for some settings.
"""
import json
import os
import random
import shutil
import sys
import zlib

import encoder_reference as reference
import torch
from safetensors.torch import save_file
from transformers.models.t5.modeling_t5 import T5Attention

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "encoders")


def bert(**changes):
    return {**dict(vocab_size=29, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=17,
                   max_position_embeddings=40, type_vocab_size=2), **changes}


def distilbert(**changes):
    return {**dict(vocab_size=29, dim=12, n_layers=2, n_heads=2, hidden_dim=17, max_position_embeddings=40), **changes}


def modernbert(**changes):
    return {**dict(vocab_size=29, hidden_size=12, intermediate_size=15, num_hidden_layers=3, num_attention_heads=3,
                   max_position_embeddings=64, local_attention=6, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                   cls_token_id=1, sep_token_id=2, global_attn_every_n_layers=2), **changes}


def t5(**changes):
    return {**dict(vocab_size=29, d_model=12, d_kv=5, d_ff=17, num_layers=2, num_heads=2,
                   relative_attention_num_buckets=8, relative_attention_max_distance=20, decoder_start_token_id=0),
            **changes}


def bart(**changes):
    return {**dict(vocab_size=29, max_position_embeddings=40, d_model=12, encoder_layers=2, encoder_ffn_dim=17,
                   encoder_attention_heads=2, decoder_layers=1, decoder_ffn_dim=15, decoder_attention_heads=3),
            **changes}


# name: (architecture, configuration)
CASES = {
    "bert-pretraining": ("BertForPreTraining", bert()),
    "bert-masked-lm-untied": ("BertForMaskedLM", bert(tie_word_embeddings=False, hidden_act="relu")),
    "bert-model": ("BertModel", bert(pad_token_id=3)),
    "bert-next-sentence": ("BertForNextSentencePrediction", bert(num_hidden_layers=1)),
    "bert-regression": ("BertForSequenceClassification", bert(num_labels=1, hidden_act="gelu_new")),
    "bert-multiple-choice": ("BertForMultipleChoice", bert(num_hidden_layers=1)),
    "roberta-masked-lm": ("RobertaForMaskedLM", bert(pad_token_id=1)),
    "roberta-multi-label": ("RobertaForSequenceClassification",
                            bert(num_labels=3, problem_type="multi_label_classification")),
    "distilbert-masked-lm": ("DistilBertForMaskedLM", distilbert()),
    "distilbert-question-answering": ("DistilBertForQuestionAnswering", distilbert(n_layers=1)),
    "modernbert-masked-lm": ("ModernBertForMaskedLM", modernbert()),
    "modernbert-mean-classification": ("ModernBertForSequenceClassification",
                                       modernbert(classifier_pooling="mean", num_labels=4, attention_bias=True,
                                                  mlp_bias=True, norm_bias=True, classifier_bias=True)),
    "modernbert-tokens": ("ModernBertForTokenClassification", modernbert(num_labels=3, num_hidden_layers=2)),
    "t5-relu": ("T5ForConditionalGeneration", t5()),
    "t5-gated": ("T5ForConditionalGeneration", t5(feed_forward_proj="gated-gelu", tie_word_embeddings=False,
                                                  num_decoder_layers=1)),
    "t5-encoder": ("T5EncoderModel", t5()),
    "bart-generation": ("BartForConditionalGeneration", bart(scale_embedding=True)),
    "bart-classification": ("BartForSequenceClassification", bart(encoder_layers=1)),
    "bart-model": ("BartModel", bart(encoder_layers=1)),
}


def make(name):
    directory = os.path.join(HERE, name)
    shutil.rmtree(directory, ignore_errors=True)
    architecture, settings = CASES[name]
    seed = zlib.crc32(name.encode())
    torch.manual_seed(seed)
    config = reference.config_class(architecture)(**settings)
    model = reference.model_class(architecture)(config)
    reference.randomise(model, seed)
    model.save_pretrained(directory)
    generation = os.path.join(directory, "generation_config.json")
    if os.path.exists(generation):
        os.remove(generation)
    inputs = reference.make_inputs(architecture, config, seed, random.Random(seed))
    save_file(inputs, os.path.join(directory, "inputs.safetensors"))
    expected = reference.evaluate(directory, inputs)
    in_f32 = reference.worst(reference.evaluate(directory, inputs, torch.float32), expected)
    key, error = max(in_f32.items(), key=lambda kv: kv[1])
    assert error < (2e-4 if architecture.startswith("T5") else 2e-5), (name, key, error)
    save_file(expected, os.path.join(directory, "expected.safetensors"))
    size = sum(os.path.getsize(os.path.join(directory, f)) for f in os.listdir(directory))
    print(f"{name:34} {size / 1024:5.0f} KiB  {len(expected):3} tensors  f32 against f64: {error:.1e} ({key})")
    return size


def transformer_parts(layer, prefix, grad=False):
    """{Gradus's name: parameter (or its gradient)} of a TransformerEncoderLayer or TransformerDecoderLayer."""
    decoder = hasattr(layer, "multihead_attn")
    names = {"linear1": "fc1", "linear2": "fc2", "norm1": "self_attn_layer_norm",
             "norm2": "encoder_attn_layer_norm" if decoder else "final_layer_norm", "norm3": "final_layer_norm",
             "self_attn.out_proj": "self_attn.out_proj", "multihead_attn.out_proj": "encoder_attn.out_proj"}
    parts = {}
    for name, p in layer.named_parameters():
        p = p.grad if grad else p.detach()
        module, kind = name.rsplit(".", 1)
        if kind.startswith("in_proj_"):  # rows of queries, keys, values
            attention = "encoder_attn" if module == "multihead_attn" else "self_attn"
            for letter, third in zip("qkv", p.chunk(3)):
                parts[f"{prefix}.{attention}.{letter}_proj.{kind[8:]}"] = third.clone()
        else:
            parts[f"{prefix}.{names[module]}.{kind}"] = p.clone()
    return parts


def make_transformer(name="transformer-torch"):
    directory = os.path.join(HERE, name)
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    torch.manual_seed(1)
    vocab, width, heads, inner, positions = 29, 12, 3, 17, 32
    options = dict(dropout=0.0, activation="relu", batch_first=True)
    encoder = torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(width, heads, inner, **options), 2,
                                          enable_nested_tensor=False)
    decoder = torch.nn.TransformerDecoder(torch.nn.TransformerDecoderLayer(width, heads, inner, **options), 2)
    reference.randomise(encoder, 2)
    reference.randomise(decoder, 3)
    g = torch.Generator().manual_seed(4)
    words = torch.nn.Parameter(0.3 * torch.randn(vocab, width, generator=g))
    config = dict(model_type="transformer", architectures=["TransformerForConditionalGeneration"], vocab_size=vocab,
                  d_model=width, encoder_layers=2, encoder_attention_heads=heads, encoder_ffn_dim=inner,
                  decoder_layers=2, decoder_attention_heads=heads, decoder_ffn_dim=inner,
                  max_position_embeddings=positions, pad_token_id=None, eos_token_id=1, decoder_start_token_id=0)
    with open(os.path.join(directory, "config.json"), "w") as f:
        json.dump(config, f, indent=2)
        f.write("\n")

    def named(grad=False):
        parts = {"model.shared.weight": (words.grad if grad else words.detach()).clone()}
        for side, stack in (("encoder", encoder), ("decoder", decoder)):
            for i, layer in enumerate(stack.layers):
                parts.update(transformer_parts(layer, f"model.{side}.layers.{i}", grad))
        return {k: v.float().contiguous() for k, v in parts.items()}

    save_file(named(), os.path.join(directory, "model.safetensors"), metadata={"format": "pt"})
    source, target = torch.randint(vocab, (3, 9), generator=g), torch.randint(vocab, (3, 6), generator=g)
    mask = torch.ones_like(source)
    mask[1, 6:] = 0
    labels = torch.randint(vocab, (3, 6), generator=g)
    labels[2, 3:] = -100
    inputs = dict(input_ids=source, attention_mask=mask, decoder_input_ids=target, labels=labels)
    save_file(inputs, os.path.join(directory, "inputs.safetensors"))

    for module in (encoder, decoder):
        module.double()
    words.data = words.data.double()
    # PE(pos, 2i) = sin(pos / 10000^(2i/d)), PE(pos, 2i+1) = cos(pos / 10000^(2i/d))
    angle = torch.arange(positions, dtype=torch.float64)[:, None] / 10000 ** (
        torch.arange(0, width, 2, dtype=torch.float64) / width)
    table = torch.stack([angle.sin(), angle.cos()], -1).flatten(1)
    embed = lambda ids: words[ids] * width ** 0.5 + table[:ids.shape[1]]  # noqa: E731
    memory = encoder(embed(source), src_key_padding_mask=mask == 0)
    causal = torch.nn.Transformer.generate_square_subsequent_mask(6, dtype=torch.float64)
    hidden = decoder(embed(target), memory, tgt_mask=causal, memory_key_padding_mask=mask == 0)
    logits = hidden @ words.T
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    loss.backward()
    expected = {"logits": logits, "loss": loss, "encoder_last_hidden_state": memory}
    save_file({**{k: v.detach().float().contiguous() for k, v in expected.items()},
               **{f"grad.{k}": v for k, v in named(grad=True).items()}},
              os.path.join(directory, "expected.safetensors"))
    print(f"{name:34} {len(expected)} outputs, loss {loss.item():.4f}")


def make_buckets():
    distances = torch.arange(-200, 201)
    save_file({f"{int(both)}.{buckets}.{furthest}": T5Attention._relative_position_bucket(
                   distances, bool(both), buckets, furthest)
               for both in (0, 1) for buckets, furthest in ((4, 20), (8, 20), (10, 40), (32, 128), (32, 200), (64, 150))},
              os.path.join(HERE, "t5_buckets.safetensors"))


if __name__ == "__main__":
    reference.assert_pinned()
    torch.set_num_threads(1)
    total = sum(make(name) for name in sys.argv[1:] or CASES)
    make_transformer()
    make_buckets()
    print(f"{total / 1024:.0f} KiB in all")
