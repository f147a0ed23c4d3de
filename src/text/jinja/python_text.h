#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Python's str operations on UTF-8: lengths and indices count characters.
namespace gradus::jinja {

size_t text_length(std::string_view s);
/// s[start:stop:step] with indices that were made absolute already (see slice_range).
std::string text_slice(std::string_view s, int64_t start, int64_t stop, int64_t step);
/// Characters, each as a string_view into s.
std::vector<std::string_view> text_characters(std::string_view s);

bool is_python_space(uint32_t code);
bool is_printable(uint32_t code);
std::string_view strip_text(std::string_view s, bool left, bool right, const std::string* characters = nullptr);

std::string upper_text(std::string_view s);
std::string lower_text(std::string_view s);
std::string swapcase_text(std::string_view s);
std::string capitalize_text(std::string_view s);
std::string title_text(std::string_view s);

std::vector<std::string_view> split_text(std::string_view s, const std::string* separator, int64_t most);
std::vector<std::string_view> rsplit_text(std::string_view s, const std::string* separator, int64_t most);
std::vector<std::string_view> split_lines(std::string_view s, bool keep_ends);

enum class TextClass {
  alpha,
  digit,
  decimal,
  numeric,
  alnum,
  space,
  lower,
  upper,
  title,
  ascii,
  printable,
  identifier
};
/// str.isalpha() and kin.
bool text_is(std::string_view s, TextClass what);

}  // namespace gradus::jinja
