#include "text/sentencepiece_model.h"

#include <cstring>
#include <unordered_set>

#include "base/error.h"
#include "text/unicode.h"

namespace gradus {

namespace {

/// Protobuf's wire format, field by field (protobuf.dev/programming-guides/encoding).
class WireReader {
 public:
  WireReader(std::string_view bytes, std::string where) : rest_(bytes), where_(std::move(where)) {}

  struct Field {
    int number;
    int type;  // 0 varint, 1 64 bits, 2 bytes, 5 32 bits
    uint64_t value = 0;
    std::string_view bytes = {};
  };
  bool next(Field& field) {
    if (rest_.empty()) return false;
    const uint64_t tag = varint();
    field = {static_cast<int>(tag >> 3 & 0x1FFFFFFF), static_cast<int>(tag & 7)};
    if (field.number == 0) fail("a field has the number 0");
    switch (field.type) {
      case 0: field.value = varint(); break;
      case 1: field.bytes = take(8); break;
      case 2: field.bytes = take(varint()); break;
      case 5: field.bytes = take(4); break;
      default: fail("field " + std::to_string(field.number) + " has the wire type " + std::to_string(field.type));
    }
    return true;
  }
  std::string_view bytes(const Field& f, const char* name) const { return expect(f, 2, name), f.bytes; }
  bool flag(const Field& f, const char* name) const { return expect(f, 0, name), f.value != 0; }
  int32_t integer(const Field& f, const char* name) const { return expect(f, 0, name), static_cast<int32_t>(f.value); }
  float number(const Field& f, const char* name) const {
    expect(f, 5, name);
    float value;
    std::memcpy(&value, f.bytes.data(), 4);
    return value;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw FileError("sentencepiece", where_ + ": " + what + ".", "the file must be a SentencePiece model (*.model).");
  }

 private:
  void expect(const Field& f, int type, const char* name) const {
    if (f.type != type)
      fail(std::string(name) + " has the wire type " + std::to_string(f.type) + ", expected " + std::to_string(type));
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) fail("ends inside a number");
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    fail("a number has more than ten bytes");
  }
  std::string_view take(uint64_t n) {
    if (n > rest_.size()) fail("ends inside a field of " + std::to_string(n) + " bytes");
    const std::string_view out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }
  std::string_view rest_;
  std::string where_;
};

SentencePieceModel::Piece read_piece(std::string_view bytes, const std::string& where) {
  SentencePieceModel::Piece piece;
  WireReader reader(bytes, where);
  WireReader::Field f;
  while (reader.next(f)) {
    if (f.number == 1) piece.text = reader.bytes(f, "piece");
    if (f.number == 2) piece.score = reader.number(f, "score");
    if (f.number == 3) {
      const int32_t type = reader.integer(f, "type");
      if (type < 1 || type > 6) reader.fail("type is " + std::to_string(type) + ", expected 1 to 6");
      piece.type = static_cast<SentencePieceModel::PieceType>(type);
    }
  }
  if (piece.text.empty()) reader.fail("the piece is empty");
  if (!is_valid_utf8(piece.text)) reader.fail("the piece is not valid UTF-8");
  if (!(piece.score > -1e30f && piece.score < 1e30f)) reader.fail("the score of \"" + piece.text + "\" is not finite");
  return piece;
}

void read_trainer_spec(std::string_view bytes, const std::string& where, SentencePieceModel& model) {
  WireReader reader(bytes, where);
  WireReader::Field f;
  while (reader.next(f)) switch (f.number) {
      case 3: {
        const int32_t type = reader.integer(f, "model_type");
        if (type < 1 || type > 4) reader.fail("model_type is " + std::to_string(type) + ", expected 1 to 4");
        model.type = static_cast<SentencePieceModel::Type>(type);
        break;
      }
      case 24: model.whitespace_as_suffix = reader.flag(f, "treat_whitespace_as_suffix"); break;
      case 35: model.byte_fallback = reader.flag(f, "byte_fallback"); break;
      case 40: model.unk_id = reader.integer(f, "unk_id"); break;
      case 41: model.bos_id = reader.integer(f, "bos_id"); break;
      case 42: model.eos_id = reader.integer(f, "eos_id"); break;
      case 43: model.pad_id = reader.integer(f, "pad_id"); break;
      default: break;
    }
}

void read_normalizer_spec(std::string_view bytes, const std::string& where, SentencePieceModel& model) {
  WireReader reader(bytes, where);
  WireReader::Field f;
  while (reader.next(f)) switch (f.number) {
      case 2: model.charsmap = reader.bytes(f, "precompiled_charsmap"); break;
      case 3: model.add_dummy_prefix = reader.flag(f, "add_dummy_prefix"); break;
      case 4: model.remove_extra_whitespaces = reader.flag(f, "remove_extra_whitespaces"); break;
      case 5: model.escape_whitespaces = reader.flag(f, "escape_whitespaces"); break;
      default: break;
    }
}

}  // namespace

SentencePieceModel parse_sentencepiece(std::string_view bytes, const std::string& name) {
  SentencePieceModel model;
  WireReader reader(bytes, name);
  WireReader::Field f;
  while (reader.next(f)) {
    if (f.number == 1)
      model.pieces.push_back(
          read_piece(reader.bytes(f, "pieces"), name + ", piece " + std::to_string(model.pieces.size())));
    if (f.number == 2) read_trainer_spec(reader.bytes(f, "trainer_spec"), name + ", trainer_spec", model);
    if (f.number == 3) read_normalizer_spec(reader.bytes(f, "normalizer_spec"), name + ", normalizer_spec", model);
  }
  if (model.pieces.empty()) reader.fail("holds no pieces");
  std::unordered_set<std::string_view> seen;
  int32_t unknown = -1;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const auto& piece = model.pieces[i];
    if (!seen.insert(piece.text).second) reader.fail("the piece \"" + piece.text + "\" stands twice");
    if (piece.type != SentencePieceModel::PieceType::unknown) continue;
    if (unknown >= 0) reader.fail("has two unknown pieces");
    unknown = static_cast<int32_t>(i);
  }
  if (unknown < 0) reader.fail("has no unknown piece");
  model.unk_id = unknown;
  return model;
}

}  // namespace gradus
