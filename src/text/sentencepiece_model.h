#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// A SentencePiece model as its file (a protobuf message, sentencepiece_model.proto) holds it: what encoding needs.
struct SentencePieceModel {
  enum class Type : int { unigram = 1, bpe = 2, word = 3, character = 4 };
  enum class PieceType : int { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::normal;
  };
  std::vector<Piece> pieces;  ///< by id
  Type type = Type::unigram;
  bool byte_fallback = false, whitespace_as_suffix = false;
  int32_t unk_id = 0, bos_id = 1, eos_id = 2, pad_id = -1;
  std::string charsmap;  ///< compiled rules of normalisation; empty: none
  bool add_dummy_prefix = true, remove_extra_whitespaces = true, escape_whitespaces = true;
};

/// Throws FileError that names `name` and the field: truncated, mistyped, without pieces, with pieces that are no UTF-8
/// or stand twice, without exactly one unknown piece.
SentencePieceModel parse_sentencepiece(std::string_view bytes, const std::string& name);

}  // namespace gradus
