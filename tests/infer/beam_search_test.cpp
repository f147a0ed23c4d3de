// Against transformers: tests/golden/make_generation_goldens.py.
#include "infer/beam_search.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "support/letter_tokenizer.h"

using namespace gradus;
using Ids = std::vector<int32_t>;

namespace {
const std::filesystem::path kGolden = std::filesystem::path(GRADUS_TEST_DIR) / "golden";

EarlyStopping early(const Json& settings) {
  const Json e = settings.value("early_stopping", Json(false));
  return e == "never" ? EarlyStopping::never : e == true ? EarlyStopping::yes : EarlyStopping::no;
}
}  // namespace

TEST_CASE("beam search finds transformers' texts and scores") {
  const Json goldens = read_json(kGolden / "generation.json");
  for (const Json& c : goldens["beams"]) {
    CAPTURE(c["model"].get<std::string>());
    CAPTURE(c["settings"].dump());
    const auto model = load_causal_lm(kGolden / "models" / c["model"].get<std::string>(), {.trainable = false});
    const Tokenizer tokenizer = letter_tokenizer(static_cast<int>(model->shape().vocab));
    const Json& s = c["settings"];
    GenerateOptions o{.max_new_tokens = 10, .sequences = s["num_beams"], .eos = c["eos"].get<Ids>()};
    o.sampling.repetition_penalty = s.value("repetition_penalty", 1.0);
    const BeamOptions beams{s["num_beams"], s.value("length_penalty", 1.0), early(s)};
    const auto texts = beam_search(*model, tokenizer, goldens["prompt"].get<Ids>(), o, beams);
    REQUIRE(texts.size() == c["texts"].size());
    for (size_t i = 0; i < texts.size(); ++i) {
      CHECK(texts[i].ids == c["texts"][i].get<Ids>());
      CHECK(texts[i].score == doctest::Approx(c["scores"][i].get<double>()).epsilon(1e-4));
    }
  }
}

TEST_CASE("one beam is greedy; what makes no sense is refused") {
  const auto model = load_causal_lm(kGolden / "models" / "llama-plain", {.trainable = false});
  const Tokenizer tokenizer = letter_tokenizer(71);
  GenerateOptions o{.sampling = {.temperature = 0}, .max_new_tokens = 12};
  const Ids prompt{5, 3, 17};
  CHECK(beam_search(*model, tokenizer, prompt, o, {.num_beams = 1})[0].ids ==
        generate(*model, tokenizer, prompt, o)[0].ids);
  o.sequences = 3;
  CHECK_THROWS_AS(beam_search(*model, tokenizer, prompt, o, {.num_beams = 2}), ValueError);
  o.sequences = 1;
  CHECK_THROWS_AS(beam_search(*model, tokenizer, prompt, o, {.num_beams = 0}), ValueError);
  CHECK_THROWS_AS(beam_search(*model, tokenizer, {}, o, {}), ValueError);
  o.logprobs = 1;
  CHECK_THROWS_AS(beam_search(*model, tokenizer, prompt, o, {}), ValueError);
}
