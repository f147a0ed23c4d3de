#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "models/text/word_vectors.h"

namespace gradus {

/// The area under the curve of true against false positives: the share of (positive, negative) pairs in which the
/// positive scores higher, equal ones counting half. NaN when one side is empty.
double area_under_curve(const std::vector<double>& scores, const std::vector<uint8_t>& positive);
/// Correlation of values and of ranks (equal values share the mean of their ranks). NaN for constants.
double pearson(const std::vector<double>& a, const std::vector<double>& b);
double spearman(const std::vector<double>& a, const std::vector<double>& b);

struct PairEvaluation {
  int64_t pairs = 0, skipped = 0;  ///< skipped: a word has no vector
  bool labels = false;             ///< all numbers are 0 or 1: auc counts, otherwise the correlations do
  double auc = 0, pearson = 0, spearman = 0;
};
/// `text` has two words and a number a line, between tabs, blanks or commas; lines that begin with # are comments.
/// The cosine of the two words is compared with the number. Throws FileError naming the line.
PairEvaluation evaluate_pairs(const WordVectors& vectors, std::string_view text, const std::string& name);

struct AnalogySection {
  std::string name;
  int64_t right = 0, asked = 0, skipped = 0;
};
/// "a b c d" a line: is d the nearest word to b - a + c? Lines ": name" begin sections (Mikolov's questions-words.txt).
/// Only the first `among` words count, 0: all. Throws FileError naming the line.
std::vector<AnalogySection> evaluate_analogies(const WordVectors& vectors, std::string_view text,
                                               const std::string& name, int64_t among = 300'000);

/// (words.size(), 2): the vectors of these words along their two directions of largest variance (PCA).
Tensor plane_of(const WordVectors& vectors, const std::vector<int64_t>& words);

}  // namespace gradus
