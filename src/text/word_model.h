#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// One token of a word: the bytes [begin, end) of the word that it stands for.
struct WordToken {
  int32_t id;
  uint32_t begin, end;
};

/// What one thread needs while it encodes: the ids so far, buffers, a cache of words and one of pairs. Reusable, for
/// one model only.
class EncodeScratch {
 public:
  EncodeScratch();
  ~EncodeScratch();
  EncodeScratch(const EncodeScratch&) = delete;
  EncodeScratch& operator=(const EncodeScratch&) = delete;

  /// Room for `n` more ids behind those that are there.
  void reserve(size_t n) {
    if (size + n > capacity) grow(n);
  }
  void push(int32_t id) { ids[size++] = id; }
  std::unique_ptr<int32_t[]> ids;
  size_t size = 0, capacity = 0;
  /// Grows by one for every step of an inner loop; tests use it to see how the work grows with the text.
  uint64_t work = 0;

  struct CachedWord {  // 32 bytes: a word of up to 15 bytes that becomes up to 3 tokens
    uint64_t low, high;
    int32_t ids[3];
    uint32_t count;
  };
  struct Symbol {  // of a word that is being merged
    int32_t id, previous, next;
    uint32_t length;
  };
  struct Candidate {
    int64_t rank_and_place;
    int32_t result;
  };
  struct PathNode {  // the best way to a place in a word
    double score;
    int32_t id;
    uint32_t begin;
  };
  static constexpr size_t kWordSlots = 1 << 16;  // 2 MiB, two ways: the words of one language
  static constexpr size_t kPairSlots = 1 << 16;  // 512 KiB
  CachedWord* words;                             // calloc: pages that are never used cost nothing; sets are cache lines
  uint64_t* pairs;
  std::vector<uint64_t> open;  // one bit a byte of the word: a token may begin there
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap, skipped;
  std::vector<PathNode> path;

 private:
  void grow(size_t n);
  void* words_block_;
};

/// Turns a word into tokens: Hugging Face's "model".
class WordModel {
 public:
  virtual ~WordModel() = default;
  /// Appends the ids of a word. `limit` is the end of the memory that holds it: its bytes may be read 16 at a time.
  void encode(std::string_view word, const char* limit, EncodeScratch& scratch) const {
    scratch.reserve(tokens_at_most(word.size()));
    encode_cached(word, limit, scratch);
  }
  /// Lets the cache line that knows a word come in from memory, for an encode() soon.
  void prefetch(std::string_view word, const char* limit, const EncodeScratch& scratch) const {
    if (word.size() <= 15) __builtin_prefetch(scratch.words + WordKey(word, limit).set);
  }
  /// Appends the tokens of a word with their places in it.
  virtual void encode_tokens(std::string_view word, EncodeScratch& scratch, std::vector<WordToken>& out) const = 0;
  /// The most tokens that a word of so many bytes becomes, with some to spare.
  virtual size_t tokens_at_most(size_t bytes) const { return bytes + 3; }

 protected:
  /// Appends ids; the scratch has room for tokens_at_most().
  virtual void encode_word(std::string_view word, EncodeScratch& scratch) const = 0;

 private:
  /// The bytes and the length of a word of up to 15 bytes, and the first of its two places in the cache.
  struct WordKey {
    uint64_t low = 0, high = 0;
    size_t set;
    WordKey(std::string_view word, const char* limit) {
      const size_t n = word.size();
      if (limit - word.data() >= 16) {
        std::memcpy(&low, word.data(), 8);
        std::memcpy(&high, word.data() + 8, 8);
        // Keep the word's n bytes of the 16; the last byte of `high` is free for the length.
        if (n < 8)
          low &= (uint64_t{1} << (8 * n)) - 1, high = 0;
        else
          high &= (uint64_t{1} << (8 * (n - 8))) - 1;
      } else {
        std::memcpy(&low, word.data(), n < 8 ? n : 8);
        if (n > 8) std::memcpy(&high, word.data() + 8, n - 8);
      }
      high |= static_cast<uint64_t>(n) << 56;
      const uint64_t h = (low ^ high * 0xD6E8FEB86659FD93u) * 0x9E3779B97F4A7C15u;
      set = (h >> 40) & (EncodeScratch::kWordSlots - 2);
    }
  };
  void encode_cached(std::string_view word, const char* limit, EncodeScratch& scratch) const {
    const size_t n = word.size(), first = scratch.size;
    EncodeScratch::CachedWord* set = nullptr;
    uint64_t low = 0, high = 0;
    if (n <= 15) {
      const WordKey key(word, limit);
      low = key.low, high = key.high, set = scratch.words + key.set;
      for (int way = 0; way < 2; ++way) {
        const EncodeScratch::CachedWord& cached = set[way];
        if (cached.low != low || cached.high != high) continue;
        // Three stores without a branch; what lies behind `count` is overwritten by the next word.
        std::memcpy(&scratch.ids[scratch.size], cached.ids, sizeof cached.ids);
        scratch.size += cached.count;
        return;
      }
    }
    encode_word(word, scratch);
    const size_t count = scratch.size - first;
    if (!set || count > 3) return;
    set[1] = set[0];  // the older of the two gives way
    set[0].low = low, set[0].high = high, set[0].count = static_cast<uint32_t>(count);
    std::memcpy(set[0].ids, &scratch.ids[first], count * sizeof(int32_t));
  }
};

/// The byte that a token "<0xNN>" stands for, or -1.
int fallback_byte(std::string_view token);
/// "<0xNN>".
std::string fallback_token(unsigned char byte);

}  // namespace gradus
