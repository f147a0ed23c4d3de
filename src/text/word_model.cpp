#include "text/word_model.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace gradus {

template <class T>
static T* zeroed(size_t n) {
  void* p = std::calloc(n, sizeof(T));
  if (!p) throw std::bad_alloc();
  return static_cast<T*>(p);
}

EncodeScratch::EncodeScratch() : pairs(zeroed<uint64_t>(kPairSlots)) {
  constexpr size_t kLine = 64;
  static_assert(sizeof(CachedWord) * 2 == kLine);
  words_block_ = zeroed<char>(kWordSlots * sizeof(CachedWord) + kLine);
  void* aligned = words_block_;
  size_t space = kWordSlots * sizeof(CachedWord) + kLine;
  words = static_cast<CachedWord*>(std::align(kLine, kWordSlots * sizeof(CachedWord), aligned, space));
}

EncodeScratch::~EncodeScratch() {
  std::free(words_block_);
  std::free(pairs);
}

void EncodeScratch::grow(size_t n) {
  capacity = std::max(size + n, capacity * 2);
  std::unique_ptr<int32_t[]> larger(new int32_t[capacity]);
  std::copy_n(ids.get(), size, larger.get());
  ids = std::move(larger);
}

int fallback_byte(std::string_view token) {
  if (token.size() != 6 || token.substr(0, 3) != "<0x" || token[5] != '>') return -1;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  // Rust reads "+5" as a number too.
  if (token[3] == '+') return digit(token[4]);
  const int high = digit(token[3]), low = digit(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string fallback_token(unsigned char byte) {
  char text[8];
  std::snprintf(text, sizeof text, "<0x%02X>", byte);
  return text;
}

}  // namespace gradus
