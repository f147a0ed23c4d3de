#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/shuffled.h"
#include "models/model.h"
#include "nn/recompute.h"
#include "text/special_frame.h"
#include "train/recipe_tokenizer.h"
#include "train/task.h"

namespace gradus {

/// What the tasks over JSONL records share: records that come in a new order every epoch, each turned into tokens once.
class RecordTask : public TrainTask {
 public:
  Model& model() { return *model_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  Parameters& parameters() override { return model_->parameters(); }
  std::unique_ptr<Batch> next(int64_t rows) override;
  Tensor loss(const Batch& batch, double normaliser, const Context& context) override;
  double epoch() const override { return order_->epoch(); }
  int64_t steps_for(double epochs, int64_t rows) const override;
  Json cursor() const override;
  void set_cursor(const Json& cursor) override;
  void save(const std::filesystem::path& folder) const override;

 protected:
  struct Item {
    std::vector<int32_t> text;
    std::vector<int64_t> labels;  ///< one class, or the tokens to write
  };
  /// The inputs of a forward pass over these items, labels included.
  virtual NamedTensors inputs_of(const std::vector<const Item*>& items) const = 0;
  void start(const Recipe& recipe, std::vector<Item> train, std::vector<Item> eval, const TaskHooks& hooks);
  /// text (B, T) padded with `pad`, and its mask
  NamedTensors padded_text(const std::vector<const Item*>& items) const;

  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<Model> model_;
  std::vector<Item> train_, eval_;
  int32_t pad_ = 0;

 private:
  std::string fingerprint_;
  std::optional<ShuffledIndices> order_;
  std::optional<Recompute> recompute_;
};

/// A classifier of whole texts (…ForSequenceClassification) from JSONL: data.text_key and data.label_key; or from text
/// files (data.format = "text"), whose names are the labels. The labels of the training records become id2label, in
/// alphabetical order.
class ClassifierTask final : public RecordTask {
 public:
  ClassifierTask(const Recipe& recipe, const std::filesystem::path& tokenizer_from, const TaskHooks& hooks);
  /// eval_loss, eval_accuracy, eval_majority_accuracy (always the commonest label of the training records).
  MetricsRow evaluate(int64_t rows) override;

 private:
  NamedTensors inputs_of(const std::vector<const Item*>& items) const override;
  int64_t commonest_ = 0;
};

/// An encoder–decoder (…ForConditionalGeneration) learns to write data.target_key from data.text_key, or made-up texts
/// (data.synthetic: copy, reverse or sort 20 letters at most).
class Seq2SeqTask final : public RecordTask {
 public:
  Seq2SeqTask(const Recipe& recipe, const std::filesystem::path& tokenizer_from, const TaskHooks& hooks);
  /// eval_loss, eval_token_accuracy, eval_exact_match: texts that greedy decoding writes without a mistake.
  MetricsRow evaluate(int64_t rows) override;

 private:
  NamedTensors inputs_of(const std::vector<const Item*>& items) const override;
};

/// The task of a recipe: masked language modelling, classification, encoder–decoder or causal language modelling, as
/// model.model_type and model.architectures say.
std::unique_ptr<TrainTask> make_train_task(const Recipe& recipe, const std::filesystem::path& tokenizer_from,
                                           const TaskHooks& hooks);

}  // namespace gradus
