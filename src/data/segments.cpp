#include "data/segments.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/labels.h"

namespace gradus {

namespace {

constexpr uint64_t kOrder = 1, kRow = 2;                                   // streams of the data
constexpr uint64_t kCut = 1, kPartner = 2, kPlaces = 3, kReplacement = 4;  // and of a row

int64_t below(RandomKey key, int64_t n, uint64_t index = 0) {
  return static_cast<int64_t>(key.below(static_cast<uint64_t>(n), index));
}

}  // namespace

MaskedStream::MaskedStream(const TokenDocuments& documents, MaskTokens special, const MaskingOptions& options)
    : documents_(documents), special_(std::move(special)), options_(options) {
  const int64_t room = options.block_size - (options.pairs ? 3 : 2), least = options.pairs ? 2 : 1;
  if (room < least)
    throw ValueError("data", "rows of " + std::to_string(options.block_size) +
                                 " tokens have no room for text between the special ones.");
  if (special_.ordinary.empty()) throw ValueError("data", "the vocabulary has special tokens only.");
  if (!(options.probability > 0 && options.probability <= 1))
    throw ValueError("data",
                     "the share of masked tokens must lie in (0, 1], got " + std::to_string(options.probability) + ".");
  for (int64_t d = 0; d < documents.count(); ++d) {
    // Without the token that separates documents.
    const int64_t begin = documents.begin[static_cast<size_t>(d)] + 1;
    const int64_t length = documents.begin[static_cast<size_t>(d) + 1] - begin;
    const int64_t count = (length + room - 1) / room;
    for (int64_t i = 0; i < count; ++i) {  // of about equal length
      const int64_t from = length * i / count, to = length * (i + 1) / count;
      if (to - from >= least) pieces_.push_back({begin + from, to - from, d});
    }
  }
  if (pieces_.empty()) throw ValueError("data", "no text is long enough to be masked.");
  order_.emplace(rows_per_epoch(), options.key.fold(kOrder));
}

void MaskedStream::add_segments(Row& row, const Piece& piece, RandomKey key) const {
  const auto add = [&](int64_t id, int64_t type) { row.ids.push_back(id), row.types.push_back(type); };
  const auto add_text = [&](int64_t begin, int64_t length, int64_t type) {
    for (int64_t i = 0; i < length; ++i) add(documents_.ids[static_cast<size_t>(begin + i)], type);
  };
  add(special_.cls, 0);
  const int64_t first = options_.pairs ? 1 + below(key.fold(kCut), piece.length - 1) : piece.length;
  add_text(piece.begin, first, 0);
  add(special_.sep, 0);
  if (!options_.pairs) return;
  int64_t begin = piece.begin + first, length = piece.length - first;
  const RandomKey partner = key.fold(kPartner);
  if (partner.uniform(0) < 0.5) {
    for (uint64_t attempt = 1; attempt <= 10; ++attempt) {
      const Piece& other = pieces_[static_cast<size_t>(below(partner, rows_per_epoch(), attempt))];
      if (other.document == piece.document) continue;
      row.other = 1;
      length = std::min(length, other.length);  // so that lengths do not tell the pairs apart
      begin = other.begin + below(partner, other.length - length + 1, 100);
      break;
    }
  }
  add_text(begin, length, 1);
  add(special_.sep, 1);
}

// 15 % of the places: 80 % [MASK], 10 % a random token, 10 % as they are.
void MaskedStream::mask(Row& row, RandomKey key) const {
  row.labels.assign(row.ids.size(), kIgnoredLabel);
  std::vector<int64_t> places;
  for (size_t i = 0; i < row.ids.size(); ++i)
    if (row.ids[i] != special_.cls && row.ids[i] != special_.sep) places.push_back(static_cast<int64_t>(i));
  const auto count = static_cast<int64_t>(places.size());
  if (count == 0) return;
  const auto chosen = std::max<int64_t>(1, std::lround(options_.probability * static_cast<double>(count)));
  const std::vector<int64_t> order = random_order(count, key.fold(kPlaces));
  const RandomKey replacement = key.fold(kReplacement);
  for (int64_t n = 0; n < chosen; ++n) {
    const auto at = static_cast<size_t>(places[static_cast<size_t>(order[static_cast<size_t>(n)])]);
    row.labels[at] = row.ids[at];
    const double u = replacement.uniform(2 * static_cast<uint64_t>(n));
    if (u < options_.masked)
      row.ids[at] = special_.mask;
    else if (u < options_.masked + options_.replaced)
      row.ids[at] = special_.ordinary[static_cast<size_t>(
          below(replacement, static_cast<int64_t>(special_.ordinary.size()), 2 * static_cast<uint64_t>(n) + 1))];
  }
}

MaskedStream::Row MaskedStream::next_row() {
  const RandomKey key = options_.key.fold(kRow).fold(static_cast<uint64_t>(position()));
  Row out;
  add_segments(out, pieces_[static_cast<size_t>(order_->next())], key);
  mask(out, key);
  return out;
}

MaskedBatch MaskedStream::next(int64_t rows) {
  std::vector<Row> all;
  size_t longest = 0;
  for (int64_t r = 0; r < rows; ++r) {
    all.push_back(next_row());
    longest = std::max(longest, all.back().ids.size());
  }
  MaskedBatch batch;
  std::vector<int64_t> ids, types, labels, visible, other;
  for (Row& r : all) {
    batch.tokens += static_cast<int64_t>(r.ids.size());
    for (size_t t = 0; t < longest; ++t) {
      const bool there = t < r.ids.size();
      ids.push_back(there ? r.ids[t] : special_.pad);
      types.push_back(there ? r.types[t] : 0);
      labels.push_back(there ? r.labels[t] : kIgnoredLabel);
      visible.push_back(there);
      batch.targets += labels.back() != kIgnoredLabel;
    }
    other.push_back(r.other);
  }
  const Shape shape{rows, static_cast<int64_t>(longest)};
  batch.input_ids = from_vector(ids, shape);
  batch.attention_mask = from_vector(visible, shape);
  batch.token_type_ids = from_vector(types, shape);
  batch.labels = from_vector(labels, shape);
  if (options_.pairs) batch.next_sentence_label = from_vector(other, {rows});
  return batch;
}

}  // namespace gradus
