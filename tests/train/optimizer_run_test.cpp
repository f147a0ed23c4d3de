// The optimisers, averages and precisions of a recipe, as a user runs them.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "corpus.h"
#include "io/safetensors.h"
#include "process.h"
#include "support/temp_dir.h"
#include "train/checkpoint.h"

using namespace gradus;
using namespace gradus::testing;
namespace fs = std::filesystem;

namespace {

struct Bench {
  TempDir dir;
  Bench() { write_file_atomic(dir.path / "recipe.toml", write_corpus(dir.path)); }
  Outcome train(const std::string& name, std::vector<std::string> more, int threads = 2) const {
    more.insert(more.begin(), {"train", (dir.path / "recipe.toml").string(), "-o", (dir.path / name).string()});
    return run_gradus(more, dir.path, threads);
  }
  Json last_row(const std::string& name) const {
    const std::string rows = read_file(dir.path / name / "metrics.jsonl");
    return parse_json(rows.substr(rows.rfind('\n', rows.size() - 2) + 1), "last row");
  }
  double eval_loss(const std::string& name, const std::vector<std::string>& more) const {
    std::vector<std::string> all = more;
    all.emplace_back("--json");
    const Outcome outcome = train(name, all);
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    return parse_json(outcome.out, "stdout")["eval_loss"].get<double>();
  }
};

}  // namespace

TEST_CASE("every optimiser, average and precision resumes bit for bit, on any number of threads") {
  const Bench bench;
  const std::vector<std::vector<std::string>> settings = {
      {"train.optim=sgd", "train.optim_args={ momentum = 0.9, nesterov = true }"},
      {"train.optim=adam"},
      {"train.optim=rmsprop", "train.optim_args.momentum=0.9"},
      {"train.optim=adagrad"},
      {"train.optim=adafactor"},
      {"train.optim=lion_32bit", "train.learning_rate=1e-3"},
      {"train.optim=muon"},
      {"train.optim=schedule_free_adamw", "train.lr_scheduler_type=constant", "train.warmup_steps=0"},
      {"train.optim=adamw_8bit"},
      {"train.ema_decay=0.5"},
      {"train.swa_start=0.5", "train.sam_rho=0.05"},
      {"train.fp16=true"},
      {"train.bf16=true"},
  };
  int run = 0;
  for (std::vector<std::string> changes : settings) {
    CAPTURE(changes[0]);
    changes.emplace_back("train.save_steps=6");
    const std::string whole = "whole" + std::to_string(run), half = "half" + std::to_string(run++);
    const Outcome outcome = bench.train(whole, changes, 1);
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    fs::copy(bench.dir.path / whole, bench.dir.path / half, fs::copy_options::recursive);
    for (const char* name : {"checkpoint-12", "model.safetensors"}) fs::remove_all(bench.dir.path / half / name);
    changes.insert(changes.end(), {"--resume", "latest"});
    const Outcome resumed = bench.train(half, changes, 2);
    INFO(resumed.err);
    REQUIRE(resumed.code == 0);
    CHECK(read_file(bench.dir.path / whole / "model.safetensors") ==
          read_file(bench.dir.path / half / "model.safetensors"));
    CHECK(read_file(bench.dir.path / whole / "checkpoint-12" / "optimizer.safetensors") ==
          read_file(bench.dir.path / half / "checkpoint-12" / "optimizer.safetensors"));
  }
}

TEST_CASE("bf16 and f16 products reach the loss of f32") {
  const Bench bench;
  const std::vector<std::string> longer = {"train.max_steps=60", "train.eval_strategy=no", "train.save_strategy=no"};
  const auto with = [&](const char* change) {
    std::vector<std::string> all = longer;
    all.emplace_back(change);
    return all;
  };
  const double exact = bench.eval_loss("f32", longer);
  for (const char* precision : {"train.bf16=true", "train.fp16=true"}) {
    CAPTURE(precision);
    const double rounded = bench.eval_loss(precision + 6, with(precision));
    CHECK(rounded != exact);
    CHECK(rounded == doctest::Approx(exact).epsilon(0.005));
  }
}

TEST_CASE("the state carries torch's names") {
  const Bench bench;
  REQUIRE(bench.train("sgd", {"train.optim=sgd", "train.optim_args.momentum=0.9", "train.max_steps=1"}).code == 0);
  const Safetensors state(bench.dir.path / "sgd" / "checkpoint-1" / "optimizer.safetensors");
  CHECK(state.contains("transformer.wte.weight.momentum_buffer"));
  REQUIRE(bench.train("ema", {"train.ema_decay=0.9", "train.max_steps=1"}).code == 0);
  const Safetensors averaged(bench.dir.path / "ema" / "checkpoint-1" / "optimizer.safetensors");
  CHECK(averaged.contains("transformer.wte.weight.exp_avg_sq"));
  CHECK(averaged.contains("transformer.wte.weight.ema"));
  CHECK(averaged.contains("transformer.wte.weight.training"));
}

TEST_CASE("settings that contradict each other get a clear word") {
  const Bench bench;
  const auto fails = [&](std::vector<std::string> more, const std::string& word) {
    const Outcome outcome = bench.train("x", std::move(more));
    CAPTURE(outcome.err);
    CHECK(outcome.code == 1);
    CHECK(outcome.err.find(word) != std::string::npos);
  };
  fails({"train.bf16=true", "train.fp16=true"}, "exclude each other");
  fails({"train.ema_decay=0.9", "train.swa_start=4"}, "exclude each other");
  fails({"train.ema_decay=0.9", "train.optim=schedule_free_adamw"}, "averages the weights itself");
  fails({"train.lr_scheduler_type=multi_step", "train.lr_scheduler_kwargs.milestones=[4, 400]"}, "outside the run");
  fails({"train.lr_scheduler_type=warmup_stable_decay", "train.lr_scheduler_kwargs.num_decay_steps=40"},
        "longer than the run");
  fails({"train.warmup_steps=100"}, "train.warmup_steps is 100, but the run has 12 steps");
  fails({"train.warmup_steps=100", "train.max_steps=2"}, "the run has 2 steps");
  fails({"train.warmup_steps=2", "train.warmup_ratio=0.1"}, "exclude each other");
  fails({"train.warmup_steps=0", "train.warmup_ratio=1.5"}, "train.warmup_ratio must be a share of the run");
  fails({"train.warmup_steps=-1"}, "train.warmup_steps must be at least 0, got -1");
  fails({"train.max_grad_norm=-1"}, "train.max_grad_norm must be at least 0");
  fails({"train.sam_rho=-0.1"}, "train.sam_rho must be at least 0");
  fails({"train.weight_decay=-0.1"}, "train.weight_decay must be at least 0");
  fails({"train.max_steps=0"}, "train.max_steps must be positive");
  fails({"train.learning_rate=0"}, "train.learning_rate must be positive, got 0");
  fails({"train.param_groups=[{ weight_decay = 0.0 }]"}, "has no pattern");
  fails({"train.adam_beta1=1.5"}, "train.adam_beta1");
  fails({"train.swa_start=100"}, "outside the run");
  fails({"train.optim=adamw"}, "did you mean adamw_torch?");
  fails({"train.memory_limit=lots"}, "train.memory_limit");
  fails({"train.param_groups=[{ pattern = \"*wtte*\", weight_decay = 0.0 }]"}, "did you mean");
}

TEST_CASE("a recipe that is tried for a few steps keeps its warm-up, and its own record of that") {
  const Bench bench;  // three steps of warm-up
  const Outcome cut = bench.train("short", {"train.max_steps=2"});
  CHECK(cut.code == 0);
  CHECK(cut.err.find("longer than the run") != std::string::npos);
  const Outcome again = run_gradus({"train", (bench.dir.path / "short" / "recipe.toml").string(), "--output-dir",
                                    (bench.dir.path / "again").string()},
                                   bench.dir.path);
  CHECK(again.code == 0);
  CHECK(read_file(bench.dir.path / "short" / "model.safetensors") ==
        read_file(bench.dir.path / "again" / "model.safetensors"));
}
