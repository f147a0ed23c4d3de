#pragma once
#include <cstdint>
#include <vector>

// What Word2Vec draws by: which occurrences are kept, which words are noise, and the tree of hierarchical softmax.
namespace gradus {

/// The probability with which one occurrence of a word that stands `count` times among `total` is kept
/// (Mikolov's code, not the paper's formula): (sqrt(f / sample) + 1) sample / f, f = count / total, at most 1.
/// sample 0: 1.
double keep_probability(int64_t count, int64_t total, double sample);

/// p_i = count_i^exponent / sum_j count_j^exponent (1310.4546, section 2.2: exponent 3/4).
std::vector<double> noise_distribution(const std::vector<int64_t>& counts, double exponent = 0.75);

/// Draws from a distribution in constant time (Walker 1977, Vose 1991). probabilities() are those of the draws.
class AliasTable {
 public:
  explicit AliasTable(const std::vector<double>& probabilities);
  int32_t draw(uint64_t bits) const {
    const auto i = static_cast<uint32_t>(((bits >> 32) * slots_.size()) >> 32);
    return static_cast<uint32_t>(bits) < slots_[i].threshold ? static_cast<int32_t>(i) : slots_[i].other;
  }
  std::vector<double> probabilities() const;

 private:
  struct Slot {
    uint32_t threshold = 0;
    int32_t other = 0;
  };
  std::vector<Slot> slots_;
};

/// Huffman's tree over the words: on the way from the root to word w lie the inner nodes nodes(w), and bit 1 means the
/// child with the larger count.
class HuffmanTree {
 public:
  /// `counts` in descending order, at least one.
  explicit HuffmanTree(const std::vector<int64_t>& counts);
  /// Inner nodes 0 … words - 2 from the root down, and whether the way goes on to the child of bit 1.
  const std::vector<int32_t>& nodes(int32_t word) const { return nodes_[word]; }
  const std::vector<uint8_t>& code(int32_t word) const { return codes_[word]; }

 private:
  std::vector<std::vector<int32_t>> nodes_;
  std::vector<std::vector<uint8_t>> codes_;
};

}  // namespace gradus
