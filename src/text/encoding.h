#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gradus {

/// A place in a text, in characters: [begin, end).
struct CharSpan {
  uint32_t begin, end;
  bool operator==(const CharSpan&) const = default;
};

/// Everything about the tokens of a text or a pair of texts. All lists have one entry a token.
struct Encoding {
  std::vector<int32_t> ids;
  std::vector<int32_t> type_ids;  ///< 0 for the first text, 1 for the second, or as the post-processor says
  std::vector<std::string> tokens;
  std::vector<CharSpan> offsets;      ///< in the text the token comes from; (0, 0) for tokens that were added
  std::vector<int32_t> word_ids;      ///< the place of its word among the text's words; -1 for tokens that were added
  std::vector<int32_t> sequence_ids;  ///< 0 or 1: which text; -1 for tokens that were added
  std::vector<int32_t> special_tokens_mask, attention_mask;
  std::vector<Encoding> overflowing;  ///< the parts that truncation cut off, each as long as truncation allows

  size_t size() const { return ids.size(); }
  void add(int32_t id, int32_t type_id, std::string token, CharSpan span, int32_t word, int32_t sequence, bool special);
  /// Puts `next` behind; what overflows on either side is paired with the other side.
  void append(const Encoding& next);
  Encoding slice(size_t begin, size_t end) const;
};

/// How texts are cut down to a length. The names and rules are Hugging Face's.
struct Truncation {
  enum class Strategy { longest_first, only_first, only_second };
  int64_t max_length = 512;  ///< of the whole, with the tokens that the post-processor adds
  int64_t stride = 0;        ///< how many tokens one part shares with the next
  Strategy strategy = Strategy::longest_first;
  bool left = false;  ///< the left end is cut off
};

/// How encodings are brought to one length.
struct Padding {
  std::optional<int64_t> length = {};  ///< nothing: that of the longest
  int64_t multiple_of = 0;             ///< rounds the length up; 0: no
  bool left = false;                   ///< the padding stands on the left
  int32_t id = 0, type_id = 0;
  std::string token = "[PAD]";
};

/// Cuts `first` and, when there is one, `second` so that both together have no more than `room` tokens.
/// Throws ValueError when the strategy cannot reach that, or the stride is not smaller than a part.
void truncate_encodings(Encoding& first, Encoding* second, const Truncation& how, int64_t room);
void pad_encodings(std::vector<Encoding>& encodings, const Padding& how);

}  // namespace gradus
