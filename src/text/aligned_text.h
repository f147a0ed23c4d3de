#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/unicode.h"

namespace gradus {

/// The bytes of the original text that something comes from.
struct Origin {
  uint32_t begin, end;
};

/// A text on its way from the user to the model, with the origin of each of its bytes when they are wanted (offsets,
/// Metaspace's prepend_scheme "first"). Always valid UTF-8.
struct AlignedText {
  std::string bytes;
  std::vector<Origin> origins;  ///< one a byte, or none when not tracked
  bool tracked = false;
  uint32_t shift = 0;  ///< where the part of the original that this text comes from begins

  /// The text as it came: each byte comes from its own character, `shift` bytes into the original.
  static AlignedText of(std::string_view text, uint32_t shift, bool tracked);
  /// An empty one that tracks as this one does.
  AlignedText like() const { return {{}, {}, tracked, shift}; }
  /// The origin of the bytes [begin, end), which are at least one.
  Origin origin(size_t begin, size_t end) const { return {origins[begin].begin, origins[end - 1].end}; }
};

/// Part of an AlignedText, between two cuts.
struct Piece {
  size_t begin, end;
  uint32_t shift;  ///< where its first byte comes from (0 when the text is not tracked)
};

/// Writes a changed version of [begin, end) of one text behind another, keeping account of origins. Each character put
/// says what it does to the source (see NormalizedChar::change). A character put in has the origin of the byte before.
class Rewriter {
 public:
  Rewriter(const AlignedText& from, size_t begin, size_t end, uint32_t shift, AlignedText& to)
      : from_(from), to_(to), at_(begin), begin_(begin), end_(end), shift_(shift) {}
  /// Passes over characters of the source before the first put().
  void skip(size_t characters);
  void skip_bytes(size_t bytes) { at_ += bytes; }
  void put(uint32_t code, int change) {
    const size_t before = to_.bytes.size();
    append_utf8(code, to_.bytes);
    if (to_.tracked) track(to_.bytes.size() - before, change);
  }
  /// Characters of the source as they are; all bytes of each are there.
  void copy(size_t bytes);

 private:
  void track(size_t bytes, int change);
  const AlignedText& from_;
  AlignedText& to_;
  size_t at_, begin_, end_;
  uint32_t shift_;
};

/// Writes a piece of one text behind another with `prefix` before it, which has the origin of the piece's first byte.
void append_prefixed(const AlignedText& from, const Piece& piece, std::string_view prefix, AlignedText& out);

}  // namespace gradus
