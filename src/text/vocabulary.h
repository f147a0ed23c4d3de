#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// A 64-bit hash of bytes; equal on every machine of the same byte order.
inline uint64_t hash_bytes(const char* p, size_t n) {
  const auto mix = [](uint64_t a, uint64_t b) {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  uint64_t h = 0x9E3779B97F4A7C15u ^ n, word = 0;
  for (; n >= 8; p += 8, n -= 8) {
    std::memcpy(&word, p, 8);
    h = mix(h ^ word, 0xD6E8FEB86659FD93u);
  }
  word = 0;
  if (n > 0) std::memcpy(&word, p, n);
  return mix(h ^ word, 0xA0761D6478BD642Fu);
}

/// The tokens of a model: ids 0, 1, … in the order they are added, each with its text as the file spells it. An id may
/// have no text (a hole).
class Vocabulary {
 public:
  /// Ids and merge ranks must fit in 21 bits: merge tables pack two ids and a rank into one word.
  static constexpr int kMaxSize = 1 << 21;

  Vocabulary() = default;
  int size() const { return static_cast<int>(begins_.size()) - 1; }
  /// The new token's id, or -1 when the text is there already.
  int add(std::string_view text);
  /// One more id for a text that may be there already; find() gives the last one. Unigram's files hold such doubles.
  int add_again(std::string_view text);
  /// One more id that no text has.
  void add_hole() { begins_.push_back(texts_.size()), ++holes_; }
  /// How many ids have a text.
  int count() const { return size() - holes_; }
  bool is_hole(int id) const { return holes_ > 0 && (*this)[id].empty() && find("") != id; }
  /// The id of a token, or -1.
  int find(std::string_view text) const;
  std::string_view operator[](int id) const {
    return std::string_view(texts_).substr(begins_[id], begins_[id + 1] - begins_[id]);
  }
  void reserve(int tokens);

 private:
  struct Slot {
    uint32_t hash = 0;
    int32_t id = -1;
  };
  void rehash(size_t slots);
  size_t slot_of(std::string_view text, uint64_t hash) const;

  std::string texts_;
  std::vector<uint64_t> begins_{0};
  std::vector<Slot> slots_;
  int holes_ = 0;
};

}  // namespace gradus
