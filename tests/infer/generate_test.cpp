#include "infer/generate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/parallel.h"
#include "infer/generation_config.h"
#include "ops/shape.h"
#include "support/letter_tokenizer.h"
#include "support/temp_dir.h"

using namespace gradus;
using Ids = std::vector<int32_t>;

namespace {

const std::filesystem::path kGolden = std::filesystem::path(GRADUS_TEST_DIR) / "golden";

const Json& golden() {
  static const Json json = read_json(kGolden / "generation.json");
  return json;
}

// A tiny random model and a tokenizer for it.
struct Subject {
  std::unique_ptr<CausalLm> model;
  Tokenizer tokenizer;
  explicit Subject(const std::string& name)
      : model(load_causal_lm(kGolden / "models" / name, {.trainable = false})),
        tokenizer(letter_tokenizer(static_cast<int>(model->shape().vocab))) {}
  std::vector<Continuation> operator()(const Ids& prompt, const GenerateOptions& o, const OnText& on_text = {}) const {
    return generate(*model, tokenizer, prompt, o, on_text);
  }
};

GenerateOptions greedy(int64_t n) { return {.sampling = {.temperature = 0}, .max_new_tokens = n}; }

// The likeliest next tokens, from the whole text each time.
Ids without_cache(const CausalLm& model, Ids ids, size_t n) {
  const NoGrad off;
  Ids out;
  while (out.size() < n) {
    const std::vector<int64_t> wide(ids.begin(), ids.end());
    LmInput in;
    in.input_ids = from_vector(wide, {1, static_cast<int64_t>(wide.size())});
    const Tensor hidden = model.hidden(in, {});
    const auto logits = model.logits(select(hidden, 1, hidden.size(1) - 1)).to_vector<float>();
    out.push_back(static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
    ids.push_back(out.back());
  }
  return out;
}

}  // namespace

TEST_CASE("greedy text equals transformers', with and without repetition penalty") {
  const Ids prompt = golden()["prompt"].get<Ids>();
  for (const auto& [name, expected] : golden()["greedy"].items()) {
    CAPTURE(name);
    const Subject subject(name);
    GenerateOptions o = greedy(14);
    CHECK(subject(prompt, o)[0].ids == expected.get<Ids>());
    o.sampling.repetition_penalty = golden()["repetition_penalty"];
    CHECK(subject(prompt, o)[0].ids == golden()["penalised"][name].get<Ids>());
  }
}

TEST_CASE("the cache changes nothing: greedy text equals that of reading the whole text each time") {
  for (const char* name : {"gpt2-plain", "gpt2-silu-layer-scale", "llama-wide-heads-old-config", "llama-linear-rope",
                           "llama-all-kv-heads-tied"}) {
    CAPTURE(name);
    const Subject subject(name);
    const Ids prompt{9, 30, 2, 61, 7, 7, 12};
    const Ids expected = without_cache(*subject.model, prompt, 15);
    for (int64_t chunk : {512, 3, 1}) {
      GenerateOptions o = greedy(15);
      o.prefill_chunk = chunk;
      CHECK(subject(prompt, o)[0].ids == expected);
    }
  }
}

TEST_CASE("what the filters leave equals transformers' processors") {
  for (const Json& c : golden()["warped"]) {
    CAPTURE(c["settings"].dump());
    const Json& s = c["settings"];
    const auto logits = c["logits"].get<std::vector<float>>();
    Candidates left = Candidates::of(logits.data(), static_cast<int64_t>(logits.size()));
    penalise_repetition(left, c["seen"].get<Ids>(), s.value("repetition_penalty", 1.0));
    apply_temperature(left, s.value("temperature", 1.0));
    keep_top_k(left, s.value("top_k", 0));
    keep_top_p(left, s.value("top_p", 1.0));
    keep_min_p(left, s.value("min_p", 0.0));
    keep_typical(left, s.value("typical_p", 1.0));
    std::vector<double> p(logits.size());
    double total = 0;
    for (const Candidate& x : left.items) total += std::exp(static_cast<double>(x.logit));
    for (const Candidate& x : left.items) p[static_cast<size_t>(x.id)] = std::exp(static_cast<double>(x.logit)) / total;
    for (size_t i = 0; i < p.size(); ++i) {
      const double expected = c["probabilities"][i];
      CHECK((p[i] == 0) == (expected == 0));
      CHECK(std::fabs(p[i] - expected) < 1e-6);
    }
  }
}

TEST_CASE("sampled text depends on the seed and not on threads; several texts are one batch") {
  const Subject subject("llama-plain");
  GenerateOptions o{.sampling = {.temperature = 1.2, .seed = 5}, .max_new_tokens = 20, .sequences = 3};
  const auto first = subject({4, 8}, o);
  CHECK(first.size() == 3);
  CHECK(first[0].ids != first[1].ids);
  CHECK(first[1].ids != first[2].ids);
  const int before = threads();
  for (int n : {1, 2, 4}) {
    set_threads(n);
    const auto again = subject({4, 8}, o);
    for (size_t i = 0; i < 3; ++i) {
      CHECK(again[i].ids == first[i].ids);
      CHECK(again[i].text == first[i].text);
    }
  }
  set_threads(before);
  o.sequences = 1;
  CHECK(subject({4, 8}, o)[0].ids == first[0].ids);
  o.sampling.seed = 6;
  CHECK(subject({4, 8}, o)[0].ids != first[0].ids);
}

TEST_CASE("every reason to stop, and the text that comes out") {
  const Subject subject("gpt2-plain");
  const Ids prompt = golden()["prompt"].get<Ids>();
  const Ids expected = golden()["greedy"]["gpt2-plain"].get<Ids>();
  const Continuation whole = subject(prompt, greedy(10))[0];
  CHECK(whole.reason == StopReason::length);
  CHECK(whole.ids.size() == 10);
  CHECK(whole.text == subject.tokenizer.decode(whole.ids, true));

  GenerateOptions o = greedy(10);
  o.eos = {999, expected[4]};
  const Continuation eos = subject(prompt, o)[0];
  const size_t at = static_cast<size_t>(std::find(expected.begin(), expected.end(), expected[4]) - expected.begin());
  CHECK(eos.reason == StopReason::eos);
  CHECK(eos.ids == Ids(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(at) + 1));
  CHECK(eos.text == subject.tokenizer.decode(Ids(eos.ids.begin(), eos.ids.end() - 1), true));

  o = greedy(10);
  o.stop = {whole.text.substr(4, 3), "not there"};
  std::string streamed;
  const Continuation stop = subject(prompt, o, [&](int64_t sequence, std::string_view text) {
    CHECK(sequence == 0);
    streamed += text;
    return true;
  })[0];
  CHECK(stop.reason == StopReason::stop_string);
  CHECK(stop.stop == o.stop[0]);
  CHECK(stop.text == whole.text.substr(0, whole.text.find(o.stop[0])));
  CHECK(streamed == stop.text);

  // A stop string that never becomes complete comes out in the end.
  o.stop = {whole.text.substr(8) + "~~~"};
  streamed.clear();
  const auto collect = [&](int64_t, std::string_view text) { return streamed += text, true; };
  CHECK(subject(prompt, o, collect)[0].text == whole.text);
  CHECK(streamed == whole.text);

  // 24 positions hold the prompt of 5 and 19 more.
  for (int64_t n : {-1, 20, 1000}) {
    const Continuation full = subject(prompt, greedy(n))[0];
    CHECK(full.reason == StopReason::positions);
    CHECK(full.ids.size() == 19);
  }
  CHECK(subject(prompt, greedy(19))[0].reason == StopReason::length);
  CHECK(subject(prompt, greedy(0))[0].ids.empty());

  int calls = 0;
  const Continuation cut = subject(prompt, greedy(10), [&](int64_t, std::string_view) { return ++calls < 4; })[0];
  CHECK(cut.reason == StopReason::interrupted);
  CHECK(cut.ids == Ids(expected.begin(), expected.begin() + 3));
  CHECK(cut.text == subject.tokenizer.decode(cut.ids, true));
}

TEST_CASE("what cannot be generated is an error") {
  const Subject subject("gpt2-plain");
  CHECK_THROWS_AS(subject({}, greedy(3)), ValueError);
  CHECK_THROWS_AS(subject({70}, greedy(3)), IndexError);
  CHECK_THROWS_WITH(subject(Ids(24, 1), greedy(3)), doctest::Contains("24 positions"));
  CHECK_THROWS_AS(subject({1}, greedy(-2)), ValueError);
  GenerateOptions o = greedy(3);
  o.sequences = 0;
  CHECK_THROWS_AS(subject({1}, o), ValueError);
  o = greedy(3);
  o.stop = {""};
  CHECK_THROWS_AS(subject({1}, o), ValueError);
}

TEST_CASE("what a directory says about generating") {
  const Subject subject("gpt2-plain");
  const TempDir folder;
  GenerationConfig g = read_generation_config(folder.path, *subject.model, subject.tokenizer);
  CHECK(g.eos == Ids{0});  // config.json
  CHECK(g.bos == 0);
  CHECK_FALSE(g.temperature);
  write_json(folder / "generation_config.json",
             Json{{"eos_token_id", {3, 5}}, {"bos_token_id", nullptr}, {"temperature", 0.6}, {"top_k", 20}});
  g = read_generation_config(folder.path, *subject.model, subject.tokenizer);
  CHECK(g.eos == Ids{3, 5});
  CHECK(g.bos == 0);
  CHECK(g.temperature == 0.6);
  CHECK(g.top_k == 20);
  CHECK(prompt_tokens(subject.tokenizer, g, "") == Ids{0});
  CHECK(prompt_tokens(subject.tokenizer, g, "!\"") == Ids{1, 2});
  g.bos.reset();
  CHECK(prompt_tokens(subject.tokenizer, g, "") == Ids{3});
  g.eos.clear();
  CHECK_THROWS_AS(prompt_tokens(subject.tokenizer, g, ""), ValueError);
  for (const Json& wrong :
       {Json{{"eos_token_id", "x"}}, Json{{"eos_token_id", -1}}, Json{{"top_p", "much"}}, Json(3)}) {
    write_json(folder / "generation_config.json", wrong);
    CHECK_THROWS_AS(read_generation_config(folder.path, *subject.model, subject.tokenizer), FileError);
  }
}
