#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace gradus {

/// Byte strings with an id each, and the longest of them that begins a text. Nodes are numbered as they are made, the
/// root is 0; edges live in one open-addressing table, so a step costs one memory access.
class ByteTrie {
 public:
  ByteTrie();
  /// Walks from `node` along `bytes`, making what is missing; returns the node reached.
  uint32_t extend(uint32_t node, std::string_view bytes);
  /// Marks a node as the end of a string; the first id stays.
  void mark(uint32_t node, int32_t id) {
    if (best_[node] < 0) best_[node] = id;
  }
  /// After the last mark(): lets every node know the longest string at or above it.
  void finish();
  /// The id of the longest string that `text` begins with, or -1. `steps` grows by the bytes looked at.
  int32_t longest(std::string_view text, uint64_t& steps) const {
    uint32_t node = 0;
    for (char c : text) {
      ++steps;
      const uint32_t next = child(node, static_cast<unsigned char>(c));
      if (next == 0) break;
      node = next;
    }
    return best_[node];
  }
  /// After finish(): the longest string above `node`, or -1.
  int32_t best_above(uint32_t node) const { return node == 0 ? -1 : best_[parent_[node]]; }
  bool begins(unsigned char byte) const { return first_[byte] != 0; }

 private:
  struct Edge {
    uint32_t key = 0;    // node << 8 | byte
    uint32_t child = 0;  // 0: the slot is empty
  };
  static size_t place(uint32_t key, size_t mask) { return (key * uint64_t{0x9E3779B97F4A7C15u} >> 32) & mask; }
  uint32_t child(uint32_t node, unsigned char byte) const {
    if (node == 0) return first_[byte];
    const uint32_t key = node << 8 | byte;
    for (size_t i = place(key, mask_);; i = (i + 1) & mask_) {
      if (edges_[i].child == 0) return 0;
      if (edges_[i].key == key) return edges_[i].child;
    }
  }
  void grow();

  uint32_t first_[256] = {};
  std::vector<Edge> edges_;
  size_t mask_ = 0, used_ = 0;
  std::vector<int32_t> best_{-1};
  std::vector<uint32_t> parent_{0};
};

}  // namespace gradus
