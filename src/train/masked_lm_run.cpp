#include "train/masked_lm_run.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/labels.h"
#include "ops/loss.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "train/causal_lm_run.h"
#include "train/lm_evaluation.h"
#include "train/task_parts.h"

namespace gradus {

namespace {

struct MaskedTaskBatch final : TrainTask::Batch {
  MaskedBatch rows;
};

MaskTokens mask_tokens(const Tokenizer& tokenizer) {
  MaskTokens t;
  t.cls = token_of(tokenizer, {"[CLS]", "<s>"});
  t.sep = token_of(tokenizer, {"[SEP]", "</s>"});
  t.mask = token_of(tokenizer, {"[MASK]", "<mask>"});
  t.pad = token_of(tokenizer, {"[PAD]", "<pad>"});
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id)
    if (!tokenizer.is_special(id)) t.ordinary.push_back(id);
  return t;
}

NamedTensors inputs_of(const MaskedBatch& rows, const Model& model) {
  NamedTensors inputs{{"input_ids", rows.input_ids}, {"attention_mask", rows.attention_mask}, {"labels", rows.labels}};
  if (takes_input(model, "token_type_ids")) inputs.emplace_back("token_type_ids", rows.token_type_ids);
  if (rows.next_sentence_label.defined()) inputs.emplace_back("next_sentence_label", rows.next_sentence_label);
  return inputs;
}

}  // namespace

MaskedLmTask::MaskedLmTask(const Recipe& recipe, const std::filesystem::path& tokenizer_from, const TaskHooks& hooks) {
  const Split texts = read_texts(recipe);
  tokenizer_ = std::make_unique<Tokenizer>(
      tokenizer_of(recipe, tokenizer_from, texts.train, hooks, {"[PAD]", "[CLS]", "[SEP]", "[MASK]"}));
  special_ = mask_tokens(*tokenizer_);
  model_ = make_recipe_model(recipe, *tokenizer_,
                             {{"pad_token_id", special_.pad},
                              {"bos_token_id", special_.cls},
                              {"cls_token_id", special_.cls},
                              {"eos_token_id", special_.sep},
                              {"sep_token_id", special_.sep},
                              {"mask_token_id", special_.mask}});
  recompute_ = recompute_of(recipe);

  masking_.pairs = takes_input(*model_, "next_sentence_label");
  masking_.block_size = block_size_of(recipe, *model_);
  masking_.probability = recipe.number("data.mlm_probability");
  masking_.key = shuffle_key(recipe, "masked rows");
  train_ = tokenize_documents(*tokenizer_, texts.train, special_.cls);
  eval_ = tokenize_documents(*tokenizer_, texts.eval, special_.cls);
  stream_ = std::make_unique<MaskedStream>(train_, special_, masking_);

  std::vector<double> counts(static_cast<size_t>(tokenizer_->vocab_size()), 1.0);  // each token once more than seen
  for (int32_t id : train_.ids)
    if (!tokenizer_->is_special(id)) ++counts[static_cast<size_t>(id)];
  double total = 0;
  for (double n : counts) total += n;
  for (double n : counts) unigram_.push_back(std::log(total / n));
  if (hooks.note)
    hooks.note(std::to_string(train_.count()) + " documents, " + std::to_string(train_.tokens()) +
               " tokens to train on in " + std::to_string(stream_->rows_per_epoch()) + " pieces; " +
               std::to_string(eval_.count()) + " documents held out; " + std::to_string(model_->parameters().count()) +
               " parameters, " + std::to_string(tokenizer_->vocab_size()) + " in the vocabulary");
}

std::unique_ptr<TrainTask::Batch> MaskedLmTask::next(int64_t rows) {
  auto batch = std::make_unique<MaskedTaskBatch>();
  batch->rows = stream_->next(rows);
  batch->targets = batch->rows.targets;
  batch->tokens = batch->rows.tokens;
  return batch;
}

Tensor MaskedLmTask::loss(const Batch& batch, double normaliser, const Context& context) {
  const MaskedBatch& rows = static_cast<const MaskedTaskBatch&>(batch).rows;
  Context blocks = context;
  blocks.recompute = recompute_ ? &*recompute_ : nullptr;
  return weighted_loss(model_->forward(inputs_of(rows, *model_), blocks, {.logits = false}), batch.targets, normaliser);
}

int64_t MaskedLmTask::steps_for(double epochs, int64_t rows) const {
  return static_cast<int64_t>(
      std::ceil(epochs * static_cast<double>(stream_->rows_per_epoch()) / static_cast<double>(rows)));
}

Json MaskedLmTask::cursor() const {
  return {{"position", stream_->position()}, {"fingerprint", std::to_string(train_.fingerprint())}};
}

void MaskedLmTask::set_cursor(const Json& cursor) {
  stream_->set_position(checked_position(cursor, std::to_string(train_.fingerprint())));
}

MetricsRow MaskedLmTask::evaluate(int64_t rows) {
  if (eval_.count() == 0) return {};
  const NoGrad off;
  MaskingOptions fixed = masking_;
  fixed.key = RandomKey{0, stream_name("held-out rows")};
  MaskedStream stream(eval_, special_, fixed);
  double words = 0, unigram = 0, next = 0, right_words = 0, right_pairs = 0;
  int64_t targets = 0;
  const int64_t total = stream.rows_per_epoch();
  for (int64_t at = 0; at < total; at += rows) {
    const MaskedBatch batch = stream.next(std::min(rows, total - at));
    const NamedTensors out = model_->forward(inputs_of(batch, *model_), {});
    const Tensor logits = find_tensor(out, masking_.pairs ? "prediction_logits" : "logits");
    const auto labels = batch.labels.to_vector<int64_t>(), best = argmax(logits).to_vector<int64_t>();
    words += cross_entropy(logits, batch.labels, 1).item();
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] == kIgnoredLabel) continue;
      unigram += unigram_[static_cast<size_t>(labels[i])];
      right_words += best[i] == labels[i];
      ++targets;
    }
    if (!masking_.pairs) continue;
    const Tensor pairs = find_tensor(out, "seq_relationship_logits");
    next += cross_entropy(pairs, batch.next_sentence_label, 1).item();
    const auto want = batch.next_sentence_label.to_vector<int64_t>(), got = argmax(pairs).to_vector<int64_t>();
    for (size_t i = 0; i < want.size(); ++i) right_pairs += want[i] == got[i];
  }
  const auto n = static_cast<double>(targets);
  const double word_loss = words / n, pair_loss = next / static_cast<double>(total);
  MetricsRow row{{"eval_loss", word_loss + (masking_.pairs ? pair_loss : 0)},
                 {"eval_mlm_loss", word_loss},
                 {"eval_mlm_perplexity", std::exp(word_loss)},
                 {"eval_mlm_accuracy", right_words / n},
                 {"eval_unigram_loss", unigram / n},
                 {"eval_tokens", targets}};
  if (masking_.pairs) {
    row.emplace_back("eval_nsp_loss", pair_loss);
    row.emplace_back("eval_nsp_accuracy", right_pairs / static_cast<double>(total));
  }
  return row;
}

void MaskedLmTask::save(const std::filesystem::path& folder) const {
  tokenizer_->save(folder);
  save_model(*model_, folder);
}

}  // namespace gradus
