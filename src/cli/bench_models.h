#pragma once
// The GPT-2 sizes that `gradus bench train` and `gradus profile` know, on random tokens.
#include <memory>
#include <string>

#include "models/model.h"
#include "optim/registry.h"
#include "train/step.h"

namespace gradus::cli {

struct BenchModel {
  const char* name;
  int64_t layers, width, heads, vocab, context, batch;
};
/// Null for a name other than "s" and "m".
const BenchModel* bench_model(const std::string& name);
Json bench_config(const BenchModel& size);
/// (batch, context)
Tensor bench_tokens(const BenchModel& size);
/// What the sizes are, for --help.
extern const char* const kBenchModels;

/// Language modelling of the same random tokens at every step.
class RandomTokensTask final : public TrainTask {
 public:
  explicit RandomTokensTask(const BenchModel& size);
  Parameters& parameters() override { return model_->parameters(); }
  std::unique_ptr<Batch> next(int64_t rows) override;
  Tensor loss(const Batch& batch, double normaliser, const Context& context) override;
  double epoch() const override { return 0; }
  int64_t steps_for(double, int64_t) const override { return 1; }
  Json cursor() const override;
  void set_cursor(const Json&) override {}
  MetricsRow evaluate(int64_t) override { return {}; }
  void save(const std::filesystem::path&) const override {}

 private:
  BenchModel size_;
  std::unique_ptr<CausalLm> model_;
  Tensor ids_, labels_;
};

/// The optimiser and the step that both verbs use: AdamW, clipping at 1.
OptimizerSettings bench_optimizer();
StepOptions bench_step(const BenchModel& size);

}  // namespace gradus::cli
