#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::jinja {

enum class TokenKind : uint8_t {
  data,
  variable_begin,
  variable_end,
  block_begin,
  block_end,
  name,
  string,
  integer,
  floating,
  op,  ///< text is the operator
  end,
};

struct Token {
  TokenKind kind = TokenKind::end;
  int line = 0;
  std::string text = {};
  int64_t integer = 0;
  double floating = 0;
};

/// Cuts a template as Jinja does with trim_blocks and lstrip_blocks on. The last token is `end`. Throws FileError that
/// names `name` and the line.
std::vector<Token> tokenize_template(std::string_view source, const std::string& name);

/// "the name 'foo'", "'%}'", …: a token in an error.
std::string describe(const Token& token);

[[noreturn]] void syntax_error(const std::string& name, int line, const std::string& what);

}  // namespace gradus::jinja
