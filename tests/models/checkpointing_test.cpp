// Whole models with recomputed blocks: the same bits, less memory.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "base/error.h"
#include "models/model.h"
#include "nn/recompute.h"
#include "objectives/causal_lm.h"
#include "ops/create.h"
#include "tensor/allocator.h"

using namespace gradus;

namespace {

const Json kGpt2 = {{"model_type", "gpt2"}, {"vocab_size", 61},  {"n_positions", 24},
                    {"n_embd", 32},         {"n_layer", 5},      {"n_head", 4},
                    {"resid_pdrop", 0.1},   {"embd_pdrop", 0.1}, {"attn_pdrop", 0.1}};
const Json kLlama = {{"model_type", "llama"},        {"vocab_size", 61},         {"hidden_size", 32},
                     {"intermediate_size", 48},      {"num_hidden_layers", 5},   {"num_attention_heads", 4},
                     {"num_key_value_heads", 2},     {"attention_dropout", 0.1}, {"tie_word_embeddings", true},
                     {"max_position_embeddings", 24}};

struct Pass {
  std::vector<double> loss;
  std::map<std::string, std::vector<double>> gradients;
  int64_t peak = 0;
  bool operator==(const Pass& other) const { return loss == other.loss && gradients == other.gradients; }
};

Tensor random_ids(int64_t batch, int64_t time, uint64_t vocab) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < batch * time; ++i)
    ids.push_back(static_cast<int64_t>(RandomKey{3, 1}.below(vocab, static_cast<uint64_t>(i))));
  return from_vector(ids, {batch, time});
}

Pass pass(const CausalLm& model, const Recompute* recompute) {
  const Tensor ids = random_ids(3, 20, 61);
  LmInput in;
  in.input_ids = ids;
  in.first = zeros({3, 20}, Dtype::i32);
  Pass p;
  const int64_t before = memory_stats().current;
  reset_peak_memory();
  for (uint64_t micro = 0; micro < 2; ++micro) {  // gradients of two micro-batches add up
    const Context context{true, RandomKey{4, 2}.fold(micro), recompute};
    const Tensor loss = causal_lm_loss(model, model.hidden(in, context), shift_labels(ids));
    p.loss.push_back(loss.item());
    backward(loss);
  }
  p.peak = memory_stats().peak - before;
  for (const Parameter& x : model.parameters().all()) {
    p.gradients[x.name] = grad_of(x.value).to_vector<double>();
    clear_grad(x.value);
  }
  return p;
}

}  // namespace

TEST_CASE("recomputed blocks give the loss and every gradient bit for bit, dropout included") {
  for (const Json& config : {kGpt2, kLlama}) {
    CAPTURE(config["model_type"].get<std::string>());
    const auto model = make_causal_lm(config, {.seed = 1});
    const Pass plain = pass(*model, nullptr);
    CHECK(plain.loss[0] != plain.loss[1]);
    for (const Recompute& how :
         {Recompute::every_block(), Recompute::sqrt(), Recompute::segments(1), Recompute::segments(3),
          Recompute::segments(99), Recompute::budget(1 << 30), Recompute::budget(250000)}) {
      const Pass again = pass(*model, &how);
      CHECK(again == plain);
      CHECK(again.peak <= plain.peak);
    }
    const Recompute each = Recompute::every_block();
    CHECK(static_cast<double>(pass(*model, &each).peak) < 0.6 * static_cast<double>(plain.peak));
    const Recompute nothing = Recompute::budget(1);
    CHECK_THROWS_WITH_AS(pass(*model, &nothing), doctest::Contains("bytes are too few for 5 blocks"), MemoryError);
  }
  CHECK_THROWS_AS(Recompute::segments(0), ValueError);
  CHECK_THROWS_AS(Recompute::budget(0), ValueError);
}

TEST_CASE("a graph that recomputes outlives its model") {
  for (const Json& config : {kGpt2, kLlama}) {
    const Recompute each = Recompute::every_block();
    std::vector<double> gradients[2];
    for (int i = 0; i < 2; ++i) {
      auto model = make_causal_lm(config, {.seed = 1});
      const Tensor weight = model->parameters().all().front().value, ids = random_ids(2, 9, 61);
      LmInput in;
      in.input_ids = ids;
      const Tensor loss =
          causal_lm_loss(*model, model->hidden(in, {.recompute = i ? &each : nullptr}), shift_labels(ids));
      model.reset();
      backward(loss);
      gradients[i] = grad_of(weight).to_vector<double>();
    }
    CHECK(gradients[0] == gradients[1]);
  }
}

TEST_CASE("a key/value cache is filled once, whatever the context says") {
  const auto model = make_causal_lm(kLlama, {.seed = 1});
  const Recompute each = Recompute::every_block();
  KvCache cache = model->make_cache(1, 24);
  LmInput in;
  in.input_ids = random_ids(1, 6, 61);
  in.cache = &cache;
  const NoGrad off;
  model->hidden(in, {.recompute = &each});
  CHECK(cache.length == 6);
}

TEST_CASE("a model without blocks has nothing to recompute") {
  Json config = kGpt2;
  config["n_layer"] = 0;
  const auto model = make_causal_lm(config, {.seed = 1});
  const Recompute sqrt = Recompute::sqrt(), each = Recompute::every_block(), budget = Recompute::budget(1);
  const Pass plain = pass(*model, nullptr);
  for (const Recompute* how : {&sqrt, &each, &budget}) CHECK(pass(*model, how) == plain);
}
