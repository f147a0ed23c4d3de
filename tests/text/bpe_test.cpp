#include "text/bpe.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/random.h"
#include "text/bpe_trainer.h"
#include "text/byte_level.h"
#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"

using namespace gradus;

namespace {

/// Random words over few letters: merges overlap and nest, which is where encoders go wrong.
std::string random_text(RandomKey key, int length, int letters) {
  std::string text;
  for (int i = 0; i < length; ++i) {
    const uint64_t c = key.below(static_cast<uint64_t>(letters) + 1, static_cast<uint64_t>(i));
    text += c == 0 ? ' ' : static_cast<char>('a' + c - 1);
  }
  return text;
}

std::vector<int32_t> ids_of(const EncodeScratch& scratch) {
  return {scratch.ids.get(), scratch.ids.get() + scratch.size};
}

/// The definition: over and over, join the pair of lowest rank, the leftmost of them.
std::vector<int32_t> encode_by_definition(const TokenizerParts& parts, std::string_view word) {
  std::vector<int32_t> ids;
  for (char c : word) ids.push_back(parts.vocabulary.find(spell_bytes(std::string(1, c))));
  for (;;) {
    size_t best = parts.merges.size(), at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i)
      for (size_t rank = 0; rank < best; ++rank)
        if (parts.merges[rank].left == ids[i] && parts.merges[rank].right == ids[i + 1]) best = rank, at = i;
    if (best == parts.merges.size()) return ids;
    ids[at] = parts.merges[best].result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

}  // namespace

TEST_CASE("the byte alphabet is GPT-2's") {
  for (unsigned b = 0; b < 256; ++b) {
    const bool self = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    if (self)
      CHECK(byte_to_char(static_cast<unsigned char>(b)) == b);
    else
      CHECK(byte_to_char(static_cast<unsigned char>(b)) >= 256);
    CHECK(char_to_byte(byte_to_char(static_cast<unsigned char>(b))) == static_cast<int>(b));
  }
  CHECK(spell_bytes(" ") == "Ġ");
  CHECK(spell_bytes("\n") == "Ċ");
  CHECK(char_to_byte(' ') == -1);
}

TEST_CASE("the linear encoder, the heap and the definition agree") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const int letters = 1 + static_cast<int>(seed % 4);
    const std::string text = random_text({seed, 1}, 3000, letters);
    const Tokenizer tokenizer =
        train_byte_level_bpe({text}, {.vocab_size = 256 + 20 + static_cast<int>(seed) * 4, .min_frequency = 1});
    const TokenizerParts& parts = tokenizer.parts();
    const Bpe bpe(parts.vocabulary, parts.merges, parts.model);
    REQUIRE(bpe.is_proper());
    EncodeScratch scratch;
    for (uint64_t i = 0; i < 60; ++i) {
      const std::string word = random_text({seed, 100 + i}, 1 + static_cast<int>(i), letters);
      scratch.size = 0;
      scratch.reserve(bpe.tokens_at_most(word.size()));
      bpe.encode(word, word.data() + word.size(), scratch);
      const std::vector<int32_t> fast = ids_of(scratch);
      scratch.size = 0;
      bpe.encode_by_merging(word, scratch);
      CHECK(ids_of(scratch) == fast);
      CHECK(encode_by_definition(parts, word) == fast);
    }
  }
}

TEST_CASE("merges in any order: the heap follows the definition's ranks") {
  // Ranks that a trainer never gives: parts younger than what they make. Such vocabularies take the slow path.
  const std::string text = random_text({7, 1}, 3000, 3);
  const Tokenizer trained = train_byte_level_bpe({text}, {.vocab_size = 320, .min_frequency = 1});
  TokenizerParts parts = trained.parts();
  std::reverse(parts.merges.begin(), parts.merges.end());
  const Bpe bpe(parts.vocabulary, parts.merges, parts.model);
  CHECK_FALSE(bpe.is_proper());
  EncodeScratch scratch;
  for (uint64_t i = 0; i < 200; ++i) {
    const std::string word = random_text({7, 100 + i}, 1 + static_cast<int>(i % 40), 3);
    scratch.size = 0;
    scratch.reserve(bpe.tokens_at_most(word.size()));
    bpe.encode(word, word.data() + word.size(), scratch);
    CHECK(ids_of(scratch) == encode_by_definition(parts, word));
  }
}

TEST_CASE("bytes without a token: words that have none of them still go the linear way") {
  // As SmolLM2's vocabulary, which knows 235 bytes.
  const std::string text = random_text({8, 1}, 3000, 3);
  const TokenizerParts whole = train_byte_level_bpe({text}, {.vocab_size = 320, .min_frequency = 1}).parts();
  for (const bool unknown : {false, true}) {
    Vocabulary vocabulary;
    std::vector<int32_t> renamed;
    for (int id = 0; id < whole.vocabulary.size(); ++id) {
      const std::string bytes = unspell_token(whole.vocabulary[id]);
      const bool kept = bytes.size() > 1 || std::string_view(" abc").find(bytes) != std::string_view::npos;
      renamed.push_back(kept ? vocabulary.add(whole.vocabulary[id]) : -1);
    }
    vocabulary.add("?");
    std::vector<Merge> merges;
    for (const Merge& m : whole.merges) merges.push_back({renamed[m.left], renamed[m.right], renamed[m.result]});
    BpeSettings settings;
    settings.has_unknown = unknown, settings.unknown = "?";
    const Bpe bpe(vocabulary, merges, settings);
    CHECK(bpe.is_proper());
    EncodeScratch scratch;
    for (uint64_t i = 0; i < 300; ++i) {
      const std::string word = random_text({8, 100 + i}, 1 + static_cast<int>(i % 40), 3 + i % 2);
      scratch.size = 0;
      scratch.reserve(bpe.tokens_at_most(word.size()));
      bpe.encode(word, word.data() + word.size(), scratch);
      const std::vector<int32_t> fast = ids_of(scratch);
      scratch.size = 0;
      bpe.encode_by_merging(word, scratch);
      CHECK(ids_of(scratch) == fast);
    }
  }
}

TEST_CASE("random bytes survive the round trip") {
  std::string text = random_text({3, 1}, 2000, 20);
  for (int i = 0; i < 30; ++i) text += "中国 中文 国文 é Ω 🙂 ";
  const Tokenizer tokenizer = train_byte_level_bpe({text}, {.vocab_size = 500});
  const RandomKey key{11, 5};
  // Bytes that begin and continue characters of several bytes are frequent, in any order.
  const std::string frequent = "\xE4\xB8\xAD\xE5\x9B\xBD\x38\x2D\xC3\xA9\xF0\x9F a";
  for (uint64_t i = 0; i < 600; ++i) {
    std::string bytes;
    for (uint64_t j = 0; j < i; ++j) {
      const uint64_t pick = key.below(512, i * 1000 + j);
      bytes += pick < 256 ? static_cast<char>(pick) : frequent[pick % frequent.size()];
    }
    CHECK(tokenizer.decode_bytes(tokenizer.encode(bytes)) == bytes);
  }
}

TEST_CASE("the work grows with the length of one word, not faster") {
  const std::string text = random_text({9, 1}, 20000, 2) + std::string(5000, 'a');
  const Tokenizer tokenizer = train_byte_level_bpe({text}, {.vocab_size = 600});
  for (const char* unit : {"a", "ab", "aab", "aaaaaaab", "\xE4\xB8\xAD", "\xF0\x9F", "  ", "'", "'s", "1a"}) {
    const auto work = [&](size_t length) {
      std::string word;
      while (word.size() < length) word += unit;
      return static_cast<double>(tokenizer.encode_work(word));
    };
    const double small = work(10000), large = work(1000000);
    INFO(unit);
    CHECK(large < 110 * small);
    CHECK(large < 100.0 * 1000000);
  }
}

TEST_CASE("dropout: none without a seed, all merges at 1, the seed decides") {
  const std::string text = random_text({5, 1}, 4000, 3);
  TokenizerParts parts = train_byte_level_bpe({text}, {.vocab_size = 330}).parts();
  const size_t whole = Tokenizer(parts).encode(text).size();
  parts.model.dropout = 0.5;
  const Tokenizer half(parts);
  CHECK(half.encode(text).size() == whole);
  const auto a = half.encode(text, {.dropout_seed = 1}), b = half.encode(text, {.dropout_seed = 2});
  CHECK(a == half.encode(text, {.dropout_seed = 1}));
  CHECK(a != b);
  CHECK(a.size() > whole);
  CHECK(half.decode(a) == text);
  parts.model.dropout = 1;
  CHECK(Tokenizer(parts).encode(text, {.dropout_seed = 1}).size() == text.size());
}
