#include "models/text/word_evaluation.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "ops/linalg.h"

namespace gradus {

namespace {

/// From 1 up; equal values share the mean of their ranks.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (size_t i = 0, j; i < order.size(); i = j) {
    for (j = i; j < order.size() && values[order[j]] == values[order[i]];) ++j;
    for (size_t k = i; k < j; ++k) out[order[k]] = static_cast<double>(i + 1 + j) / 2;
  }
  return out;
}

/// Calls f(fields, line number) for each line that is neither empty nor a comment.
template <class F>
void each_row(std::string_view text, const F& f) {
  size_t number = 1;
  for (size_t begin = 0; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    std::vector<std::string_view> fields;
    for (size_t i = 0; i < line.size();) {
      const size_t stop = std::min(line.find_first_of(" \t\r,;", i), line.size());
      if (stop > i) fields.push_back(line.substr(i, stop - i));
      i = stop + 1;
    }
    if (!fields.empty() && fields[0][0] != '#') f(fields, number);
  }
}

}  // namespace

double area_under_curve(const std::vector<double>& scores, const std::vector<uint8_t>& positive) {
  const std::vector<double> rank = ranks(scores);
  double sum = 0, n = 0;
  for (size_t i = 0; i < rank.size(); ++i)
    if (positive[i]) sum += rank[i], ++n;
  const double m = static_cast<double>(rank.size()) - n;
  // Mann-Whitney: U / (n m)
  return n > 0 && m > 0 ? (sum - n * (n + 1) / 2) / (n * m) : std::numeric_limits<double>::quiet_NaN();
}

double pearson(const std::vector<double>& a, const std::vector<double>& b) {
  const auto n = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n,
               mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i] - mean_a, y = b[i] - mean_b;
    ab += x * y, aa += x * x, bb += y * y;
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : std::numeric_limits<double>::quiet_NaN();
}

double spearman(const std::vector<double>& a, const std::vector<double>& b) { return pearson(ranks(a), ranks(b)); }

PairEvaluation evaluate_pairs(const WordVectors& vectors, std::string_view text, const std::string& name) {
  PairEvaluation out;
  std::vector<double> cosines, numbers;
  std::vector<uint8_t> positive;
  out.labels = true;
  each_row(text, [&](const std::vector<std::string_view>& fields, size_t line) {
    double number = 0;
    if (fields.size() >= 3) {
      const auto [stop, error] = std::from_chars(fields[2].data(), fields[2].data() + fields[2].size(), number);
      if (error == std::errc() && stop == fields[2].data() + fields[2].size()) {
        const int64_t a = vectors.find(fields[0]), b = vectors.find(fields[1]);
        if (a < 0 || b < 0) return void(++out.skipped);
        cosines.push_back(vectors.cosine(a, b));
        numbers.push_back(number);
        positive.push_back(number == 1);
        out.labels = out.labels && (number == 0 || number == 1);
        return;
      }
    }
    throw FileError("word2vec eval", name + ", line " + std::to_string(line) + ": expected two words and a number.");
  });
  out.pairs = static_cast<int64_t>(cosines.size());
  if (out.pairs == 0) throw FileError("word2vec eval", name + ": holds no pair of words that both have vectors.");
  out.auc = area_under_curve(cosines, positive);
  out.pearson = pearson(cosines, numbers);
  out.spearman = spearman(cosines, numbers);
  return out;
}

std::vector<AnalogySection> evaluate_analogies(const WordVectors& vectors, std::string_view text,
                                               const std::string& name, int64_t among) {
  std::vector<AnalogySection> out;
  const int64_t n = among > 0 ? std::min(among, vectors.count()) : vectors.count();
  each_row(text, [&](const std::vector<std::string_view>& fields, size_t line) {
    if (fields[0][0] == ':') {
      out.push_back({std::string(fields.size() > 1 ? fields[1] : fields[0].substr(1))});
      return;
    }
    if (fields.size() != 4)
      throw FileError("word2vec eval", name + ", line " + std::to_string(line) + ": expected four words.");
    if (out.empty()) out.push_back({"all"});
    AnalogySection& section = out.back();
    int64_t words[4];
    for (int i = 0; i < 4; ++i) {
      words[i] = vectors.find(fields[i]);
      if (words[i] < 0 || words[i] >= n) return void(++section.skipped);
    }
    const auto best = vectors.nearest({words[1], words[2]}, {words[0]}, 1, n);
    ++section.asked;
    section.right += !best.empty() && best[0].word == words[3];
  });
  return out;
}

Tensor plane_of(const WordVectors& vectors, const std::vector<int64_t>& words) {
  const auto n = static_cast<int64_t>(words.size()), size = vectors.size();
  if (n < 2 || size < 2) throw ValueError("word vectors", "a plane needs two words and two numbers a vector at least.");
  Tensor x = empty({n, size});
  std::vector<double> mean(size);
  for (int64_t w : words)
    for (int64_t k = 0; k < size; ++k) mean[k] += vectors.row(w)[k] / static_cast<double>(n);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < size; ++k)
      x.data<float>()[i * size + k] = static_cast<float>(vectors.row(words[i])[k] - mean[k]);
  // X = U diag(s) V^T: the rows of U diag(s) are the words along the directions of largest variance.
  const Svd parts = svd(x);
  const auto u = parts.u.to_vector<double>(), s = parts.s.to_vector<double>();
  const auto rank = static_cast<int64_t>(s.size());
  std::vector<double> out;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < 2; ++k) out.push_back(u[i * rank + k] * s[k]);
  return from_vector(out, {n, 2});
}

}  // namespace gradus
