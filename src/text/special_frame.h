#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace gradus {

/// The special tokens around a text that an encoder reads: those of the tokenizer's post-processor, or where it has
/// none [CLS] … [SEP] (<s> … </s>) when the vocabulary has them.
class SpecialFrame {
 public:
  explicit SpecialFrame(const Tokenizer& tokenizer);
  /// The ids of `text` with the special tokens around it, at most `limit` of them: the end of the text is left out.
  std::vector<int32_t> encode(const Tokenizer& tokenizer, std::string_view text, int64_t limit) const;

 private:
  std::vector<int32_t> before_, after_;
};

}  // namespace gradus
