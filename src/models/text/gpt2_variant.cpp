#include "models/text/gpt2_variant.h"

#include <algorithm>
#include <cmath>

#include "models/text/gpt2.h"

namespace gradus {

namespace {

Parametrization parametrization_of(const Gpt2Config& c) { return parametrization_named(c.variant.parametrization); }

double width_ratio(const Gpt2Config& c) {
  const int64_t base = c.variant.base_width;
  return base > 0 ? static_cast<double>(c.n_embd) / static_cast<double>(base) : 1;
}

WidthScaling scaling_of(const Gpt2Config& c, Gpt2Site site) {
  const WeightRole role = site == Gpt2Site::embedding ? WeightRole::input
                          : site == Gpt2Site::head    ? WeightRole::output
                                                      : WeightRole::hidden;
  return width_scaling(parametrization_of(c), role, width_ratio(c));
}

int64_t layers_of(const Gpt2Config& c) { return std::max<int64_t>(c.n_layer, 1); }

Init t5_init(const Gpt2Config& c, Gpt2Site site) {
  const T5Deviations t = t5_deviations(c.n_embd, c.n_embd / c.n_head, c.n_head, c.n_inner);
  switch (site) {
    case Gpt2Site::query: return Init::normal_of(t.query);
    case Gpt2Site::key:
    case Gpt2Site::value: return Init::normal_of(t.key_value);
    case Gpt2Site::attention_out: return Init::normal_of(t.attention_out);
    case Gpt2Site::mlp_in: return Init::normal_of(t.feed_forward_in);
    case Gpt2Site::mlp_out: return Init::normal_of(t.feed_forward_out);
    case Gpt2Site::head: return Init::normal_of(t.key_value);
    case Gpt2Site::embedding: break;
  }
  return Init::normal_of(t.embedding);
}

}  // namespace

void fields(Fields& f, Gpt2Variant& v, const Gpt2Config& c) {
  f.leave_out_defaults();
  f.text("norm_placement", v.norm_placement, {"pre", "post", "sandwich", "deepnorm", "rezero"});
  f.flag("qk_norm", v.qk_norm);
  if (v.norm_placement == "deepnorm") v.initializer = "deepnorm";
  f.text("initializer", v.initializer,
         {"gpt2", "truncated_normal", "deepnorm", "t5", "lecun_normal", "lecun_uniform", "glorot_normal",
          "glorot_uniform", "he_normal", "he_uniform", "orthogonal"});
  f.text("parametrization", v.parametrization, {"standard", "ntk", "mup"});
  f.integer("base_width", v.base_width, {.min = 0});
  f.integer("base_head_dim", v.base_head_dim, {.min = 0});
  const bool standard = v.parametrization == "standard";
  if (!standard && v.base_width == 0)
    f.refuse("base_width", "is needed by parametrization " + v.parametrization,
             "name the n_embd at which its learning rate was found.");
  if (standard && (v.base_width > 0 || v.base_head_dim > 0))
    f.refuse(v.base_width > 0 ? "base_width" : "base_head_dim", "means nothing with parametrization standard",
             "set parametrization to ntk or mup, or leave it out.");
  if (!standard && v.initializer != "gpt2" && v.initializer != "truncated_normal")
    f.refuse("initializer", "contradicts parametrization " + v.parametrization + ", which scales the deviations itself",
             "leave it out, or take truncated_normal.");
  if (v.initializer == "t5" && c.scale_attn_weights)
    f.refuse("initializer", "t5 contradicts scale_attn_weights: its queries carry the 1/sqrt(d)",
             "set scale_attn_weights to false.");
  if (v.parametrization == "mup" && !c.scale_attn_weights)
    f.refuse("parametrization", "mup contradicts scale_attn_weights false: it scales attention by 1/d",
             "leave scale_attn_weights out.");
  if (v.base_head_dim == 0) v.base_head_dim = std::max<int64_t>(v.base_width / c.n_head, 1);
}

Init gpt2_init(const Gpt2Config& c, Gpt2Site site, double fan_in, double fan_out) {
  const std::string& name = c.variant.initializer;
  if (name == "t5") return t5_init(c, site);
  const bool table = site == Gpt2Site::embedding || site == Gpt2Site::head;
  if (name == "deepnorm" && !table) {
    const bool scores = site == Gpt2Site::query || site == Gpt2Site::key;
    return glorot_normal({fan_in, fan_out}, scores ? 1 : deepnorm_constants(layers_of(c)).beta);
  }
  if (name != "gpt2" && name != "truncated_normal" && !table) return init_named(name, {fan_in, fan_out});
  const WidthScaling scaling = scaling_of(c, site);
  double deviation = c.initializer_range * scaling.init;
  // residual branches start smaller, so that their sum over 2 n_layer of them keeps its size
  if (site == Gpt2Site::attention_out || site == Gpt2Site::mlp_out)
    deviation = gpt2_residual(deviation, layers_of(c)).b;
  Init init = name == "truncated_normal" ? truncated_normal(deviation) : Init::normal_of(deviation);
  init.learning_rate_scale = scaling.learning_rate;
  return init;
}

double gpt2_multiplier(const Gpt2Config& c, Gpt2Site site) { return scaling_of(c, site).multiplier; }

double gpt2_output_multiplier(const Gpt2Config& c) {
  // T5 divides the states by sqrt(d) where the embedding, whose deviation is 1, is the output layer too.
  if (c.variant.initializer == "t5" && c.tie_word_embeddings) return 1 / std::sqrt(static_cast<double>(c.n_embd));
  return gpt2_multiplier(c, Gpt2Site::head);
}

double gpt2_attention_scale(const Gpt2Config& c) {
  if (!c.scale_attn_weights) return 1;
  return attention_scale(parametrization_of(c), static_cast<double>(c.n_embd / c.n_head),
                         static_cast<double>(c.variant.base_head_dim));
}

double gpt2_residual_alpha(const Gpt2Config& c) {
  return c.variant.norm_placement == "deepnorm" ? deepnorm_constants(layers_of(c)).alpha : 1;
}

}  // namespace gradus
