#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace gradus {

/// Byte strings with an id each, and the longest of them that begins a text. Nodes are numbered as they are made, the
/// root is 0. Edges live in one open-addressing table, so a step costs one memory access; the first two or three steps
/// are one look into a plain table. An edge also carries eight bits that say which bytes may go on from its child, so
/// that most walks end without a look that finds nothing.
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
  /// After finish(): the id of the longest string that `text` begins with, or -1. `steps` grows by the bytes looked at.
  int32_t longest(std::string_view text, uint64_t& steps) const {
    const auto byte = [&text](size_t i) { return static_cast<unsigned char>(text[i]); };
    if (text.size() < 2) return text.empty() ? -1 : best_[first_[byte(0)]];
    ++steps;
    size_t i = 3;
    const bool one_character =
        text.size() > 2 && byte(0) >> 4 == 0xE && (byte(1) & 0xC0) == 0x80 && (byte(2) & 0xC0) == 0x80;
    uint32_t at = one_character ? third_[three_bytes(byte(0), byte(1), byte(2))] : 0;
    if (at == 0) at = second_[byte(0) << 8 | byte(1)], i = 2;
    if (at == 0) return best_[first_[byte(0)]];
    for (; i < text.size() && (at & hint(byte(i))); ++i) {
      ++steps;
      const uint32_t next = child(at & kNode, byte(i));
      if (next == 0) break;
      at = next;
    }
    return best_[at & kNode];
  }
  /// After finish(): calls `found(id, length)` for every string that `text` begins with, the shortest first.
  template <class F>
  void each_prefix(std::string_view text, uint64_t& steps, const F& found) const {
    if (text.empty()) return;
    uint32_t at = first_[static_cast<unsigned char>(text[0])];
    int32_t last = -1;
    for (size_t i = 1; at != 0; ++i) {
      const int32_t id = best_[at & kNode];
      if (id != last) found(id, i);  // a node without a string of its own has that of the one above
      last = id;
      ++steps;
      if (i == text.size()) return;
      const unsigned char next = static_cast<unsigned char>(text[i]);
      if (i > 1 && (at & hint(next)) == 0) return;  // the first table has no hints
      at = child(at & kNode, next);
    }
  }
  /// After finish(): the longest string above `node`, or -1.
  int32_t best_above(uint32_t node) const { return node == 0 ? -1 : best_[parent_[node]]; }
  bool begins(unsigned char byte) const { return first_[byte] != 0; }

 private:
  struct Edge {
    uint32_t key = 0;    // node << 8 | byte
    uint32_t child = 0;  // 0: the slot is empty; above the node's 24 bits: the hints
  };
  static constexpr uint32_t kNode = 0xFFFFFF;
  static uint32_t hint(unsigned char byte) { return 1u << (24 + ((byte ^ byte >> 3) & 7)); }
  static size_t three_bytes(unsigned a, unsigned b, unsigned c) {
    return (a & 0xF) << 12 | (b & 0x3F) << 6 | (c & 0x3F);
  }
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
  // Made by finish(): the nodes after two bytes, and after the three bytes of one character (CJK, above all).
  std::vector<uint32_t> second_, third_;
  std::vector<Edge> edges_;
  size_t mask_ = 0, used_ = 0;
  std::vector<int32_t> best_{-1};
  std::vector<uint32_t> parent_{0};
};

}  // namespace gradus
