// What --dry-run promises is what the run then takes.
#include "train/memory_plan.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "corpus.h"
#include "process.h"
#include "support/temp_dir.h"
#include "train/checkpoint.h"

using namespace gradus;
using namespace gradus::testing;
namespace fs = std::filesystem;

namespace {

struct Bench {
  TempDir dir;
  explicit Bench(const std::string& family = "gpt2") {
    std::string recipe = write_corpus(dir.path);
    if (family == "llama") {
      const size_t begin = recipe.find("[model]"), end = recipe.find("[train]");
      recipe = recipe.substr(0, begin) +
               "[model]\nmodel_type = \"llama\"\nhidden_size = 48\nintermediate_size = 128\nnum_hidden_layers = 2\n"
               "num_attention_heads = 4\nnum_key_value_heads = 2\nmax_position_embeddings = 64\n\n" +
               recipe.substr(end);
    }
    write_file_atomic(dir.path / "recipe.toml", recipe);
  }
  Outcome train(const std::vector<std::string>& more, int threads = 2) const {
    std::vector<std::string> all = {"train", (dir.path / "recipe.toml").string()};
    all.insert(all.end(), more.begin(), more.end());
    return run_gradus(all, dir.path, threads);
  }
  Json plan(std::vector<std::string> more) const {
    more.insert(more.end(), {"--dry-run", "--json"});
    const Outcome outcome = train(more);
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    return parse_json(outcome.out, "plan");
  }
  int64_t peak_of_run(std::vector<std::string> more, const std::string& name) const {
    more.insert(more.end(), {"--output-dir", (dir.path / name).string()});
    const Outcome outcome = train(more);
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    return last_row(name)["peak_bytes"].get<int64_t>();
  }
  Json last_row(const std::string& name) const {
    const std::string rows = read_file(dir.path / name / "metrics.jsonl");
    return parse_json(rows.substr(rows.rfind('\n', rows.size() - 2) + 1), "last row");
  }
};

}  // namespace

TEST_CASE("the plan's peak is the run's") {
  const std::vector<std::vector<std::string>> settings = {
      {},
      {"train.per_device_train_batch_size=1", "train.gradient_accumulation_steps=3"},
      {"train.gradient_checkpointing=true", "train.per_device_train_batch_size=16"},
      {"train.per_device_eval_batch_size=64", "train.per_device_train_batch_size=2"},
      {"data.block_size=17", "train.optim=lion_32bit", "data.cross_document_attention=true"},
      {"train.optim=muon", "train.ema_decay=0.9"},
      {"train.optim=adafactor", "train.sam_rho=0.05"},
      {"train.optim=schedule_free_adamw", "train.bf16=true"},
      {"train.optim=adamw_8bit", "train.fp16=true", "data.eval_fraction=0"},
  };
  for (const char* family : {"gpt2", "llama"}) {
    const Bench bench(family);
    int run = 0;
    for (std::vector<std::string> changes : settings) {
      changes.push_back("train.max_steps=3");
      CAPTURE(family);
      CAPTURE(run);
      const auto planned = bench.plan(changes)["peak_bytes"].get<double>();
      const auto taken = static_cast<double>(bench.peak_of_run(changes, "run" + std::to_string(run++)));
      CHECK(planned == doctest::Approx(taken).epsilon(0.02));
    }
  }
}

TEST_CASE("a resumed run tells the peak of all its attempts, within the plan") {
  const Bench bench;
  const auto planned = bench.plan({})["peak_bytes"].get<double>();
  const int64_t whole = bench.peak_of_run({}, "whole");
  bench.peak_of_run({"train.max_steps=4"}, "parts");
  const int64_t parts = bench.peak_of_run({"--resume", "latest"}, "parts");
  CHECK(static_cast<double>(parts) == doctest::Approx(planned).epsilon(0.02));
  CHECK(parts == whole);
}

TEST_CASE("a dry run tells parameters, operations and time, and touches nothing") {
  const Bench bench;
  const Json plan = bench.plan({"--output-dir", (bench.dir.path / "never").string()});
  CHECK(!fs::exists(bench.dir.path / "never"));
  bench.peak_of_run({"train.max_steps=1"}, "run");
  CHECK(plan["parameters"] == bench.last_row("run")["parameters"]);
  CHECK(plan["max_steps"] == 12);
  CHECK(plan["tokens_per_step"] == 4 * 32);
  // 6 N + 12 L C T (Chowdhery et al. 2022): N all weights of products, here 12 C^2 a layer and the vocabulary.
  const double width = 32, layers = 2, time = 32;
  const double vocabulary =
      (plan["parameters"].get<double>() - layers * (12 * width * width + 13 * width) - 2 * width) / width - time;
  const double expected = 6 * (layers * 12 * width * width + vocabulary * width) + 12 * layers * width * time;
  CHECK(plan["flops_per_token"].get<double>() == doctest::Approx(expected).epsilon(0.01));
  const Json again = bench.plan({"train.gradient_checkpointing=true"});
  CHECK(again["flops_per_token"] == plan["flops_per_token"]);
  CHECK(again["step_flops"].get<double>() > plan["step_flops"].get<double>());
  CHECK(plan["step_seconds"].get<double>() > 0);
  const Outcome readable = bench.train({"--dry-run"});
  CHECK(readable.code == 0);
  CHECK(readable.out.find("peak memory") != std::string::npos);
  const Json blind = bench.plan({"data.files=" + (bench.dir.path / "nothing*").string()});  // a plan needs no texts
  CHECK(blind["peak_bytes"].get<int64_t>() >= plan["peak_bytes"].get<int64_t>());
}

TEST_CASE("a memory limit is told before anything is lost") {
  const Bench bench;
  const int64_t peak = bench.peak_of_run({}, "a");
  const std::string model = read_file(bench.dir.path / "a" / "model.safetensors");
  const Outcome refused = bench.train(
      {"-o", (bench.dir.path / "a").string(), "--overwrite", "train.memory_limit=" + std::to_string(peak / 2)});
  CHECK(refused.code == 1);
  CHECK(refused.err.find("train.memory_limit") != std::string::npos);
  CHECK(refused.err.find("--fit") != std::string::npos);
  CHECK(read_file(bench.dir.path / "a" / "model.safetensors") == model);
  CHECK(bench.peak_of_run({"train.memory_limit=" + std::to_string(peak + peak / 50)}, "b") <= peak);
  CHECK(read_file(bench.dir.path / "b" / "model.safetensors") == model);
}

TEST_CASE("settings are refused before an earlier run is thrown away") {
  const Bench bench;
  bench.peak_of_run({}, "a");
  const std::string model = read_file(bench.dir.path / "a" / "model.safetensors");
  for (const char* wrong : {"train.warmup_steps=100", "train.optim=adamw", "train.ema_decay=2",
                            "train.param_groups=[{ pattern = \"*nothing*\" }]"}) {
    CAPTURE(wrong);
    CHECK(bench.train({"-o", (bench.dir.path / "a").string(), "--overwrite", wrong}).code == 1);
    CHECK(read_file(bench.dir.path / "a" / "model.safetensors") == model);
  }
  // a plan without texts does not know how many steps epochs are
  const Outcome epochs = bench.train({"-o", (bench.dir.path / "a").string(), "--overwrite", "train.max_steps=-1",
                                      "train.num_train_epochs=1", "train.swa_start=2", "train.memory_limit=1GB"});
  CAPTURE(epochs.err);
  CHECK(epochs.code == 0);
}

TEST_CASE("--fit keeps the rows of a step and finds what fits") {
  const Bench bench;
  const std::vector<std::string> big = {"train.per_device_train_batch_size=32", "train.max_steps=2"};
  auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), big.begin(), big.end());
    return more;
  };
  const int64_t whole = bench.plan(big)["peak_bytes"].get<int64_t>();
  const int64_t limit = whole * 2 / 3;
  const Json fitted = bench.plan(with({"--fit", "train.memory_limit=" + std::to_string(limit)}));
  CHECK(fitted["peak_bytes"].get<int64_t>() <= limit);
  CHECK(fitted["fits"] == true);
  CHECK(fitted["per_device_train_batch_size"].get<int>() * fitted["gradient_accumulation_steps"].get<int>() == 32);
  CHECK(fitted["per_device_train_batch_size"].get<int>() < 32);
  CHECK(bench.peak_of_run(with({"--fit", "train.memory_limit=" + std::to_string(limit)}), "run") <= limit);
  const Outcome impossible = bench.train(with({"--fit", "--dry-run", "train.memory_limit=100kB"}));
  CHECK(impossible.code == 1);
  CHECK(impossible.err.find("it still needs") != std::string::npos);
  // ... and what it names is the least that would do, evaluation batches included
  const Json least = bench.plan({"train.per_device_train_batch_size=1", "train.gradient_accumulation_steps=32",
                                 "train.per_device_eval_batch_size=1", "train.gradient_checkpointing=true",
                                 "model.n_embd=256", "train.max_steps=2"});
  const Outcome wide = bench.train(with(
      {"--fit", "--dry-run", "train.memory_limit=100kB", "model.n_embd=256", "train.per_device_eval_batch_size=256"}));
  const int64_t megabytes = (least["peak_bytes"].get<int64_t>() + 999999) / 1000000;
  CAPTURE(wide.err);
  CHECK(wide.err.find("it still needs " + std::to_string(megabytes) + " MB") != std::string::npos);
  CHECK(bench.train({"--fit", "--dry-run"}).code == 1);
}

TEST_CASE("sizes in memory are read as people write them") {
  CHECK(bytes_of(2000, "k") == 2000);
  CHECK(bytes_of("2GB", "k") == 2000000000);
  CHECK(bytes_of("1.5 kB", "k") == 1500);
  CHECK(bytes_of("512MiB", "k") == 512 << 20);
  CHECK(bytes_of("3e6", "k") == 3000000);
  for (const char* wrong : {"much", "2 apples", "-1", "2XB", "", "1kib2"})
    CHECK_THROWS_WITH_AS(bytes_of(wrong, "train.memory_limit"), doctest::Contains("train.memory_limit"), ValueError);
}
