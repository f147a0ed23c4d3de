// gradus run and embed, as a user calls them.
#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/run_program.h"
#include "io/safetensors.h"
#include "models/model.h"
#include "text/bpe_trainer.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

const fs::path kGoldens = fs::path(GRADUS_TEST_DIR) / "golden";

ProgramResult run_model(const fs::path& model, const fs::path& out, const std::string& more = "") {
  return run_gradus("run " + model.string() + " --in " + (model / "inputs.safetensors").string() + " --out " +
                    out.string() + " " + more);
}

}  // namespace

TEST_CASE("run writes Hugging Face's outputs of an encoder, an encoder-decoder and a decoder") {
  const TempDir dir;
  const ProgramResult bert =
      run_model(kGoldens / "encoders" / "bert-pretraining", dir / "bert", "--grad --hidden-states");
  CHECK(bert.err == "");
  REQUIRE(bert.code == 0);
  const Safetensors a(dir / "bert");
  for (const char* name : {"prediction_logits", "seq_relationship_logits", "loss", "hidden_states.0", "hidden_states.2",
                           "grad.bert.embeddings.word_embeddings.weight", "grad.cls.predictions.bias"})
    CHECK_MESSAGE(a.contains(name), name);
  CHECK(!a.contains("grad.cls.predictions.decoder.weight"));

  REQUIRE(run_model(kGoldens / "encoders" / "t5-relu", dir / "t5", "--dtype f64").code == 0);
  const Safetensors b(dir / "t5");
  CHECK(b.contains("logits"));
  CHECK(b.contains("encoder_last_hidden_state"));
  CHECK(!b.contains("encoder_hidden_states.0"));
  CHECK(b.find("logits")->dtype == Dtype::f32);

  REQUIRE(run_model(kGoldens / "models" / "llama-plain", dir / "llama", "--hidden-states --dtype bf16").code == 0);
  CHECK(Safetensors(dir / "llama").contains("hidden_states.2"));
}

TEST_CASE("run says what is missing for a gradient, and which inputs there are") {
  const TempDir dir;
  const ProgramResult no_loss = run_model(kGoldens / "encoders" / "bert-model", dir / "out", "--grad");
  CHECK(no_loss.code == 1);
  CHECK(no_loss.err.find("--grad needs a loss") != std::string::npos);
  write_safetensors(dir / "in", {{"input_id", from_vector<int64_t>({1, 2}, {1, 2})}});
  const ProgramResult wrong = run_gradus("run " + (kGoldens / "encoders" / "bert-model").string() + " --in " +
                                         (dir / "in").string() + " --out " + (dir / "out").string());
  CHECK(wrong.code == 1);
  CHECK(wrong.err.find("token_type_ids") != std::string::npos);
}

TEST_CASE("embed gives an array a line, in the order of the lines; mistakes have exit codes") {
  const TempDir dir;
  const Json config = {{"model_type", "bert"},    {"architectures", {"BertModel"}}, {"vocab_size", 260},
                       {"hidden_size", 8},        {"num_hidden_layers", 1},         {"num_attention_heads", 2},
                       {"intermediate_size", 12}, {"max_position_embeddings", 32},  {"pad_token_id", 2},
                       {"initializer_range", 0.5}};
  save_model(*make_model(config, {.seed = 1}), dir.path);
  BpeTraining settings;
  settings.vocab_size = 260;
  settings.bos = settings.eos = "[SEP]";
  settings.special_tokens = {"[SEP]", "[CLS]", "[PAD]", "[MASK]"};
  train_byte_level_bpe({"a"}, settings).save(dir.path);
  write_file_atomic(dir / "lines", "\"long \\\"text\\\" here\"\n\"b\"\n\"\"\n");
  const ProgramResult all = run_gradus("embed --model " + dir.path.string() + " --jsonl < " + (dir / "lines").string());
  CHECK(all.err == "");
  REQUIRE(all.code == 0);
  const ProgramResult one = run_gradus("embed --model " + dir.path.string() + " b");
  std::vector<Json> rows;
  for (size_t at = 0; at < all.out.size();) {
    const size_t end = all.out.find('\n', at);
    rows.push_back(parse_json(all.out.substr(at, end - at), "stdout"));
    at = end + 1;
  }
  REQUIRE(rows.size() == 3);
  const Json alone = parse_json(one.out, "stdout");
  REQUIRE(alone.size() == 8);
  for (size_t i = 0; i < 8; ++i)
    CHECK(rows[1][i].get<double>() == doctest::Approx(alone[i].get<double>()).epsilon(1e-5));

  write_file_atomic(dir / "wrong", "[1]\n");
  CHECK(run_gradus("embed --model " + dir.path.string() + " --jsonl < " + (dir / "wrong").string()).code == 1);
  CHECK(run_gradus("embed").code == 2);
  CHECK(run_gradus("fill-mask --model " + dir.path.string() + " 'a [MASK]'").code == 1);
  CHECK(run_gradus("classify --model " + dir.path.string() + " text").code == 1);
}
