#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// Pieces by text, for finding all that begin at a place: a trie over bytes.
class PieceTrie {
 public:
  explicit PieceTrie(const std::vector<std::pair<std::string, double>>& pieces);
  /// Calls `piece(id, end)` for each piece that is text[at, end).
  template <class F>
  void each(std::string_view text, size_t at, const F& piece) const {
    int32_t node = 0;
    for (size_t i = at; i < text.size(); ++i) {
      node = child(node, static_cast<unsigned char>(text[i]));
      if (node < 0) return;
      if (nodes_[node].piece >= 0) piece(nodes_[node].piece, i + 1);
    }
  }

 private:
  struct Node {
    int32_t piece = -1;
    int32_t first = -1, next = -1;  // children, and brothers
    unsigned char byte = 0;
  };
  int32_t child(int32_t node, unsigned char byte) const {
    if (node == 0) return root_[byte];
    int32_t i = nodes_[node].first;
    while (i >= 0 && nodes_[i].byte != byte) i = nodes_[i].next;
    return i;
  }
  std::vector<Node> nodes_;
  int32_t root_[256];
};

/// All cuts of one word into pieces.
class UnigramLattice {
 public:
  /// False when no cut reaches the end.
  bool build(std::string_view word, const PieceTrie& trie);
  /// log sum over cuts of the product of probabilities; adds `weight` times each piece's expected count.
  double expect(const std::vector<double>& scores, double weight, std::vector<double>& expected);
  /// The pieces of the best cut; `without`: that piece may not be used. Empty when there is no cut.
  std::vector<int32_t> best(const std::vector<double>& scores, int32_t without = -1);

 private:
  struct Edge {
    int32_t piece;
    uint32_t begin, end;
  };
  std::vector<Edge> edges_;  // ascending by begin
  size_t size_ = 0;
  std::vector<double> alpha_, beta_;
};

}  // namespace gradus
