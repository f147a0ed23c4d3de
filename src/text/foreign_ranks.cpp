// tiktoken's rank files and Mistral's tekken.json as tokenizer.json.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"
#include "text/base64.h"
#include "text/byte_level.h"
#include "text/foreign_parts.h"
#include "text/foreign_tokenizer.h"
#include "text/vocabulary.h"

namespace gradus {

namespace {

constexpr size_t kLongestRankedToken = 1024;  // bytes; taking one apart costs their square

struct KnownRanks {
  const char* name;
  size_t ranks;  // of the published file
  const char* pattern;
  std::vector<std::pair<const char*, int64_t>> special;
  bool nfc = false;
  int extras = 0;  // <|extra_0|>, … behind the special tokens
};

// Patterns and special tokens of openai/tiktoken's tiktoken_ext/openai_public.py, openai/whisper's tokenizer.py, and
// Qwen's tokenization_qwen.py.
const std::vector<KnownRanks>& known_ranks() {
  static const char kGpt2[] = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s)";
  static const std::vector<KnownRanks> known = {
      {"gpt2", 50256, kGpt2, {{"<|endoftext|>", 50256}}},
      {"whisper", 50257, kGpt2, {{"<|endoftext|>", 50257}}},
      {"p50k", 50281, kGpt2, {{"<|endoftext|>", 50256}}},
      {"cl100k",
       100256,
       R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s)",
       {{"<|endoftext|>", 100257},
        {"<|fim_prefix|>", 100258},
        {"<|fim_middle|>", 100259},
        {"<|fim_suffix|>", 100260},
        {"<|endofprompt|>", 100276}}},
      {"o200k",
       199998,
       R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       {{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}}},
      {"qwen",
       151643,
       R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       {{"<|endoftext|>", 151643}, {"<|im_start|>", 151644}, {"<|im_end|>", 151645}},
       true,
       205}};
  return known;
}

/// Tokens by rank, an empty one where a file leaves a rank out, and what stands around them.
struct RankedTokens {
  std::vector<std::string> tokens;
  int64_t first_id = 0;  // of rank 0
  std::vector<std::pair<std::string, int64_t>> special;
  std::string pattern;
  bool nfc = false;

  void add(const std::string& token, int64_t rank, const auto& wrong) {
    if (rank < 0 || rank >= Vocabulary::kMaxSize) wrong("the rank " + std::to_string(rank) + " is out of range");
    if (token.size() > kLongestRankedToken) wrong("the token is longer than 1024 bytes");
    if (static_cast<size_t>(rank) >= tokens.size()) tokens.resize(static_cast<size_t>(rank) + 1);
    if (token.empty()) return;
    if (!ranks.emplace(token, static_cast<int32_t>(rank)).second) wrong("the token stands twice");
    if (!tokens[rank].empty()) wrong("the rank " + std::to_string(rank) + " stands twice");
    tokens[rank] = token;
  }
  /// The two parts that a token is made of by the merges of smaller ranks: its bytes, merged as far as those go.
  std::pair<std::string, std::string> parts_of(int32_t rank) const {
    std::vector<std::string> parts;
    for (char c : tokens[rank]) parts.emplace_back(1, c);
    while (parts.size() > 2) {
      size_t best = parts.size();
      int32_t least = rank;
      for (size_t i = 0; i + 1 < parts.size(); ++i) {
        const auto at = ranks.find(parts[i] + parts[i + 1]);
        if (at != ranks.end() && at->second < least) least = at->second, best = i;
      }
      if (best == parts.size()) return {};
      parts[best] += parts[best + 1];
      parts.erase(parts.begin() + static_cast<int64_t>(best) + 1);
    }
    return {parts[0], parts[1]};
  }

  std::unordered_map<std::string, int32_t> ranks;
};

TokenizerTexts ranked_files(const RankedTokens& ranked) {
  Json vocab = Json::object(), merges = Json::array(), added = Json::array(), roles = Json::object();
  auto& members = vocab.get_ref<Json::object_t&>();
  // Special tokens stand in the vocabulary too: so their ids hold wherever they are.
  for (const auto& [content, id] : ranked.special) {
    members.emplace_back(content, id);
    added.push_back(foreign_added_token(id, content));
    if (content == "<|endoftext|>") roles["bos_token"] = roles["eos_token"] = content;
    if (content == "<s>") roles["bos_token"] = content;
    if (content == "</s>") roles["eos_token"] = content;
    if (content == "<pad>") roles["pad_token"] = content;
  }
  for (size_t rank = 0; rank < ranked.tokens.size(); ++rank) {
    const std::string& token = ranked.tokens[rank];
    if (token.empty()) continue;
    members.emplace_back(spell_bytes(token), ranked.first_id + static_cast<int64_t>(rank));
    if (token.size() == 1) continue;
    const auto [left, right] = ranked.parts_of(static_cast<int32_t>(rank));
    // A token that smaller ones do not make is found only as a whole word, which ignore_merges sees to.
    if (!left.empty() && ranked.ranks.count(left) && ranked.ranks.count(right))
      merges.push_back(Json::array({spell_bytes(left), spell_bytes(right)}));
  }
  const Json split = {
      {"type", "Split"}, {"pattern", {{"Regex", ranked.pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  const Json pre_tokenizer = {{"type", "Sequence"}, {"pretokenizers", Json::array({split, foreign_byte_level(false)})}};
  const Json model = {{"type", "BPE"},
                      {"dropout", nullptr},
                      {"unk_token", nullptr},
                      {"continuing_subword_prefix", nullptr},
                      {"end_of_word_suffix", nullptr},
                      {"fuse_unk", false},
                      {"byte_fallback", false},
                      {"ignore_merges", true},
                      {"vocab", vocab},
                      {"merges", merges}};
  Json document = foreign_document(added, pre_tokenizer, foreign_byte_level(true), model);
  if (ranked.nfc) document["normalizer"] = {{"type", "NFC"}};
  return foreign_files(document, roles);
}

/// What a rank file does not say: how text is cut, and the special tokens.
void take_options(const ForeignOptions& options, RankedTokens& ranked) {
  const size_t ranks = ranked.tokens.size();
  const auto& known = known_ranks();
  const auto published = std::find_if(known.begin(), known.end(), [&](const auto& k) { return k.ranks == ranks; });
  const std::string name = !options.pattern.empty()   ? options.pattern
                           : published != known.end() ? published->name
                           : ranks > 150'000          ? "o200k"
                           : ranks > 90'000           ? "cl100k"
                                                      : "gpt2";
  const auto named = std::find_if(known.begin(), known.end(), [&](const auto& k) { return name == k.name; });
  ranked.pattern = named != known.end() ? named->pattern : name;
  ranked.nfc = named != known.end() && named->nfc;
  if (options.special_tokens.empty() && published != known.end() && published == named) {
    for (const auto& [content, id] : published->special) ranked.special.emplace_back(content, id);
    for (int i = 0; i < published->extras; ++i)
      ranked.special.emplace_back("<|extra_" + std::to_string(i) + "|>", ranked.special.back().second + 1);
  }
  auto next = static_cast<int64_t>(ranked.tokens.size());
  for (const std::string& special : options.special_tokens) {
    const size_t equals = special.rfind('=');
    std::string content = special;
    int64_t id = next;
    if (equals != special.npos && equals > 0 && equals + 1 < special.size() &&
        std::from_chars(special.data() + equals + 1, special.data() + special.size(), id).ptr ==
            special.data() + special.size())
      content = special.substr(0, equals);
    ranked.special.emplace_back(content, id);
    next = id + 1;
  }
}

// Mistral's special tokens of files that do not list them (mistral-common, tokens/tokenizers/tekken.py).
constexpr const char* kTekkenSpecial[] = {"<unk>",
                                          "<s>",
                                          "</s>",
                                          "[INST]",
                                          "[/INST]",
                                          "[AVAILABLE_TOOLS]",
                                          "[/AVAILABLE_TOOLS]",
                                          "[TOOL_RESULTS]",
                                          "[/TOOL_RESULTS]",
                                          "[TOOL_CALLS]",
                                          "[IMG]",
                                          "<pad>",
                                          "[IMG_BREAK]",
                                          "[IMG_END]",
                                          "[PREFIX]",
                                          "[MIDDLE]",
                                          "[SUFFIX]",
                                          "[SYSTEM_PROMPT]",
                                          "[/SYSTEM_PROMPT]",
                                          "[TOOL_CONTENT]"};

}  // namespace

TokenizerTexts convert_tiktoken(std::string_view text, const std::string& name, const ForeignOptions& options) {
  RankedTokens ranked;
  each_filled_line(text, [&](std::string_view line, size_t number) {
    const size_t blank = line.find(' ');
    const std::string_view spelled = line.substr(0, blank);
    const auto bytes =
        spelled == "=" ? std::optional<std::string>("") : decode_base64(spelled);  // Whisper leaves a rank out so
    int32_t rank = -1;
    if (blank == line.npos || !bytes ||
        std::from_chars(line.data() + blank + 1, line.data() + line.size(), rank).ptr != line.data() + line.size())
      wrong_foreign_line(name, number, "expected a token as base64 and its rank");
    ranked.add(*bytes, rank, [&](const std::string& what) { wrong_foreign_line(name, number, what); });
  });
  if (ranked.ranks.empty()) throw FileError("tokenizer", name + ": holds no tokens.");
  take_options(options, ranked);
  return ranked_files(ranked);
}

TokenizerTexts convert_tekken(std::string_view text, const std::string& name) {
  const auto wrong = [&](const std::string& what) { throw FileError("tokenizer", name + ": " + what + "."); };
  const Json file = parse_json(text, name);
  const auto has = [](const Json& object, const char* key) { return object.is_object() && object.contains(key); };
  if (!has(file, "config") || !has(file, "vocab") || !file["vocab"].is_array())
    wrong("expected an object with \"config\" and \"vocab\"");
  const Json& config = file["config"];
  const auto number = [&](const Json& object, const char* key) {
    if (!has(object, key) || !object[key].is_number_integer() || object[key].get<int64_t>() < 0 ||
        object[key].get<int64_t>() > Vocabulary::kMaxSize)
      wrong(std::string(key) + " must be a number from 0 to " + std::to_string(Vocabulary::kMaxSize));
    return object[key].get<int64_t>();
  };
  const auto string = [&](const Json& object, const char* key) {
    if (!has(object, key) || !object[key].is_string()) wrong(std::string(key) + " must be a string");
    return object[key].get<std::string>();
  };
  RankedTokens ranked;
  ranked.pattern = string(config, "pattern");
  ranked.first_id = number(config, "default_num_special_tokens");
  const int64_t used = number(config, "default_vocab_size") - ranked.first_id;
  if (used < 0) wrong("default_vocab_size is smaller than default_num_special_tokens");
  std::vector<std::string> special;
  if (has(file, "special_tokens") && file["special_tokens"].is_array()) {
    for (const Json& item : file["special_tokens"]) {
      const int64_t rank = number(item, "rank");
      if (rank >= ranked.first_id) wrong("a special token has the rank " + std::to_string(rank));
      if (static_cast<size_t>(rank) >= special.size()) special.resize(static_cast<size_t>(rank) + 1);
      special[rank] = string(item, "token_str");
    }
  } else {
    special.assign(std::begin(kTekkenSpecial), std::end(kTekkenSpecial));
  }
  special.resize(static_cast<size_t>(ranked.first_id));
  for (size_t id = 0; id < special.size(); ++id)
    ranked.special.emplace_back(special[id].empty() ? "<SPECIAL_" + std::to_string(id) + ">" : special[id], id);
  for (const Json& item : file["vocab"]) {
    const int64_t rank = number(item, "rank");
    if (rank >= used) continue;  // the file holds more than are used
    const auto bytes = decode_base64(string(item, "token_bytes"));
    if (!bytes || bytes->empty()) wrong("the token of rank " + std::to_string(rank) + " is not base64");
    ranked.add(*bytes, rank, [&](const std::string& what) { wrong("rank " + std::to_string(rank) + ": " + what); });
  }
  if (ranked.ranks.empty()) wrong("holds no tokens");
  return ranked_files(ranked);
}

}  // namespace gradus
