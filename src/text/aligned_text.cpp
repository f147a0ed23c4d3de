#include "text/aligned_text.h"

#include <algorithm>

namespace gradus {

AlignedText AlignedText::of(std::string_view text, uint32_t shift, bool tracked) {
  AlignedText out{std::string(text), {}, tracked, shift};
  if (!tracked) return out;
  out.origins.reserve(text.size());
  for (const char *p = text.data(), *end = p + text.size(); p < end;) {
    const int length = decode_utf8(p, end).length;
    const uint32_t at = shift + static_cast<uint32_t>(p - text.data());
    out.origins.insert(out.origins.end(), static_cast<size_t>(length), {at, at + static_cast<uint32_t>(length)});
    p += length;
  }
  return out;
}

void Rewriter::skip(size_t characters) {
  const char* bytes = from_.bytes.data();
  for (; characters > 0 && at_ < end_; --characters) at_ += decode_utf8(bytes + at_, bytes + end_).length;
}

void Rewriter::copy(size_t bytes) {
  to_.bytes.append(from_.bytes, at_, bytes);
  if (to_.tracked)
    to_.origins.insert(to_.origins.end(), from_.origins.begin() + static_cast<ptrdiff_t>(at_),
                       from_.origins.begin() + static_cast<ptrdiff_t>(at_ + bytes));
  at_ += bytes;
}

void Rewriter::track(size_t bytes, int change) {
  Origin origin{shift_, shift_};
  if (change > 0) {
    if (at_ > begin_) origin = from_.origins[at_ - 1];
  } else {
    // Past the end only when more was taken away than there was.
    if (at_ < end_) origin = from_.origins[at_];
    skip(1 + static_cast<size_t>(-change));
  }
  to_.origins.insert(to_.origins.end(), bytes, origin);
}

void append_prefixed(const AlignedText& from, const Piece& piece, std::string_view prefix, AlignedText& out) {
  if (out.tracked) out.origins.insert(out.origins.end(), prefix.size(), from.origins[piece.begin]);
  out.bytes += prefix;
  Rewriter(from, piece.begin, piece.end, piece.shift, out).copy(piece.end - piece.begin);
}

}  // namespace gradus
