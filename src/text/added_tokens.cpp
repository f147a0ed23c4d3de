#include "text/added_tokens.h"

#include <algorithm>
#include <cstring>

namespace gradus {

void AddedTokenMatcher::add(const AddedToken& token, std::string_view pattern) {
  if (pattern.empty()) return;
  trie_.mark(trie_.extend(0, pattern), static_cast<int32_t>(tokens_.size()));
  tokens_.push_back({token, pattern.size()});
}

void AddedTokenMatcher::finish() {
  trie_.finish();
  int starts = 0;
  for (int byte = 0; byte < 256; ++byte)
    if (trie_.begins(static_cast<unsigned char>(byte))) ++starts, only_start_ = byte;
  if (starts != 1) only_start_ = -1;
}

void AddedTokenMatcher::split(std::string_view text, bool skip_special, std::vector<TextPiece>& out) const {
  const char *begin = text.data(), *end = begin + text.size();
  const char* rest = begin;  // what is before it has been given out
  const CharClasses& classes = CharClasses::table();
  const auto is_space = [&classes](uint32_t code) { return classes.of(code) == CharClass::space; };
  uint64_t steps = 0;
  for (const char* p = begin; p < end;) {
    if (only_start_ >= 0) {
      p = static_cast<const char*>(std::memchr(p, only_start_, static_cast<size_t>(end - p)));
      if (!p) break;
    }
    int32_t found = -1;
    if (trie_.begins(static_cast<unsigned char>(*p))) found = trie_.longest({p, static_cast<size_t>(end - p)}, steps);
    if (found < 0) {
      ++p;
      continue;
    }
    const AddedToken& token = tokens_[found].token;
    const char *start = p, *stop = p + tokens_[found].length;
    p = stop;  // the next one is looked for behind this one, also when this one does not count
    if (skip_special && token.special) continue;
    if (token.single_word && ((start > begin && is_word_char(decode_utf8_before(begin, start).code)) ||
                              (stop < end && is_word_char(decode_utf8(stop, end).code))))
      continue;
    if (token.lstrip) {
      while (start > rest) {
        const Utf8Step step = decode_utf8_before(begin, start);
        if (!is_space(step.code)) break;
        start -= step.length;
      }
      start = std::max(start, rest);
    }
    if (token.rstrip) {
      while (stop < end) {
        const Utf8Step step = decode_utf8(stop, end);
        if (!is_space(step.code)) break;
        stop += step.length;
      }
    }
    if (rest < start) out.push_back({{rest, static_cast<size_t>(start - rest)}, -1});
    // A token of white space can begin in what the one before took with it. It counts unless nothing of it is left.
    if (start < stop) out.push_back({{start, static_cast<size_t>(stop - start)}, token.id});
    rest = stop;
  }
  if (rest < end) out.push_back({{rest, static_cast<size_t>(end - rest)}, -1});
}

}  // namespace gradus
