// What surrounds the loop: ragged batches, windows, quantised caches, draft models, prompt caches, log-probabilities.
#include "infer/decoding.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/file.h"
#include "infer/generate.h"
#include "infer/perplexity.h"
#include "objectives/causal_lm.h"
#include "ops/shape.h"
#include "support/letter_tokenizer.h"
#include "support/temp_dir.h"

using namespace gradus;
using Ids = std::vector<int32_t>;

namespace {

std::unique_ptr<CausalLm> golden_model(const std::string& name) {
  return load_causal_lm(std::filesystem::path(GRADUS_TEST_DIR) / "golden" / "models" / name, {.trainable = false});
}

GenerateOptions greedy(int64_t n) { return {.sampling = {.temperature = 0}, .max_new_tokens = n}; }

Ids some_ids(int64_t n, uint64_t seed, uint64_t vocab = 40) {
  Ids ids;
  for (int64_t i = 0; i < n; ++i)
    ids.push_back(static_cast<int32_t>(RandomKey{seed, 1}.below(vocab, static_cast<uint64_t>(i))));
  return ids;
}

// Logits behind each token of one text, read at once.
std::vector<std::vector<float>> whole_logits(const CausalLm& model, const Ids& ids) {
  const NoGrad off;
  LmInput in;
  in.input_ids = from_vector(std::vector<int64_t>(ids.begin(), ids.end()), {1, static_cast<int64_t>(ids.size())});
  const auto flat = model.logits(model.hidden(in, {})).to_vector<float>();
  const auto vocab = static_cast<ptrdiff_t>(model.shape().vocab);
  std::vector<std::vector<float>> rows;
  for (size_t i = 0; i < ids.size(); ++i)
    rows.emplace_back(flat.begin() + static_cast<ptrdiff_t>(i) * vocab,
                      flat.begin() + static_cast<ptrdiff_t>(i + 1) * vocab);
  return rows;
}

double difference(const float* a, const std::vector<float>& b) {
  double worst = 0;
  for (size_t i = 0; i < b.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
  return worst;
}

Json window_config(int64_t window) {
  return {{"model_type", "mistral"},  {"vocab_size", 41},        {"hidden_size", 16},
          {"intermediate_size", 20},  {"num_hidden_layers", 2},  {"num_attention_heads", 2},
          {"num_key_value_heads", 1}, {"head_dim", 8},           {"max_position_embeddings", 4096},
          {"sliding_window", window}, {"initializer_range", 0.3}};
}

}  // namespace

TEST_CASE("the cache changes nothing in any family: windows, layers without positions, capped scores") {
  for (const char* name : {"mistral-window", "qwen2-window-tied", "qwen3", "smollm3-nope", "gemma", "gemma2",
                           "gemma3-untied-old-config", "llama-dynamic-rope"}) {
    CAPTURE(name);
    const auto model = golden_model(name);
    const Ids ids = some_ids(24, 3);
    const auto expected = whole_logits(*model, ids);
    for (int64_t chunk : {512, 5, 1}) {
      Decoding decoding(*model, 1, 24);
      const Tensor logits = decoding.prefill({Ids(ids.begin(), ids.begin() + 12)}, chunk);
      CHECK(difference(logits.data<float>(), expected[11]) < 1e-4);
      for (size_t i = 12; i < 24; ++i) CHECK(difference(decoding.step({ids[i]}).data<float>(), expected[i]) < 1e-4);
    }
  }
}

TEST_CASE("a text that outgrows longrope's first frequencies is read again with the others") {
  const auto model = golden_model("phi3-longrope");
  CHECK(model->cache_expires_at() == 17);
  const Ids ids = some_ids(22, 4);
  for (int64_t known : {6, 16, 18}) {
    CAPTURE(known);
    Decoding decoding(*model, 1, 22);
    decoding.prefill({Ids(ids.begin(), ids.begin() + known)}, 4);
    for (size_t i = static_cast<size_t>(known); i < 22; ++i) {
      const Ids so_far(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(i) + 1);
      CHECK(difference(decoding.step({ids[i]}).data<float>(), whole_logits(*model, so_far).back()) < 1e-4);
    }
  }
}

TEST_CASE("a window's cache stays small while the text grows, and gives what the whole text gives") {
  const auto model = make_causal_lm(window_config(20), {.seed = 3, .trainable = false});
  const Ids ids = some_ids(1500, 5);
  const auto expected = whole_logits(*model, ids);
  Decoding decoding(*model, 1, 1500);
  CHECK(decoding.cache().layers[0].k.size(1) < 700);
  Tensor logits = decoding.prefill({Ids(ids.begin(), ids.begin() + 1000)}, 128);
  CHECK(difference(logits.data<float>(), expected[999]) < 1e-4);
  for (size_t i = 1000; i < 1500; ++i) {
    logits = decoding.step({ids[i]});
    if (i % 97 == 0 || i > 1490) CHECK(difference(logits.data<float>(), expected[i]) < 1e-4);
  }
  CHECK(decoding.cache().layers[0].k.size(1) < 700);
  // It can go back a little, and not to what is forgotten.
  decoding.cut(1500 - KvCache::kTakeBack);
  logits = decoding.step({ids[1436]});
  CHECK(difference(logits.data<float>(), expected[1436]) < 1e-4);
  CHECK_THROWS_AS(decoding.cut(200), ShapeError);
}

TEST_CASE("prompts of different lengths in one batch give what each gives alone") {
  for (const char* name : {"gpt2-plain", "llama-plain", "mistral-window", "gemma2"}) {
    CAPTURE(name);
    const auto model = golden_model(name);
    const Tokenizer tokenizer = letter_tokenizer(static_cast<int>(model->shape().vocab));
    const std::vector<Ids> prompts{some_ids(3, 1), some_ids(9, 2), some_ids(1, 3)};
    GenerateOptions o = greedy(8);
    o.prefill_chunk = 4;
    o.sequences = 2;
    const auto together = generate(*model, tokenizer, prompts, o);
    REQUIRE(together.size() == 6);
    for (size_t p = 0; p < 3; ++p) {
      const Ids alone = generate(*model, tokenizer, prompts[p], greedy(8))[0].ids;
      CHECK(together[2 * p].ids == alone);
      CHECK(together[2 * p + 1].ids == alone);
    }
  }
}

TEST_CASE("a quantised cache takes a quarter of the memory and hardly changes the logits") {
  const auto model = golden_model("llama-plain");
  const Ids ids = some_ids(30, 8);
  const auto expected = whole_logits(*model, ids);
  double largest = 0;
  for (float x : expected.back()) largest = std::max(largest, std::abs(static_cast<double>(x)));
  Decoding decoding(*model, 1, 31, KvType::q8_0);
  Decoding plain(*model, 1, 30);
  CHECK(decoding.cache().bytes() < plain.cache().bytes() / 2);  // heads of 6: a scale for six numbers
  Tensor logits = decoding.prefill({Ids(ids.begin(), ids.begin() + 10)}, 3);
  for (size_t i = 10; i < 30; ++i) {
    logits = decoding.step({ids[i]});
    CHECK(difference(logits.data<float>(), expected[i]) < 0.03 * largest);
  }
  decoding.select_rows({0, 0});
  const Tensor both = decoding.step({3, 3});
  CHECK(std::equal(both.data<float>(), both.data<float>() + 71, both.data<float>() + 71));
}

TEST_CASE("speculative decoding gives the text without it, greedy or drawn, whatever the draft model guesses") {
  const auto model = golden_model("llama-plain");
  const Tokenizer tokenizer = letter_tokenizer(71);
  Json config = parse_json(model->config(), "config");
  config["num_hidden_layers"] = 1;
  const auto stranger = make_causal_lm(config, {.seed = 9, .trainable = false});
  for (double temperature : {0.0, 0.9}) {
    GenerateOptions o{.sampling = {.temperature = temperature, .seed = 4}, .max_new_tokens = 30};
    const Ids expected = generate(*model, tokenizer, Ids{5, 3, 17}, o)[0].ids;
    for (const CausalLm* draft : {stranger.get(), model.get()})
      for (int64_t tokens : {1, 4, 9}) {
        o.draft = draft;
        o.draft_tokens = tokens;
        GenerateTiming timing;
        CHECK(generate(*model, tokenizer, Ids{5, 3, 17}, o, {}, &timing)[0].ids == expected);
        if (draft == model.get() && temperature == 0) {
          CHECK(timing.accepted == timing.drafted);
          CHECK(timing.decode_steps <= 29 / (tokens + 1) + 1);
        }
      }
  }
  GenerateOptions o = greedy(3);
  const auto other = golden_model("gpt2-plain");
  o.draft = other.get();
  CHECK_THROWS_WITH_AS(generate(*model, tokenizer, Ids{5}, o), doctest::Contains("same tokenizer"), ValueError);
}

TEST_CASE("a prompt cache saves reading, and changes nothing") {
  const auto model = golden_model("llama-plain");
  const Tokenizer tokenizer = letter_tokenizer(71);
  const TempDir dir;
  GenerateOptions o = greedy(6);
  Ids prompt = some_ids(20, 6);
  const Ids expected = generate(*model, tokenizer, prompt, o)[0].ids;
  o.prompt_cache = dir / "cache.safetensors";
  GenerateTiming timing;
  for (int64_t known : {0, 19, 19}) {
    CHECK(generate(*model, tokenizer, prompt, o, {}, &timing)[0].ids == expected);
    CHECK(timing.cached_tokens == known);
  }
  prompt[12] = 1;  // agrees up to here
  const Ids other = generate(*model, tokenizer, prompt, o, {}, &timing)[0].ids;
  CHECK(timing.cached_tokens == 12);
  CHECK(generate(*model, tokenizer, prompt, greedy(6))[0].ids == other);
  o.cache_type = KvType::q8_0;
  CHECK_THROWS_WITH_AS(generate(*model, tokenizer, prompt, o), doctest::Contains("does not fit"), FileError);
  o.cache_type = KvType::model;
  const auto stranger = golden_model("llama-one-kv-head");
  CHECK_THROWS_WITH_AS(generate(*stranger, tokenizer, prompt, o), doctest::Contains("another model"), FileError);
  write_file_atomic(o.prompt_cache, "nonsense");
  CHECK_THROWS_AS(generate(*model, tokenizer, prompt, o), FileError);
}

TEST_CASE("log-probabilities are the model's own, before penalties and temperature") {
  const auto model = golden_model("gpt2-plain");
  const Tokenizer tokenizer = letter_tokenizer(67);
  const Ids prompt{5, 3, 17};
  GenerateOptions o{.sampling = {.repetition_penalty = 1.5, .temperature = 2, .seed = 3}, .max_new_tokens = 5};
  o.logprobs = 3;
  const Continuation text = generate(*model, tokenizer, prompt, o)[0];
  REQUIRE(text.logprobs.size() == 5);
  Ids all = prompt;
  all.insert(all.end(), text.ids.begin(), text.ids.end());
  const auto logits = whole_logits(*model, all);
  for (size_t i = 0; i < 5; ++i) {
    const std::vector<float>& row = logits[prompt.size() - 1 + i];
    double total = 0;
    for (float x : row) total += std::exp(static_cast<double>(x));
    const StepLogprobs& step = text.logprobs[i];
    CHECK(step.picked.id == text.ids[i]);
    CHECK(step.picked.logprob ==
          doctest::Approx(row[static_cast<size_t>(text.ids[i])] - std::log(total)).epsilon(1e-4));
    REQUIRE(step.top.size() == 3);
    CHECK(step.top[0].id == std::max_element(row.begin(), row.end()) - row.begin());
    CHECK(step.top[0].logprob >= step.top[1].logprob);
  }
}

TEST_CASE("perplexity of a text in one window is exp of the mean loss; windows predict each token once") {
  const auto model = golden_model("llama-plain");  // 64 positions
  const Ids ids = some_ids(50, 7);
  const NoGrad off;
  LmInput in;
  in.input_ids = from_vector(std::vector<int64_t>(ids.begin(), ids.end()), {1, 50});
  const double loss = causal_lm_loss(*model, model->hidden(in, {}), shift_labels(in.input_ids)).item();
  const Perplexity one = perplexity(*model, ids);
  CHECK(one.tokens == 49);
  CHECK(one.loss() == doctest::Approx(loss).epsilon(1e-5));
  CHECK(one.value() == doctest::Approx(std::exp(loss)).epsilon(1e-5));
  CHECK(one.standard_error() > 0);
  CHECK(perplexity(*model, ids, {.context = 10, .stride = 5}).tokens == 49);
  CHECK(perplexity(*model, ids, {.context = 10, .stride = 10}).tokens == 45);
  CHECK_THROWS_AS(perplexity(*model, {1}), ValueError);
  CHECK_THROWS_AS(perplexity(*model, ids, {.context = 65}), ValueError);
  CHECK_THROWS_AS(perplexity(*model, ids, {.context = 10, .stride = 11}), ValueError);
}
