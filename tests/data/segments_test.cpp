#include "data/segments.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/labels.h"

using namespace gradus;

namespace {

constexpr int32_t kPad = 0, kCls = 1, kSep = 2, kMask = 3, kFirst = 10;

MaskTokens special(int32_t vocabulary) {
  MaskTokens t{kCls, kSep, kMask, kPad, {}};
  for (int32_t id = 4; id < vocabulary; ++id) t.ordinary.push_back(id);
  return t;
}

// Documents whose tokens count on from one to the next, so that each tells its document and place.
TokenDocuments counting(int documents, int length) {
  TokenDocuments all(kCls);
  int32_t id = kFirst;
  for (int d = 0; d < documents; ++d) {
    std::vector<int32_t> tokens;
    for (int i = 0; i < length; ++i) tokens.push_back(id++);
    all.add(tokens);
  }
  return all;
}

// What stood in a row before masking.
std::vector<int64_t> original(const MaskedBatch& batch, int64_t row) {
  const auto ids = batch.input_ids.to_vector<int64_t>(), labels = batch.labels.to_vector<int64_t>();
  const auto visible = batch.attention_mask.to_vector<int64_t>();
  const int64_t time = batch.input_ids.size(1);
  std::vector<int64_t> out;
  for (int64_t t = 0; t < time; ++t) {
    const auto i = static_cast<size_t>(row * time + t);
    if (visible[i]) out.push_back(labels[i] == kIgnoredLabel ? ids[i] : labels[i]);
  }
  return out;
}

}  // namespace

TEST_CASE("15 % of the places are chosen: 80 % masked, 10 % replaced, 10 % as they were") {
  const TokenDocuments documents = counting(40, 100);
  MaskedStream stream(documents, special(5000), {.block_size = 128, .pairs = false, .key = {1, 2}});
  double places = 0, chosen = 0, masked = 0, same = 0;
  for (int i = 0; i < 20; ++i) {
    const MaskedBatch batch = stream.next(32);
    const auto ids = batch.input_ids.to_vector<int64_t>(), labels = batch.labels.to_vector<int64_t>();
    int64_t targets = 0;
    for (size_t k = 0; k < ids.size(); ++k) {
      places += ids[k] > kSep;
      if (labels[k] == kIgnoredLabel) continue;
      ++targets;
      masked += ids[k] == kMask;
      same += ids[k] == labels[k];
      CHECK(labels[k] >= kFirst);  // never a special token
    }
    CHECK(targets == batch.targets);
    chosen += static_cast<double>(targets);
  }
  CHECK(chosen / places == doctest::Approx(0.15).epsilon(0.01));
  CHECK(masked / chosen == doctest::Approx(0.8).epsilon(0.02));
  CHECK(same / chosen == doctest::Approx(0.1).epsilon(0.1));
}

TEST_CASE("pairs: half of the second segments follow the first, the others come from another document") {
  const TokenDocuments documents = counting(50, 20);
  MaskedStream stream(documents, special(2000), {.block_size = 32, .key = {3, 4}});
  CHECK(stream.rows_per_epoch() == 50);
  int elsewhere = 0;
  for (int i = 0; i < 20; ++i) {
    const MaskedBatch batch = stream.next(32);
    const auto other = batch.next_sentence_label.to_vector<int64_t>();
    for (int64_t r = 0; r < 32; ++r) {
      const std::vector<int64_t> row = original(batch, r);
      REQUIRE(row.size() <= 32);
      CHECK(row.front() == kCls);
      CHECK(row.back() == kSep);
      const auto sep = static_cast<size_t>(std::find(row.begin(), row.end(), kSep) - row.begin());
      REQUIRE(sep + 2 < row.size());
      const int64_t last_a = row[sep - 1], first_b = row[sep + 1];
      const bool follows = first_b == last_a + 1;
      const int64_t document_a = (last_a - kFirst) / 20, document_b = (first_b - kFirst) / 20;
      CHECK((other[static_cast<size_t>(r)] == 1) == (document_a != document_b));
      if (other[static_cast<size_t>(r)] == 0) CHECK(follows);
      elsewhere += other[static_cast<size_t>(r)] == 1;
    }
    const auto types = batch.token_type_ids.to_vector<int64_t>();
    CHECK(std::count(types.begin(), types.end(), 1) > 0);
  }
  CHECK(elsewhere == doctest::Approx(320).epsilon(0.15));
}

TEST_CASE("an epoch reads every document once, and masks it anew the next time") {
  const TokenDocuments documents = counting(7, 9);
  MaskedStream stream(documents, special(200), {.block_size = 16, .pairs = false, .key = {5, 6}});
  std::map<int64_t, std::set<std::vector<int64_t>>> masks;
  for (int epoch = 0; epoch < 4; ++epoch) {
    std::set<int64_t> seen;
    for (int64_t i = 0; i < stream.rows_per_epoch(); ++i) {
      const MaskedBatch batch = stream.next(1);
      const int64_t first = original(batch, 0)[1];
      seen.insert(first);
      masks[first].insert(batch.labels.to_vector<int64_t>());
      CHECK(batch.targets >= 1);
    }
    CHECK(seen.size() == 7);
  }
  CHECK(stream.epoch() == 4);
  size_t different = 0;
  for (const auto& [first, all] : masks) different += all.size() > 1;
  CHECK(different >= 6);
}

TEST_CASE("a stream that is set to a position goes on as if it had come there") {
  const TokenDocuments documents = counting(9, 13);
  const MaskingOptions options{.block_size = 16, .key = {7, 8}};
  MaskedStream one(documents, special(200), options), two(documents, special(200), options);
  one.next(11);
  two.set_position(11);
  const MaskedBatch a = one.next(5), b = two.next(5);
  CHECK(a.input_ids.to_vector<int64_t>() == b.input_ids.to_vector<int64_t>());
  CHECK(a.labels.to_vector<int64_t>() == b.labels.to_vector<int64_t>());
  CHECK(a.next_sentence_label.to_vector<int64_t>() == b.next_sentence_label.to_vector<int64_t>());
}

TEST_CASE("long documents are cut to fit; what cannot be masked is refused") {
  const TokenDocuments documents = counting(2, 100);
  MaskedStream stream(documents, special(500), {.block_size = 16, .pairs = false, .key = {}});
  CHECK(stream.rows_per_epoch() == 16);  // 100 tokens in pieces of at most 14
  const TokenDocuments nothing(kCls);
  CHECK_THROWS_AS(MaskedStream(nothing, special(500), {}), ValueError);
  CHECK_THROWS_AS(MaskedStream(documents, special(500), {.block_size = 4}), ValueError);
  CHECK_THROWS_AS(MaskedStream(documents, special(500), {.probability = 0}), ValueError);
  CHECK_THROWS_AS(MaskedStream(documents, special(4), {}), ValueError);
}
