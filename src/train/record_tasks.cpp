// Classification and encoder-decoders over JSONL records.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/labels.h"
#include "data/documents.h"
#include "ops/reduce.h"
#include "train/record_run.h"
#include "train/task_parts.h"

namespace gradus {

namespace {

using Records = std::vector<std::vector<std::string>>;

constexpr int64_t kSyntheticRecords = 20000, kSyntheticLetters = 20;

// Strings of 8 to 20 of the first 16 letters, and what is to be made of them.
Records synthetic_records(const std::string& kind) {
  if (kind != "copy" && kind != "reverse" && kind != "sort")
    throw ValueError("recipe", "data.synthetic must be copy, reverse or sort, got \"" + kind + "\".");
  const RandomKey key{0, stream_name("synthetic records")};
  Records records;
  uint64_t draw = 0;
  for (int64_t i = 0; i < kSyntheticRecords; ++i) {
    std::string text(8 + key.below(kSyntheticLetters - 7, draw++), ' ');
    for (char& letter : text) letter = static_cast<char>('a' + key.below(16, draw++));
    std::string target = text;
    if (kind == "reverse") std::reverse(target.begin(), target.end());
    if (kind == "sort") std::sort(target.begin(), target.end());
    records.push_back({text, target});
  }
  return records;
}

struct RecordSplit {
  Records train, eval;
};

Records parsed(const std::vector<std::string>& lines) {
  Records records;
  for (const std::string& line : lines) records.push_back(parse_json(line, "record").get<std::vector<std::string>>());
  return records;
}

// `label_by_file`: of text files (data.format = "text") the second field is the name of the file.
RecordSplit read_split(const Recipe& recipe, const std::vector<std::string>& keys, bool label_by_file) {
  DocumentSource source;
  source.files = recipe.texts("data.files");
  source.exclude = recipe.texts("data.exclude");
  source.separator = recipe.text("data.separator");
  const bool by_file = label_by_file && recipe.text("data.format") == "text";
  const auto read = [&] { return by_file ? read_labelled_files(source) : read_records(source, keys); };
  const std::string synthetic = label_by_file ? "" : recipe.text("data.synthetic");
  Records records = synthetic.empty() ? read() : synthetic_records(synthetic);
  const std::vector<std::string> eval_files = recipe.texts("data.eval_files");
  if (!eval_files.empty()) {
    source.files = eval_files;
    return {std::move(records), read()};
  }
  std::vector<std::string> lines;  // equal records stay on one side
  for (const auto& record : records) lines.push_back(dump_json(Json(record)));
  const Split split = hold_out(std::move(lines), recipe.number("data.eval_fraction"),
                               static_cast<uint64_t>(recipe.integer("data.split_seed")));
  return {parsed(split.train), parsed(split.eval)};
}

std::vector<std::string> column(const Records& records, size_t i) {
  std::vector<std::string> values;
  for (const auto& record : records) values.push_back(record[i]);
  return values;
}

}  // namespace

ClassifierTask::ClassifierTask(const Recipe& recipe, const std::filesystem::path& tokenizer_from,
                               const TaskHooks& hooks) {
  const RecordSplit split = read_split(recipe, {recipe.text("data.text_key"), recipe.text("data.label_key")}, true);
  tokenizer_ = std::make_unique<Tokenizer>(
      tokenizer_of(recipe, tokenizer_from, column(split.train, 0), hooks, {"[PAD]", "[CLS]", "[SEP]", "[MASK]"}));
  pad_ = token_of(*tokenizer_, {"[PAD]", "<pad>"});
  const int64_t cls = token_of(*tokenizer_, {"[CLS]", "<s>"}), sep = token_of(*tokenizer_, {"[SEP]", "</s>"});

  std::map<std::string, int64_t> classes, counts;
  for (const auto& record : split.train) classes.emplace(record[1], 0), ++counts[record[1]];
  Json names = Json::object(), ids = Json::object();
  for (auto& [name, id] : classes) {
    id = static_cast<int64_t>(names.size());
    names[std::to_string(id)] = name;
    ids[name] = id;
    if (counts[name] > counts[names[std::to_string(commonest_)].get<std::string>()]) commonest_ = id;
  }
  if (classes.size() < 2)
    throw ValueError("data", "all training records have one label, \"" + classes.begin()->first + "\".");
  const Json labels = {{"id2label", names}, {"label2id", ids}, {"problem_type", "single_label_classification"}};
  model_ = make_recipe_model(recipe, *tokenizer_,
                             {{"pad_token_id", pad_},
                              {"bos_token_id", cls},
                              {"cls_token_id", cls},
                              {"eos_token_id", sep},
                              {"sep_token_id", sep}},
                             &labels);
  const int64_t block = block_size_of(recipe, *model_);
  const SpecialFrame frame(*tokenizer_);
  const auto items = [&](const Records& records) {
    std::vector<Item> all;
    for (const auto& record : records) {
      const auto known = classes.find(record[1]);
      if (known == classes.end())
        throw ValueError("data", "no training record has the label \"" + record[1] + "\" of a held-out one.");
      all.push_back({frame.encode(*tokenizer_, record[0], block), {known->second}});
    }
    return all;
  };
  start(recipe, items(split.train), items(split.eval), hooks);
}

NamedTensors ClassifierTask::inputs_of(const std::vector<const Item*>& items) const {
  NamedTensors inputs = padded_text(items);
  std::vector<int64_t> labels;
  for (const Item* item : items) labels.push_back(item->labels[0]);
  inputs.emplace_back("labels", from_vector(labels));
  return inputs;
}

MetricsRow ClassifierTask::evaluate(int64_t rows) {
  if (eval_.empty()) return {};
  const NoGrad off;
  double loss = 0, right = 0, commonest = 0;
  for (size_t at = 0; at < eval_.size(); at += static_cast<size_t>(rows)) {
    std::vector<const Item*> items;
    for (size_t i = at; i < std::min(eval_.size(), at + static_cast<size_t>(rows)); ++i) items.push_back(&eval_[i]);
    const NamedTensors out = model_->forward(inputs_of(items), {});
    loss += find_tensor(out, "loss").item() * static_cast<double>(items.size());
    const auto best = argmax(find_tensor(out, "logits")).to_vector<int64_t>();
    for (size_t i = 0; i < items.size(); ++i) {
      right += best[i] == items[i]->labels[0];
      commonest += commonest_ == items[i]->labels[0];
    }
  }
  const auto n = static_cast<double>(eval_.size());
  return {{"eval_loss", loss / n}, {"eval_accuracy", right / n}, {"eval_majority_accuracy", commonest / n}};
}

Seq2SeqTask::Seq2SeqTask(const Recipe& recipe, const std::filesystem::path& tokenizer_from, const TaskHooks& hooks) {
  const RecordSplit split = read_split(recipe, {recipe.text("data.text_key"), recipe.text("data.target_key")}, false);
  std::vector<std::string> texts = column(split.train, 0);
  for (std::string& target : column(split.train, 1)) texts.push_back(std::move(target));
  tokenizer_ =
      std::make_unique<Tokenizer>(tokenizer_of(recipe, tokenizer_from, texts, hooks, {"<pad>", "<s>", "</s>"}));
  pad_ = token_of(*tokenizer_, {"<pad>", "[PAD]"});
  const int64_t begin = token_of(*tokenizer_, {"<s>", "[CLS]", "<pad>"});
  const int32_t end = token_of(*tokenizer_, {"</s>", "[SEP]"});
  model_ = make_recipe_model(
      recipe, *tokenizer_,
      {{"pad_token_id", pad_}, {"bos_token_id", begin}, {"eos_token_id", end}, {"decoder_start_token_id", begin}});
  const auto block = static_cast<size_t>(block_size_of(recipe, *model_));
  const auto encode = [&](const std::string& text) {
    std::vector<int32_t> ids = tokenizer_->encode(text, {.add_special_tokens = false, .parse_special_tokens = false});
    ids.resize(std::min(ids.size(), block - 1));
    ids.push_back(end);
    return ids;
  };
  const auto items = [&](const Records& records) {
    std::vector<Item> all;
    for (const auto& record : records) {
      const std::vector<int32_t> target = encode(record[1]);
      all.push_back({encode(record[0]), {target.begin(), target.end()}});
    }
    return all;
  };
  start(recipe, items(split.train), items(split.eval), hooks);
}

NamedTensors Seq2SeqTask::inputs_of(const std::vector<const Item*>& items) const {
  NamedTensors inputs = padded_text(items);
  size_t longest = 0;
  for (const Item* item : items) longest = std::max(longest, item->labels.size());
  std::vector<int64_t> labels;
  for (const Item* item : items)
    for (size_t t = 0; t < longest; ++t) labels.push_back(t < item->labels.size() ? item->labels[t] : kIgnoredLabel);
  inputs.emplace_back("labels",
                      from_vector(labels, {static_cast<int64_t>(items.size()), static_cast<int64_t>(longest)}));
  return inputs;
}

MetricsRow Seq2SeqTask::evaluate(int64_t rows) {
  if (eval_.empty()) return {};
  const NoGrad off;
  double loss = 0, right = 0, whole = 0;
  int64_t targets = 0;
  for (size_t at = 0; at < eval_.size(); at += static_cast<size_t>(rows)) {
    std::vector<const Item*> items;
    int64_t here = 0;
    for (size_t i = at; i < std::min(eval_.size(), at + static_cast<size_t>(rows)); ++i) {
      items.push_back(&eval_[i]);
      here += static_cast<int64_t>(eval_[i].labels.size());
    }
    const NamedTensors out = model_->forward(inputs_of(items), {});
    loss += find_tensor(out, "loss").item() * static_cast<double>(here);
    targets += here;
    const Tensor best = argmax(find_tensor(out, "logits"));
    const auto tokens = best.to_vector<int64_t>();
    for (size_t i = 0; i < items.size(); ++i) {
      // Greedy decoding writes the target exactly when each token is the likeliest after those before it.
      bool all = true;
      for (size_t t = 0; t < items[i]->labels.size(); ++t) {
        const bool same = tokens[i * static_cast<size_t>(best.size(1)) + t] == items[i]->labels[t];
        right += same;
        all &= same;
      }
      whole += all;
    }
  }
  return {{"eval_loss", loss / static_cast<double>(targets)},
          {"eval_token_accuracy", right / static_cast<double>(targets)},
          {"eval_exact_match", whole / static_cast<double>(eval_.size())}};
}

}  // namespace gradus
