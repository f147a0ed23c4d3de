#include "text/byte_trie.h"

#include "base/error.h"

namespace gradus {

ByteTrie::ByteTrie() : edges_(1024), mask_(1023) {}

void ByteTrie::grow() {
  std::vector<Edge> old(edges_.size() * 2);
  old.swap(edges_);
  mask_ = edges_.size() - 1;
  for (const Edge& edge : old) {
    if (edge.child == 0) continue;
    size_t i = place(edge.key, mask_);
    while (edges_[i].child != 0) i = (i + 1) & mask_;
    edges_[i] = edge;
  }
}

uint32_t ByteTrie::extend(uint32_t node, std::string_view bytes) {
  for (char c : bytes) {
    const unsigned char byte = static_cast<unsigned char>(c);
    uint32_t next = child(node, byte);
    if (next == 0) {
      next = static_cast<uint32_t>(best_.size());
      if (next >= 1u << 24)
        throw FileError("tokenizer", "the vocabulary's tokens are too long: more than 16 million prefixes.");
      best_.push_back(-1);
      parent_.push_back(node);
      if (node == 0) {
        first_[byte] = next;
      } else {
        if (++used_ * 2 > edges_.size()) grow();
        const uint32_t key = node << 8 | byte;
        size_t i = place(key, mask_);
        while (edges_[i].child != 0) i = (i + 1) & mask_;
        edges_[i] = {key, next};
      }
    }
    node = next;
  }
  return node;
}

void ByteTrie::finish() {
  for (size_t node = 1; node < best_.size(); ++node)  // a parent is always made before its children
    if (best_[node] < 0) best_[node] = best_[parent_[node]];
  std::vector<uint32_t> hints(best_.size(), 0);
  for (const Edge& edge : edges_)
    if (edge.child != 0) hints[edge.key >> 8] |= hint(static_cast<unsigned char>(edge.key));
  for (Edge& edge : edges_) edge.child |= hints[edge.child];  // empty slots stay 0: nothing leads to the root
  second_.assign(1 << 16, 0);
  third_.assign(1 << 16, 0);
  for (uint32_t a = 0; a < 256; ++a)
    for (uint32_t b = 0; first_[a] != 0 && b < 256; ++b)
      second_[a << 8 | b] = child(first_[a], static_cast<unsigned char>(b));
  for (uint32_t a = 0xE0; a < 0xF0; ++a)
    for (uint32_t b = 0x80; b < 0xC0; ++b)
      for (uint32_t c = 0x80; (second_[a << 8 | b] & kNode) != 0 && c < 0xC0; ++c)
        third_[three_bytes(a, b, c)] = child(second_[a << 8 | b] & kNode, static_cast<unsigned char>(c));
}

}  // namespace gradus
