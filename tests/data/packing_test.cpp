#include "data/packing.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "base/error.h"

using namespace gradus;

namespace {

// Documents of different lengths, every token with an id of its own; 0 separates.
TokenDocuments some_documents(int count = 7) {
  TokenDocuments documents(0);
  int32_t id = 1;
  for (int d = 0; d < count; ++d) {
    std::vector<int32_t> tokens;
    for (int k = 0; k < 1 + (d * 5) % 9; ++k) tokens.push_back(id++);
    documents.add(tokens);
  }
  return documents;
}

std::vector<int64_t> ids_of(const Tensor& t) { return t.to_vector<int64_t>(); }

}  // namespace

TEST_CASE("an epoch reads and predicts every token once, without padding") {
  const TokenDocuments documents = some_documents();
  const int64_t n = documents.tokens();
  PackedStream stream(documents, {.block_size = 1, .shuffle = {1, 2}});
  CHECK(stream.tokens_per_epoch() == n);
  std::map<int64_t, int> read, predicted;
  for (int64_t i = 0; i < n; ++i) {
    const LmBatch batch = stream.next(1);
    ++read[ids_of(batch.input_ids)[0]];
    ++predicted[ids_of(batch.labels)[0]];
  }
  CHECK(stream.epoch() == 1);
  for (const int32_t id : documents.ids) {
    CHECK(read[id] == std::count(documents.ids.begin(), documents.ids.end(), id));
    CHECK(predicted[id] == read[id]);
  }
}

TEST_CASE("rows: labels follow, first and positions start anew with every document") {
  const TokenDocuments documents = some_documents();
  PackedStream stream(documents, {.block_size = 8, .shuffle = {5, 0}});
  const LmBatch batch = stream.next(6);  // more than an epoch
  CHECK(batch.targets == 48);
  const auto ids = ids_of(batch.input_ids), labels = ids_of(batch.labels), positions = ids_of(batch.position_ids);
  const auto first = batch.first.to_vector<int32_t>();
  for (size_t i = 0; i < 48; ++i) {
    if (i + 1 < 48) CHECK(labels[i] == ids[i + 1]);
    const int64_t t = static_cast<int64_t>(i % 8);
    if (t == 0)
      CHECK(first[i] == 0);
    else
      CHECK(first[i] == (ids[i] == 0 ? t : first[i - 1]));
    CHECK(positions[i] == t - first[i]);
  }
  PackedStream plain(documents, {8, true, false, {5, 0}});
  const LmBatch other = plain.next(6);
  CHECK(!other.first.defined());
  CHECK(!other.position_ids.defined());
  CHECK(ids_of(other.input_ids) == ids);
}

TEST_CASE("the stream resumes at any position and differs between epochs and seeds") {
  const TokenDocuments documents = some_documents(20);
  PackedStream stream(documents, {.block_size = 7, .shuffle = {3, 1}});
  std::vector<std::vector<int64_t>> rows;
  for (int i = 0; i < 60; ++i) rows.push_back(ids_of(stream.next(1).input_ids));
  for (int i = 59; i >= 0; --i) {
    PackedStream again(documents, {.block_size = 7, .shuffle = {3, 1}});
    again.set_position(i * 7);
    CHECK(ids_of(again.next(1).input_ids) == rows[static_cast<size_t>(i)]);
    CHECK(again.position() == (i + 1) * 7);
  }
  CHECK(random_order(50, RandomKey{3, 1}.fold(0)) != random_order(50, RandomKey{3, 1}.fold(1)));
  PackedStream other(documents, {.block_size = 7, .shuffle = {4, 1}});
  CHECK(ids_of(other.next(1).input_ids) != rows[0]);
  auto order = random_order(50, {1, 1});
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < 50; ++i) CHECK(order[static_cast<size_t>(i)] == i);
}

TEST_CASE("evaluation keeps documents whole and predicts every token once") {
  const TokenDocuments documents = some_documents(23);
  std::map<int64_t, int> predicted;
  int64_t targets = 0;
  const WholeDocuments whole(documents, 6, 2);
  for (int64_t b = 0; b < whole.batches(); ++b) {
    const LmBatch batch = whole.batch(b);
    CHECK(batch.input_ids.size(0) <= 2);
    CHECK(batch.input_ids.size(1) == 6);
    targets += batch.targets;
    const auto ids = ids_of(batch.input_ids), labels = ids_of(batch.labels), positions = ids_of(batch.position_ids);
    const auto first = batch.first.to_vector<int32_t>();
    for (size_t i = 0; i < ids.size(); ++i) {
      if (labels[i] == -100) continue;
      ++predicted[labels[i]];
      const int64_t t = static_cast<int64_t>(i % 6);
      CHECK(positions[i] == t - first[i]);
      if (labels[i] != 0 && t < 5 && positions[i] < 5) CHECK(ids[i + 1] == labels[i]);
    }
  }
  CHECK(targets == documents.tokens());
  for (const int32_t id : documents.ids)
    CHECK(predicted[id] == std::count(documents.ids.begin(), documents.ids.end(), id));
}

TEST_CASE("fingerprints tell documents apart; nothing to train on is an error") {
  TokenDocuments a(0), b(0), none(0);
  a.add({1, 2}), a.add({3});
  b.add({1}), b.add({2, 3});
  CHECK(a.fingerprint() != b.fingerprint());
  CHECK_THROWS_AS(PackedStream(none, {}), ValueError);
  CHECK_THROWS_AS(PackedStream(a, {.block_size = 0}), ValueError);
}
