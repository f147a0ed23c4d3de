#include "train/causal_lm_run.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "objectives/causal_lm.h"
#include "train/embedding_init.h"

namespace gradus {

namespace {

struct LmTaskBatch final : TrainTask::Batch {
  LmBatch rows;
};

OptimizerSettings optimizer_settings(const Recipe& recipe) {
  OptimizerSettings settings;
  settings.optim = recipe.text("train.optim");
  settings.optim_args = dump_json(recipe.value("train.optim_args"));
  settings.adam_beta1 = recipe.number("train.adam_beta1");
  settings.adam_beta2 = recipe.number("train.adam_beta2");
  settings.adam_epsilon = recipe.number("train.adam_epsilon");
  OptimizerOptions& options = settings.options;
  options.weight_decay = recipe.number("train.weight_decay");
  options.seed = static_cast<uint64_t>(recipe.integer("train.seed"));
  for (const Json& group : recipe.value("train.param_groups")) {
    ParameterRule rule{"", options.weight_decay, 1, true};
    for (const auto& [key, value] : group.items()) {
      const bool fits = key == "pattern" ? value.is_string() : value.is_number();
      if (!fits || (key != "pattern" && key != "weight_decay" && key != "learning_rate_scale"))
        throw ValueError("recipe", "train.param_groups: " + key + " = " + dump_json(value) + " has no place there.",
                         "a group is { pattern = \"*.wte.*\", weight_decay = 0.0, learning_rate_scale = 1.0 }.");
      if (key == "pattern") rule.pattern = value.get<std::string>();
      if (key == "weight_decay") rule.weight_decay = value.get<double>();
      if (key == "learning_rate_scale") rule.learning_rate_scale = value.get<double>();
    }
    if (rule.pattern.empty())
      throw ValueError("recipe", "train.param_groups: " + dump_json(group) + " has no pattern.",
                       "a group is { pattern = \"*.wte.*\", weight_decay = 0.0, learning_rate_scale = 1.0 }.");
    options.rules.push_back(rule);
  }
  for (const ParameterRule& rule : undecayed_biases_and_norms()) options.rules.push_back(rule);
  return settings;
}

}  // namespace

TrainSettings train_settings(const Recipe& recipe) {
  TrainSettings s;
  s.max_steps = recipe.integer("train.max_steps");
  s.num_train_epochs = recipe.number("train.num_train_epochs");
  s.max_time = recipe.number("train.max_time");
  s.train_batch_size = recipe.integer("train.per_device_train_batch_size");
  s.eval_batch_size = recipe.integer("train.per_device_eval_batch_size");
  s.accumulation = recipe.integer("train.gradient_accumulation_steps");
  s.learning_rate = recipe.number("train.learning_rate");
  s.max_grad_norm = recipe.number("train.max_grad_norm");
  s.warmup_steps = recipe.number("train.warmup_steps");
  s.warmup_ratio = recipe.number("train.warmup_ratio");
  s.cut_short = recipe.flag("train.cut_short");
  s.optimizer = optimizer_settings(recipe);
  s.sam_rho = recipe.number("train.sam_rho");
  s.ema_decay = recipe.number("train.ema_decay");
  s.swa_start = recipe.number("train.swa_start");
  const bool bf16 = recipe.flag("train.bf16"), fp16 = recipe.flag("train.fp16");
  if (bf16 && fp16)
    throw ValueError("recipe", "train.bf16 and train.fp16 exclude each other.", "bf16 needs no loss scaling.");
  s.products = bf16 ? ProductType::bf16 : fp16 ? ProductType::f16 : ProductType::f32;
  s.memory_limit = bytes_of(recipe.value("train.memory_limit"), "train.memory_limit");
  s.schedule = recipe.text("train.lr_scheduler_type");
  s.schedule_options = dump_json(recipe.value("train.lr_scheduler_kwargs"));
  s.logging_steps = recipe.integer("train.logging_steps");
  s.eval_strategy = recipe.text("train.eval_strategy");
  s.eval_steps = recipe.integer("train.eval_steps");
  s.save_strategy = recipe.text("train.save_strategy");
  s.save_steps = recipe.integer("train.save_steps");
  s.save_total_limit = recipe.integer("train.save_total_limit");
  s.detect_anomaly = recipe.flag("train.detect_anomaly");
  s.log_update_ratio = recipe.flag("train.log_update_ratio");
  s.log_activations = recipe.flag("train.log_activations");
  s.log_attention = recipe.flag("train.log_attention");
  s.seed = static_cast<uint64_t>(recipe.integer("train.seed"));
  return s;
}

std::optional<Recompute> recompute_of(const Recipe& recipe) {
  constexpr const char* kKey = "train.gradient_checkpointing_kwargs";
  constexpr const char* kHint =
      "write { segments = \"each\" }, { segments = \"sqrt\" }, { segments = 4 } or { budget_bytes = 2000000000 }.";
  std::optional<Recompute> chosen;
  const auto choose = [&](Recompute how) {
    if (chosen)
      throw ValueError("recipe", std::string(kKey) + ": segments and budget_bytes exclude each other.", kHint);
    chosen = std::move(how);
  };
  for (const auto& [key, value] : recipe.value(kKey).items()) {
    if (key == "segments" && value == "each")
      choose(Recompute::every_block());
    else if (key == "segments" && value == "sqrt")
      choose(Recompute::sqrt());
    else if (key == "segments" && value.is_number_integer() && value.get<int64_t>() > 0)
      choose(Recompute::segments(value.get<int64_t>()));
    else if (key == "budget_bytes" && value.is_number_integer() && value.get<int64_t>() > 0)
      choose(Recompute::budget(value.get<int64_t>()));
    else if (key != "use_reentrant" || value != false)  // transformers' name for the form that Gradus has
      throw ValueError("recipe", std::string(kKey) + ": " + key + " = " + dump_json(value) + " has no place there.",
                       kHint);
  }
  if (!recipe.flag("train.gradient_checkpointing")) return std::nullopt;
  return chosen ? chosen : Recompute::every_block();
}

Split read_texts(const Recipe& recipe) {
  DocumentSource source;
  source.files = recipe.texts("data.files");
  source.exclude = recipe.texts("data.exclude");
  source.format = recipe.text("data.format");
  source.separator = recipe.text("data.separator");
  source.text_key = recipe.text("data.text_key");
  std::vector<std::string> documents = read_documents(source);
  const std::vector<std::string> eval_files = recipe.texts("data.eval_files");
  if (eval_files.empty())
    return hold_out(std::move(documents), recipe.number("data.eval_fraction"),
                    static_cast<uint64_t>(recipe.integer("data.split_seed")));
  source.files = eval_files;
  return {std::move(documents), read_documents(source)};
}

CausalLmTask::CausalLmTask(const Recipe& recipe, const std::filesystem::path& tokenizer_from, const Hooks& hooks)
    : device_(hooks.device) {
  const bool assumed = hooks.assumed && device_ == Device::meta;
  const Split texts = assumed ? Split() : read_texts(recipe);
  if (!assumed) tokenizer_ = std::make_unique<Tokenizer>(tokenizer_of(recipe, tokenizer_from, texts.train, hooks));
  const int32_t end = tokenizer_ ? end_of_text_of(*tokenizer_, recipe.text("tokenizer.end_of_text")) : 0;

  Json config = recipe.model();
  const int64_t vocabulary = tokenizer_ ? tokenizer_->vocab_size() : hooks.assumed->vocabulary;
  if (!config.contains("vocab_size")) config["vocab_size"] = vocabulary;
  if (config["vocab_size"].is_number_integer() && config["vocab_size"].get<int64_t>() < vocabulary)
    throw ValueError("recipe",
                     "model.vocab_size is " + dump_json(config["vocab_size"]) + ", but the tokenizer has " +
                         std::to_string(vocabulary) + " tokens.",
                     "leave model.vocab_size out: it follows the tokenizer.");
  for (const char* key : {"bos_token_id", "eos_token_id"})
    if (!config.contains(key)) config[key] = end;
  const auto seed = static_cast<uint64_t>(recipe.integer("train.seed"));
  model_ = make_causal_lm(config, {.device = device_, .seed = seed}, "recipe [model]");
  if (const std::string words = recipe.text("train.embedding_init"); !words.empty() && device_ == Device::cpu) {
    const int64_t rows = init_embedding(*model_, *tokenizer_, WordVectors::load(words));
    if (hooks.note) hooks.note(std::to_string(rows) + " rows of the embedding begin as word vectors of " + words);
  }

  recompute_ = recompute_of(recipe);

  const int64_t positions = model_->shape().max_positions;
  block_size_ = recipe.integer("data.block_size");
  if (block_size_ == 0) block_size_ = positions;
  if (block_size_ < 1 || block_size_ > positions)
    throw ValueError("recipe", "data.block_size is " + std::to_string(block_size_) + ", but the model has " +
                                   std::to_string(positions) + " positions.");

  if (assumed) {
    const std::vector<int32_t> row(static_cast<size_t>(block_size_ - 1), end);  // and the token before each document
    train_.add(row);
    const int64_t batch = recipe.integer("train.per_device_eval_batch_size");
    for (int64_t i = 0; i < std::min(batch, hooks.assumed->eval_rows); ++i) eval_.add(row);
  } else {
    train_ = tokenize_documents(*tokenizer_, texts.train, end);
    eval_ = tokenize_documents(*tokenizer_, texts.eval, end);
  }
  eval_bytes_ = count_bytes(texts.eval);
  train_tokens_ = assumed ? hooks.assumed->train_tokens : train_.tokens();
  const int64_t data_seed = recipe.integer("train.data_seed");
  PackingOptions packing;
  packing.block_size = block_size_;
  packing.cross_document_attention = recipe.flag("data.cross_document_attention");
  packing.reset_positions = recipe.flag("data.reset_positions");
  packing.shuffle = {data_seed >= 0 ? static_cast<uint64_t>(data_seed) : seed, stream_name("shuffle")};
  stream_ = std::make_unique<PackedStream>(train_, packing);
  if (hooks.note && !assumed)
    hooks.note(std::to_string(train_.count()) + " documents, " + std::to_string(train_.tokens()) + " tokens, " +
               std::to_string(count_bytes(texts.train)) + " bytes to train on; " + std::to_string(eval_.count()) +
               " documents, " + std::to_string(eval_.tokens()) + " tokens, " + std::to_string(eval_bytes_) +
               " bytes held out; " + std::to_string(model_->parameters().count()) + " parameters, " +
               std::to_string(vocabulary) + " in the vocabulary");
}

std::unique_ptr<TrainTask::Batch> CausalLmTask::next(int64_t rows) {
  auto batch = std::make_unique<LmTaskBatch>();
  batch->rows = on_device(stream_->next(rows), device_);
  batch->targets = batch->rows.targets;
  batch->tokens = batch->rows.input_ids.count();
  return batch;
}

Tensor CausalLmTask::loss(const Batch& batch, double normaliser, const Context& context) {
  const LmBatch& rows = static_cast<const LmTaskBatch&>(batch).rows;
  LmInput in;
  in.input_ids = rows.input_ids;
  in.first = rows.first;
  in.position_ids = rows.position_ids;
  Context blocks = context;
  blocks.recompute = recompute_ ? &*recompute_ : nullptr;
  return causal_lm_loss(*model_, model_->hidden(in, blocks), rows.labels, normaliser);
}

int64_t CausalLmTask::steps_for(double epochs, int64_t rows) const {
  return static_cast<int64_t>(
      std::ceil(epochs * static_cast<double>(train_tokens_) / static_cast<double>(rows * block_size_)));
}

LmDataFacts CausalLmTask::facts() const {
  return {tokenizer_ ? tokenizer_->vocab_size() : model_->shape().vocab, train_tokens_,
          eval_.count() == 0 ? 0 : WholeDocuments(eval_, block_size_, 1).batches()};
}

Json CausalLmTask::cursor() const {
  return {{"position", stream_->position()},
          {"tokens_per_epoch", stream_->tokens_per_epoch()},
          {"fingerprint", std::to_string(train_.fingerprint())}};
}

void CausalLmTask::set_cursor(const Json& cursor) {
  const Json now = this->cursor();
  if (!cursor.is_object() || !cursor.contains("position") || !cursor["position"].is_number_unsigned())
    throw ValueError("resume", "the checkpoint's data cursor has no position.");
  if (cursor.value("fingerprint", "") != now["fingerprint"].get<std::string>())
    throw ValueError("resume", "the training texts or their tokens changed since the checkpoint.",
                     "restore the files of data.files, or start a new run.");
  stream_->set_position(cursor["position"].get<int64_t>());
}

MetricsRow CausalLmTask::evaluate(int64_t rows) {
  if (eval_.count() == 0) return {};
  return evaluate_causal_lm(*model_, eval_, eval_bytes_, block_size_, rows).row();
}

void CausalLmTask::save(const std::filesystem::path& folder) const {
  tokenizer_->save(folder);
  save_model(*model_, folder);
}

}  // namespace gradus
