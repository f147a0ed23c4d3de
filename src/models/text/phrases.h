#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace gradus {

struct PhraseOptions {
  int64_t min_count = 5;
  double threshold = 10;
  std::string delimiter = "_";
};

/// The text with words that belong together joined: "new york" becomes "new_york" where its score lies above the
/// threshold. Two neighbours a b score (count(ab) - min_count) / (count(a) count(b)) times the number of different
/// words and pairs (Mikolov et al. 2013, 1310.4546, eq. 6, scaled as gensim's Phrases does). One sentence a line; words
/// come out separated by one blank. From left to right, a word joins one phrase only; a second pass over the result
/// finds longer ones.
std::string join_phrases(std::string_view text, const PhraseOptions& options = {});

}  // namespace gradus
