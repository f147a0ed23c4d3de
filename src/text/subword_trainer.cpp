#include "text/subword_trainer.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "text/merge_trainer.h"
#include "text/unicode.h"

namespace gradus {

namespace {

template <class F>
void each_code(std::string_view text, const F& f) {
  const char *p = text.data(), *end = p + text.size();
  while (p < end) {
    const Utf8Step step = decode_utf8(p, end);
    f(step.code == kInvalidUtf8 ? 0xFFFDu : step.code, p + step.length == end);
    p += step.length;
  }
}

/// The characters that become tokens.
std::set<uint32_t> choose_alphabet(const WordFrequencies& words, const SubwordTraining& settings) {
  std::map<uint32_t, int64_t> counts;
  for (const auto& [word, count] : words) each_code(word, [&, n = count](uint32_t code, bool) { counts[code] += n; });
  each_code(settings.initial_alphabet, [&](uint32_t code, bool) { counts[code] = INT64_MAX; });
  std::vector<std::pair<uint32_t, int64_t>> kept(counts.begin(), counts.end());
  if (settings.limit_alphabet && static_cast<int64_t>(kept.size()) > *settings.limit_alphabet) {
    std::stable_sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    kept.resize(std::max<int64_t>(*settings.limit_alphabet, 0));
  }
  std::set<uint32_t> alphabet;
  for (const auto& [code, count] : kept) alphabet.insert(code);
  return alphabet;
}

}  // namespace

void check_special_tokens(const std::vector<std::string>& special) {
  std::set<std::string_view> seen;
  for (const std::string& token : special) {
    if (token.empty()) throw ValueError("train tokenizer", "a special token is empty.");
    if (!is_valid_utf8(token)) throw ValueError("train tokenizer", "a special token is not valid UTF-8.");
    if (!seen.insert(token).second)
      throw ValueError("train tokenizer", "the special token \"" + token + "\" is listed twice.");
  }
}

SubwordVocabulary train_subwords(const WordFrequencies& words, const SubwordTraining& settings) {
  check_special_tokens(settings.special_tokens);
  SubwordVocabulary out;
  Vocabulary& vocabulary = out.vocabulary;
  for (const std::string& token : settings.special_tokens) vocabulary.add(token);
  const std::set<uint32_t> alphabet = choose_alphabet(words, settings);
  for (uint32_t code : alphabet) {
    std::string text;
    append_utf8(code, text);
    vocabulary.add(text);
  }
  if (settings.vocab_size > Vocabulary::kMaxSize || vocabulary.size() > settings.vocab_size)
    throw ValueError("train tokenizer",
                     "vocab_size is " + std::to_string(settings.vocab_size) + ", expected at least " +
                         std::to_string(vocabulary.size()) + " (special tokens and single characters) and at most " +
                         std::to_string(Vocabulary::kMaxSize) + ".",
                     "raise --vocab-size, or keep fewer characters by --limit-alphabet.");
  MergeWords list;
  for (const auto& [word, count] : words) {
    const size_t begin = list.symbols.size();
    bool first = true;
    each_code(word, [&](uint32_t code, bool last) {
      const bool begins = std::exchange(first, false);
      if (!alphabet.count(code)) return;
      std::string text = begins ? "" : settings.continuing_subword_prefix;
      append_utf8(code, text);
      if (last) text += settings.end_of_word_suffix;
      const int known = vocabulary.find(text);
      list.symbols.push_back(known >= 0 ? known : vocabulary.add(text));
    });
    list.words.push_back({begin, static_cast<uint32_t>(list.symbols.size() - begin), count});
  }
  MergeTraining merging;
  merging.vocab_size = settings.vocab_size, merging.min_frequency = settings.min_frequency;
  merging.continuing_subword_prefix = settings.continuing_subword_prefix;
  if (settings.max_token_length) merging.max_token_length = *settings.max_token_length;
  merging.progress = settings.progress;
  out.merges = train_merges(vocabulary, std::move(list), merging);
  return out;
}

}  // namespace gradus
