#include "text/foreign_tokenizer.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/base64.h"
#include "text/byte_level.h"
#include "text/foreign_parts.h"
#include "text/unicode.h"
#include "text/vocabulary.h"

namespace gradus {
namespace fs = std::filesystem;

namespace {

constexpr uint64_t kLargestForeignFile = uint64_t{1} << 30;

/// The bytes of a Python literal: 'text' or b'bytes', with escapes.
std::optional<std::string> python_literal(std::string_view s) {
  const bool bytes = s.starts_with('b');
  if (bytes) s.remove_prefix(1);
  if (s.size() < 2 || (s[0] != '\'' && s[0] != '"') || s.back() != s[0]) return std::nullopt;
  s = s.substr(1, s.size() - 2);
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] != '\\') {
      out += s[i];
      continue;
    }
    if (++i >= s.size()) return std::nullopt;
    const char c = s[i];
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits > 0) {
      uint32_t code = 0;
      if (i + digits >= s.size()) return std::nullopt;
      const char* begin = s.data() + i + 1;
      if (std::from_chars(begin, begin + digits, code, 16).ptr != begin + digits || code > 0x10FFFF)
        return std::nullopt;
      if (bytes)
        out += static_cast<char>(code);
      else
        append_utf8(code, out);
      i += digits;
      continue;
    }
    static const char kFrom[] = "ntrabfv\\'\"0", kTo[] = "\n\t\r\a\b\f\v\\'\"\0";
    const char* at = std::find(kFrom, kFrom + 11, c);
    if (at == kFrom + 11) return std::nullopt;
    out += kTo[at - kFrom];
  }
  return out;
}

}  // namespace

TokenizerTexts convert_rwkv(std::string_view text, const std::string& name) {
  std::vector<std::string> tokens(1);  // 0 ends a text
  std::unordered_map<std::string, size_t> seen;
  bool byte_known[256] = {};
  each_filled_line(text, [&](std::string_view line, size_t number) {
    const size_t first = line.find(' '), last = line.rfind(' ');
    uint32_t id = 0, size = 0;
    if (first == line.npos || last <= first ||
        std::from_chars(line.data(), line.data() + first, id).ptr != line.data() + first ||
        std::from_chars(line.data() + last + 1, line.data() + line.size(), size).ptr != line.data() + line.size())
      wrong_foreign_line(name, number, "expected an id, a Python literal and its length");
    const auto token = python_literal(line.substr(first + 1, last - first - 1));
    if (!token || token->empty()) wrong_foreign_line(name, number, "the token is no Python literal");
    if (token->size() != size)
      wrong_foreign_line(name, number,
                         "the token has " + std::to_string(token->size()) + " bytes, not " + std::to_string(size));
    if (id == 0 || id >= static_cast<uint32_t>(Vocabulary::kMaxSize))
      wrong_foreign_line(name, number, "the id is out of range");
    if (!seen.emplace(*token, number).second) wrong_foreign_line(name, number, "the token stands twice");
    if (id >= tokens.size()) tokens.resize(id + 1);
    if (!tokens[id].empty()) wrong_foreign_line(name, number, "the id stands twice");
    tokens[id] = *token;
    if (size == 1) byte_known[static_cast<unsigned char>((*token)[0])] = true;
  });
  for (int byte = 0; byte < 256; ++byte)
    if (!byte_known[byte]) throw FileError("tokenizer", name + ": the byte " + std::to_string(byte) + " has no token.");
  const std::string end = "<|endoftext|>";
  Json vocab = Json::object();
  auto& members = vocab.get_ref<Json::object_t&>();
  members.emplace_back(end, 0);
  for (size_t id = 1; id < tokens.size(); ++id) {
    if (tokens[id].empty()) throw FileError("tokenizer", name + ": no token has the id " + std::to_string(id) + ".");
    members.emplace_back(spell_bytes(tokens[id]), id);
  }
  const Json model = {{"type", "WordPiece"},
                      {"unk_token", end},
                      {"continuing_subword_prefix", ""},
                      {"max_input_chars_per_word", 1'000'000'000},
                      {"vocab", vocab}};
  return foreign_files(foreign_document(Json::array({foreign_added_token(0, end)}), foreign_byte_level(false),
                                        foreign_byte_level(false), model),
                       {{"bos_token", end}, {"eos_token", end}});
}

std::optional<TokenizerTexts> convert_foreign_tokenizer(const fs::path& source, const ForeignOptions& options) {
  fs::path file = source;
  if (fs::is_directory(source)) {
    // As they are called in folders of models.
    constexpr const char* kNames[] = {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
                                      "spm.model",       "tekken.json",  "tiktoken.model",
                                      "qwen.tiktoken"};
    const auto* name = std::find_if(std::begin(kNames), std::end(kNames),
                                    [&](const char* n) { return fs::is_regular_file(source / n); });
    if (fs::exists(source / "tokenizer.json") || name == std::end(kNames)) return std::nullopt;
    file = source / *name;
  }
  std::string head(4096, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(in.gcount()));
  const std::string_view first = std::string_view(head).substr(0, head.find('\n'));
  const std::string name = file.string();
  const auto content = [&] { return read_file(file, kLargestForeignFile); };
  if (first.starts_with('{') && head.find("\"default_num_special_tokens\"") != head.npos)
    return convert_tekken(content(), name);
  if (file.extension() == ".json") return std::nullopt;
  if (first.starts_with("1 '") || first.starts_with("1 b'") || first.starts_with("1 \""))
    return convert_rwkv(content(), name);
  const size_t blank = first.find(' ');
  const bool ranks = blank != first.npos && decode_base64(first.substr(0, blank)) &&
                     first.find_first_not_of("0123456789\r", blank + 1) == first.npos;
  if (ranks || file.extension() == ".tiktoken") return convert_tiktoken(content(), name, options);
  // A SentencePiece model begins with its first piece; mistral-common calls them tokenizer.model.v3.
  if (file.extension() == ".model" || file.filename().string().find(".model.") != std::string::npos ||
      (head.starts_with('\n') && head.find('\0') != head.npos))
    return convert_sentencepiece(content(), name);
  return std::nullopt;
}

}  // namespace gradus
