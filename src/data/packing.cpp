#include "data/packing.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/labels.h"

namespace gradus {

namespace {

// The arrays of a batch while it is filled.
struct Rows {
  int64_t rows, width;
  std::vector<int64_t> ids, labels, positions;
  std::vector<int32_t> first;
  Rows(int64_t n, int64_t t, int64_t padding) : rows(n), width(t), ids(n * t, padding), labels(n * t, kIgnoredLabel) {
    positions.assign(ids.size(), 0);
    first.resize(ids.size());
    for (int64_t i = 0; i < n * t; ++i) first[static_cast<size_t>(i)] = static_cast<int32_t>(i % t);
  }
  LmBatch finish(bool keep_first, bool keep_positions) const {
    LmBatch batch;
    const Shape shape{rows, width};
    batch.input_ids = from_vector(ids, shape);
    batch.labels = from_vector(labels, shape);
    if (keep_first) batch.first = from_vector(first, shape);
    if (keep_positions) batch.position_ids = from_vector(positions, shape);
    for (const int64_t label : labels) batch.targets += label != kIgnoredLabel;
    return batch;
  }
};

}  // namespace

void TokenDocuments::add(const std::vector<int32_t>& tokens) {
  ids.push_back(separator);
  ids.insert(ids.end(), tokens.begin(), tokens.end());
  begin.push_back(static_cast<int64_t>(ids.size()));
}

uint64_t TokenDocuments::fingerprint() const {
  uint64_t hash = 0xcbf29ce484222325u;
  const auto mix = [&](uint64_t value) { hash = (hash ^ value) * 0x100000001b3u; };
  for (const int32_t id : ids) mix(static_cast<uint32_t>(id));
  for (const int64_t b : begin) mix(static_cast<uint64_t>(b));
  return hash;
}

std::vector<int64_t> random_order(int64_t n, RandomKey key) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[key.below(i, i)]);
  return order;
}

PackedStream::PackedStream(const TokenDocuments& documents, const PackingOptions& options)
    : documents_(documents), options_(options) {
  if (documents.tokens() == 0) throw ValueError("data", "there is nothing to train on.");
  if (options.block_size < 1)
    throw ValueError("data", "block_size must be at least 1, got " + std::to_string(options.block_size) + ".");
  set_position(0);
}

void PackedStream::shuffle(int64_t epoch) {
  if (shuffled_ == epoch) return;
  order_ = random_order(documents_.count(), options_.shuffle.fold(static_cast<uint64_t>(epoch)));
  shuffled_ = epoch;
}

void PackedStream::set_position(int64_t position) {
  position_ = position;
  epoch_ = position / tokens_per_epoch();
  shuffle(epoch_);
  cursor_ = {0, position % tokens_per_epoch()};
  for (;; ++cursor_.place) {
    const auto d = static_cast<size_t>(order_[static_cast<size_t>(cursor_.place)]);
    const int64_t length = documents_.begin[d + 1] - documents_.begin[d];
    if (cursor_.offset < length) break;
    cursor_.offset -= length;
  }
}

void PackedStream::advance(Cursor& cursor, int64_t& epoch) {
  const auto d = static_cast<size_t>(order_[static_cast<size_t>(cursor.place)]);
  if (++cursor.offset < documents_.begin[d + 1] - documents_.begin[d]) return;
  cursor.offset = 0;
  if (++cursor.place < documents_.count()) return;
  cursor.place = 0;
  shuffle(++epoch);
}

LmBatch PackedStream::next(int64_t rows) {
  const int64_t width = options_.block_size;
  Rows out(rows, width, documents_.separator);
  const auto token = [&] {
    const auto d = static_cast<size_t>(order_[static_cast<size_t>(cursor_.place)]);
    return int64_t{documents_.ids[static_cast<size_t>(documents_.begin[d] + cursor_.offset)]};
  };
  for (int64_t r = 0; r < rows; ++r) {
    int64_t start = 0;  // of the current document in this row
    for (int64_t t = 0; t < width; ++t) {
      const auto i = static_cast<size_t>(r * width + t);
      if (cursor_.offset == 0) start = t;
      out.ids[i] = token();
      out.first[i] = static_cast<int32_t>(start);
      out.positions[i] = t - start;
      advance(cursor_, epoch_);
      out.labels[i] = token();
    }
  }
  position_ += rows * width;
  return out.finish(!options_.cross_document_attention, options_.reset_positions);
}

WholeDocuments::WholeDocuments(const TokenDocuments& documents, int64_t block_size, int64_t rows)
    : documents_(documents), block_size_(block_size), rows_(rows) {
  if (block_size < 1 || rows < 1) throw ValueError("data", "rows of evaluation must hold at least one token.");
  std::vector<Piece> pieces;
  for (int64_t d = 0; d < documents.count(); ++d) {
    const int64_t end = documents.begin[static_cast<size_t>(d) + 1];
    for (int64_t at = documents.begin[static_cast<size_t>(d)]; at < end; at += block_size)
      pieces.push_back({at, std::min(block_size, end - at)});
  }
  std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.length > b.length; });
  std::multimap<int64_t, size_t> room;  // what is left of a row -> the row
  for (const Piece& piece : pieces) {
    const auto tightest = room.lower_bound(piece.length);
    size_t row = packed_.size();
    int64_t left = block_size;
    if (tightest == room.end()) {
      packed_.emplace_back();
    } else {
      left = tightest->first, row = tightest->second;
      room.erase(tightest);
    }
    packed_[row].push_back(piece);
    if (left > piece.length) room.emplace(left - piece.length, row);
  }
}

int64_t WholeDocuments::batches() const { return (static_cast<int64_t>(packed_.size()) + rows_ - 1) / rows_; }

LmBatch WholeDocuments::batch(int64_t i) const {
  const auto from = static_cast<size_t>(i * rows_);
  const size_t n = std::min(static_cast<size_t>(rows_), packed_.size() - from);
  Rows out(static_cast<int64_t>(n), block_size_, documents_.separator);
  for (size_t r = 0; r < n; ++r) {
    int64_t t = 0;
    for (const Piece& piece : packed_[from + r]) {
      const int64_t start = t;
      for (int64_t k = 0; k < piece.length; ++k, ++t) {
        const auto at = r * static_cast<size_t>(block_size_) + static_cast<size_t>(t);
        const auto next = static_cast<size_t>(piece.begin + k + 1);
        out.ids[at] = documents_.ids[next - 1];
        out.labels[at] = next < documents_.ids.size() ? documents_.ids[next] : documents_.separator;
        out.first[at] = static_cast<int32_t>(start);
        out.positions[at] = k;
      }
    }
  }
  return out.finish(true, true);
}

}  // namespace gradus
