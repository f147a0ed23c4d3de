#include "cli/bench_models.h"

#include <nlohmann/json.hpp>

#include "objectives/causal_lm.h"
#include "ops/create.h"

namespace gradus::cli {

namespace {

constexpr BenchModel kModels[] = {{"s", 6, 384, 6, 8192, 256, 16}, {"m", 12, 768, 12, 50257, 1024, 2}};

}  // namespace

Json bench_config(const BenchModel& s) {
  return {{"model_type", "gpt2"}, {"n_layer", s.layers},   {"n_embd", s.width},
          {"n_head", s.heads},    {"vocab_size", s.vocab}, {"n_positions", s.context},
          {"resid_pdrop", 0.0},   {"embd_pdrop", 0.0},     {"attn_pdrop", 0.0}};
}

Tensor bench_tokens(const BenchModel& s) {
  std::vector<int64_t> ids;
  const RandomKey key{1, 0};
  for (int64_t i = 0; i < s.batch * s.context; ++i)
    ids.push_back(static_cast<int64_t>(key.below(static_cast<uint64_t>(s.vocab), static_cast<uint64_t>(i))));
  return from_vector(ids, {s.batch, s.context});
}

const char* const kBenchModels =
    "s: 6 layers, 384 wide, 6 heads, vocabulary 8192, context 256, batch 16.\n"
    "m: 12 layers, 768 wide, 12 heads, vocabulary 50257, context 1024, batch 2.\n";

const BenchModel* bench_model(const std::string& name) {
  for (const BenchModel& m : kModels)
    if (name == m.name) return &m;
  return nullptr;
}

RandomTokensTask::RandomTokensTask(const BenchModel& size)
    : size_(size),
      model_(make_causal_lm(bench_config(size), {.seed = 1})),
      ids_(bench_tokens(size)),
      labels_(shift_labels(ids_)) {}

std::unique_ptr<TrainTask::Batch> RandomTokensTask::next(int64_t) {
  auto batch = std::make_unique<Batch>();
  batch->tokens = ids_.count();
  batch->targets = count_targets(labels_);
  return batch;
}

Tensor RandomTokensTask::loss(const Batch&, double normaliser, const Context& context) {
  LmInput in;
  in.input_ids = ids_;
  return causal_lm_loss(*model_, model_->hidden(in, context), labels_, normaliser);
}

Json RandomTokensTask::cursor() const { return {}; }

OptimizerSettings bench_optimizer() {
  return {.adam_beta2 = 0.95, .options = {.weight_decay = 0.1, .rules = undecayed_biases_and_norms()}};
}
StepOptions bench_step(const BenchModel& size) {
  return {.rows = size.batch, .learning_rate = 3e-4, .check_gradients = false};
}

}  // namespace gradus::cli
