#include "train/task_parts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "ops/elementwise.h"

namespace gradus {

int32_t token_of(const Tokenizer& tokenizer, std::initializer_list<const char*> names) {
  std::string all;
  for (const char* name : names) {
    if (const auto id = tokenizer.id_of(name)) return *id;
    all += (all.empty() ? "" : " nor ") + std::string(name);
  }
  throw ValueError("tokenizer", "the tokenizer has no " + all + ".",
                   "name it in tokenizer.special_tokens, or use a tokenizer that was made for this kind of model.");
}

std::unique_ptr<Model> make_recipe_model(const Recipe& recipe, const Tokenizer& tokenizer,
                                         std::initializer_list<std::pair<const char*, int64_t>> token_ids,
                                         const Json* more) {
  Json config = recipe.model();
  if (more) config.update(*more);
  const int64_t vocabulary = tokenizer.vocab_size();
  if (!config.contains("vocab_size")) config["vocab_size"] = vocabulary;
  if (config["vocab_size"].is_number_integer() && config["vocab_size"].get<int64_t>() < vocabulary)
    throw ValueError("recipe",
                     "model.vocab_size is " + dump_json(config["vocab_size"]) + ", but the tokenizer has " +
                         std::to_string(vocabulary) + " tokens.",
                     "leave model.vocab_size out: it follows the tokenizer.");
  for (const auto& [key, id] : token_ids)
    if (!config.contains(key)) config[key] = id;
  const auto seed = static_cast<uint64_t>(recipe.integer("train.seed"));
  return make_model(config, {.seed = seed}, "recipe [model]");
}

bool takes_input(const Model& model, const std::string& name) {
  const std::vector<std::string> names = model.inputs();
  return std::find(names.begin(), names.end(), name) != names.end();
}

Tensor find_tensor(const NamedTensors& tensors, const std::string& name) {
  for (const auto& [key, value] : tensors)
    if (key == name) return value;
  return {};
}

int64_t block_size_of(const Recipe& recipe, const Model& model) {
  const Json config = parse_json(model.config(), "config");
  // RoBERTa's positions begin behind the one of padding.
  const int64_t unused = config.value("model_type", "") == "roberta" ? config.value("pad_token_id", int64_t{1}) + 1 : 0;
  const int64_t positions = config.value("max_position_embeddings", int64_t{512}) - unused;
  int64_t block_size = recipe.integer("data.block_size");
  if (block_size == 0) block_size = positions;
  if (block_size < 1 || block_size > positions)
    throw ValueError("recipe", "data.block_size is " + std::to_string(block_size) + ", but the model has " +
                                   std::to_string(positions) + " positions.");
  return block_size;
}

RandomKey shuffle_key(const Recipe& recipe, const char* name) {
  const int64_t data_seed = recipe.integer("train.data_seed");
  return {static_cast<uint64_t>(data_seed >= 0 ? data_seed : recipe.integer("train.seed")), stream_name(name)};
}

Tensor weighted_loss(const NamedTensors& outputs, int64_t targets, double normaliser) {
  const Tensor loss = find_tensor(outputs, "loss");
  const double share = static_cast<double>(targets) / normaliser;
  return share == 1 ? loss : mul(loss, share);
}

int64_t checked_position(const Json& cursor, const std::string& fingerprint) {
  if (!cursor.is_object() || !cursor.contains("position") || !cursor["position"].is_number_unsigned())
    throw ValueError("resume", "the checkpoint's data cursor has no position.");
  if (cursor.value("fingerprint", "") != fingerprint)
    throw ValueError("resume", "the training texts or their tokens changed since the checkpoint.",
                     "restore the files of data.files, or start a new run.");
  return cursor["position"].get<int64_t>();
}

}  // namespace gradus
