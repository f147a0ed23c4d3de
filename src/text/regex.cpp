#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <utility>

#include "base/error.h"
#include "text/component_json.h"
#include "text/unicode.h"

namespace gradus {

namespace {

constexpr uint32_t kMostSteps = 50'000'000;    // of one search; a sane pattern takes a few for each byte it passes
constexpr uint32_t kMostHeapKiB = 256 * 1024;  // of the interpreter, for patterns without just-in-time code
constexpr size_t kLargestStack = 64 << 20;     // of just-in-time code: matches of repeated groups nest on it
constexpr size_t kLongestPattern = 1 << 16;

/// What one thread needs for searches, made when it first searches.
struct Searcher {
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(64 << 10, kLargestStack, nullptr);
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  Searcher() {
    if (!context || !stack || !data) throw MemoryError("regex", "no memory for a search.");
    pcre2_set_match_limit(context, kMostSteps);
    pcre2_set_depth_limit(context, kMostSteps);
    pcre2_set_heap_limit(context, kMostHeapKiB);
    pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~Searcher() {
    pcre2_match_data_free(data);
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
  }
  Searcher(const Searcher&) = delete;
  Searcher& operator=(const Searcher&) = delete;
  static Searcher& of_thread() {
    static thread_local Searcher searcher;
    return searcher;
  }
};

std::string pcre2_message(int code) {
  char text[256] = {};
  pcre2_get_error_message(code, reinterpret_cast<PCRE2_UCHAR*>(text), sizeof text);
  return text;
}

}  // namespace

struct Regex::Code {
  std::string pattern;
  pcre2_code* code = nullptr;
  bool compiled = false;  // just in time
  Code() = default;
  ~Code() { pcre2_code_free(code); }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
};

Regex::Regex(std::string_view pattern) {
  if (pattern.size() > kLongestPattern)
    throw ValueError("regex", "the pattern has " + std::to_string(pattern.size()) + " bytes, expected " +
                                  std::to_string(kLongestPattern) + " at most.");
  const auto code = std::make_shared<Code>();
  code->pattern = std::string(pattern);
  const std::string translated = translate_oniguruma(pattern);
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  if (!context) throw MemoryError("regex", "no memory for a pattern.");
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_set_bsr(context, PCRE2_BSR_UNICODE);
  int error = 0;
  PCRE2_SIZE at = 0;
  code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                             PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &at, context);
  pcre2_compile_context_free(context);
  if (!code->code)
    throw ValueError("regex", "the pattern \"" + code->pattern + "\" cannot be used: " + pcre2_message(error) + ".");
  code->compiled = pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE) == 0;
  code_ = code;
}

bool is_script_name(const std::string& name) {
  const std::string pattern = "\\p{sc:" + name + "}";
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF, &error, &at, nullptr);
  pcre2_code_free(code);
  return code != nullptr;
}

bool Regex::search(std::string_view text, size_t start, MatchSpan& match) const {
  Searcher& searcher = Searcher::of_thread();
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const int result = code_->compiled ? pcre2_jit_match(code_->code, subject, text.size(), start, PCRE2_NO_UTF_CHECK,
                                                       searcher.data, searcher.context)
                                     : pcre2_match(code_->code, subject, text.size(), start, PCRE2_NO_UTF_CHECK,
                                                   searcher.data, searcher.context);
  if (result == PCRE2_ERROR_NOMATCH) return false;
  if (result < 0)
    throw ValueError("regex",
                     "the pattern \"" + code_->pattern + "\" gave up on a text of " + std::to_string(text.size()) +
                         " bytes: " + pcre2_message(result) + ".",
                     "it backtracks without end on this text; cut the text, or use a pattern without nested repeats.");
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(searcher.data);
  match = {ends[0], ends[1]};
  if (match.begin > match.end) match.begin = match.end;  // \K inside a lookahead can turn the two round
  return true;
}

TextFinder TextFinder::of_string(std::string text) {
  TextFinder finder;
  finder.string_ = std::move(text);
  return finder;
}

TextFinder TextFinder::of_regex(std::string_view pattern) {
  TextFinder finder;
  finder.regex_ = std::make_shared<const Regex>(pattern);
  return finder;
}

bool TextFinder::next(std::string_view text, Cursor& cursor, MatchSpan& match) const {
  while (cursor.at <= text.size()) {
    if (regex_) {
      if (!regex_->search(text, cursor.at, match)) return false;
    } else {
      size_t begin = text.find(string_, cursor.at);
      if (begin == text.npos) return false;
      // An empty string is found between characters only.
      while (string_.empty() && begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80)
        ++begin;
      match = {begin, begin + string_.size()};
    }
    if (match.begin == match.end && match.end == cursor.last_end) {
      if (cursor.at >= text.size()) return false;
      cursor.at += static_cast<size_t>(decode_utf8(text.data() + cursor.at, text.data() + text.size()).length);
      continue;
    }
    if (match.end < cursor.at) match.begin = match.end = cursor.at;  // \K once more: never go back
    cursor.at = cursor.last_end = match.end;
    return true;
  }
  return false;
}

void TextFinder::find_all(std::string_view text, std::vector<MatchSpan>& out) const {
  if (text.empty()) return;
  each(text, [&out](const MatchSpan& match) { out.push_back(match); });
}

TextFinder read_finder(const ComponentFields& fields) {
  const TextPattern pattern = read_pattern(fields);
  if (!pattern.regex) return TextFinder::of_string(pattern.text);
  try {
    return TextFinder::of_regex(pattern.text);
  } catch (const ValueError& e) {
    fields.wrong(std::string("has a bad pattern: ") + e.what());
  }
}

}  // namespace gradus
