#pragma once
#include <memory>
#include <optional>

#include "data/segments.h"
#include "models/model.h"
#include "nn/recompute.h"
#include "train/recipe_tokenizer.h"
#include "train/task.h"

namespace gradus {

/// BERT's way of learning from texts, as a recipe describes it: dynamic masking, and next-sentence prediction when the
/// architecture is …ForPreTraining. A tokenizer that the recipe does not name is trained, with [PAD], [CLS], [SEP] and
/// [MASK].
class MaskedLmTask final : public TrainTask {
 public:
  MaskedLmTask(const Recipe& recipe, const std::filesystem::path& tokenizer_from, const TaskHooks& hooks);

  Model& model() { return *model_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }

  Parameters& parameters() override { return model_->parameters(); }
  std::unique_ptr<Batch> next(int64_t rows) override;
  Tensor loss(const Batch& batch, double normaliser, const Context& context) override;
  double epoch() const override { return stream_->epoch(); }
  int64_t steps_for(double epochs, int64_t rows) const override;
  Json cursor() const override;
  void set_cursor(const Json& cursor) override;
  /// Each held-out piece once, always masked in the same places: eval_loss (the sum of both losses), eval_mlm_loss,
  /// eval_mlm_perplexity, eval_mlm_accuracy, eval_unigram_loss (what the frequencies of the training tokens alone would
  /// reach), eval_nsp_loss, eval_nsp_accuracy.
  MetricsRow evaluate(int64_t rows) override;
  void save(const std::filesystem::path& folder) const override;

 private:
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<Model> model_;
  TokenDocuments train_, eval_;
  MaskTokens special_;
  MaskingOptions masking_;
  std::unique_ptr<MaskedStream> stream_;
  std::vector<double> unigram_;  // -log of each token's share of the training tokens
  std::optional<Recompute> recompute_;
};

}  // namespace gradus
