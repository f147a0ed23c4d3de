// Norm placements, initialisers and parametrisations of the trainable GPT-2.
#include "models/text/gpt2_variant.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "base/error.h"
#include "models/model.h"
#include "objectives/causal_lm.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/statistics.h"
#include "optim/adamw.h"

using namespace gradus;

namespace {

Json config_with(const Json& more) {
  Json config = {{"model_type", "gpt2"}, {"vocab_size", 40},   {"n_positions", 16}, {"n_embd", 32},     {"n_layer", 3},
                 {"n_head", 4},          {"resid_pdrop", 0.0}, {"embd_pdrop", 0.0}, {"attn_pdrop", 0.0}};
  config.update(more);
  return config;
}

Tensor some_ids() {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < 4 * 16; ++i)
    ids.push_back(static_cast<int64_t>(RandomKey{3, 1}.below(40, static_cast<uint64_t>(i))));
  return from_vector(ids, {4, 16});
}

double loss_of(const CausalLm& model, const Tensor& ids, bool and_gradients) {
  LmInput in;
  in.input_ids = ids;
  const Tensor loss = causal_lm_loss(model, model.hidden(in, {}), shift_labels(ids));
  if (and_gradients) backward(loss);
  return loss.item();
}

std::string refusal(const Json& more) {
  try {
    make_causal_lm(config_with(more), {});
  } catch (const ValueError& e) {
    return e.what();
  }
  return "accepted";
}

double deviation(const Tensor& w) { return stddev(cast(w.detach(), Dtype::f64), VarOptions{.correction = 0}).item(); }

}  // namespace

TEST_CASE("every variant of GPT-2 learns, and all of its parameters get a gradient") {
  const Tensor ids = some_ids();
  for (const Json& more :
       {Json::object(), Json{{"norm_placement", "post"}}, Json{{"norm_placement", "sandwich"}},
        Json{{"norm_placement", "deepnorm"}}, Json{{"norm_placement", "rezero"}}, Json{{"qk_norm", true}},
        Json{{"initializer", "truncated_normal"}}, Json{{"initializer", "orthogonal"}},
        Json{{"initializer", "t5"}, {"scale_attn_weights", false}},
        Json{{"parametrization", "mup"}, {"base_width", 16}},
        Json{{"parametrization", "ntk"}, {"base_width", 16}, {"tie_word_embeddings", false}}}) {
    CAPTURE(more.dump());
    const auto model = make_causal_lm(config_with(more), {.seed = 1});
    AdamW optimizer(model->parameters(), {});
    double first = 0, last = 0;
    for (int step = 0; step < 20; ++step) {
      for (const Parameter& p : model->parameters().all()) clear_grad(p.value);
      last = loss_of(*model, ids, true);
      if (step == 0) {
        first = last;
        for (const Parameter& p : model->parameters().all()) CHECK_MESSAGE(grad_of(p.value).defined(), p.name);
      }
      optimizer.step(1e-2);
    }
    CHECK(last < first - 0.5);
  }
}

TEST_CASE("the variants' parameters and the absent keys") {
  const auto names = [](const Json& more) {
    std::vector<std::string> list;
    const auto model = make_causal_lm(config_with(more), {});
    for (const Parameter& p : model->parameters().all()) list.push_back(p.name);
    return list;
  };
  const auto has = [](const std::vector<std::string>& list, const std::string& name) {
    return std::count(list.begin(), list.end(), name) == 1;
  };
  const auto plain = names(Json::object()), post = names({{"norm_placement", "post"}});
  CHECK(has(plain, "transformer.ln_f.weight"));
  CHECK(!has(post, "transformer.ln_f.weight"));
  CHECK(has(post, "transformer.h.0.ln_1.weight"));
  CHECK(has(names({{"norm_placement", "sandwich"}}), "transformer.h.2.post_ln_2.bias"));
  const auto rezero = names({{"norm_placement", "rezero"}});
  CHECK(has(rezero, "transformer.h.1.resweight_2"));
  CHECK(!has(rezero, "transformer.h.1.ln_2.weight"));
  CHECK(has(names({{"qk_norm", true}}), "transformer.h.0.attn.q_norm.weight"));

  const auto model = make_causal_lm(config_with(Json::object()), {});
  for (const char* key : {"norm_placement", "qk_norm", "initializer", "parametrization", "base_width", "base_head_dim"})
    CHECK(!parse_json(model->config(), "config").contains(key));
  const auto kept = make_causal_lm(config_with({{"qk_norm", true}}), {});
  CHECK(parse_json(kept->config(), "config")["qk_norm"] == true);
}

TEST_CASE("a cache continues every variant as one pass over all positions does") {
  const Tensor ids = narrow(some_ids(), 0, 0, 2);
  for (const Json& more : {Json{{"qk_norm", true}}, Json{{"norm_placement", "deepnorm"}}}) {
    const auto model = make_causal_lm(config_with(more), {.seed = 1});
    LmInput whole;
    whole.input_ids = ids;
    const Tensor expected = model->hidden(whole, {});
    KvCache cache = model->make_cache(2, 16);
    Tensor last;
    for (const auto& [begin, length] : {std::pair<int64_t, int64_t>{0, 10}, {10, 6}}) {
      LmInput in;
      in.input_ids = narrow(ids, 1, begin, length);
      in.cache = &cache;
      last = model->hidden(in, {});
    }
    CHECK(max(abs(sub(last, narrow(expected, 1, 10, 6)))).item() < 1e-5);
  }
}

TEST_CASE("ReZero starts as the identity; a post-norm's output is normalised") {
  const Tensor ids = some_ids();
  LmInput in;
  in.input_ids = ids;
  const auto rezero = make_causal_lm(config_with({{"norm_placement", "rezero"}}), {.seed = 1});
  const Tensor embedded =
      add(select(rezero->parameters().find("transformer.wte.weight"), 0, ids.to_vector<int64_t>()[0]),
          select(rezero->parameters().find("transformer.wpe.weight"), 0, 0));
  const Tensor first = select(select(rezero->hidden(in, {}), 0, 0), 0, 0);
  CHECK(max(abs(sub(first, layer_norm(embedded)))).item() < 1e-4);
  const auto post = make_causal_lm(config_with({{"norm_placement", "post"}}), {.seed = 1});
  CHECK(max(abs(mean(post->hidden(in, {}), {-1}))).item() < 1e-5);
}

TEST_CASE("initial deviations and learning rates follow the initialiser and the width") {
  const auto at = [](const Json& more, const char* name) {
    const auto model = make_causal_lm(config_with(more), {.seed = 2});
    for (const Parameter& p : model->parameters().all())
      if (p.name == name) return std::pair{deviation(p.value), p.learning_rate_scale};
    FAIL(name);
    return std::pair{0.0, 0.0};
  };
  const Json wide = {{"n_embd", 128}};
  const auto with = [&](Json more) {
    more.update(wide);
    return more;
  };
  const char* fc = "transformer.h.0.mlp.c_fc.weight";
  const char* out = "transformer.h.0.mlp.c_proj.weight";
  CHECK(at(wide, fc).first == doctest::Approx(0.02).epsilon(0.02));
  CHECK(at(wide, out).first == doctest::Approx(0.02 / std::sqrt(6.0)).epsilon(0.02));
  const auto mup = at(with({{"parametrization", "mup"}, {"base_width", 32}}), fc);
  CHECK(mup.first == doctest::Approx(0.01).epsilon(0.02));
  CHECK(mup.second == 0.25);
  CHECK(at(with({{"parametrization", "mup"}, {"base_width", 32}}), "transformer.wte.weight").second == 1);
  CHECK(at(with({{"parametrization", "ntk"}, {"base_width", 32}}), fc).first == doctest::Approx(0.02).epsilon(0.02));
  CHECK(at(with({{"initializer", "he_normal"}}), fc).first == doctest::Approx(std::sqrt(2.0 / 128)).epsilon(0.02));
  CHECK(at(with({{"initializer", "truncated_normal"}}), "transformer.wte.weight").first ==
        doctest::Approx(0.02).epsilon(0.03));
  const double beta = deepnorm_constants(3).beta;
  CHECK(at(with({{"norm_placement", "deepnorm"}}), fc).first ==
        doctest::Approx(beta * std::sqrt(2.0 / (128 + 512))).epsilon(0.02));
  const auto deep = make_causal_lm(config_with(with({{"norm_placement", "deepnorm"}})), {.seed = 2});
  const Tensor fused = deep->parameters().find("transformer.h.0.attn.c_attn.weight");
  CHECK(deviation(narrow(fused, 1, 0, 128)) == doctest::Approx(1 / std::sqrt(128.0)).epsilon(0.02));
  CHECK(deviation(narrow(fused, 1, 256, 128)) == doctest::Approx(beta / std::sqrt(128.0)).epsilon(0.02));
}

TEST_CASE("at the base width the parametrisations are the standard one") {
  const Tensor ids = some_ids();
  const double plain = loss_of(*make_causal_lm(config_with(Json::object()), {.seed = 1}), ids, false);
  for (const char* name : {"mup", "ntk"})
    CHECK(loss_of(*make_causal_lm(config_with({{"parametrization", name}, {"base_width", 32}}), {.seed = 1}), ids,
                  false) == plain);
}

TEST_CASE("contradictory settings are refused") {
  const auto has = [](const std::string& text, const std::string& part) {
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  };
  has(refusal({{"norm_placement", "middle"}}), "must be one of pre, post, sandwich, deepnorm, rezero");
  has(refusal({{"parametrization", "mup"}}), "\"base_width\" is needed by parametrization mup");
  has(refusal({{"base_width", 8}}), "means nothing with parametrization standard");
  has(refusal({{"parametrization", "mup"}, {"base_width", 8}, {"initializer", "he_normal"}}), "contradicts");
  has(refusal({{"initializer", "t5"}}), "set scale_attn_weights to false");
  has(refusal({{"parametrization", "mup"}, {"base_width", 8}, {"scale_attn_weights", false}}), "contradicts");
  has(refusal({{"initializer", "xavier"}}), "must be one of");
  has(refusal({{"qk_norm", 1}}), "must be true or false");
}
