#include "text/foreign_tokenizer.h"

#include <doctest/doctest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "support/sentencepiece_file.h"
#include "support/temp_dir.h"
#include "text/base64.h"
#include "text/sentencepiece_model.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

using namespace gradus;

namespace {

Tokenizer tokenizer_of(const TokenizerTexts& files) {
  TokenizerParts parts = parse_tokenizer_json(files.tokenizer, "converted");
  parse_tokenizer_config(files.config, "configuration", parts);
  return Tokenizer(std::move(parts));
}

std::string spelled(const Tokenizer& t, const std::string& text) {
  std::string out;
  for (int32_t id : t.encode(text, {.parse_special_tokens = false}))
    out += (out.empty() ? "" : "|") + std::string(t.token(id));
  return out;
}

}  // namespace

TEST_CASE("base64") {
  for (const char* pair :
       {"=", "f=Zg==", "fo=Zm8=", "foo=Zm9v", "foob=Zm9vYg==", "fooba=Zm9vYmE=", "foobar=Zm9vYmFy"}) {
    const std::string both = pair, plain = both.substr(0, both.find('=')), coded = both.substr(both.find('=') + 1);
    CHECK(encode_base64(plain) == coded);
    CHECK(decode_base64(coded) == plain);
  }
  for (const char* wrong : {"Z", "Zg=", "Z===", "Zg==Zg==", "Z*==", "Zm9v\n"}) CHECK_FALSE(decode_base64(wrong));
}

TEST_CASE("SentencePiece models become tokenizers: BPE, unigram, char, word") {
  const std::string s = "\u2581";
  const Tokenizer bpe = tokenizer_of(convert_sentencepiece(sentencepiece_file(2, pieces_with({{s + "t", -0.f},
                                                                                              {"he", -1},
                                                                                              {s + "the", -2},
                                                                                              {"er", -3},
                                                                                              {s, -4},
                                                                                              {"t", -5},
                                                                                              {"h", -6},
                                                                                              {"e", -7},
                                                                                              {"r", -8}})),
                                                           "m"));
  CHECK(spelled(bpe, "the there") == s + "the|" + s + "the|r|e");
  CHECK(spelled(bpe, "  the  ") == s + "the");
  CHECK(spelled(bpe, "") == "");
  CHECK(spelled(bpe, "the\n  the " + s) == s + "the|<unk>|" + s + "the");  // blanks after a line are no blanks in front
  CHECK(spelled(bpe, "xyz the") == s + "|<unk>|" + s + "the");             // neighbouring unknowns are one
  CHECK(bpe.decode(bpe.encode("the there")) == "the there");
  CHECK(bpe.bos() == 1);
  CHECK(bpe.eos() == 2);
  CHECK(bpe.unk() == 0);
  std::vector<SmallPiece> bytes = pieces_with({});
  for (int b = 0; b < 256; ++b) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", b);
    bytes.push_back({text, 0, 6});
  }
  for (const char* c : {"\u2581", "a", "b", "ab"}) bytes.push_back({c, c[1] ? -1.0f : -2.0f});
  const Tokenizer fallback = tokenizer_of(convert_sentencepiece(sentencepiece_file(2, bytes, true, false), "m"));
  CHECK(spelled(fallback, " abé") == s + "|" + s + "|ab|<0xC3>|<0xA9>");
  CHECK(fallback.decode(fallback.encode(" abé")) == " abé");
  const Tokenizer unigram = tokenizer_of(convert_sentencepiece(
      sentencepiece_file(1,
                         pieces_with({{s, -2}, {"a", -3}, {"b", -3.5}, {"ab", -4}, {s + "ab", -5.5}, {s + "a", -3}})),
      "m"));
  CHECK(spelled(unigram, "ab") == s + "ab");
  CHECK(spelled(unigram, "aba q") == s + "ab|a|" + s + "|<unk>");
  const Tokenizer letters =
      tokenizer_of(convert_sentencepiece(sentencepiece_file(4, pieces_with({{s, -1}, {"a", -2}, {"é", -3}})), "m"));
  CHECK(spelled(letters, "aé a") == s + "|a|é|" + s + "|a");
  const Tokenizer words = tokenizer_of(
      convert_sentencepiece(sentencepiece_file(3, pieces_with({{s + "the", -1}, {s + "river", -2}})), "m"));
  CHECK(spelled(words, "the river of") == s + "the|" + s + "river|<unk>");
}

TEST_CASE("rank files and RWKV vocabularies become tokenizers") {
  std::string ranks;
  int rank = 0;
  const auto add = [&](const std::string& token) {
    ranks += encode_base64(token) + " " + std::to_string(rank++) + "\n";
  };
  for (int b = 0; b < 256; ++b) add(std::string(1, static_cast<char>(b)));
  for (const char* token : {"th", "the", " the", "er", "odd"}) add(token);
  const Tokenizer t =
      tokenizer_of(convert_tiktoken(ranks, "r", {.pattern = "gpt2", .special_tokens = {"<|endoftext|>"}}));
  CHECK(t.encode("the") == std::vector<int32_t>{257});
  CHECK(t.encode("other the") == std::vector<int32_t>{'o', 257, 'r', 258});
  CHECK(t.encode("odd") == std::vector<int32_t>{260});  // no merges make it, but it is a whole word
  CHECK(t.encode("oddly") == std::vector<int32_t>{'o', 'd', 'd', 'l', 'y'});
  CHECK(t.encode("<|endoftext|>") == std::vector<int32_t>{261});
  CHECK(t.decode(t.encode("é the\xFFy")) == "é the\uFFFDy");

  std::string rwkv;
  for (int b = 0; b < 256; ++b) {
    char line[32];
    std::snprintf(line, sizeof line, b < 128 ? "%d '\\x%02x' 1\n" : "%d b'\\x%02x' 1\n", b + 1, b);
    rwkv += line;
  }
  rwkv += "257 'ab' 2\n258 \"it's\" 4\n259 'abc\\n' 4\n260 '\\u4f60' 3\n261 b'\\xe4\\xbd' 2\n";
  const Tokenizer r = tokenizer_of(convert_rwkv(rwkv, "v"));
  CHECK(r.encode("abab") == std::vector<int32_t>{257, 257});
  CHECK(r.encode("abc") == std::vector<int32_t>{257, 'c' + 1});
  CHECK(r.encode("abc\nit's") == std::vector<int32_t>{259, 258});
  CHECK(r.encode("你佡") == std::vector<int32_t>{260, 261, 0xA1 + 1});
  CHECK(r.decode(r.encode("any é text 你")) == "any é text 你");
}

TEST_CASE("published rank files are known by their size, tekken.json tells") {
  std::string ranks;
  for (int rank = 0; rank < 50256; ++rank) {
    std::string token(1, static_cast<char>(rank));
    if (rank > 255) token = std::string{'x', static_cast<char>(rank), static_cast<char>(rank >> 8)};
    ranks += encode_base64(token) + " " + std::to_string(rank) + "\n";
  }
  const Tokenizer gpt2 = tokenizer_of(convert_tiktoken(ranks, "r"));
  CHECK(gpt2.encode("a<|endoftext|>") == std::vector<int32_t>{'a', 50256});
  CHECK(gpt2.eos() == 50256);
  const Tokenizer whisper = tokenizer_of(convert_tiktoken(ranks + "= 50256\n", "r"));
  CHECK(whisper.encode("a<|endoftext|>") == std::vector<int32_t>{'a', 50257});

  Json tekken = {{"config", {{"pattern", ""}, {"default_vocab_size", 261}, {"default_num_special_tokens", 3}}},
                 {"vocab", Json::array()},
                 {"special_tokens", {{{"rank", 1}, {"token_str", "<s>"}}}}};
  tekken["config"]["pattern"] = "\\s?\\w+";
  for (int rank = 0; rank < 260; ++rank) {
    const std::string token =
        rank < 256 ? std::string(1, static_cast<char>(rank)) : std::string("ab", 2) + char(rank - 160);
    tekken["vocab"].push_back({{"rank", rank}, {"token_bytes", encode_base64(rank == 256 ? "ab" : token)}});
  }
  const Tokenizer t = tokenizer_of(convert_tekken(tekken.dump(), "tekken.json"));
  CHECK(t.encode("ab <s>x") == std::vector<int32_t>{256 + 3, ' ' + 3, 1, 'x' + 3});
  CHECK(t.vocab_size() == 261);  // three special tokens and the first 258 ranks
  CHECK(t.token(2) == "<SPECIAL_2>");
  CHECK(t.bos() == 1);
  tekken["vocab"][3]["token_bytes"] = "*";
  CHECK_THROWS_AS(convert_tekken(tekken.dump(), "tekken.json"), FileError);
  CHECK_THROWS_AS(convert_tekken("{\"config\":{},\"vocab\":[]}", "tekken.json"), FileError);
}

TEST_CASE("broken vocabularies are refused with their place, and never crash") {
  const auto refused = [](const auto& convert, const std::string& bytes, const char* says) {
    CAPTURE(says);
    try {
      convert(bytes);
      FAIL("accepted");
    } catch (const FileError& e) {
      CAPTURE(e.what());
      CHECK(std::string(e.what()).find(says) != std::string::npos);
    }
  };
  const auto sentencepiece = [](const std::string& b) { convert_sentencepiece(b, "m"); };
  const auto tiktoken = [](const std::string& b) { convert_tiktoken(b, "r"); };
  const auto rwkv = [](const std::string& b) { convert_rwkv(b, "v"); };
  refused(sentencepiece, "", "no pieces");
  refused(sentencepiece, "\x0A\xFF", "ends inside");
  refused(sentencepiece, wire_bytes(1, wire_bytes(1, "a")), "no unknown piece");
  refused(sentencepiece, wire_bytes(1, wire_bytes(1, "a") + wire_number(3, 2)) + wire_bytes(1, wire_bytes(1, "a")),
          "stands twice");
  refused(sentencepiece, wire_bytes(1, wire_number(1, 3)), "wire type");
  refused(sentencepiece, wire_bytes(1, wire_bytes(1, "\xFF")), "UTF-8");
  refused(sentencepiece, wire_bytes(1, wire_bytes(1, "a") + wire_number(3, 9)), "expected 1 to 6");
  refused(sentencepiece, sentencepiece_file(7, pieces_with({})), "model_type");
  refused(sentencepiece, sentencepiece_file(2, pieces_with({{"x", 0, 5}})), "unused");
  refused(tiktoken, "", "no tokens");
  refused(tiktoken, "YQ== 0\nYg==\n", "line 2");
  refused(tiktoken, "YQ== 0\nYQ== 1\n", "twice");
  refused(tiktoken, "YQ== 0\nYg== 0\n", "twice");
  refused(tiktoken, "YQ== 99999999\n", "out of range");
  refused(rwkv, "", "has no token");
  refused(rwkv, "1 'a' 2\n", "1 bytes, not 2");
  refused(rwkv, "1 a 1\n", "no Python literal");
  refused(rwkv, "0 'a' 1\n", "out of range");
  refused(rwkv, "x\n", "line 1");

  const std::string goods[] = {sentencepiece_file(2, pieces_with({{"\u2581", -1}, {"a", -2}, {"\u2581a", -3}})),
                               "YQ== 0\nYg== 1\nYWI= 2\n", "1 'a' 1\n2 b'\\xff' 1\n3 '\\u4f60' 3\n"};
  const RandomKey key{4, 4};
  uint64_t draw = 0;
  for (int round = 0; round < 6000; ++round) {
    std::string bytes = goods[round % 3];
    for (uint64_t i = 0, n = 1 + key.below(4, draw++); i < n; ++i) {
      const size_t at = key.below(bytes.size(), draw++);
      bytes[at] = static_cast<char>(key.below(256, draw++));
    }
    bytes.resize(bytes.size() - key.below(3, draw++));
    try {
      const TokenizerTexts files = round % 3 == 0   ? convert_sentencepiece(bytes, "f")
                                   : round % 3 == 1 ? convert_tiktoken(bytes, "f")
                                                    : convert_rwkv(bytes, "f");
      tokenizer_of(files).encode("a text of b and \u4f60");
    } catch (const Error&) {}
  }
}

TEST_CASE("foreign files are told apart") {
  TempDir folder;
  CHECK_FALSE(convert_foreign_tokenizer(folder.path));
  write_file_atomic(folder / "tokenizer.model", sentencepiece_file(2, pieces_with({{"a", -1}})));
  CHECK(convert_foreign_tokenizer(folder.path));
  CHECK(convert_foreign_tokenizer(folder / "tokenizer.model"));
  write_file_atomic(folder / "x.tiktoken", "YQ== 0\n");
  CHECK(convert_foreign_tokenizer(folder / "x.tiktoken")->tokenizer.find("ignore_merges") != std::string::npos);
  write_file_atomic(folder / "ranks", "YQ== 0\n");
  CHECK(convert_foreign_tokenizer(folder / "ranks"));
  write_file_atomic(folder / "vocab.txt", "[UNK]\na\n");
  CHECK_FALSE(convert_foreign_tokenizer(folder / "vocab.txt"));
  CHECK(Tokenizer::load(folder / "vocab.txt").encode("a q") == std::vector<int32_t>{1, 0});
  CHECK(Tokenizer::load(folder / "ranks").encode("aa") == std::vector<int32_t>{0, 0});
  CHECK(Tokenizer::load(folder.path).encode("a").back() == 3);  // tokenizer.model
  write_file_atomic(folder / "tokenizer.json", "{}");
  CHECK_FALSE(convert_foreign_tokenizer(folder.path));
}
