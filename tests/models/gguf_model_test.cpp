// Models out of GGUF files against the golden logits of the folders they were made from, and their packed weights.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "io/convert.h"
#include "io/safetensors.h"
#include "models/checkpoint.h"
#include "models/model.h"
#include "ops/elementwise.h"
#include "support/temp_dir.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

const fs::path kModels = GRADUS_TEST_DIR "/golden/models";

Tensor logits(const fs::path& model, const fs::path& golden, const ModelOptions& options) {
  const NoGrad off;
  const auto lm = load_causal_lm(model, options);
  const Safetensors inputs(golden / "inputs.safetensors");
  return lm->logits(lm->hidden(lm->input(inputs.load("input_ids")), {}));
}

double difference(const Tensor& a, const Tensor& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  REQUIRE(x.size() == y.size());
  double worst = 0, largest = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, std::abs(x[i] - y[i]));
    largest = std::max(largest, std::abs(y[i]));
  }
  return worst / largest;
}

}  // namespace

TEST_CASE("a GGUF file gives the logits of the folder it was made from") {
  for (const char* name :
       {"llama-plain", "llama-llama3-rope", "llama-one-kv-head", "gpt2-plain", "gpt2-unscaled-untied"}) {
    CAPTURE(name);
    const TempDir dir;
    const fs::path golden = kModels / name;
    convert_checkpoint(golden, dir / "m.gguf");
    const Tensor want = logits(golden, golden, {.trainable = false});
    CHECK(difference(logits(dir / "m.gguf", golden, {.trainable = false}), want) == 0);
    // 16-bit matrices, as they lie and unpacked.
    convert_checkpoint(golden, dir / "h.gguf", {.type = "f16"});
    const Tensor unpacked = logits(dir / "h.gguf", golden, {.trainable = false});
    const Tensor packed = logits(dir / "h.gguf", golden, {.trainable = false, .packed_weights = true});
    CHECK(difference(unpacked, want) < 5e-3);
    CHECK(difference(packed, unpacked) < 1e-5);
  }
}

TEST_CASE("a GGUF file of BERT is its body, whatever head the folder had") {
  const TempDir dir;
  const fs::path golden = fs::path(GRADUS_TEST_DIR) / "golden/encoders/bert-pretraining";
  convert_checkpoint(golden, dir / "m.gguf");
  const NamedTensors in{{"input_ids", from_vector<int64_t>({4, 5, 6, 7}, {1, 4})}};
  const NamedTensors got = load_model(dir / "m.gguf", {.trainable = false})->forward(in, {});
  const NamedTensors want = load_model(golden, {.trainable = false, .body_only = true})->forward(in, {});
  REQUIRE(got.at(0).first == "last_hidden_state");
  CHECK(difference(got[0].second, want[0].second) == 0);
}

TEST_CASE("weights loaded for inference are the file's own pages, and writing into them leaves the file alone") {
  const fs::path golden = kModels / "llama-plain";
  const auto model = load_causal_lm(golden, {.trainable = false});
  const Tensor norm = model->parameters().find("model.norm.weight");
  const float before = norm.data<float>()[0];
  norm.data<float>()[0] = before + 1;
  const auto again = load_causal_lm(golden, {.trainable = false});
  CHECK(again->parameters().find("model.norm.weight").data<float>()[0] == before);
  CHECK(norm.data<float>()[0] == before + 1);
}

TEST_CASE("a tied decoder saved under its body's name gives the body's states too") {
  const NamedTensors in{{"input_ids", from_vector<int64_t>({4, 5, 6, 7}, {1, 4})}};
  Json config = read_json(kModels / "gpt2-plain" / "config.json");
  const CheckpointSource source(kModels / "gpt2-plain");
  config["architectures"] = {"GPT2Model"};
  const NamedTensors out = make_model(config, {.trainable = false}, "config", &source)->forward(in, {});
  REQUIRE(out.size() == 2);
  CHECK(out[0].first == "logits");
  CHECK(out[1].first == "last_hidden_state");
  CHECK(out[1].second.shape().back() == config["n_embd"].get<int64_t>());
  // transformers' Gemma 3 without its head has a name of its own
  config = read_json(kModels / "gemma3-untied-old-config" / "config.json");
  const CheckpointSource gemma(kModels / "gemma3-untied-old-config");
  config["architectures"] = {"Gemma3TextModel"};
  CHECK(make_model(config, {.trainable = false}, "config", &gemma)->forward(in, {})[0].first == "last_hidden_state");
}

TEST_CASE("packed weights are for inference in f32") {
  const fs::path golden = kModels / "llama-plain";
  CHECK_THROWS_WITH_AS(load_causal_lm(golden, {.packed_weights = true}), doctest::Contains("cannot be trained"),
                       ValueError);
  CHECK_THROWS_WITH_AS(load_causal_lm(golden, {.dtype = Dtype::f64, .trainable = false, .packed_weights = true}),
                       doctest::Contains("f32"), ValueError);
  CHECK_THROWS_WITH_AS(load_causal_lm(golden / "config.json", {}), doctest::Contains("is no model"), FileError);
  CHECK_THROWS_WITH_AS(CheckpointSource(golden / "absent"), doctest::Contains("does not exist"), FileError);
}
