#include "text/unigram_lattice.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gradus {

namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
  if (a == kNever) return b;
  if (b == kNever) return a;
  return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
}

}  // namespace

PieceTrie::PieceTrie(const std::vector<std::pair<std::string, double>>& pieces) : nodes_(1) {
  std::fill(std::begin(root_), std::end(root_), -1);
  for (size_t p = 0; p < pieces.size(); ++p) {
    int32_t node = 0;
    for (char c : pieces[p].first) {
      const auto byte = static_cast<unsigned char>(c);
      int32_t next = child(node, byte);
      if (next < 0) {
        next = static_cast<int32_t>(nodes_.size());
        nodes_.push_back({-1, -1, node == 0 ? -1 : nodes_[node].first, byte});
        (node == 0 ? root_[byte] : nodes_[node].first) = next;
      }
      node = next;
    }
    nodes_[node].piece = static_cast<int32_t>(p);
  }
}

bool UnigramLattice::build(std::string_view word, const PieceTrie& trie) {
  edges_.clear();
  size_ = word.size();
  std::vector<bool> reached(size_ + 1);
  reached[0] = true;
  for (size_t at = 0; at < size_; ++at)
    if (reached[at])
      trie.each(word, at, [&](int32_t piece, size_t end) {
        edges_.push_back({piece, static_cast<uint32_t>(at), static_cast<uint32_t>(end)});
        reached[end] = true;
      });
  return reached[size_];
}

double UnigramLattice::expect(const std::vector<double>& scores, double weight, std::vector<double>& expected) {
  // alpha(end) = log sum over pieces that end there of exp(alpha(begin) + score); beta the same from the end.
  alpha_.assign(size_ + 1, kNever), beta_.assign(size_ + 1, kNever);
  alpha_[0] = beta_[size_] = 0;
  for (const Edge& e : edges_) alpha_[e.end] = log_add(alpha_[e.end], alpha_[e.begin] + scores[e.piece]);
  for (auto e = edges_.rbegin(); e != edges_.rend(); ++e)
    beta_[e->begin] = log_add(beta_[e->begin], scores[e->piece] + beta_[e->end]);
  const double total = alpha_[size_];
  for (const Edge& e : edges_)
    expected[e.piece] += weight * std::exp(alpha_[e.begin] + scores[e.piece] + beta_[e.end] - total);
  return total;
}

std::vector<int32_t> UnigramLattice::best(const std::vector<double>& scores, int32_t without) {
  alpha_.assign(size_ + 1, kNever);
  alpha_[0] = 0;
  std::vector<int32_t> from(size_ + 1, -1);
  for (size_t i = 0; i < edges_.size(); ++i) {
    const Edge& e = edges_[i];
    const double score = alpha_[e.begin] + scores[e.piece];
    if (e.piece == without || !(score > alpha_[e.end])) continue;
    alpha_[e.end] = score;
    from[e.end] = static_cast<int32_t>(i);
  }
  std::vector<int32_t> pieces;
  for (size_t at = size_; at > 0; at = edges_[from[at]].begin) {
    if (from[at] < 0) return {};
    pieces.push_back(edges_[from[at]].piece);
  }
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

}  // namespace gradus
