#include "models/text/word2vec_tables.h"

#include <algorithm>
#include <cmath>

namespace gradus {

double keep_probability(int64_t count, int64_t total, double sample) {
  if (sample <= 0 || count <= 0) return 1;
  // p = (sqrt(f / t) + 1) t / f
  const double ratio = static_cast<double>(count) / (sample * static_cast<double>(total));
  return std::min(1.0, (std::sqrt(ratio) + 1) / ratio);
}

std::vector<double> noise_distribution(const std::vector<int64_t>& counts, double exponent) {
  std::vector<double> p;
  double sum = 0;
  for (int64_t count : counts) sum += p.emplace_back(std::pow(static_cast<double>(count), exponent));
  for (double& x : p) x /= sum;
  return p;
}

AliasTable::AliasTable(const std::vector<double>& probabilities) : slots_(probabilities.size()) {
  const size_t n = probabilities.size();
  std::vector<double> share(n);  // of a slot, which holds 1 / n
  std::vector<size_t> small, large;
  for (size_t i = 0; i < n; ++i) {
    share[i] = probabilities[i] * static_cast<double>(n);
    (share[i] < 1 ? small : large).push_back(i);
  }
  const auto fill = [&](size_t i, double part, size_t other) {
    slots_[i] = {static_cast<uint32_t>(std::min(std::round(part * 4294967296.0), 4294967295.0)),
                 static_cast<int32_t>(other)};
  };
  while (!small.empty() && !large.empty()) {
    const size_t i = small.back(), j = large.back();
    small.pop_back();
    fill(i, share[i], j);
    share[j] -= 1 - share[i];
    if (share[j] < 1) large.pop_back(), small.push_back(j);
  }
  for (size_t i : small) fill(i, 1, i);
  for (size_t i : large) fill(i, 1, i);
}

std::vector<double> AliasTable::probabilities() const {
  std::vector<double> p(slots_.size());
  const double slot = 1 / static_cast<double>(slots_.size());
  for (size_t i = 0; i < slots_.size(); ++i) {
    const double part = slots_[i].threshold / 4294967296.0;
    p[i] += slot * part;
    p[slots_[i].other] += slot * (1 - part);
  }
  return p;
}

HuffmanTree::HuffmanTree(const std::vector<int64_t>& counts) {
  const auto n = static_cast<int64_t>(counts.size());
  nodes_.resize(counts.size()), codes_.resize(counts.size());
  // Leaves from the rarest up and inner nodes in the order they are made are both ascending: two queues.
  std::vector<int64_t> weight(2 * n - 1);
  for (int64_t i = 0; i < n; ++i) weight[i] = counts[i];
  std::vector<int64_t> parent(2 * n - 1, -1);
  std::vector<uint8_t> bit(2 * n - 1, 0);
  int64_t leaf = n - 1, inner = n, made = n;
  const auto smallest = [&] { return inner >= made || (leaf >= 0 && weight[leaf] < weight[inner]) ? leaf-- : inner++; };
  for (; made < 2 * n - 1; ++made) {
    const int64_t first = smallest(), second = smallest();
    weight[made] = weight[first] + weight[second];
    parent[first] = parent[second] = made;
    bit[second] = 1;
  }
  for (int64_t w = 0; w < n; ++w) {
    for (int64_t node = w; parent[node] >= 0; node = parent[node]) {
      codes_[w].push_back(bit[node]);
      nodes_[w].push_back(static_cast<int32_t>(parent[node] - n));
    }
    std::reverse(codes_[w].begin(), codes_[w].end());
    std::reverse(nodes_[w].begin(), nodes_[w].end());
  }
}

}  // namespace gradus
