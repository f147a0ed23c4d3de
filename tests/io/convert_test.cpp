#include "io/convert.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "io/gguf_model.h"
#include "io/safetensors.h"
#include "support/temp_dir.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

const fs::path kModels = GRADUS_TEST_DIR "/golden/models";

// A model folder: the golden weights and configuration, and files that Gradus does not know.
void make_folder(const fs::path& to, const char* model) {
  fs::create_directories(to);
  for (const char* name : {"config.json", "model.safetensors"})
    write_file_atomic(to / name, read_file(kModels / model / name));
  write_file_atomic(to / "notes.txt", "kept as they are\n");
  write_file_atomic(to / "generation_config.json", "{\"eos_token_id\":   7}\n");
}

void check_equal_files(const fs::path& a, const fs::path& b) {
  CAPTURE(b.string());
  REQUIRE(fs::exists(b));
  CHECK(read_file(a) == read_file(b));
}

}  // namespace

TEST_CASE("folder to folder, and folder to GGUF to folder, give the same bytes") {
  for (const char* model :
       {"llama-plain", "llama-wide-heads-old-config", "llama-llama3-rope", "gpt2-plain", "gpt2-bare-names"}) {
    CAPTURE(model);
    const TempDir dir;
    make_folder(dir / "a", model);
    convert_checkpoint(dir / "a", dir / "b");
    const ConvertReport there = convert_checkpoint(dir / "a", dir / "c.gguf");
    const ConvertReport back = convert_checkpoint(dir / "c.gguf", dir / "d");
    CHECK(there.bytes_read == back.bytes_written);
    for (const char* name : {"config.json", "notes.txt", "generation_config.json", "model.safetensors"}) {
      check_equal_files(dir / "a" / name, dir / "b" / name);
      if (std::string(model) == "gpt2-bare-names" && std::string(name) == "model.safetensors") continue;  // named anew
      check_equal_files(dir / "a" / name, dir / "d" / name);
    }
  }
}

TEST_CASE("types, shards and single files") {
  const TempDir dir;
  make_folder(dir / "a", "llama-plain");
  convert_checkpoint(dir / "a", dir / "half", {.type = "bf16"});
  CHECK(read_json(dir / "half/config.json")["dtype"] == "bfloat16");
  CHECK(Safetensors(dir / "half").tensors()[0].dtype == Dtype::bf16);
  convert_checkpoint(dir / "a", dir / "cut", {.max_shard_bytes = 20000});
  const Safetensors whole(dir / "a"), cut(dir / "cut");
  CHECK(cut.files().size() > 1);
  CHECK(cut.tensors().size() == whole.tensors().size());
  for (const TensorInfo& t : whole.tensors())
    CHECK(whole.load(t.name).to_vector<float>() == cut.load(t.name).to_vector<float>());
  convert_checkpoint(dir / "cut", dir / "one.safetensors");
  CHECK(read_file(dir / "one.safetensors") == read_file(dir / "a/model.safetensors"));
}

TEST_CASE("packed matrices come back in Hugging Face's layout, rounded and nothing else") {
  const TempDir dir;
  fs::create_directories(dir / "a");
  write_json(dir / "a/config.json", {{"model_type", "llama"},
                                     {"hidden_size", 64},
                                     {"intermediate_size", 96},
                                     {"num_hidden_layers", 1},
                                     {"num_attention_heads", 4},
                                     {"num_key_value_heads", 2},
                                     {"max_position_embeddings", 16},
                                     {"vocab_size", 10}});
  NamedTensors tensors;
  uint64_t seed = 1;
  const auto add = [&](const char* name, const Shape& shape) {
    const Tensor t = empty(shape);
    const RandomKey key{++seed, 0};
    for (int64_t i = 0; i < t.count(); ++i)
      t.data<float>()[i] = static_cast<float>(key.uniform(static_cast<uint64_t>(i)) - 0.5);
    tensors.emplace_back(name, t);
  };
  add("model.embed_tokens.weight", {10, 64});
  add("model.layers.0.self_attn.q_proj.weight", {64, 64});
  add("model.layers.0.self_attn.k_proj.weight", {32, 64});
  add("model.layers.0.mlp.down_proj.weight", {64, 96});
  add("model.norm.weight", {64});
  write_safetensors(dir / "a/model.safetensors", tensors);
  convert_checkpoint(dir / "a", dir / "q.gguf", {.type = "q8_0", .embedding_type = "f16"});
  const GgufModel packed(dir / "q.gguf");
  CHECK(packed.file().require("general.file_type").integer() == 7);
  CHECK(packed.file().require("general.architecture").text() == "llama");
  for (const auto& [name, x] : tensors) {
    CAPTURE(name);
    const auto at = packed.find(name);
    REQUIRE(at);
    const std::string type = packed.tensors()[*at].stored_type;
    if (x.rank() == 1) {
      CHECK(type == "F32");
      CHECK(packed.load(*at).to_vector<float>() == x.to_vector<float>());
    } else if (name.find("embed") != std::string::npos) {
      CHECK(type == "F16");
    } else {
      CHECK(type == "Q8_0");
      const auto want = quantized(x, QuantFormat::q8_0).dequantized().to_vector<float>();
      CHECK(packed.load(*at).to_vector<float>() == want);
      CHECK(packed.packed(*at).dequantized().to_vector<float>() == want);
    }
  }
  // No rows of 256: the next larger format that fits.
  convert_checkpoint(dir / "a", dir / "k.gguf", {.type = "q4_k"});
  CHECK(Gguf(dir / "k.gguf").tensors()[1].stored_type == "Q5_0");
  convert_checkpoint(dir / "q.gguf", dir / "again.gguf", {.type = "q4_0"});
  convert_checkpoint(dir / "q.gguf", dir / "same.gguf");
  CHECK(read_file(dir / "same.gguf") == read_file(dir / "q.gguf"));
}

TEST_CASE("foolish conversions are refused") {
  const TempDir dir;
  make_folder(dir / "a", "llama-plain");
  CHECK_THROWS_WITH_AS(convert_checkpoint(dir / "a", dir / "a"), doctest::Contains("same folder"), ValueError);
  CHECK_THROWS_WITH_AS(convert_checkpoint(dir / "a", dir / "b", {.type = "q4_0"}), doctest::Contains(".gguf"),
                       ValueError);
  CHECK_THROWS_WITH_AS(convert_checkpoint(dir / "a", dir / "b.gguf", {.type = "q9"}), doctest::Contains("no format"),
                       ValueError);
  CHECK_THROWS_WITH_AS(convert_checkpoint(dir / "absent", dir / "b"), doctest::Contains("does not exist"), FileError);
  CHECK_THROWS_WITH_AS(convert_checkpoint(dir / "a/model.safetensors", dir / "b.gguf"),
                       doctest::Contains("config.json"), FileError);
  CHECK_FALSE(fs::exists(dir / "b.gguf"));
}
