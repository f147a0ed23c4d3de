// Random tokenizers and random strings: good files put together anew from any components, half of them broken here and
// there, read; what loads then encodes and decodes. One in five is a vocabulary of another form. Nothing but
// gradus::Error may come out, and what the two ways of encoding say must agree. tools/fuzz_tokenizers.sh runs a million
// executions under the sanitizers.
//   tokenizer_fuzz [--calls 20000] [--seed 1]     a run is one file read, or one string encoded and decoded
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "support/sentencepiece_file.h"
#include "text/base64.h"
#include "text/foreign_tokenizer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"

using namespace gradus;

namespace {

const char* const kNormalizers[] = {
    R"({"type":"NFC"})",
    R"({"type":"NFD"})",
    R"({"type":"NFKC"})",
    R"({"type":"NFKD"})",
    R"({"type":"Lowercase"})",
    R"({"type":"StripAccents"})",
    R"({"type":"Nmt"})",
    R"({"type":"ByteLevel"})",
    R"({"type":"Strip","strip_left":true,"strip_right":true})",
    R"({"type":"Prepend","prepend":"▁"})",
    R"({"type":"Replace","pattern":{"String":" "},"content":"▁"})",
    R"({"type":"Replace","pattern":{"String":""},"content":"é"})",
    R"({"type":"Replace","pattern":{"Regex":"\\s+|x*"},"content":""})",
    R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true})",
    R"({"type":"Precompiled","precompiled_charsmap":"CAAAAAAEAAAAAAAAYQBiAA=="})"};
const char* const kPreTokenizers[] = {
    R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})",
    R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false})",
    R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true})",
    R"({"type":"Metaspace","replacement":"_","prepend_scheme":"first","split":false})",
    R"j({"type":"Split","pattern":{"Regex":"\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)"},"behavior":"MergedWithNext","invert":false})j",
    R"j({"type":"Split","pattern":{"Regex":"(?<=e)\\b|[\\w&&[^a-c]]"},"behavior":"Contiguous","invert":true})j",
    R"({"type":"Split","pattern":{"String":"th"},"behavior":"MergedWithPrevious","invert":false})",
    R"({"type":"BertPreTokenizer"})",
    R"({"type":"Digits","individual_digits":true})",
    R"({"type":"Punctuation","behavior":"Removed"})",
    R"({"type":"Whitespace"})",
    R"({"type":"WhitespaceSplit"})",
    R"({"type":"CharDelimiterSplit","delimiter":"中"})",
    R"({"type":"UnicodeScripts"})",
    R"({"type":"FixedLength","length":3})"};
const char* const kDecoders[] = {R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})",
                                 R"({"type":"WordPiece","prefix":"##","cleanup":true})",
                                 R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true})",
                                 R"({"type":"BPEDecoder","suffix":"</w>"})",
                                 R"({"type":"CTC","pad_token":"<pad>","word_delimiter_token":"|","cleanup":true})",
                                 R"({"type":"ByteFallback"})",
                                 R"({"type":"Fuse"})",
                                 R"({"type":"Strip","content":" ","start":1,"stop":1})",
                                 R"({"type":"Replace","pattern":{"Regex":"[ab]"},"content":"x"})"};
const char* const kPostProcessors[] = {
    "null", R"({"type":"BertProcessing","sep":["</s>",2],"cls":["<s>",1]})",
    R"({"type":"RobertaProcessing","sep":["</s>",2],"cls":["<s>",1],"trim_offsets":true,"add_prefix_space":false})",
    R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})",
    R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],)"
    R"("pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],)"
    R"("special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}})"};
const char* const kPieces[] = {"a",   "the",     " ",      "  ",     "\n",       "\r\n",     "\t",    "'s", "12",
                               "é",   "e\u0301", "ﬁ",      "中",     "か",       "한",       "😀",     "▁",  "Ġ",
                               "##x", "<s>",     "<mask>", "<0x41>", "\u200d",   "\u0345",   "İ",     "x",  "!?",
                               "_",   "=",       "\xFF",   "\xC3",   "\xED\xA0", "\xF0\x9F", "\u0000"};
const char* const kSnippets[] = {"{",    "}",  "[", "]",   ",",          ":",    "\"",     "\\",    "null",
                                 "true", "-1", "0", "1e9", "4294967296", "\"\"", "\"a\"",  "\xFF",  "(",
                                 ")",    "*",  "+", "[[",  "&&",         "(?",   "\\\\p{", "999999"};

class Dice {
 public:
  explicit Dice(uint64_t seed, uint64_t run) : key_{seed, run} {}
  size_t below(size_t n) { return static_cast<size_t>(key_.below(n, draw_++)); }
  bool one_in(size_t n) { return below(n) == 0; }
  template <class T, size_t N>
  const T& of(const T (&list)[N]) {
    return list[below(N)];
  }

 private:
  RandomKey key_;
  uint64_t draw_ = 0;
};

std::string random_text(Dice& dice) {
  std::string text;
  if (dice.one_in(40)) {
    const std::string piece = dice.of(kPieces);
    for (size_t n = dice.below(400); n > 0; --n) text += piece;
  }
  for (size_t n = dice.below(16); n > 0; --n) text += dice.one_in(12) ? std::string(1, '\0') : dice.of(kPieces);
  if (dice.one_in(4))
    for (char& c : text)
      if (dice.one_in(8)) c = static_cast<char>(dice.below(256));
  return text;
}

template <size_t N>
std::string sequence(Dice& dice, const char* const (&list)[N], const char* key) {
  const size_t n = dice.below(4);
  if (n == 0) return "null";
  if (n == 1) return dice.of(list);
  std::string out = std::string(R"({"type":"Sequence",")") + key + "\":[";
  for (size_t i = 0; i < n; ++i) out += (i ? "," : "") + std::string(dice.of(list));
  return out + "]}";
}

std::string random_document(Dice& dice, const std::vector<Json>& seeds) {
  const Json& seed = seeds[dice.below(seeds.size())];
  Json document = seed;
  if (!dice.one_in(4)) {
    document["normalizer"] = Json::parse(sequence(dice, kNormalizers, "normalizers"));
    document["pre_tokenizer"] = Json::parse(sequence(dice, kPreTokenizers, "pretokenizers"));
    document["decoder"] = Json::parse(sequence(dice, kDecoders, "decoders"));
    document["post_processor"] = Json::parse(dice.of(kPostProcessors));
  }
  if (dice.one_in(3) && document["model"]["type"] == "BPE") {
    document["model"]["byte_fallback"] = dice.one_in(2);
    document["model"]["fuse_unk"] = dice.one_in(2);
    document["model"]["ignore_merges"] = dice.one_in(2);
    if (dice.one_in(2)) document["model"]["unk_token"] = dice.one_in(2) ? Json("<unk>") : Json();
  }
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void break_text(Dice& dice, std::string& text) {
  for (size_t edits = 1 + dice.below(4); edits > 0 && !text.empty(); --edits) {
    // Most of the meaning stands in front of the vocabulary.
    const size_t reach = dice.one_in(2) ? text.size() : std::min<size_t>(text.size(), 3000);
    const size_t at = dice.below(reach), length = std::min<size_t>(dice.below(12), text.size() - at);
    switch (dice.below(5)) {
      case 0: text[at] = static_cast<char>(dice.below(256)); break;
      case 1: text.erase(at, length); break;
      case 2: text.insert(at, text.substr(dice.below(text.size()), length)); break;
      case 3: text.resize(at); break;
      default: text.replace(at, length, dice.of(kSnippets));
    }
  }
}

/// A vocabulary of another form: one of four, told by its number.
std::string random_foreign(Dice& dice, size_t form) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  for (size_t n = dice.below(12); n > 0; --n)
    tokens.push_back(std::string(dice.of(kPieces)) + (dice.one_in(2) ? "" : dice.of(kPieces)) + "\x01");
  std::string out;
  if (form == 0) {
    std::vector<SmallPiece> pieces;
    char name[8];
    const bool fallback = dice.one_in(2);
    for (int byte = 0; fallback && byte < 256; ++byte) {
      std::snprintf(name, sizeof name, "<0x%02X>", byte);
      pieces.push_back({name, 0, 6});
    }
    for (const char* piece : kPieces)
      if (*piece && is_valid_utf8(piece) && !dice.one_in(3))
        pieces.push_back({piece, -static_cast<float>(dice.below(20)), dice.one_in(12) ? 4 : 1});
    return sentencepiece_file(1 + static_cast<int>(dice.below(4)), pieces_with(pieces), fallback, dice.one_in(2));
  }
  if (form == 1) {
    for (size_t i = 0; i < tokens.size(); ++i) out += encode_base64(tokens[i]) + " " + std::to_string(i) + "\n";
    return out;
  }
  if (form == 2) {
    char digits[8];
    for (size_t i = 0; i < tokens.size(); ++i) {
      out += std::to_string(i + 1) + " b'";
      for (const char c : tokens[i]) {
        std::snprintf(digits, sizeof digits, "\\x%02x", static_cast<unsigned char>(c));
        out += digits;
      }
      out += "' " + std::to_string(tokens[i].size()) + "\n";
    }
    return out;
  }
  Json file = {{"config", {{"pattern", "\\s?\\w+"}, {"default_vocab_size", 262}, {"default_num_special_tokens", 3}}},
               {"vocab", Json::array()}};
  for (size_t i = 0; i < tokens.size(); ++i)
    file["vocab"].push_back({{"rank", i}, {"token_bytes", encode_base64(tokens[i])}});
  return file.dump();
}

Tokenizer read_foreign(const std::string& content, size_t form) {
  const TokenizerTexts texts = form == 0   ? convert_sentencepiece(content, "fuzz")
                               : form == 1 ? convert_tiktoken(content, "fuzz")
                               : form == 2 ? convert_rwkv(content, "fuzz")
                                           : convert_tekken(content, "fuzz");
  TokenizerParts parts = parse_tokenizer_json(texts.tokenizer, "fuzz");
  parse_tokenizer_config(texts.config, "fuzz", parts);
  return Tokenizer(std::move(parts));
}

[[noreturn]] void fail(const char* what, uint64_t seed, uint64_t run, const std::string& document,
                       const std::string& text) {
  std::fprintf(stderr, "%s (seed %llu, run %llu)\n%s\ntext: %s\n", what, static_cast<unsigned long long>(seed),
               static_cast<unsigned long long>(run), document.c_str(),
               Json(text).dump(-1, ' ', true, Json::error_handler_t::replace).c_str());
  std::exit(1);
}

void use(const Tokenizer& tokenizer, Dice& dice, uint64_t seed, uint64_t run, const std::string& document) {
  const std::string text = random_text(dice);
  EncodeOptions options;
  options.add_special_tokens = dice.one_in(2);
  options.parse_special_tokens = !dice.one_in(4);
  std::vector<int32_t> ids;
  try {
    ids = tokenizer.encode(text, options);
  } catch (const ValueError&) {  // no token for something and no unknown token, or a pattern that gives up
    return;
  }
  for (const int32_t id : ids)
    if (id < 0 || id >= tokenizer.vocab_size()) fail("an id is out of range", seed, run, document, text);
  const Encoding full = tokenizer.encode_full(text, {}, options);
  if (full.ids != ids) fail("encode and encode_full differ", seed, run, document, text);
  for (const CharSpan& span : full.offsets)
    if (span.begin > span.end || span.end > text.size()) fail("an offset is out of range", seed, run, document, text);
  const std::string decoded = tokenizer.decode(ids, dice.one_in(2));
  if (!is_valid_utf8(decoded)) fail("decoded text is not valid UTF-8", seed, run, document, text);
  StreamDecoder stream(tokenizer, false);
  for (const int32_t id : ids)
    if (!is_valid_utf8(stream.push(id))) fail("a streamed piece is not valid UTF-8", seed, run, document, text);
  stream.finish();
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t runs = 20000, seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--calls")) runs = std::strtoull(argv[i + 1], nullptr, 10);
    if (!std::strcmp(argv[i], "--seed")) seed = std::strtoull(argv[i + 1], nullptr, 10);
  }
  std::vector<Json> seeds;
  for (const Json& pipeline : read_json(std::filesystem::path(GRADUS_TEST_DIR) / "golden" / "pipelines.json"))
    seeds.push_back(pipeline["tokenizer"]);
  uint64_t loaded = 0, refused = 0, done = 0;
  for (uint64_t file = 0; done < runs; ++file) {
    Dice dice(seed, file);
    const bool foreign = dice.one_in(5);
    const size_t form = dice.below(4);
    std::string document = foreign ? random_foreign(dice, form) : random_document(dice, seeds);
    if (dice.one_in(2)) break_text(dice, document);
    ++done;
    try {
      const Tokenizer tokenizer =
          foreign ? read_foreign(document, form) : Tokenizer(parse_tokenizer_json(document, "fuzz.json"));
      ++loaded;
      for (int i = 0; i < 20 && done < runs; ++i, ++done) use(tokenizer, dice, seed, file, document);
    } catch (const Error&) {
      ++refused;
    }
  }
  std::printf("%llu runs: %llu files loaded, %llu refused\n", static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(loaded), static_cast<unsigned long long>(refused));
  return loaded > 0 && refused > 0 ? 0 : 1;
}
