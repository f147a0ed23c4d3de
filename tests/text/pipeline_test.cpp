// Tokenizers of every kind of component, beside what Hugging Face tokenizers makes of the same strings.
#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "support/temp_dir.h"
#include "text/regex.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"

using namespace gradus;

namespace {

Json golden_pipelines() { return read_json(std::filesystem::path(GRADUS_TEST_DIR) / "golden" / "pipelines.json"); }

Tokenizer tokenizer_of(const Json& document) {
  return Tokenizer(parse_tokenizer_json(document.dump(), "pipelines.json"));
}

Json change(Json document, const char* section, const char* json) {
  document[section] = Json::parse(json);
  return document;
}

}  // namespace

TEST_CASE("pipelines: ids, offsets and decoded text equal those of Hugging Face tokenizers") {
  const Json pipelines = golden_pipelines();
  REQUIRE(pipelines.size() == 11);
  for (const Json& pipeline : pipelines) {
    CAPTURE(pipeline["name"].get<std::string>());
    const Tokenizer tokenizer = tokenizer_of(pipeline["tokenizer"]);
    for (const Json& c : pipeline["cases"]) {
      const std::string text = c[0].get<std::string>();
      const auto ids = c[1].get<std::vector<int32_t>>();
      CAPTURE(c[0].dump());
      CHECK(tokenizer.encode(text) == ids);
      const Encoding full = tokenizer.encode_full(text);
      CHECK(full.ids == ids);
      std::vector<uint32_t> offsets;
      for (const CharSpan& span : full.offsets) offsets.push_back(span.begin), offsets.push_back(span.end);
      CHECK(offsets == c[2].get<std::vector<uint32_t>>());
      CHECK(tokenizer.decode(ids) == c[3].get<std::string>());
      StreamDecoder stream(tokenizer, false);
      std::string streamed;
      for (const int32_t id : ids) {
        const std::string piece = stream.push(id);
        CHECK(is_valid_utf8(piece));
        streamed += piece;
      }
      CHECK(streamed + stream.finish() == c[3].get<std::string>());
    }
    const Encoding pair = tokenizer.encode_full("the in", "he 12");
    CHECK(pair.ids == pipeline["pair"]["ids"].get<std::vector<int32_t>>());
    CHECK(pair.type_ids == pipeline["pair"]["type_ids"].get<std::vector<int32_t>>());
    CHECK(pair.special_tokens_mask == pipeline["pair"]["special_tokens_mask"].get<std::vector<int32_t>>());
  }
}

TEST_CASE("pipelines: a file written back says the same") {
  for (const Json& pipeline : golden_pipelines()) {
    CAPTURE(pipeline["name"].get<std::string>());
    const TokenizerParts parts = parse_tokenizer_json(pipeline["tokenizer"].dump(), "pipelines.json");
    // Whatever the order of keys.
    CHECK(nlohmann::json::parse(tokenizer_json(parts)) == nlohmann::json::parse(pipeline["tokenizer"].dump()));
  }
}

TEST_CASE("pipelines: a batch on any number of threads is one text after the other") {
  const Json pipelines = golden_pipelines();
  const int before = threads();
  for (const Json& pipeline : pipelines) {
    const Tokenizer tokenizer = tokenizer_of(pipeline["tokenizer"]);
    std::vector<std::string> texts;
    for (const Json& c : pipeline["cases"]) texts.push_back(c[0].get<std::string>());
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    for (const int n : {1, 3}) {
      set_threads(n);
      const auto batch = tokenizer.encode_batch(views);
      for (size_t i = 0; i < texts.size(); ++i) CHECK(batch[i] == pipeline["cases"][i][1].get<std::vector<int32_t>>());
    }
  }
  set_threads(before);
}

TEST_CASE("pipelines: work grows with the text and no faster, for every model") {
  for (const Json& pipeline : golden_pipelines()) {
    CAPTURE(pipeline["name"].get<std::string>());
    Json document = pipeline["tokenizer"];
    if (document["model"]["type"] == "WordPiece") document["model"]["max_input_chars_per_word"] = 100000000;
    const Tokenizer tokenizer = tokenizer_of(document);
    const uint64_t small = tokenizer.encode_work(std::string(10000, 'a'));
    CHECK(tokenizer.encode_work(std::string(1000000, 'a')) <= 130 * small + 1000);
  }
}

TEST_CASE("pipelines: invalid UTF-8 comes back as it was from byte-level tokenizers, as U+FFFD from others") {
  const std::string text = "the \xFF\xC3 he\xE4\xB8 in";
  for (const Json& pipeline : golden_pipelines()) {
    CAPTURE(pipeline["name"].get<std::string>());
    const Tokenizer tokenizer = tokenizer_of(pipeline["tokenizer"]);
    const auto ids = tokenizer.encode(text, {.add_special_tokens = false});
    CHECK(tokenizer.encode_full(text, {}, {.add_special_tokens = false}).ids == ids);
    const std::string name = pipeline["name"].get<std::string>();
    if (name == "digits and byte level" || name == "regular expression and byte level")
      CHECK(tokenizer.decode_bytes(ids) == text);
    else
      CHECK(tokenizer.encode(replace_invalid_utf8(text), {.add_special_tokens = false}).size() > 0);
  }
}

TEST_CASE("truncation keeps what fits, gives the rest in overlapping parts, and is applied only when asked for") {
  Json document = golden_pipelines()[1]["tokenizer"];  // <s> before the text
  document["truncation"] = {{"direction", "Right"}, {"max_length", 5}, {"strategy", "LongestFirst"}, {"stride", 1}};
  document["padding"] = {
      {"strategy", {{"Fixed", 8}}}, {"direction", "Left"}, {"pad_to_multiple_of", nullptr}, {"pad_id", 3},
      {"pad_type_id", 0},           {"pad_token", "<pad>"}};
  const Tokenizer tokenizer = tokenizer_of(document);
  const std::vector<int32_t> all = tokenizer.encode("the the the the the the");
  REQUIRE(all.size() == 7);
  REQUIRE(tokenizer.truncation());
  const Encoding cut = tokenizer.encode_full("the the the the the the", {}, {}, tokenizer.truncation());
  CHECK(cut.ids == std::vector<int32_t>(all.begin(), all.begin() + 5));
  REQUIRE(cut.overflowing.size() == 1);
  CHECK(cut.overflowing[0].ids == std::vector<int32_t>{all[0], all[4], all[5], all[6]});
  CHECK(cut.overflowing[0].offsets.back() == CharSpan{20, 23});
  Truncation left = *tokenizer.truncation();
  left.left = true;
  const Encoding tail = tokenizer.encode_full("the the the the the the", {}, {}, left);
  CHECK(tail.ids == std::vector<int32_t>{all[0], all[3], all[4], all[5], all[6]});
  left.stride = 4;
  CHECK_THROWS_AS(tokenizer.encode_full("the the the the the the", {}, {}, left), ValueError);
  const Truncation second{.max_length = 4, .strategy = Truncation::Strategy::only_second};
  CHECK_THROWS_AS(tokenizer.encode_full("the the the the", {}, {}, second), ValueError);
  CHECK_THROWS_AS(tokenizer.encode_full("the the the the the", "the", {}, second), ValueError);

  const std::vector<Encoding> batch =
      tokenizer.encode_full_batch({"the", "the the the the"}, {}, {}, tokenizer.padding());
  CHECK(batch[0].ids.size() == 8);
  CHECK(batch[0].ids[0] == 3);
  CHECK(batch[0].attention_mask == std::vector<int32_t>{0, 0, 0, 0, 0, 0, 1, 1});
  CHECK(batch[1].ids.size() == 8);
}

TEST_CASE("Oniguruma's sets read \\w and [:punct:] in their own way") {
  // Of the characters of Latin-1 that are numbers and no digits; asked of tokenizers 0.23.3.
  const auto matches = [](const char* pattern, const char* text) {
    MatchSpan match;
    return Regex(pattern).search(text, 0, match);
  };
  for (const char* number : {"²", "³", "¹", "¼", "½", "¾"}) {
    CAPTURE(number);
    for (const char* pattern : {"\\w", "\\p{Word}", "[\\W]", "[^\\w]", "[^a\\w\\s]"}) CHECK(matches(pattern, number));
    for (const char* pattern : {"\\W", "[\\w]", "[^\\W]", "[\\w&&[^z]]", "[[:word:]]", "[\\p{Word}]"})
      CHECK_FALSE(matches(pattern, number));
  }
  for (const char* symbol : {"$", "+", "¢", "€"}) {
    CHECK(matches("[[:punct:]]", symbol));
    CHECK_FALSE(matches("\\p{Punct}", symbol));
  }
  CHECK(matches("\\p{Punct}", "!"));
  // A script is Script, not Script_Extensions; \\v is one character; \\pL is a p and an L.
  for (const char* mark : {"、", "。", "「"}) CHECK_FALSE(matches("\\p{Han}", mark));
  CHECK(matches("[\\p{Han}\\v]", "々"));
  CHECK_FALSE(matches("\\p{Arabic}", "\u060C"));
  CHECK(matches("\\p{Greek}", "Σ"));
  CHECK(matches("\\p{Alphabetic}", "\u0363"));
  CHECK_FALSE(matches("\\v", "\n"));
  CHECK(matches("[\\v]", "\v"));
  CHECK(matches("\\pL", "pL"));
  CHECK_FALSE(matches("\\pL", "L"));
}

TEST_CASE("a regular expression that backtracks without end gives up with its name") {
  Json document = golden_pipelines()[9]["tokenizer"];
  document = change(document, "pre_tokenizer",
                    R"({"type":"Split","pattern":{"Regex":"(a+)+$"},"behavior":"Isolated","invert":false})");
  const Tokenizer tokenizer = tokenizer_of(document);
  try {
    tokenizer.encode(std::string(5000, 'a') + "b");
    FAIL("no error");
  } catch (const ValueError& e) {
    CHECK(std::string(e.what()).find("(a+)+$") != std::string::npos);
  }
  CHECK(tokenizer.encode("a").size() == 1);
}

TEST_CASE("folders from before tokenizer.json: vocab.json with merges.txt, vocab.txt") {
  TempDir folder;
  write_file_atomic(folder / "vocab.json", R"({"t": 0, "h": 1, "th": 2, "Ġ": 3, "Ġth": 4, "<|endoftext|>": 5})");
  write_file_atomic(folder / "merges.txt", "#version: 0.2\nt h\nĠ th\n");
  CHECK(Tokenizer::load(folder.path).encode("th th<|endoftext|>") == std::vector<int32_t>{2, 4, 5});
  TempDir bert;
  write_file_atomic(bert / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\nun\n##able\n");
  CHECK(Tokenizer::load(bert.path).encode("The unable é") == std::vector<int32_t>{2, 4, 5, 6, 1, 3});
  write_file_atomic(bert / "tokenizer_config.json", R"({"do_lower_case": false})");
  CHECK(Tokenizer::load(bert.path).encode("The") == std::vector<int32_t>{2, 1, 3});
  write_file_atomic(bert / "vocab.txt", "a\na\n");
  CHECK_THROWS_AS(Tokenizer::load(bert.path), FileError);
}
