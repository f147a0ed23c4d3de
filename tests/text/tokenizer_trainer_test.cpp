#include "text/tokenizer_trainer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "text/tokenizer_parts.h"
#include "text/unigram_lattice.h"

using namespace gradus;

namespace {

std::filesystem::path goldens() { return std::filesystem::path(GRADUS_TEST_DIR) / "golden"; }

std::string corpus() { return read_file(goldens() / "tokenizers" / "corpus.txt"); }

/// log of the sum over all cuts, by recursion: the definition.
double log_probability(std::string_view word, const std::vector<std::pair<std::string, double>>& pieces) {
  if (word.empty()) return 0;
  double sum = 0;
  for (const auto& [text, score] : pieces)
    if (word.starts_with(text)) sum += std::exp(score + log_probability(word.substr(text.size()), pieces));
  return std::log(sum);
}

}  // namespace

TEST_CASE("trained subwords are those of Hugging Face") {
  const Json cases = read_json(goldens() / "trainers.json");
  REQUIRE(cases.size() >= 6);
  for (const Json& c : cases) {
    CAPTURE(c["name"].get<std::string>());
    WordFrequencies words;
    for (const auto& [word, count] : c["words"].items()) words.emplace_back(word, count.get<int64_t>());
    std::sort(words.begin(), words.end());
    SubwordTraining s;
    const Json& o = c["options"];
    s.vocab_size = o["vocab_size"], s.min_frequency = o.value("min_frequency", 0);
    s.special_tokens = o.value("special_tokens", std::vector<std::string>());
    s.initial_alphabet = o.value("initial_alphabet", "");
    if (o.contains("limit_alphabet")) s.limit_alphabet = o["limit_alphabet"].get<int64_t>();
    if (o.contains("max_token_length")) s.max_token_length = o["max_token_length"].get<int64_t>();
    s.continuing_subword_prefix = o.value("continuing_subword_prefix", "");
    s.end_of_word_suffix = o.value("end_of_word_suffix", "");
    const SubwordVocabulary got = train_subwords(words, s);
    std::vector<std::string> tokens, merges;
    for (int i = 0; i < got.vocabulary.size(); ++i) tokens.emplace_back(got.vocabulary[i]);
    for (const Merge& m : got.merges)
      merges.push_back(std::string(got.vocabulary[m.left]) + " " + std::string(got.vocabulary[m.right]));
    CHECK(tokens == c["tokens"].get<std::vector<std::string>>());
    CHECK(merges == c["merges"].get<std::vector<std::string>>());
  }
}

TEST_CASE("the lattice sums over all cuts") {
  const std::vector<std::pair<std::string, double>> pieces = {{"a", -1.5},   {"b", -2},   {"ab", -1},
                                                              {"ba", -1.25}, {"aba", -3}, {"c", -2.5}};
  const PieceTrie trie(pieces);
  std::vector<double> scores;
  for (const auto& p : pieces) scores.push_back(p.second);
  UnigramLattice lattice;
  for (const char* word : {"a", "ab", "abab", "cabac", "babaab"}) {
    REQUIRE(lattice.build(word, trie));
    std::vector<double> expected(pieces.size());
    const double total = lattice.expect(scores, 1, expected);
    CHECK(total == doctest::Approx(log_probability(word, pieces)));
    // d log P / d score_i is the expected count of piece i.
    for (size_t i = 0; i < pieces.size(); ++i) {
      auto up = pieces, down = pieces;
      up[i].second += 1e-5, down[i].second -= 1e-5;
      CHECK(expected[i] ==
            doctest::Approx((log_probability(word, up) - log_probability(word, down)) / 2e-5).epsilon(1e-5));
    }
  }
  REQUIRE(lattice.build("abab", trie));
  CHECK(lattice.best(scores) == std::vector<int32_t>{2, 2});
  CHECK(lattice.best(scores, 2) == std::vector<int32_t>{0, 3, 1});
  CHECK_FALSE(lattice.build("axb", trie));
}

TEST_CASE("unigram training: probabilities, size, threads, likelihood") {
  TokenizerTraining s;
  s.model = TokenizerModel::unigram;
  s.vocab_size = 220, s.special_tokens = {"<s>", "<unk>"}, s.unk = "<unk>";
  s.frame = usual_frame(s.model, s.special_tokens);
  const std::string text = corpus();
  const int before = threads();
  set_threads(1);
  const Tokenizer one = train_tokenizer({text}, s);
  set_threads(3);
  const Tokenizer three = train_tokenizer({text}, s);
  set_threads(before);
  CHECK(one.parts().scores == three.parts().scores);
  CHECK(one.vocab_size() <= 220);
  CHECK(one.vocab_size() > 200);
  CHECK(one.id_of("<unk>") == 1);
  CHECK(one.decode(one.encode("the river runs")) == "the river runs");
  const WordFrequencies words = count_words({text}, s.frame);
  std::vector<std::pair<std::string, double>> pieces;
  double sum = 0;
  for (int i = 2; i < one.vocab_size(); ++i) {
    pieces.emplace_back(one.token(i), one.parts().scores[i]);
    sum += std::exp(pieces.back().second);
  }
  CHECK(sum <= 1);  // exp(digamma) takes from the rare ones
  CHECK(sum > 0.9);
  // At least as likely as what Hugging Face trains on the same words (tests/golden/make_trainer_goldens.py).
  const Json golden = read_json(goldens() / "unigram_likelihood.json");
  const double ours = unigram_log_likelihood(words, pieces), theirs = golden["log_likelihood"];
  MESSAGE("log-likelihood ", ours, ", Hugging Face ", theirs);
  CHECK(ours >= theirs - 0.002 * std::abs(theirs));
}

TEST_CASE("WordPiece and BPE over characters come out as tokenizers") {
  const std::string text = corpus();
  TokenizerTraining s;
  s.model = TokenizerModel::word_piece;
  s.vocab_size = 300, s.special_tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]"}, s.unk = "[UNK]";
  s.frame = usual_frame(s.model, s.special_tokens);
  const Tokenizer pieces = train_tokenizer({text}, s);
  const auto ids = pieces.encode("The rivers!");
  REQUIRE(ids.size() >= 3);
  CHECK(ids.front() == 2);
  CHECK(ids.back() == 3);
  CHECK(pieces.decode(ids, true) == "the rivers!");
  s = {};
  s.model = TokenizerModel::bpe, s.vocab_size = 300, s.special_tokens = {"<unk>"}, s.unk = "<unk>";
  s.frame = usual_frame(s.model, s.special_tokens);
  const Tokenizer bpe = train_tokenizer({text}, s);
  CHECK(bpe.decode(bpe.encode("the rivers that run")) == "the rivers that run");
  CHECK(bpe.encode("\u0666").back() == 0);
}

TEST_CASE("impossible trainings are refused") {
  const WordFrequencies words = {{"abc", 3}};
  CHECK_THROWS_AS(train_subwords(words, {.vocab_size = 2}), ValueError);
  CHECK_THROWS_AS(train_subwords(words, {.vocab_size = 10, .special_tokens = {"a", "a"}}), ValueError);
  CHECK_THROWS_AS(train_unigram(words, {.vocab_size = 2}), ValueError);
  CHECK_THROWS_AS(train_unigram(words, {.vocab_size = 9, .shrinking_factor = 1}), ValueError);
  CHECK_THROWS_AS(frame_of("[]", "x"), FileError);
  CHECK_THROWS_AS(count_words({"a"}, {.normalizer = R"({"type":"Nope"})"}), FileError);
  TokenizerTraining s;
  s.unk = "<unk>";
  CHECK_THROWS_AS(train_tokenizer({"abc"}, s), ValueError);
  CHECK(train_subwords({}, {.vocab_size = 5}).vocabulary.size() == 0);
}
