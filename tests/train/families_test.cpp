// Every decoder family learns through a recipe: the loss falls, and no tensor is left out.
#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "corpus.h"
#include "io/safetensors.h"
#include "process.h"
#include "support/temp_dir.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

constexpr const char* kFamilies[] = {
    R"(model_type = "llama"
rope_parameters = { rope_type = "yarn", rope_theta = 1000.0, factor = 2.0, original_max_position_embeddings = 16 })",
    "model_type = \"mistral\"\nsliding_window = 6",
    "model_type = \"qwen2\"\nuse_sliding_window = true\nsliding_window = 6\nmax_window_layers = 1",
    "model_type = \"qwen3\"",
    "model_type = \"smollm3\"\nno_rope_layer_interval = 2",
    "model_type = \"gemma\"",
    "model_type = \"gemma2\"\nsliding_window = 6\nquery_pre_attn_scalar = 8",
    "model_type = \"gemma3_text\"\nsliding_window = 6\nsliding_window_pattern = 2\nfinal_logit_softcapping = 20.0",
    "model_type = \"phi3\"\nsliding_window = 6\npartial_rotary_factor = 0.5\nresid_pdrop = 0.1",
};

}  // namespace

TEST_CASE("twenty steps from a recipe lower the loss of every family and change every tensor") {
  for (const std::string family : kFamilies) {
    CAPTURE(family);
    const TempDir dir;
    std::string recipe = write_corpus(dir.path);
    const size_t begin = recipe.find("[model]"), end = recipe.find("[train]");
    recipe.replace(begin, end - begin, "[model]\n" + family + R"(
hidden_size = 32
intermediate_size = 48
num_hidden_layers = 2
num_attention_heads = 4
num_key_value_heads = 2
head_dim = 8
max_position_embeddings = 32

)");
    write_file_atomic(dir / "recipe.toml", recipe);
    const Outcome run = run_gradus({"train", (dir / "recipe.toml").string(), "--output-dir", (dir / "run").string(),
                                    "train.max_steps=20", "train.logging_steps=4", "train.eval_strategy=no"},
                                   dir.path, 1);
    INFO(run.err);
    REQUIRE(run.code == 0);
    std::vector<double> losses;
    std::string line;
    for (const char c : read_file(dir / "run" / "metrics.jsonl")) {
      if (c != '\n') {
        line += c;
        continue;
      }
      const Json row = parse_json(line, "metrics");
      if (row.contains("loss")) losses.push_back(row["loss"]);
      line.clear();
    }
    REQUIRE(losses.size() >= 4);
    CHECK(losses.back() < losses.front() - 0.3);
    const Safetensors early(dir / "run" / "checkpoint-4"), late(dir / "run");
    CHECK(early.tensors().size() > 10);
    for (const TensorInfo& t : early.tensors()) {
      CAPTURE(t.name);
      CHECK(early.load(t.name).to_vector<double>() != late.load(t.name).to_vector<double>());
    }
  }
}
