// Hostile and broken tokenizer files: always a FileError, never a crash, a hang or a silent guess.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "support/temp_dir.h"
#include "text/tokenizer.h"

using namespace gradus;

namespace {

std::string golden(const char* name) {
  return read_file(std::filesystem::path(GRADUS_TEST_DIR) / "golden" / "tokenizers" / name / "tokenizer.json");
}

/// What loading `text` says, or "" when it loads.
std::string complaint(const TempDir& folder, const std::string& text) {
  // No fsync: the fuzzer writes thousands of files.
  std::FILE* f = std::fopen((folder / "tokenizer.json").c_str(), "wb");
  std::fwrite(text.data(), 1, text.size(), f);
  std::fclose(f);
  try {
    const Tokenizer tokenizer = Tokenizer::load(folder / "tokenizer.json");
    try {
      tokenizer.encode("some <|endoftext|> text");
    } catch (const ValueError&) {  // no token for something, and no unknown token
    }
    return "";
  } catch (const FileError& e) {
    return e.what();
  }
}

bool mentions(const std::string& text, const char* part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("a broken document is refused with its file and place") {
  TempDir folder;
  const std::string good = golden("plain");
  REQUIRE(complaint(folder, good) == "");
  struct Change {
    const char* path;   // JSON pointer
    const char* value;  // new value; "" removes
    const char* says;
  };
  const Change changes[] = {
      {"/version", "\"2.0\"", "version"},
      {"/version", "", "version"},
      {"/extra", "1", "extra"},
      {"/padding", "3", "padding"},
      {"/truncation", "[]", "truncation"},
      {"/normalizer", R"({"type":"Uppercase"})", "normalizer \"Uppercase\" is not supported"},
      {"/normalizer", R"({"type":"NFC","x":1})", "normalizer.x"},
      {"/normalizer", "[]", "normalizer"},
      {"/normalizer", R"({"type":"Sequence","normalizers":{}})", "normalizers must be an array"},
      {"/normalizer", R"({"type":"Sequence","normalizers":[null]})", "normalizer.normalizers[0]"},
      {"/normalizer", R"({"type":"Strip","strip_left":1,"strip_right":true})", "strip_left"},
      {"/normalizer", R"({"type":"Replace","pattern":{"Regex":"("},"content":""})", "pattern"},
      {"/normalizer", R"({"type":"Replace","pattern":{"Glob":"*"},"content":""})", "Glob"},
      {"/normalizer", R"({"type":"Precompiled","precompiled_charsmap":"****"})", "base64"},
      {"/normalizer", R"({"type":"Precompiled","precompiled_charsmap":"/////w=="})", "longer than the whole"},
      {"/pre_tokenizer", "7", "pre_tokenizer"},
      {"/pre_tokenizer", R"({"type":"Sequence","pretokenizers":[{"type":"Magic"}]})", "pretokenizers[0] \"Magic\""},
      {"/pre_tokenizer", R"({"type":"Metaspace"})", "replacement is missing"},
      {"/pre_tokenizer", R"({"type":"Metaspace","replacement":"ab","prepend_scheme":"first"})", "one character"},
      {"/pre_tokenizer", R"({"type":"Metaspace","replacement":"_","prepend_scheme":"second"})", "always, first, never"},
      {"/pre_tokenizer", R"({"type":"Split","pattern":{"Regex":"(?<n"},"behavior":"Isolated","invert":false})", "(?<n"},
      {"/pre_tokenizer", R"({"type":"Split","pattern":{"String":"a"},"behavior":"Sideways","invert":false})",
       "Sideways"},
      {"/pre_tokenizer", R"({"type":"FixedLength","length":0})", "length"},
      {"/pre_tokenizer/add_prefix_space", "1", "add_prefix_space"},
      {"/pre_tokenizer/new_flag", "true", "new_flag"},
      {"/post_processor/type", "\"Magic\"", "post_processor \"Magic\""},
      {"/decoder/type", "\"Magic\"", "decoder \"Magic\""},
      {"/post_processor", R"({"type":"BertProcessing","sep":["x",99999],"cls":["y",0]})", "99999"},
      {"/post_processor", R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"q","type_id":0}}],"pair":[],
         "special_tokens":{}})",
       "\"q\", which special_tokens do not list"},
      {"/post_processor", R"({"type":"TemplateProcessing","single":[{"Sequence":{"id":"B","type_id":0}}],"pair":[],
         "special_tokens":{}})",
       "asks for a second text"},
      {"/decoder", "7", "decoder"},
      {"/model", "[]", "model"},
      {"/model/type", "\"Unigram\"", "Unigram"},
      {"/model/vocab", "", "model.vocab"},
      {"/model/vocab", "[]", "model"},
      {"/model/merges", "", "model.merges"},
      {"/model/merges", "{}", "array"},
      {"/model/merges/3", "7", "model.merges[3]"},
      {"/model/merges/3", "[\"a\"]", "model.merges[3]"},
      {"/model/merges/3", "[\"a\",\"b\",\"c\"]", "model.merges[3]"},
      {"/model/merges/3", "\"a b c\"", "model.merges[3]"},
      {"/model/merges/3", "\"ab\"", "model.merges[3]"},
      {"/model/merges/3", "[\"a\",\"\"]", "model.merges[3]"},
      {"/model/merges/3", "[\"q\",\"qqq\"]", "model.merges[3]"},
      {"/model/merges/3", "[\"z\",\"z\"]", "\"zz\" is not in model.vocab"},
      {"/model/vocab/a", "-1", "outside"},
      {"/model/vocab/a", "99999999", "outside"},
      {"/model/vocab/a", "9999999999999999", "outside"},
      {"/model/vocab/a", "3", "two tokens have id 3"},
      {"/model/vocab/a", "1.5", "integer"},
      {"/model/vocab/a", "\"x\"", "integer"},
      {"/model/vocab/a", "null", "integer"},
      {"/model/dropout", "2", "dropout"},
      {"/model/dropout", "\"x\"", "dropout"},
      {"/model/unk_token", "5", "unk_token"},
      {"/model/fuse_unk", "\"no\"", "fuse_unk"},
      {"/model/end_of_word_suffix", "5", "end_of_word_suffix"},
      {"/model/type", "\"Magic\"", "Magic"},
      {"/model/novelty", "1", "novelty"},
      {"/added_tokens", "{}", "added_tokens"},
      {"/added_tokens/0", "5", "added_tokens[0]"},
      {"/added_tokens/0/id", "5", "expected 0"},
      {"/added_tokens/0/id", "-5", "added_tokens[0].id"},
      {"/added_tokens/0/id", "1e30", "added_tokens[0].id"},
      {"/added_tokens/0/content", "\"\"", "content"},
      {"/added_tokens/0/content", "\"new\"", "expected 486"},
      {"/added_tokens/0/special", "\"yes\"", "special"},
      {"/added_tokens/1", R"({"id":0,"content":"<|endoftext|>"})", "listed twice"},
      {"/added_tokens/1", R"({"id":900,"content":"far"})", "expected 486"},
  };
  for (const Change& change : changes) {
    Json document = Json::parse(good);
    const Json::json_pointer at(change.path);
    if (*change.value)
      document[at] = Json::parse(change.value);
    else
      document[at.parent_pointer()].erase(at.back());
    const std::string said = complaint(folder, document.dump());
    INFO(std::string(change.path), " = ", std::string(change.value), ": ", said);
    CHECK(mentions(said, change.says));
    CHECK(mentions(said, "tokenizer.json"));
  }
}

TEST_CASE("text that is no JSON, duplicate keys, deep nesting, half characters") {
  TempDir folder;
  const std::string good = golden("plain");
  for (const char* text : {"", " ", "{", "}", "[]", "{}", "null", "{\"version\"}", "{\"version\":\"1.0\",}", "\xFF\xFE",
                           "{\"version\":\"1.0\"} x", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\x\"}"})
    CHECK(complaint(folder, text) != "");
  for (size_t cut = 0; cut + 1 < good.size(); cut += 211) CHECK(complaint(folder, good.substr(0, cut)) != "");
  CHECK(mentions(complaint(folder, "{\"version\":\"1.0\",\"version\":\"1.0\"}"), "twice"));
  CHECK(mentions(complaint(folder, "{\"padding\":" + std::string(100000, '[')), "deep"));
  CHECK(
      mentions(complaint(folder, "{\"padding\":" + std::string(100000, '[') + std::string(100000, ']') + "}"), "deep"));
  std::string twice = good;
  twice.insert(twice.find("\"vocab\": {") + 10, "\"!\": 1,");
  CHECK(complaint(folder, twice) != "");
  std::string bad_utf8 = good;
  bad_utf8.replace(bad_utf8.find("\"!\": "), 3, "\"\xFF\"");
  CHECK(mentions(complaint(folder, bad_utf8), "UTF-8"));
  CHECK_THROWS_AS(Tokenizer::load(folder / "missing"), FileError);
  CHECK_THROWS_AS(Tokenizer::load(folder / "missing" / "tokenizer.json"), FileError);
}

TEST_CASE("mutated files load or are refused, and nothing else happens") {
  TempDir folder;
  const std::string seeds[] = {golden("flags"), golden("poor")};
  const std::string pieces[] = {
      "{",      "}",         "[", "]",          ",",   ":",     "\"",   "\\",   "\\u0000",       "null",
      "true",   "-1",        "0", "4294967296", "1e9", "\"a\"", "\"\"", "\xFF", "[\"a\",\"b\"]", "\"id\":0",
      "999999", "ByteLevel", " "};
  int loaded = 0, refused = 0;
  for (uint64_t round = 0; round < 3000; ++round) {
    const RandomKey key{2026, round};
    uint64_t draw = 0;
    std::string text = seeds[round % 2];
    if (key.below(4, draw++) == 0) text = text.substr(0, text.find("\"vocab\"") + 400) + text.substr(text.size() - 500);
    for (uint64_t edits = 1 + key.below(4, draw++); edits > 0; --edits) {
      // Half of the edits hit the settings in front of the vocabulary, where most of the meaning is.
      const size_t reach = key.below(2, draw++) ? text.size() : std::min<size_t>(text.size(), 3500);
      const size_t at = key.below(reach, draw++);
      const size_t length = std::min<size_t>(key.below(12, draw++), text.size() - at);
      switch (key.below(4, draw++)) {
        case 0: text[at] = static_cast<char>(key.below(256, draw++)); break;
        case 1: text.erase(at, length); break;
        case 2: text.insert(at, text.substr(key.below(text.size(), draw++), length)); break;
        default: text.replace(at, length, pieces[key.below(std::size(pieces), draw++)]);
      }
    }
    complaint(folder, text).empty() ? ++loaded : ++refused;  // anything but a FileError ends the test
  }
  INFO(loaded, " loaded, ", refused, " refused");
  CHECK(loaded > 50);
  CHECK(refused > 1000);
}

TEST_CASE("ids may leave holes, and added tokens have the ids that Hugging Face gives them") {
  // The figures are those of tokenizers 0.23.3.
  const auto load = [](const char* vocabulary, std::initializer_list<std::pair<int, const char*>> added) {
    Json document = {{"version", "1.0"},
                     {"added_tokens", Json::array()},
                     {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
                     {"model", {{"type", "WordLevel"}, {"vocab", Json::parse(vocabulary)}, {"unk_token", "<unk>"}}}};
    for (const auto& [id, content] : added) document["added_tokens"].push_back({{"id", id}, {"content", content}});
    TempDir folder;
    write_file_atomic(folder / "tokenizer.json", document.dump());
    return Tokenizer::load(folder.path);
  };
  using Ids = std::vector<int32_t>;
  const char* const kHoles = R"({"<unk>":0,"a":1,"b":5})";
  const Tokenizer bare = load(kHoles, {});
  CHECK(bare.encode("a b c") == Ids{1, 5, 0});
  CHECK(bare.decode({0, 1, 2, 3, 4, 5}) == "<unk> a b");
  CHECK(bare.vocab_size() == 6);
  CHECK(bare.token(3) == "");
  CHECK(load(kHoles, {{3, "X"}, {9, "Y"}}).encode("a b c X Y") == Ids{1, 5, 0, 3, 4});
  CHECK(load(kHoles, {{6, "X"}}).encode("X b") == Ids{3, 5});
  CHECK(load(kHoles, {{5, "b"}, {6, "X"}}).encode("X b") == Ids{6, 5});
  const Tokenizer hidden = load(R"({"<unk>":0,"a":1,"b":3})", {{9, "X"}});  // X hides b
  CHECK(hidden.encode("X b") == Ids{3, 3});
  CHECK(hidden.decode({3, 1}) == "X a");
  CHECK(hidden.token(3) == "X");
  TempDir folder;
  bare.save(folder.path);
  CHECK(Tokenizer::load(folder.path).encode("a b c") == Ids{1, 5, 0});
  StreamDecoder stream(bare);
  std::string streamed;
  for (const int32_t id : {1, 2, 5}) streamed += stream.push(id);
  CHECK(streamed == "a b");
}
