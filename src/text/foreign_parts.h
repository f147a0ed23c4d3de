#pragma once
// What the converters of foreign vocabularies share.
#include <algorithm>
#include <string>
#include <string_view>

#include "base/json.h"
#include "text/foreign_tokenizer.h"

namespace gradus {

[[noreturn]] void wrong_foreign_line(const std::string& name, size_t line, const std::string& what);

/// Calls f(line, number) for each line that is not empty.
template <class F>
void each_filled_line(std::string_view text, const F& f) {
  for (size_t begin = 0, number = 1; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) f(line, number);
    begin = end + 1;
  }
}

/// Parts of a tokenizer.json: a special token, a ByteLevel component, the document around them.
Json foreign_added_token(int64_t id, const std::string& content);
Json foreign_byte_level(bool use_regex);
Json foreign_document(const Json& added, const Json& pre_tokenizer, const Json& decoder, const Json& model);
/// With the tokenizer_config.json that names the roles of special tokens.
TokenizerTexts foreign_files(const Json& tokenizer, const Json& roles);

}  // namespace gradus
