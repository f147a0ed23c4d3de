#include "models/text/phrases.h"

#include <unordered_map>

#include "base/error.h"
#include "models/text/word_corpus.h"

namespace gradus {

std::string join_phrases(std::string_view text, const PhraseOptions& options) {
  if (options.min_count < 0 || options.delimiter.empty())
    throw ValueError("phrases", "min_count must not be negative, and the delimiter not empty.");
  std::unordered_map<std::string_view, int32_t> ids;
  std::vector<int64_t> counts;
  std::unordered_map<uint64_t, int64_t> pairs;
  const auto pair_of = [](int32_t a, int32_t b) { return static_cast<uint64_t>(a) << 32 | static_cast<uint32_t>(b); };
  int32_t before = -1;
  each_word(
      text,
      [&](std::string_view word) {
        const auto [at, fresh] = ids.emplace(word, static_cast<int32_t>(counts.size()));
        if (fresh) counts.push_back(0);
        ++counts[at->second];
        if (before >= 0) ++pairs[pair_of(before, at->second)];
        before = at->second;
      },
      [&] { before = -1; });

  const double entries = static_cast<double>(counts.size() + pairs.size());
  const auto joins = [&](int32_t a, int32_t b) {
    const auto at = pairs.find(pair_of(a, b));
    if (at == pairs.end()) return false;
    // (count(ab) - min_count) / (count(a) count(b)) * entries
    const double score = static_cast<double>(at->second - options.min_count) /
                         (static_cast<double>(counts[a]) * static_cast<double>(counts[b])) * entries;
    return score > options.threshold;
  };
  std::string out;
  out.reserve(text.size());
  std::string_view held;  // the word that may begin a phrase
  int32_t held_id = -1;
  bool line_begins = true;
  const auto write = [&](std::string_view word) {
    if (!line_begins) out += ' ';
    out += word;
    line_begins = false;
  };
  size_t lines_left = 1;
  for (char c : text) lines_left += c == '\n';
  each_word(
      text,
      [&](std::string_view word) {
        const int32_t id = ids.find(word)->second;
        if (held_id >= 0 && joins(held_id, id)) {
          write(held);
          out += options.delimiter;
          out += word;
          held_id = -1;
          return;
        }
        if (held_id >= 0) write(held);
        held = word, held_id = id;
      },
      [&] {
        if (held_id >= 0) write(held);
        held_id = -1, line_begins = true;
        if (--lines_left > 0) out += '\n';
      });
  return out;
}

}  // namespace gradus
