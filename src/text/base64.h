#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// RFC 4648 with padding. decode_base64 gives nothing for text that is not.
std::string encode_base64(std::string_view bytes);
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace gradus
