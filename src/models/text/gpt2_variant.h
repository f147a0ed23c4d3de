#pragma once
#include <string>
#include <vector>

#include "models/fields.h"
#include "nn/init.h"
#include "nn/parametrization.h"

namespace gradus {

struct Gpt2Config;

/// What a trainable GPT-2 may do otherwise than Hugging Face's: keys of config.json that are Gradus' own. Where they
/// are absent the model is GPT-2, and they stay absent.
struct Gpt2Variant {
  /// Where norms stand about a residual branch F:
  ///   pre       x + F(N(x))            and a final norm
  ///   post      N(x + F(x))            (Vaswani et al. 2017)
  ///   sandwich  x + N'(F(N(x)))        and a final norm (Ding et al. 2021): N' is post_ln_1, post_ln_2
  ///   deepnorm  N(alpha x + F(x))      (Wang et al. 2022)
  ///   rezero    x + a F(x), a = 0 at first (Bachlechner et al. 2020), and a final norm: a is resweight_1, resweight_2
  std::string norm_placement = "pre";
  /// RMS norms over each head of queries and keys (Henry et al. 2020): q_norm, k_norm.
  bool qk_norm = false;
  /// gpt2 (normal, initializer_range, residual projections / sqrt(2 n_layer)), truncated_normal (the same deviations),
  /// deepnorm (what norm_placement deepnorm takes of itself), t5, or a name of init_named() for the matrices.
  std::string initializer = "gpt2";
  std::string parametrization = "standard";  ///< standard, ntk, mup: see nn/parametrization.h
  int64_t base_width = 0;                    ///< n_embd at which ntk and mup are what standard is
  int64_t base_head_dim = 0;                 ///< its n_embd / n_head; 0: with as many heads as here

  bool norm_before() const { return norm_placement == "pre" || norm_placement == "sandwich"; }
  bool norm_after_sum() const { return norm_placement == "post" || norm_placement == "deepnorm"; }
};
/// Reads and checks them; `c` is complete.
void fields(Fields& f, Gpt2Variant& v, const Gpt2Config& c);

enum class Gpt2Site : uint8_t { embedding, query, key, value, attention_out, mlp_in, mlp_out, head };

/// How the weight at a place starts, and with which factor of the learning rate it is trained.
Init gpt2_init(const Gpt2Config& c, Gpt2Site site, double fan_in, double fan_out);
/// The factor of the weight at a place where it is used.
double gpt2_multiplier(const Gpt2Config& c, Gpt2Site site);
/// Of the states that the output layer reads, which may be the embedding.
double gpt2_output_multiplier(const Gpt2Config& c);
double gpt2_attention_scale(const Gpt2Config& c);
/// DeepNorm's alpha; 1 for the other placements.
double gpt2_residual_alpha(const Gpt2Config& c);

}  // namespace gradus
