#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

enum class NormalForm : uint8_t { nfc, nfd, nfkc, nfkd };

/// One character of a normalised text, and what it does to the text it comes from: 0 takes the place of the next
/// character, 1 is one more than there was, -n takes the place of one and swallows the n behind it.
struct NormalizedChar {
  uint32_t code;
  int32_t change;
};

/// Unicode normalisation (UAX #15) of valid UTF-8, as Hugging Face tokenizers does it: with the characters that its
/// Unicode tables know (CharFlag kNormalizes), and with its account of which character came from which.
/// Appends to `out`.
void normalize_chars(std::string_view text, NormalForm form, std::vector<NormalizedChar>& out);
/// The same as text.
std::string normalize(std::string_view text, NormalForm form);

}  // namespace gradus
