#include "train/step.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "corpus.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "optim/adamw.h"
#include "support/temp_dir.h"
#include "train/causal_lm_run.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

// loss = sum(w * x) / normaliser; x is NaN in the steps listed.
class ToyTask final : public TrainTask {
 public:
  explicit ToyTask(std::vector<int64_t> bad = {}, bool stray = false) : store_({.seed = 1}), bad_(std::move(bad)) {
    w_ = store_.make("w", {4}, Init::normal_of(1));
    if (stray) store_.make("stray.weight", {2, 3}, Init::ones());
  }
  Parameters& parameters() override { return store_; }
  std::unique_ptr<Batch> next(int64_t rows) override {
    auto batch = std::make_unique<Batch>();
    batch->targets = batch->tokens = rows;
    ++drawn_;
    return batch;
  }
  Tensor loss(const Batch&, double normaliser, const Context&) override {
    const bool bad = std::count(bad_.begin(), bad_.end(), drawn_) > 0;
    return mul(sum(w_), scalar(bad ? std::nan("") : 1 / normaliser));
  }
  double epoch() const override { return static_cast<double>(drawn_) / 100; }
  int64_t steps_for(double epochs, int64_t) const override { return static_cast<int64_t>(epochs * 100); }
  Json cursor() const override { return drawn_; }
  void set_cursor(const Json& cursor) override { drawn_ = cursor.get<int64_t>(); }
  MetricsRow evaluate(int64_t) override { return {}; }
  void save(const std::filesystem::path&) const override {}

 private:
  Parameters store_;
  Tensor w_;
  std::vector<int64_t> bad_;
  int64_t drawn_ = 0;
};

struct Notes : TrainObserver {
  std::vector<std::string> lines;
  void note(const std::string& line) override { lines.push_back(line); }
};

TrainSettings toy_settings(int64_t steps) {
  TrainSettings s;
  s.max_steps = steps, s.learning_rate = 0.1, s.logging_steps = 1, s.save_strategy = "no";
  return s;
}

}  // namespace

TEST_CASE("accumulated micro-batches are one big batch") {
  const TempDir dir;
  const Recipe recipe =
      Recipe::parse(write_corpus(dir.path), "r", {"model.resid_pdrop=0", "model.embd_pdrop=0", "model.attn_pdrop=0"});
  CausalLmTask big(recipe, "", {}), small(recipe, "", {});
  // With a large epsilon AdamW's update is smooth in the gradient.
  AdamW one(big.parameters(), {.eps = 1}), two(small.parameters(), {.eps = 1});
  for (int step = 0; step < 3; ++step) {
    const StepResult a = train_step(big, one, {.rows = 8, .accumulation = 1, .learning_rate = 1});
    const StepResult b = train_step(small, two, {.rows = 2, .accumulation = 4, .learning_rate = 1});
    CHECK(a.targets == b.targets);
    CHECK(a.loss == doctest::Approx(b.loss).epsilon(1e-6));
    CHECK(a.grad_norm == doctest::Approx(b.grad_norm).epsilon(1e-5));
  }
  for (const Parameter& p : big.parameters().all()) {
    CAPTURE(p.name);
    const auto x = p.value.to_vector<double>(), y = small.parameters().find(p.name).to_vector<double>();
    double most = 0;
    for (size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
    CHECK(most < 2e-6);
  }
}

TEST_CASE("a trainable parameter without a gradient stops the run and is named") {
  ToyTask task({}, true);
  AdamW optimizer(task.parameters(), {});
  try {
    train_step(task, optimizer, {});
    FAIL("no error");
  } catch (const GradError& e) {
    CHECK(std::string(e.what()).find("stray.weight (2, 3)") != std::string::npos);
    CHECK(std::string(e.what()).find("  w ") == std::string::npos);
  }
  task.parameters().set_trainable("stray.*", false);
  AdamW rest(task.parameters(), {});
  CHECK(train_step(task, rest, {}).applied);
}

TEST_CASE("a step whose loss is not finite changes nothing and is reported") {
  const TempDir dir;
  ToyTask task({3});
  std::filesystem::create_directories(dir / "run");
  Notes notes;
  const TrainOutcome outcome = train(task, toy_settings(5), {dir / "run", {}, "", &notes});
  CHECK(outcome.skipped_steps == 1);
  REQUIRE(notes.lines.size() == 1);
  CHECK(notes.lines[0].find("step 3") != std::string::npos);
  const auto rows = read_metrics(dir / "run" / "metrics.jsonl");
  CHECK(std::isnan(*find_metric(rows.at(2), "loss")));
  CHECK(std::isfinite(*find_metric(rows.at(3), "loss")));
  CHECK(*find_metric(rows.back(), "skipped_steps") == 1);

  ToyTask alone({1});
  const auto before = alone.parameters().find("w").to_vector<float>();
  AdamW optimizer(alone.parameters(), {});
  CHECK(!train_step(alone, optimizer, {.learning_rate = 0.1}).applied);
  CHECK(alone.parameters().find("w").to_vector<float>() == before);
  CHECK(optimizer.steps() == 0);
}

TEST_CASE("a loss that stays non-finite ends the run") {
  const TempDir dir;
  std::vector<int64_t> all;
  for (int64_t i = 3; i < 100; ++i) all.push_back(i);
  ToyTask task(all);
  std::filesystem::create_directories(dir / "run");
  CHECK_THROWS_AS(train(task, toy_settings(60), {dir / "run", {}, "", nullptr}), ValueError);
}
