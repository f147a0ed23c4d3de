#include "models/text/word2vec.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/random.h"
#include "kernels/cpu/word2vec.h"
#include "kernels/ref/word2vec.h"
#include "models/text/phrases.h"
#include "models/text/word2vec_tables.h"
#include "models/text/word_evaluation.h"
#include "support/temp_dir.h"

using namespace gradus;

namespace {

/// Sentences over two topics whose words never mix.
std::string two_topics(int sentences) {
  const char* const topics[2][6] = {{"river", "water", "lake", "boat", "fish", "shore"},
                                    {"piano", "song", "violin", "music", "choir", "tune"}};
  const RandomKey key{3, 0};
  std::string text;
  for (int s = 0, draw = 0; s < sentences; ++s) {
    for (int i = 0; i < 8; ++i) text += std::string(topics[s % 2][key.below(6, draw++)]) + " ";
    text += "the\n";
  }
  return text;
}

struct Example {
  std::vector<float> hidden, error, output;
  std::vector<int32_t> targets;
  std::vector<float> labels, steps;
  int64_t width;
  Word2VecExample arguments(float rate) {
    return {hidden.data(),
            error.data(),
            output.data(),
            targets.data(),
            labels.data(),
            steps.data(),
            static_cast<int64_t>(targets.size()),
            width,
            rate};
  }
};

Example random_example(int64_t width, int64_t count, uint64_t seed) {
  const RandomKey key{seed, 1};
  Example e;
  e.width = width;
  for (int64_t i = 0; i < width; ++i) e.hidden.push_back(static_cast<float>(key.normal(i)));
  e.error.assign(width, 99.0f);
  for (int64_t i = 0; i < width * (count + 2); ++i) e.output.push_back(static_cast<float>(0.3 * key.normal(1000 + i)));
  for (int64_t t = 0; t < count; ++t)
    e.targets.push_back(static_cast<int32_t>(count + 1 - t)), e.labels.push_back(t == 0);
  e.steps.assign(count, 0);
  return e;
}

/// L = -sum_t log sigma(l_t h.o_t), in f64.
double loss(const Example& e, const std::vector<double>& hidden, const std::vector<double>& output) {
  double sum = 0;
  for (size_t t = 0; t < e.targets.size(); ++t) {
    double f = 0;
    for (int64_t i = 0; i < e.width; ++i) f += hidden[i] * output[e.targets[t] * e.width + i];
    sum += std::log1p(std::exp(e.labels[t] > 0 ? -f : f));
  }
  return sum;
}

}  // namespace

TEST_CASE("one Word2Vec example is a step along the gradient, by finite differences") {
  for (int64_t count : {1, 2, 6, 11}) {
    Example e = random_example(16, count, 5 + count);
    const std::vector<double> hidden(e.hidden.begin(), e.hidden.end()), output(e.output.begin(), e.output.end());
    const float rate = 0.5f;
    cpu::word2vec_example(e.arguments(rate));
    constexpr double h = 1e-5;
    for (int64_t i = 0; i < e.width; ++i) {
      auto up = hidden, down = hidden;
      up[i] += h, down[i] -= h;
      const double slope = (loss(e, up, output) - loss(e, down, output)) / (2 * h);
      CHECK(e.error[i] == doctest::Approx(-rate * slope).epsilon(1e-5));
    }
    for (size_t i = 0; i < output.size(); i += 7) {
      auto up = output, down = output;
      up[i] += h, down[i] -= h;
      const double slope = (loss(e, hidden, up) - loss(e, hidden, down)) / (2 * h);
      CHECK(e.output[i] - output[i] == doctest::Approx(-rate * slope).epsilon(1e-3));
    }
  }
}

TEST_CASE("Word2Vec kernels equal their plain loops") {
  for (int64_t width : {16, 48, 112, 304})
    for (int64_t count : {1, 3, 5, 6, 7, 12, 20}) {
      Example fast = random_example(width, count, 11), plain = fast;
      if (count == 3) fast.targets[2] = plain.targets[2] = fast.targets[1];  // the same noise word twice
      cpu::word2vec_example(fast.arguments(0.025f));
      ref::word2vec_example(plain.arguments(0.025f));
      for (size_t i = 0; i < fast.error.size(); ++i)
        CHECK(fast.error[i] == doctest::Approx(plain.error[i]).epsilon(1e-4));
      for (size_t i = 0; i < fast.output.size(); ++i)
        CHECK(fast.output[i] == doctest::Approx(plain.output[i]).epsilon(1e-5));
      std::vector<float> a(width), b(width);
      cpu::word2vec_gather(fast.output.data(), fast.targets.data(), count, width, 0.25f, a.data());
      ref::word2vec_gather(fast.output.data(), fast.targets.data(), count, width, 0.25f, b.data());
      for (int64_t i = 0; i < width; ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-5));
      plain.output = fast.output;
      cpu::word2vec_scatter(fast.output.data(), fast.targets.data(), count, width, a.data());
      ref::word2vec_scatter(plain.output.data(), fast.targets.data(), count, width, a.data());
      CHECK(fast.output == plain.output);
    }
}

TEST_CASE("keep probability and noise are those of the definition") {
  // (sqrt(f / t) + 1) t / f with f = count / total
  CHECK(keep_probability(1000, 10'000, 1e-3) == doctest::Approx((std::sqrt(100.0) + 1) / 100));
  CHECK(keep_probability(1, 10'000, 1e-3) == 1);
  CHECK(keep_probability(1000, 10'000, 0) == 1);
  const std::vector<int64_t> counts{1000, 300, 300, 20, 5, 1};
  const auto p = noise_distribution(counts, 0.75);
  double sum = 0;
  for (int64_t c : counts) sum += std::pow(static_cast<double>(c), 0.75);
  for (size_t i = 0; i < p.size(); ++i) CHECK(p[i] == doctest::Approx(std::pow(counts[i], 0.75) / sum).epsilon(1e-12));
  // The table holds the distribution to the last bits of its thresholds, and draws come out as it says.
  const AliasTable table(p);
  const auto held = table.probabilities();
  for (size_t i = 0; i < p.size(); ++i) CHECK(std::abs(held[i] - p[i]) < 1e-9);
  std::vector<int64_t> drawn(p.size());
  const RandomKey key{9, 9};
  constexpr int64_t kDraws = 400'000;
  for (int64_t i = 0; i < kDraws; ++i) ++drawn[table.draw(key.bits(i))];
  for (size_t i = 0; i < p.size(); ++i) {
    const double mean = p[i] * kDraws, deviation = std::sqrt(mean * (1 - p[i]));
    CHECK(std::abs(static_cast<double>(drawn[i]) - mean) < 5 * deviation + 1);
  }
}

TEST_CASE("Huffman's codes are prefix-free and as short as can be") {
  const std::vector<int64_t> counts{40, 30, 10, 10, 6, 4};
  const HuffmanTree tree(counts);
  int64_t bits = 0;
  for (int32_t w = 0; w < 6; ++w) {
    bits += counts[w] * static_cast<int64_t>(tree.code(w).size());
    CHECK(tree.nodes(w).size() == tree.code(w).size());
    CHECK(tree.nodes(w)[0] == 4);  // the root is made last
    for (int32_t v = 0; v < 6; ++v) {
      if (v == w || tree.code(v).size() < tree.code(w).size()) continue;
      CHECK_FALSE(std::equal(tree.code(w).begin(), tree.code(w).end(), tree.code(v).begin()));
    }
  }
  CHECK(bits == 40 * 1 + 30 * 2 + 10 * 4 + 10 * 4 + 6 * 4 + 4 * 4);
  CHECK(tree.code(0) == std::vector<uint8_t>{0});  // 40 < 60: the smaller child
  CHECK(HuffmanTree({3}).code(0).empty());
}

TEST_CASE("a corpus is read the same on any number of threads") {
  const WordCorpus c = read_corpus("b a  b\n\n c\ta b\r\nz z\n", 2);
  CHECK(c.words == std::vector<std::string>{"b", "a", "z"});  // equal counts by first appearance
  CHECK(c.counts == std::vector<int64_t>{3, 2, 2});
  CHECK(c.ids == std::vector<int32_t>{0, 1, 0, 1, 0, 2, 2});
  CHECK(c.sentences == std::vector<int64_t>{0, 3, 5, 7});
  CHECK(c.raw_words == 8);
  CHECK(read_corpus("a a b b", 1, 1).words == std::vector<std::string>{"a"});
  CHECK_THROWS_AS(read_corpus("a b", 5), ValueError);
  CHECK_THROWS_AS(read_corpus("", 1), ValueError);
  std::string longest;
  for (int i = 0; i < 25'000; ++i) longest += "w ";
  CHECK(read_corpus(longest, 1).sentences == std::vector<int64_t>{0, 10'000, 20'000, 25'000});
  std::string big;
  for (int i = 0; big.size() < (5u << 20); ++i) big += "w" + std::to_string(i * 7919 % 5000) + (i % 9 ? " " : "\n");
  const int before = threads();
  set_threads(1);
  const WordCorpus one = read_corpus(big);
  set_threads(4);
  const WordCorpus four = read_corpus(big);
  set_threads(before);
  CHECK(one.words == four.words);
  CHECK(one.ids == four.ids);
  CHECK(one.sentences == four.sentences);
}

TEST_CASE("every way of training tells two topics apart") {
  const WordCorpus corpus = read_corpus(two_topics(1500), 1);
  const int before = threads();
  for (const bool skip_gram : {false, true})
    for (const int way : {0, 1, 2, 3}) {
      CAPTURE(skip_gram);
      CAPTURE(way);
      Word2VecOptions o;
      o.skip_gram = skip_gram, o.size = 20, o.epochs = 8, o.sample = 0, o.alpha = 0.05;
      o.hierarchical = way == 1 || way == 2;
      if (way == 1) o.negative = 0;
      o.cbow_mean = way != 3;
      set_threads(1);
      const Word2Vec a = train_word2vec(corpus, o), b = train_word2vec(corpus, o);
      CHECK(a.vectors.vectors().to_vector<float>() == b.vectors.vectors().to_vector<float>());  // one thread: the same
      set_threads(2);
      const Word2Vec two = train_word2vec(corpus, o);
      for (const Word2Vec* m : {&a, &two}) {
        const WordVectors& v = m->vectors;
        double same = 0, other = 0;
        for (const char* x : {"river", "lake", "fish"})
          for (const char* y : {"water", "shore"})
            same += v.cosine(v.at(x), v.at(y)),
                other += v.cosine(v.at(x), v.at(y == std::string("water") ? "song" : "tune"));
        CHECK(same / 6 > other / 6 + 0.3);
      }
      CHECK(a.output_hierarchical.defined() == o.hierarchical);
      CHECK(a.output_negative.defined() == (o.negative > 0));
    }
  set_threads(before);
}

TEST_CASE("impossible options are refused") {
  const WordCorpus corpus = read_corpus("a b a b", 1);
  const auto with = [&](auto change) {
    Word2VecOptions o;
    change(o);
    return [&corpus, o] { train_word2vec(corpus, o); };
  };
  CHECK_THROWS_AS(with([](auto& o) { o.size = 0; })(), ValueError);
  CHECK_THROWS_AS(with([](auto& o) { o.window = 0; })(), ValueError);
  CHECK_THROWS_AS(with([](auto& o) { o.negative = 0; })(), ValueError);
  CHECK_THROWS_AS(with([](auto& o) { o.epochs = 0; })(), ValueError);
  CHECK_THROWS_AS(with([](auto& o) { o.sample = -1; })(), ValueError);
  CHECK_NOTHROW(with([](auto& o) { o.size = 1; })());
}

TEST_CASE("word vectors in files") {
  TempDir folder;
  const WordVectors v({"a", "\xC3\xA9", "c"}, from_vector<float>({0.1f, -2, 1e-30f, 3.25f, 0, 1e30f}, {3, 2}));
  for (const char* name : {"v.txt", "v.bin"}) {
    v.save(folder / name);
    const WordVectors back = WordVectors::load(folder / name);
    CHECK(back.words() == v.words());
    CHECK(back.vectors().to_vector<float>() == v.vectors().to_vector<float>());
  }
  CHECK(read_file(folder / "v.txt") == "3 2\na 0.1 -2\n\xC3\xA9 1e-30 3.25\nc 0 1e+30\n");
  CHECK_THROWS_AS(WordVectors({"a b"}, from_vector<float>({1}, {1, 1})).save(folder / "x.txt"), ValueError);
  CHECK_THROWS_AS(WordVectors({"a", "a"}, from_vector<float>({1, 2}, {2, 1})), ValueError);
  CHECK_THROWS_AS(WordVectors({"a"}, from_vector<float>({1, 2}, {2, 1})), ShapeError);
  CHECK_THROWS_AS(v.at("zebra"), ValueError);
  const auto refuse = [&](const char* name, const std::string& bytes) {
    write_file_atomic(folder / name, bytes);
    CAPTURE(bytes);
    CHECK_THROWS_AS(WordVectors::load(folder / name), FileError);
  };
  for (const char* bytes :
       {"", "3", "3 2", "x y\n", "1 2 3\na 1 2\n", "1 2\n", "1 2\na 1\n", "1 2\na 1 x\n", "1 2\na 1 2 3\n",
        "1 2\na 1 2\nb 1 2\n", "2 1\na 1\na 2\n", "2 1\na 1\n", "-1 2\n", "99999999999 99999999999\na 1\n",
        "9223372036854775807 9223372036854775807\na 1\n", "1 0\na\n", "1 1\n 1\n"})
    refuse("t.txt", bytes);
  for (const char* bytes : {"1 1\na 12", "1 1\na", "2 1\na 1234", "1 1\na 1234b", "1000000 1000000\na 1234"})
    refuse("t.bin", bytes);
  write_file_atomic(folder / "g.txt", "1 2\r\na 1 2 \r\n");  // as other programs write it
  CHECK(WordVectors::load(folder / "g.txt").row(0)[1] == 2);
  // Broken files never crash.
  const std::string good = read_file(folder / "v.bin");
  const RandomKey key{1, 2};
  uint64_t draw = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = round % 2 ? good : read_file(folder / "v.txt");
    for (uint64_t i = 0, n = 1 + key.below(3, draw++); i < n; ++i)
      bytes[key.below(bytes.size(), draw++)] = static_cast<char>(key.below(256, draw++));
    bytes.resize(key.below(bytes.size() + 1, draw++));
    std::FILE* f = std::fopen((folder / "fuzz").c_str(), "wb");
    std::fwrite(bytes.data(), 1, bytes.size(), f);
    std::fclose(f);
    try {
      WordVectors::load(folder / "fuzz", round % 2);
    } catch (const Error&) {}
  }
}

TEST_CASE("nearest words, analogies and evaluations") {
  const WordVectors v({"man", "woman", "king", "queen", "apple"},
                      from_vector<float>({1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, -1}, {5, 3}));
  const auto near = v.nearest({v.at("king"), v.at("woman")}, {v.at("man")}, 2);
  REQUIRE(near.size() == 2);
  CHECK(v.words()[near[0].word] == "queen");
  CHECK(v.nearest({0}, {}, 100).size() == 4);
  CHECK(v.nearest({0}, {}, 100, 3).size() == 2);
  CHECK(area_under_curve({0.9, 0.8, 0.3, 0.1}, {1, 0, 1, 0}) == doctest::Approx(0.75));
  CHECK(area_under_curve({0.5, 0.5}, {1, 0}) == doctest::Approx(0.5));
  CHECK(std::isnan(area_under_curve({1, 2}, {1, 1})));
  CHECK(spearman({1, 2, 3, 4}, {10, 20, 25, 100}) == doctest::Approx(1));
  CHECK(pearson({1, 2, 3}, {3, 2, 1}) == doctest::Approx(-1));
  const auto pairs = evaluate_pairs(v, "# comment\nking\tqueen\t1\nking,apple,0\nman zebra 1\n", "p");
  CHECK(pairs.pairs == 2);
  CHECK(pairs.skipped == 1);
  CHECK(pairs.labels);
  CHECK(pairs.auc == 1);
  CHECK_FALSE(evaluate_pairs(v, "king queen 7.5\nking apple 0.3\n", "p").labels);
  CHECK_THROWS_AS(evaluate_pairs(v, "king queen\n", "p"), FileError);
  CHECK_THROWS_AS(evaluate_pairs(v, "king queen x\n", "p"), FileError);
  CHECK_THROWS_AS(evaluate_pairs(v, "", "p"), FileError);
  const auto sections = evaluate_analogies(v, ": royal\nman king woman queen\nman zebra woman queen\n", "a");
  REQUIRE(sections.size() == 1);
  CHECK(sections[0].name == "royal");
  CHECK(sections[0].right == 1);
  CHECK(sections[0].asked == 1);
  CHECK(sections[0].skipped == 1);
  CHECK_THROWS_AS(evaluate_analogies(v, "a b c\n", "a"), FileError);
  // The plane keeps what the vectors differ by most.
  const auto plane = plane_of(v, {0, 1, 2, 3}).to_vector<double>();
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < 4; ++b) {
      double full = 0;
      for (int k = 0; k < 3; ++k) full += std::pow(v.row(a)[k] - v.row(b)[k], 2);
      const double flat = std::pow(plane[2 * a] - plane[2 * b], 2) + std::pow(plane[2 * a + 1] - plane[2 * b + 1], 2);
      CHECK(flat <= full + 1e-4);
      if ((a ^ b) != 3) CHECK(flat == doctest::Approx(full).epsilon(1e-3));  // these four lie in a plane
    }
}

TEST_CASE("phrases are those of gensim") {
  const Json golden = read_json(std::filesystem::path(GRADUS_TEST_DIR) / "golden" / "phrases.json");
  for (const Json& c : golden["cases"]) {
    PhraseOptions o;
    o.min_count = c["min_count"], o.threshold = c["threshold"];
    CHECK(join_phrases(golden["text"].get<std::string>(), o) == c["joined"].get<std::string>());
  }
  CHECK(join_phrases("a b\na b\n\nb  a\n", {.min_count = 0, .threshold = 0.5}) == "a_b\na_b\n\nb a\n");
  CHECK(join_phrases("", {}) == "");
}
