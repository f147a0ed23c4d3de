#include "models/text/word_vectors.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace gradus {

WordVectors::WordVectors(std::vector<std::string> words, Tensor vectors)
    : words_(std::move(words)), vectors_(std::move(vectors)) {
  if (vectors_.dtype() != Dtype::f32 || vectors_.rank() != 2 || vectors_.shape()[0] != count() ||
      !vectors_.contiguous())
    throw ShapeError("word vectors", "expected " + std::to_string(words_.size()) + " rows of f32 numbers.");
  index_.reserve(words_.size());
  for (int64_t i = 0; i < count(); ++i)
    if (!index_.emplace(words_[i], i).second)
      throw ValueError("word vectors", "the word \"" + words_[i] + "\" stands twice.");
  inverse_norm_.resize(words_.size());
  for (int64_t i = 0; i < count(); ++i) {
    double sum = 0;
    for (int64_t k = 0; k < size(); ++k) sum += static_cast<double>(row(i)[k]) * row(i)[k];
    inverse_norm_[i] = sum > 0 ? static_cast<float>(1 / std::sqrt(sum)) : 0;
  }
}

int64_t WordVectors::find(std::string_view word) const {
  const auto at = index_.find(word);
  return at == index_.end() ? -1 : at->second;
}

int64_t WordVectors::at(std::string_view word) const {
  const int64_t i = find(word);
  if (i < 0)
    throw ValueError("word vectors", "there is no vector for \"" + std::string(word) + "\".",
                     "words are compared byte by byte; those rarer than min_count have no vector.");
  return i;
}

double WordVectors::cosine(int64_t a, int64_t b) const {
  double dot = 0;
  for (int64_t k = 0; k < size(); ++k) dot += static_cast<double>(row(a)[k]) * row(b)[k];
  return dot * inverse_norm_[a] * inverse_norm_[b];
}

std::vector<WordVectors::Neighbour> WordVectors::nearest(const std::vector<int64_t>& plus,
                                                         const std::vector<int64_t>& minus, int64_t top,
                                                         int64_t among) const {
  std::vector<float> query(size());
  const auto add = [&](const std::vector<int64_t>& words, float sign) {
    for (int64_t w : words)
      for (int64_t k = 0; k < size(); ++k) query[k] += sign * inverse_norm_[w] * row(w)[k];
  };
  add(plus, 1), add(minus, -1);
  double norm = 0;
  for (float x : query) norm += static_cast<double>(x) * x;
  norm = norm > 0 ? 1 / std::sqrt(norm) : 0;
  const int64_t n = among > 0 ? std::min(among, count()) : count();
  std::vector<Neighbour> all;
  all.reserve(n);
  for (int64_t i = 0; i < n; ++i) {
    if (std::count(plus.begin(), plus.end(), i) || std::count(minus.begin(), minus.end(), i)) continue;
    const float* x = row(i);
    float dot = 0;
    for (int64_t k = 0; k < size(); ++k) dot += x[k] * query[k];
    all.push_back({i, dot * inverse_norm_[i] * norm});
  }
  const auto wanted = std::clamp<int64_t>(top, 0, static_cast<int64_t>(all.size()));
  std::partial_sort(all.begin(), all.begin() + wanted, all.end(), [](const Neighbour& a, const Neighbour& b) {
    return a.cosine != b.cosine ? a.cosine > b.cosine : a.word < b.word;
  });
  all.resize(wanted);
  return all;
}

}  // namespace gradus
