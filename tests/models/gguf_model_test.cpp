// Models out of GGUF files against the golden logits of the folders they were made from, and their packed weights.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/file.h"
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

TEST_CASE("packed weights are for inference in f32") {
  const fs::path golden = kModels / "llama-plain";
  CHECK_THROWS_WITH_AS(load_causal_lm(golden, {.packed_weights = true}), doctest::Contains("cannot be trained"),
                       ValueError);
  CHECK_THROWS_WITH_AS(load_causal_lm(golden, {.dtype = Dtype::f64, .trainable = false, .packed_weights = true}),
                       doctest::Contains("f32"), ValueError);
  CHECK_THROWS_WITH_AS(load_causal_lm(golden / "config.json", {}), doctest::Contains("is no model"), FileError);
  CHECK_THROWS_WITH_AS(CheckpointSource(golden / "absent"), doctest::Contains("does not exist"), FileError);
}
