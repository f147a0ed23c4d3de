#include "text/encoding.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace gradus {

namespace {

/// Calls `f` for each of the lists with one entry a token.
template <class E, class F>
void each_list(E& encoding, const F& f) {
  f(encoding.ids), f(encoding.type_ids), f(encoding.tokens), f(encoding.offsets), f(encoding.word_ids);
  f(encoding.sequence_ids), f(encoding.special_tokens_mask), f(encoding.attention_mask);
}

void append_lists(Encoding& to, const Encoding& from) {
  const auto append = [](auto& a, const auto& b) { a.insert(a.end(), b.begin(), b.end()); };
  append(to.ids, from.ids), append(to.type_ids, from.type_ids), append(to.tokens, from.tokens);
  append(to.offsets, from.offsets), append(to.word_ids, from.word_ids), append(to.sequence_ids, from.sequence_ids);
  append(to.special_tokens_mask, from.special_tokens_mask), append(to.attention_mask, from.attention_mask);
}

Encoding without_overflow(const Encoding& e) { return e.slice(0, e.size()); }

/// Cuts one encoding into parts of `length` that share `stride` tokens; the first stays, the others overflow.
void truncate_one(Encoding& encoding, int64_t length, const Truncation& how) {
  const int64_t size = static_cast<int64_t>(encoding.size());
  if (length >= size) return;
  if (length <= 0) {
    Encoding all = std::move(encoding);
    encoding = {};
    encoding.overflowing.push_back(std::move(all));
    return;
  }
  if (how.stride >= length)
    throw ValueError("truncation",
                     "the stride of " + std::to_string(how.stride) + " tokens is not smaller than the part of " +
                         std::to_string(length) + " tokens that is left.",
                     "lower stride, or raise max_length.");
  const int64_t step = length - how.stride;
  std::vector<Encoding> parts;
  for (int64_t at = 0, done = 0; !done; at += step) {
    const int64_t begin = how.left ? std::max<int64_t>(size - at - length, 0) : at;
    const int64_t end = how.left ? size - at : std::min(at + length, size);
    done = how.left ? begin == 0 : end == size;
    parts.push_back(encoding.slice(static_cast<size_t>(begin), static_cast<size_t>(end)));
  }
  encoding = std::move(parts.front());
  encoding.overflowing.assign(std::make_move_iterator(parts.begin() + 1), std::make_move_iterator(parts.end()));
}

void pad_one(Encoding& encoding, size_t length, const Padding& how) {
  for (Encoding& part : encoding.overflowing) pad_one(part, length, how);
  if (encoding.size() >= length) return;
  Encoding padding;
  for (size_t i = encoding.size(); i < length; ++i) {
    padding.add(how.id, how.type_id, how.token, {0, 0}, -1, -1, true);
    padding.attention_mask.back() = 0;
  }
  std::vector<Encoding> overflowing = std::move(encoding.overflowing);
  encoding.overflowing.clear();
  if (how.left) std::swap(encoding, padding);
  append_lists(encoding, padding);
  encoding.overflowing = std::move(overflowing);
}

}  // namespace

void Encoding::add(int32_t id, int32_t type_id, std::string token, CharSpan span, int32_t word, int32_t sequence,
                   bool special) {
  ids.push_back(id);
  type_ids.push_back(type_id);
  tokens.push_back(std::move(token));
  offsets.push_back(span);
  word_ids.push_back(word);
  sequence_ids.push_back(sequence);
  special_tokens_mask.push_back(special);
  attention_mask.push_back(1);
}

Encoding Encoding::slice(size_t begin, size_t end) const {
  Encoding out = *this;
  out.overflowing.clear();
  each_list(out, [begin, end](auto& list) {
    list.erase(list.begin() + static_cast<ptrdiff_t>(end), list.end());
    list.erase(list.begin(), list.begin() + static_cast<ptrdiff_t>(begin));
  });
  return out;
}

void Encoding::append(const Encoding& next) {
  std::vector<Encoding> parts;
  const auto pair = [&parts](const Encoding& a, const Encoding& b) {
    parts.push_back(without_overflow(a));
    append_lists(parts.back(), b);
  };
  for (const Encoding& mine : overflowing) {
    pair(mine, next);
    for (const Encoding& its : next.overflowing) pair(mine, its);
  }
  for (const Encoding& its : next.overflowing) pair(*this, its);
  append_lists(*this, next);
  overflowing = std::move(parts);
}

void truncate_encodings(Encoding& first, Encoding* second, const Truncation& how, int64_t room) {
  int64_t n1 = static_cast<int64_t>(first.size()), n2 = second ? static_cast<int64_t>(second->size()) : 0;
  if (room <= 0) {
    truncate_one(first, 0, how);
    if (second) truncate_one(*second, 0, how);
    return;
  }
  const int64_t excess = n1 + n2 - room;
  if (excess <= 0) return;
  if (how.strategy == Truncation::Strategy::longest_first) {
    if (!second) return truncate_one(first, room, how);
    // The longer one gives way until both are as long; then both do.
    int64_t &shorter = n1 <= n2 ? n1 : n2, &longer = n1 <= n2 ? n2 : n1;
    longer = shorter > room ? shorter : std::max(shorter, room - shorter);
    if (shorter + longer > room) shorter = room / 2, longer = room / 2 + room % 2;
    truncate_one(first, n1, how);
    truncate_one(*second, n2, how);
    return;
  }
  const bool of_first = how.strategy == Truncation::Strategy::only_first;
  if (!of_first && !second) throw ValueError("truncation", "the strategy only_second needs a pair of texts.");
  Encoding& target = of_first ? first : *second;
  const int64_t left = static_cast<int64_t>(target.size()) - excess;
  if (left <= 0)
    throw ValueError("truncation",
                     "the text to be cut has " + std::to_string(target.size()) + " tokens and " +
                         std::to_string(excess) + " would have to go.",
                     "use the strategy longest_first, or raise max_length.");
  truncate_one(target, left, how);
}

void pad_encodings(std::vector<Encoding>& encodings, const Padding& how) {
  size_t length = static_cast<size_t>(how.length.value_or(0));
  if (!how.length)
    for (const Encoding& e : encodings) length = std::max(length, e.size());
  if (how.multiple_of > 0) {
    const size_t multiple = static_cast<size_t>(how.multiple_of);
    length = (length + multiple - 1) / multiple * multiple;
  }
  for (Encoding& e : encodings) pad_one(e, length, how);
}

}  // namespace gradus
