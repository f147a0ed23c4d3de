// Tasks of encoders and encoder-decoders through the training loop.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "corpus.h"
#include "support/temp_dir.h"
#include "train/causal_lm_run.h"
#include "train/record_run.h"

using namespace gradus;
using namespace gradus::testing;
namespace fs = std::filesystem;

namespace {

const std::string kTrain = R"(
[train]
max_steps = 20
per_device_train_batch_size = 8
gradient_accumulation_steps = 2
learning_rate = 5e-3
lr_scheduler_type = "constant"
logging_steps = 5
save_steps = 10
)";

std::string bert(const fs::path& folder, const std::string& architecture) {
  const std::string corpus = write_corpus(folder);
  return corpus.substr(0, corpus.find("[model]")) + "[model]\nmodel_type = \"bert\"\narchitectures = [\"" +
         architecture + R"("]
hidden_size = 32
num_hidden_layers = 2
num_attention_heads = 2
intermediate_size = 48
max_position_embeddings = 32
hidden_dropout_prob = 0.1
)" + kTrain;
}

const std::string kTransformer = R"(
[data]
synthetic = "copy"
eval_fraction = 0.005
[tokenizer]
vocab_size = 260
[model]
model_type = "transformer"
d_model = 16
encoder_layers = 1
encoder_attention_heads = 2
encoder_ffn_dim = 24
decoder_layers = 1
decoder_attention_heads = 2
decoder_ffn_dim = 24
max_position_embeddings = 24
)" + kTrain;

std::string classifier(const fs::path& folder) {
  std::string lines;
  for (int i = 0; i < 120; ++i)
    lines += std::string("{\"text\": \"") + (i % 3 ? "red apple " : "blue water ") + std::to_string(i) +
             "\", \"label\": " + (i % 3 ? "\"fruit\"" : "7") + "}\n";
  write_file_atomic(folder / "labels.jsonl", lines);
  return "[data]\nfiles = [\"" + (folder / "labels.jsonl").string() + R"("]
eval_fraction = 0.2
[tokenizer]
vocab_size = 280
[model]
model_type = "distilbert"
architectures = ["DistilBertForSequenceClassification"]
dim = 16
n_layers = 1
n_heads = 2
hidden_dim = 24
max_position_embeddings = 24
)" + kTrain;
}

TrainOutcome run(const std::string& toml, const fs::path& folder, const std::vector<std::string>& changes = {},
                 std::optional<Checkpoint> from = std::nullopt) {
  const Recipe recipe = Recipe::parse(toml, "recipe", changes);
  const auto task = make_train_task(recipe, from ? from->path : fs::path(), {});
  fs::create_directories(folder);
  return train(*task, train_settings(recipe), {folder, from, recipe.toml(), nullptr});
}

double first_loss(const fs::path& folder) { return read_metrics(folder / "metrics.jsonl").front()[0].second; }

}  // namespace

TEST_CASE("BERT's pre-training: the loss falls, every part is evaluated, and a resumed run is the same bytes") {
  TempDir dir;
  const std::string toml = bert(dir.path, "BertForPreTraining");
  const TrainOutcome whole = run(toml, dir / "whole");
  CHECK(find_metric(whole.summary, "train_loss").value() < first_loss(dir / "whole"));
  for (const char* name :
       {"eval_loss", "eval_mlm_loss", "eval_mlm_accuracy", "eval_unigram_loss", "eval_nsp_loss", "eval_nsp_accuracy"})
    CHECK(find_metric(whole.evaluation, name).has_value());
  run(toml, dir / "again", {}, list_checkpoints(dir / "whole").front());
  CHECK(read_file(dir / "again" / "model.safetensors") == read_file(dir / "whole" / "model.safetensors"));
  // The directory is a model that opens with its head.
  const auto model = load_model(dir / "whole", {.trainable = false});
  CHECK(parse_json(model->config(), "config")["architectures"][0] == "BertForPreTraining");
}

TEST_CASE("masked language modelling without pairs, and with blocks computed again") {
  TempDir dir;
  const std::string toml = bert(dir.path, "BertForMaskedLM");
  const TrainOutcome plain = run(toml, dir / "plain", {"train.max_steps=6"});
  CHECK(!find_metric(plain.evaluation, "eval_nsp_loss").has_value());
  run(toml, dir / "recomputed", {"train.max_steps=6", "train.gradient_checkpointing=true"});
  CHECK(read_file(dir / "plain" / "model.safetensors") == read_file(dir / "recomputed" / "model.safetensors"));
}

TEST_CASE("the original Transformer learns to copy; labels are smoothed while it trains") {
  TempDir dir;
  const TrainOutcome outcome = run(kTransformer, dir / "run");
  CHECK(find_metric(outcome.summary, "train_loss").value() < first_loss(dir / "run"));
  CHECK(find_metric(outcome.evaluation, "eval_exact_match").has_value());
  CHECK(find_metric(outcome.evaluation, "eval_token_accuracy").value() > 0);
}

TEST_CASE("a classifier tells two kinds of text apart") {
  TempDir dir;
  const TrainOutcome outcome = run(classifier(dir.path), dir / "run", {"train.max_steps=40"});
  CHECK(find_metric(outcome.evaluation, "eval_accuracy").value() > 0.95);
  CHECK(find_metric(outcome.evaluation, "eval_majority_accuracy").value() < 0.8);
  const Json config = read_json(dir / "run" / "config.json");
  CHECK(config["id2label"]["0"] == "7");
  CHECK(config["id2label"]["1"] == "fruit");
}

TEST_CASE("recipes that cannot be are refused") {
  TempDir dir;
  CHECK_THROWS_AS(run(bert(dir.path, "BertForQuestionAnswering"), dir / "a"), ValueError);
  CHECK_THROWS_AS(run(bert(dir.path, "BertForFortune"), dir / "a"), ValueError);
  CHECK_THROWS_AS(run(kTransformer, dir / "a", {"data.synthetic=shuffle"}), ValueError);
  CHECK_THROWS_AS(run(bert(dir.path, "BertForMaskedLM"), dir / "a", {"data.block_size=33"}), ValueError);
  CHECK_THROWS_AS(run(bert(dir.path, "BertForMaskedLM"), dir / "a", {"data.mlm_probability=2"}), ValueError);
}
