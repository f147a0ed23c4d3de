// A run that meets its memory limit in the middle.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/safetensors.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "support/temp_dir.h"
#include "tensor/allocator.h"
#include "train/trainer.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

// Takes much more memory in batch number `greedy` than in the others.
class GreedyTask final : public TrainTask {
 public:
  explicit GreedyTask(int64_t greedy) : store_({.seed = 1}), greedy_(greedy) {
    w_ = store_.make("w", {1000}, Init::normal_of(1));
  }
  Parameters& parameters() override { return store_; }
  std::unique_ptr<Batch> next(int64_t rows) override {
    auto batch = std::make_unique<Batch>();
    batch->targets = batch->tokens = rows;
    ++drawn_;
    return batch;
  }
  Tensor loss(const Batch&, double normaliser, const Context&) override {
    if (drawn_ == greedy_) zeros({1 << 22});
    return mul(sum(square(w_)), 1 / normaliser);
  }
  double epoch() const override { return 0; }
  int64_t steps_for(double, int64_t) const override { return 10; }
  Json cursor() const override { return drawn_; }
  void set_cursor(const Json& cursor) override { drawn_ = cursor.get<int64_t>(); }
  MetricsRow evaluate(int64_t) override { return {}; }
  void save(const fs::path& folder) const override {
    write_safetensors(folder / "model.safetensors", {{"w", w_.detach()}});
  }

 private:
  Parameters store_;
  Tensor w_;
  int64_t greedy_, drawn_ = 0;
};

}  // namespace

TEST_CASE("a run that meets its memory limit saves the state before the step, and goes on from there") {
  TempDir dir;
  for (const char* run : {"whole", "met"}) fs::create_directories(dir.path / run);
  TrainSettings settings;
  settings.max_steps = 6;
  settings.save_strategy = "no";
  {
    GreedyTask task(-1);
    train(task, settings, {dir.path / "whole", {}, "", nullptr});
  }
  settings.memory_limit = memory_stats().current + (4 << 20);
  {
    GreedyTask task(5);
    CHECK_THROWS_WITH_AS(train(task, settings, {dir.path / "met", {}, "", nullptr}),
                         doctest::Contains("memory ended at step 5"), MemoryError);
  }
  const auto held = list_checkpoints(dir.path / "met");
  REQUIRE(held.size() == 1);
  CHECK(held[0].step == 4);
  CHECK_NOTHROW(zeros({1 << 22}));  // the ceiling is gone
  GreedyTask task(-1);
  train(task, settings, {dir.path / "met", held[0], "", nullptr});
  CHECK(read_file(dir.path / "met" / "model.safetensors") == read_file(dir.path / "whole" / "model.safetensors"));
}
