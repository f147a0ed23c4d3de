#include "train/record_run.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/labels.h"
#include "train/causal_lm_run.h"
#include "train/masked_lm_run.h"
#include "train/task_parts.h"

namespace gradus {

namespace {

struct RecordBatch final : TrainTask::Batch {
  NamedTensors inputs;
};

}  // namespace

void RecordTask::start(const Recipe& recipe, std::vector<Item> train, std::vector<Item> eval, const TaskHooks& hooks) {
  train_ = std::move(train);
  eval_ = std::move(eval);
  recompute_ = recompute_of(recipe);
  order_.emplace(static_cast<int64_t>(train_.size()), shuffle_key(recipe, "records"));
  RandomKey print{};
  for (const Item& item : train_) {
    for (int32_t id : item.text) print = print.fold(static_cast<uint64_t>(id));
    for (int64_t label : item.labels) print = print.fold(static_cast<uint64_t>(label) + 1);
    print = print.fold(stream_name("record"));
  }
  fingerprint_ = std::to_string(print.bits(0));
  if (hooks.note)
    hooks.note(std::to_string(train_.size()) + " records to train on, " + std::to_string(eval_.size()) + " held out; " +
               std::to_string(model_->parameters().count()) + " parameters, " +
               std::to_string(tokenizer_->vocab_size()) + " in the vocabulary");
}

NamedTensors RecordTask::padded_text(const std::vector<const Item*>& items) const {
  size_t longest = 0;
  for (const Item* item : items) longest = std::max(longest, item->text.size());
  std::vector<int64_t> ids, visible;
  for (const Item* item : items)
    for (size_t t = 0; t < longest; ++t) {
      const bool there = t < item->text.size();
      ids.push_back(there ? item->text[t] : pad_);
      visible.push_back(there);
    }
  const Shape shape{static_cast<int64_t>(items.size()), static_cast<int64_t>(longest)};
  return {{"input_ids", from_vector(ids, shape)}, {"attention_mask", from_vector(visible, shape)}};
}

std::unique_ptr<TrainTask::Batch> RecordTask::next(int64_t rows) {
  auto batch = std::make_unique<RecordBatch>();
  std::vector<const Item*> items;
  for (int64_t r = 0; r < rows; ++r) {
    items.push_back(&train_[static_cast<size_t>(order_->next())]);
    batch->targets += static_cast<int64_t>(items.back()->labels.size());
    batch->tokens += static_cast<int64_t>(items.back()->text.size());
  }
  batch->inputs = inputs_of(items);
  return batch;
}

Tensor RecordTask::loss(const Batch& batch, double normaliser, const Context& context) {
  Context blocks = context;
  blocks.recompute = recompute_ ? &*recompute_ : nullptr;
  const NamedTensors& inputs = static_cast<const RecordBatch&>(batch).inputs;
  return weighted_loss(model_->forward(inputs, blocks, {.logits = false}), batch.targets, normaliser);
}

int64_t RecordTask::steps_for(double epochs, int64_t rows) const {
  return static_cast<int64_t>(std::ceil(epochs * static_cast<double>(train_.size()) / static_cast<double>(rows)));
}

Json RecordTask::cursor() const { return {{"position", order_->position()}, {"fingerprint", fingerprint_}}; }

void RecordTask::set_cursor(const Json& cursor) { order_->set_position(checked_position(cursor, fingerprint_)); }

void RecordTask::save(const std::filesystem::path& folder) const {
  tokenizer_->save(folder);
  save_model(*model_, folder);
}

std::unique_ptr<TrainTask> make_train_task(const Recipe& recipe, const std::filesystem::path& tokenizer_from,
                                           const TaskHooks& hooks) {
  const Json& model = recipe.model();
  if (is_causal_lm(model.at("model_type").get<std::string>()))
    return std::make_unique<CausalLmTask>(recipe, tokenizer_from, hooks);
  // make_model() chooses the head; its name is in the configuration that comes back.
  std::string architecture;
  const auto it = model.find("architectures");
  if (it != model.end() && it->is_array() && !it->empty() && it->front().is_string())
    architecture = it->front().get<std::string>();
  const auto ends = [&](const char* ending) { return architecture.find(ending) != std::string::npos; };
  const std::string type = model.at("model_type").get<std::string>();
  const bool writes = type == "t5" || type == "bart" || type == "transformer";
  if (ends("ForSequenceClassification")) return std::make_unique<ClassifierTask>(recipe, tokenizer_from, hooks);
  if (writes && (architecture.empty() || ends("ForConditionalGeneration")))
    return std::make_unique<Seq2SeqTask>(recipe, tokenizer_from, hooks);
  if (!writes && (architecture.empty() || ends("ForMaskedLM") || ends("ForPreTraining")))
    return std::make_unique<MaskedLmTask>(recipe, tokenizer_from, hooks);
  throw ValueError("recipe", "model.architectures: there is no way of training " + architecture + ".",
                   "it may end in ForMaskedLM, ForPreTraining, ForSequenceClassification, ForConditionalGeneration.");
}

}  // namespace gradus
