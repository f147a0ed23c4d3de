#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// Calls `word` for each run of bytes that are not white space, and `line_end` behind each line.
template <class Word, class LineEnd>
void each_word(std::string_view text, const Word& word, const LineEnd& line_end) {
  const char *p = text.data(), *end = p + text.size();
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (p < end) {
    if (*p == '\n') {
      line_end();
      ++p;
    } else if (is_space(*p)) {
      ++p;
    } else {
      const char* begin = p;
      while (p < end && !is_space(*p)) ++p;
      word(std::string_view(begin, static_cast<size_t>(p - begin)));
    }
  }
  line_end();
}

/// Cuts a text into pieces of about a megabyte that end with a line, for threads to work on.
std::vector<std::string_view> line_pieces(std::string_view text);

/// A text with one sentence a line, words separated by white space, as numbers: a word's number is its rank by count
/// (equal counts: by first appearance).
struct WordCorpus {
  std::vector<std::string> words;
  std::vector<int64_t> counts;        ///< descending
  std::vector<int32_t> ids;           ///< of all sentences, without the words that are too rare
  std::vector<int64_t> sentences{0};  ///< where each begins, and the end; none is longer than kMaxSentence
  int64_t raw_words = 0;              ///< before rare words went
  static constexpr int64_t kMaxSentence = 10'000;
};

/// Words that stand less than `min_count` times are left out; above 0 `max_vocabulary` keeps the most frequent. The
/// result does not depend on the number of threads. Throws ValueError when no word is left.
WordCorpus read_corpus(std::string_view text, int64_t min_count = 5, int64_t max_vocabulary = 0);

}  // namespace gradus
