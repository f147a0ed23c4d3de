#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

// Protobuf's wire format, and small SentencePiece models in it.
inline std::string wire_varint(uint64_t n) {
  std::string out;
  for (; n >= 0x80; n >>= 7) out += static_cast<char>(n | 0x80);
  return out + static_cast<char>(n);
}
inline std::string wire_number(int field, uint64_t value) {
  return wire_varint(static_cast<uint64_t>(field) << 3) + wire_varint(value);
}
inline std::string wire_bytes(int field, const std::string& bytes) {
  return wire_varint(static_cast<uint64_t>(field) << 3 | 2) + wire_varint(bytes.size()) + bytes;
}
inline std::string wire_float(int field, float value) {
  std::string out = wire_varint(static_cast<uint64_t>(field) << 3 | 5);
  return out.append(reinterpret_cast<const char*>(&value), 4);
}

struct SmallPiece {
  std::string text;
  float score;
  int type = 1;
};

/// A SentencePiece model without rules of characters. `type`: 1 unigram, 2 BPE, 3 word, 4 char.
inline std::string sentencepiece_file(int type, const std::vector<SmallPiece>& pieces, bool byte_fallback = false,
                                      bool squeeze = true) {
  std::string out;
  for (const SmallPiece& p : pieces)
    out += wire_bytes(1, wire_bytes(1, p.text) + wire_float(2, p.score) + (p.type != 1 ? wire_number(3, p.type) : ""));
  out += wire_bytes(2, wire_number(3, type) + wire_number(35, byte_fallback));
  return out + wire_bytes(3, wire_number(3, 1) + wire_number(4, squeeze) + wire_number(5, 1));
}

/// <unk>, <s>, </s> and then `more`.
inline std::vector<SmallPiece> pieces_with(std::vector<SmallPiece> more) {
  std::vector<SmallPiece> out = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

}  // namespace gradus
