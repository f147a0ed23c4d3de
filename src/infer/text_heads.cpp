#include "infer/text_heads.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/json.h"
#include "ops/activation.h"
#include "ops/elementwise.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "text/special_frame.h"

namespace gradus {

namespace {

int64_t longest(const Json& config) {
  const int64_t padding =
      config.value("model_type", "") == "roberta" ? config.value("pad_token_id", int64_t{1}) + 1 : 0;
  return config.value("max_position_embeddings", int64_t{512}) - padding;
}

std::string architecture(const Json& config) {
  const auto it = config.find("architectures");
  return it != config.end() && it->is_array() && !it->empty() && it->front().is_string()
             ? it->front().get<std::string>()
             : "an architecture without a name";
}

// (T, vocab) or (labels): the first row of what the model gives under `name`; undefined when it gives none.
Tensor first_row(const Model& model, const std::vector<int32_t>& ids, std::initializer_list<const char*> names) {
  const std::vector<int64_t> wide(ids.begin(), ids.end());
  const Tensor row = from_vector(wide, {1, static_cast<int64_t>(wide.size())});
  const NamedTensors out = model.forward({{"input_ids", row}}, {});
  for (const char* wanted : names)
    for (const auto& [name, value] : out)
      if (name == wanted) return select(value, 0, 0);
  return {};
}

std::vector<size_t> best_first(const std::vector<double>& scores) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return order;
}

}  // namespace

std::vector<std::vector<TokenGuess>> fill_mask(const Model& model, const Tokenizer& tokenizer, std::string_view text,
                                               int64_t top_k) {
  const NoGrad off;
  const Json config = parse_json(model.config(), "config.json");
  std::optional<int32_t> mask;
  for (const char* name : {"[MASK]", "<mask>"})
    if (!mask) mask = tokenizer.id_of(name);
  if (!mask) throw ValueError("fill-mask", "the tokenizer has neither [MASK] nor <mask>.");
  const std::vector<int32_t> ids = SpecialFrame(tokenizer).encode(tokenizer, text, longest(config));
  std::vector<size_t> places;
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] == *mask) places.push_back(i);
  if (places.empty())
    throw ValueError("fill-mask", "the text has no mask.",
                     "write " + std::string(tokenizer.token(*mask)) + " where a word is to be found.");
  const Tensor logits = first_row(model, ids, {"logits", "prediction_logits"});
  if (!logits.defined() || logits.rank() != 2 || logits.size(1) < tokenizer.vocab_size())
    throw ValueError("fill-mask", architecture(config) + " does not predict masked tokens.",
                     "use a …ForMaskedLM or …ForPreTraining model.");
  std::vector<std::vector<TokenGuess>> all;
  for (size_t place : places) {
    const auto p = softmax(select(logits, 0, static_cast<int64_t>(place))).to_vector<double>();
    std::vector<TokenGuess> guesses;
    for (size_t id : best_first(p)) {
      if (static_cast<int64_t>(guesses.size()) >= top_k) break;
      if (static_cast<int64_t>(id) >= tokenizer.vocab_size()) continue;
      std::vector<int32_t> filled = ids;
      filled[place] = static_cast<int32_t>(id);
      guesses.push_back({p[id], filled[place], tokenizer.decode({filled[place]}), tokenizer.decode(filled, true)});
    }
    all.push_back(std::move(guesses));
  }
  return all;
}

std::vector<std::pair<std::string, double>> classify_text(const Model& model, const Tokenizer& tokenizer,
                                                          std::string_view text) {
  const NoGrad off;
  const Json config = parse_json(model.config(), "config.json");
  const std::string name = architecture(config);
  if (name.find("ForSequenceClassification") == std::string::npos)
    throw ValueError("classify", name + " does not classify texts.", "use a …ForSequenceClassification model.");
  const Tensor logits = first_row(model, SpecialFrame(tokenizer).encode(tokenizer, text, longest(config)), {"logits"});
  const std::string problem =
      config.value("problem_type", Json()).is_string() ? config["problem_type"].get<std::string>() : "";
  Tensor scores = logits;
  if (problem == "multi_label_classification")
    scores = sigmoid(logits);
  else if (problem != "regression" && logits.count() > 1)
    scores = softmax(logits);
  const auto values = scores.to_vector<double>();
  std::vector<std::pair<std::string, double>> labels;
  for (size_t i : best_first(values)) {
    std::string label = "LABEL_" + std::to_string(i);
    if (config.contains("id2label") && config["id2label"].contains(std::to_string(i)) &&
        config["id2label"][std::to_string(i)].is_string())
      label = config["id2label"][std::to_string(i)].get<std::string>();
    labels.emplace_back(label, values[i]);
  }
  return labels;
}

}  // namespace gradus
