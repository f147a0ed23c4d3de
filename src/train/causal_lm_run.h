#pragma once
#include <memory>
#include <optional>
#include <string>

#include "data/documents.h"
#include "models/model.h"
#include "nn/recompute.h"
#include "text/tokenizer.h"
#include "train/lm_evaluation.h"
#include "train/recipe.h"
#include "train/recipe_tokenizer.h"
#include "train/trainer.h"

namespace gradus {

TrainSettings train_settings(const Recipe& recipe);

/// What train.gradient_checkpointing and its _kwargs ask for; nothing when it is off. Throws ValueError for an unknown
/// or impossible setting.
std::optional<Recompute> recompute_of(const Recipe& recipe);

/// The texts of the section [data], held-out ones apart.
Split read_texts(const Recipe& recipe);

/// What a memory plan needs to know of texts and tokenizer.
struct LmDataFacts {
  int64_t vocabulary = 0;
  int64_t train_tokens = 0;  ///< 0: not known
  int64_t eval_rows = 0;     ///< rows of block_size tokens that are held out; 0: nothing is
};

/// Language modelling as a recipe describes it: texts, tokenizer and a fresh model.
class CausalLmTask final : public TrainTask {
 public:
  struct Hooks : TaskHooks {
    Hooks() = default;
    Hooks(TaskHooks hooks) : TaskHooks(std::move(hooks)) {}
    /// On meta: a model and batches without numbers, for a memory plan.
    Device device = Device::cpu;
    /// Instead of texts and tokenizer, of which nothing is read then. Only on meta.
    std::optional<LmDataFacts> assumed;
  };
  /// With `tokenizer_from` (a checkpoint) the tokenizer stored there is used; otherwise that of the recipe, which is
  /// trained on the training texts when it names none.
  CausalLmTask(const Recipe& recipe, const std::filesystem::path& tokenizer_from, const Hooks& hooks);

  CausalLm& model() { return *model_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  LmDataFacts facts() const;
  int64_t block_size() const { return block_size_; }
  const TokenDocuments& training_tokens() const { return train_; }
  const TokenDocuments& held_out_tokens() const { return eval_; }

  bool held_out() const override { return eval_.count() > 0; }
  Parameters& parameters() override { return model_->parameters(); }
  std::unique_ptr<Batch> next(int64_t rows) override;
  Tensor loss(const Batch& batch, double normaliser, const Context& context) override;
  double epoch() const override { return stream_->epoch(); }
  int64_t steps_for(double epochs, int64_t rows) const override;
  Json cursor() const override;
  void set_cursor(const Json& cursor) override;
  MetricsRow evaluate(int64_t rows) override;
  void save(const std::filesystem::path& folder) const override;

 private:
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<CausalLm> model_;
  TokenDocuments train_, eval_;
  int64_t eval_bytes_ = 0, block_size_ = 0, train_tokens_ = 0;
  std::unique_ptr<PackedStream> stream_;
  std::optional<Recompute> recompute_;
  Device device_;
};

}  // namespace gradus
