#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>

#include "base/random.h"
#include "text/byte_level.h"

namespace gradus {

namespace {
constexpr size_t kWordSlots = 1 << 16;  // 1 MiB, two ways: the words of one language, in the second-level cache
constexpr size_t kPairSlots = 1 << 16;  // 512 KiB
constexpr int kLongestInTrie = 4096;

size_t place_of(uint64_t key, size_t mask) { return static_cast<size_t>(key * 0x9E3779B97F4A7C15u >> 30) & mask; }

template <class T>
T* zeroed(size_t n) {
  void* p = std::calloc(n, sizeof(T));
  if (!p) throw std::bad_alloc();
  return static_cast<T*>(p);
}

std::string byte_token(unsigned char byte) {
  char text[8];
  std::snprintf(text, sizeof text, "<0x%02X>", byte);
  return text;
}
}  // namespace

BpeScratch::BpeScratch() : words_(zeroed<CachedWord>(kWordSlots)), pairs_(zeroed<uint64_t>(kPairSlots)) {}

BpeScratch::~BpeScratch() {
  std::free(words_);
  std::free(pairs_);
}

void BpeScratch::reserve(size_t n) {
  if (size + n <= capacity) return;
  capacity = std::max(size + n, capacity * 2);
  std::unique_ptr<int32_t[]> larger(new int32_t[capacity]);
  std::copy_n(ids.get(), size, larger.get());
  ids = std::move(larger);
}

Bpe::Bpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges, BpeSettings settings)
    : vocabulary_(vocabulary), settings_(std::move(settings)) {
  if (settings_.has_unknown) unknown_id_ = vocabulary.find(settings_.unknown);
  for (int b = 0; b < 256; ++b) {
    const std::string spelled = spell_bytes(std::string(1, static_cast<char>(b)));
    byte_ids_[b] = vocabulary.find(spelled);
    bytes_covered_ += byte_ids_[b] >= 0;
    if (byte_ids_[b] >= 0 || !settings_.byte_fallback) continue;
    for (char c : spelled) fallback_ids_[b].push_back(vocabulary.find(byte_token(static_cast<unsigned char>(c))));
    if (std::count(fallback_ids_[b].begin(), fallback_ids_[b].end(), -1)) fallback_ids_[b].clear();
    most_per_byte_ = std::max(most_per_byte_, fallback_ids_[b].size());
  }
  ranks_.assign(std::bit_ceil(merges.size() * 2 + 16), 0);
  mask_ = ranks_.size() - 1;
  results_.reserve(merges.size());
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const uint64_t pair = static_cast<uint64_t>(merges[rank].left) << 21 | static_cast<uint64_t>(merges[rank].right);
    size_t i = place_of(pair, mask_);
    while (ranks_[i] != 0 && ranks_[i] >> 22 != pair) i = (i + 1) & mask_;
    ranks_[i] = pair << 22 | (rank + 1);  // a pair listed twice has the rank of its last place
    results_.push_back(merges[rank].result);
  }
  proper_ = bytes_covered_ == 256 && make_births();
  if (proper_) make_trie();
}

uint32_t Bpe::rank_of(int32_t left, int32_t right) const {
  const uint64_t pair = static_cast<uint64_t>(left) << 21 | static_cast<uint64_t>(right);
  for (size_t i = place_of(pair, mask_);; i = (i + 1) & mask_) {
    if (ranks_[i] == 0) return kNever;
    if (ranks_[i] >> 22 == pair) return static_cast<uint32_t>(ranks_[i] & 0x3FFFFF);
  }
}

/// False when some token has two births, or is older than one of its parts: the linear path would not be exact.
bool Bpe::make_births() {
  births_.assign(static_cast<size_t>(vocabulary_.size()), {});
  for (int32_t id : byte_ids_) births_[id].rank = 0;
  struct Listed {
    uint32_t rank;
    int32_t left, right;
  };
  std::vector<Listed> listed(results_.size(), {0, -1, -1});
  for (uint64_t entry : ranks_)
    if (entry != 0)
      listed[(entry & 0x3FFFFF) - 1] = {static_cast<uint32_t>(entry & 0x3FFFFF), static_cast<int32_t>(entry >> 43),
                                        static_cast<int32_t>(entry >> 22 & 0x1FFFFF)};
  for (const Listed& merge : listed) {
    if (merge.rank == 0) continue;  // overridden by a later place of the same pair
    Birth& birth = births_[results_[merge.rank - 1]];
    if (birth.rank != kNever) return false;
    birth = {merge.left, merge.right, merge.rank};
  }
  for (const Birth& birth : births_) {
    if (birth.left < 0) continue;
    const uint32_t left = births_[birth.left].rank, right = births_[birth.right].rank;
    if ((left != kNever && left >= birth.rank) || (right != kNever && right >= birth.rank)) return false;
  }
  return true;
}

/// Puts the tokens that really come out of the merges into the trie, in the order of their births.
void Bpe::make_trie() {
  std::vector<int32_t> order;
  for (int32_t id = 0; id < vocabulary_.size(); ++id)
    if (births_[id].rank != kNever) order.push_back(id);
  const auto older = [this](int32_t a, int32_t b) { return births_[a].rank < births_[b].rank; };
  if (!std::is_sorted(order.begin(), order.end(), older)) std::sort(order.begin(), order.end(), older);
  std::vector<uint32_t> nodes(births_.size(), 0);
  std::vector<std::string> bytes(births_.size());
  lengths_.assign(births_.size(), 0);
  uint64_t work = 0;
  for (int32_t id : order) {
    const Birth& birth = births_[id];
    if (birth.rank == 0) {
      const auto* byte = std::find(std::begin(byte_ids_), std::end(byte_ids_), id);
      bytes[id] = std::string(1, static_cast<char>(byte - std::begin(byte_ids_)));
      nodes[id] = trie_.extend(0, bytes[id]);
    } else {
      const bool parts_exist = nodes[birth.left] != 0 && nodes[birth.right] != 0;
      // A merge across the border of the two parts may come first; then this token never appears.
      if (!parts_exist || !border_holds(birth.left, birth.right, birth.rank, work)) continue;
      bytes[id] = bytes[birth.left] + bytes[birth.right];
      if (bytes[id].size() > kLongestInTrie) {
        proper_ = false;
        return;
      }
      nodes[id] = trie_.extend(nodes[birth.left], bytes[birth.right]);
    }
    lengths_[id] = static_cast<int32_t>(bytes[id].size());
    trie_.mark(nodes[id], id);
  }
  trie_.finish();
  shorter_.assign(births_.size(), -1);
  for (int32_t id : order)
    if (nodes[id] != 0) shorter_[id] = trie_.best_above(nodes[id]);
}

/// Whether no merge across the border between `left` and `right` happens before `limit` (a rank, 1 and up).
/// Goes back in time: the younger of the two is taken apart, until both are bytes. A merge of rank r across the border
/// would have happened if both its parts existed then: before the left one was used up by the merge that made its
/// successor (r < that rank: among equals the one further left comes first), and not after the right one was (r <= it).
bool Bpe::border_holds(int32_t left, int32_t right, uint32_t limit, uint64_t& work) const {
  for (;;) {
    ++work;
    if (rank_of(left, right) < limit) return false;
    const Birth &l = births_[left], &r = births_[right];
    if (l.rank > r.rank) {
      limit = l.rank;
      left = l.right;
    } else {
      if (r.rank == 0) return true;
      limit = r.rank + 1;
      right = r.left;
    }
  }
}

bool Bpe::fits(int32_t left, int32_t right, BpeScratch& scratch) const {
  const uint64_t key = (static_cast<uint64_t>(left) << 21 | static_cast<uint64_t>(right)) + 1;
  uint64_t& slot = scratch.pairs_[place_of(key, kPairSlots - 1)];
  if (slot >> 1 == key) return slot & 1;
  const bool holds = border_holds(left, right, kNever, scratch.work);
  slot = key << 1 | holds;
  return holds;
}

void Bpe::encode_by_fitting(std::string_view word, BpeScratch& scratch) const {
  const size_t first = scratch.size, n = word.size();
  scratch.open_.assign(n / 64 + 1, ~uint64_t{0});
  size_t at = 0;
  int32_t token = trie_.longest(word, scratch.work);
  for (;;) {
    ++scratch.work;
    const size_t end = at + static_cast<size_t>(lengths_[token]);
    const bool open = scratch.open_[end / 64] >> (end % 64) & 1;
    if (open && (scratch.size == first || fits(scratch.ids[scratch.size - 1], token, scratch))) {
      scratch.push(token);
      at = end;
      if (at == n) return;
      token = trie_.longest(word.substr(at), scratch.work);
    } else if (shorter_[token] >= 0) {
      token = shorter_[token];
    } else if (scratch.size == first) {  // cannot happen while the class comment's claim holds
      return encode_by_merging(word, scratch);
    } else {  // nothing fits here: no token may end at this place
      scratch.open_[at / 64] &= ~(uint64_t{1} << (at % 64));
      token = scratch.ids[--scratch.size];
      at -= static_cast<size_t>(lengths_[token]);
    }
  }
}

/// One symbol a byte, with the rules for bytes that have no token.
void Bpe::load_symbols(std::string_view word, BpeScratch& scratch) const {
  std::vector<BpeScratch::Symbol>& symbols = scratch.symbols_;
  symbols.clear();
  const auto add = [&symbols](int32_t id) { symbols.push_back({id, 0, 0}); };
  bool pending = false;  // an unknown that the next one may join
  for (char c : word) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte_ids_[byte] >= 0) {
      if (std::exchange(pending, false)) add(unknown_id_);
      add(byte_ids_[byte]);
    } else if (!fallback_ids_[byte].empty()) {
      for (int32_t id : fallback_ids_[byte]) add(id);
    } else if (unknown_id_ >= 0) {
      if (pending && !settings_.fuse_unknown) add(unknown_id_);
      pending = true;
    }
  }
  if (pending) add(unknown_id_);
  const int32_t count = static_cast<int32_t>(symbols.size());
  for (int32_t i = 0; i < count; ++i) symbols[i].previous = i - 1, symbols[i].next = i + 1 < count ? i + 1 : -1;
}

void Bpe::merge_symbols(BpeScratch& scratch, const Dropout* dropout) const {
  std::vector<BpeScratch::Symbol>& symbols = scratch.symbols_;
  auto &heap = scratch.heap_, &skipped = scratch.skipped_;
  const auto later = [](const BpeScratch::Candidate& a, const BpeScratch::Candidate& b) {
    return a.rank_and_place > b.rank_and_place;
  };
  const auto propose = [&](int32_t at) {
    const uint32_t rank = rank_of(symbols[at].id, symbols[symbols[at].next].id);
    if (rank == kNever) return;
    heap.push_back({static_cast<int64_t>(rank) << 32 | at, results_[rank - 1]});
    std::push_heap(heap.begin(), heap.end(), later);
  };
  heap.clear();
  skipped.clear();
  for (size_t i = 0; i + 1 < symbols.size(); ++i) propose(static_cast<int32_t>(i));
  while (!heap.empty()) {
    ++scratch.work;
    std::pop_heap(heap.begin(), heap.end(), later);
    const BpeScratch::Candidate best = heap.back();
    heap.pop_back();
    if (dropout &&
        RandomKey{dropout->seed, stream_name("bpe-dropout")}.uniform((*dropout->draws)++) < settings_.dropout) {
      skipped.push_back(best);
      continue;
    }
    for (const BpeScratch::Candidate& candidate : skipped) {
      heap.push_back(candidate);
      std::push_heap(heap.begin(), heap.end(), later);
    }
    skipped.clear();
    const int32_t at = static_cast<int32_t>(best.rank_and_place & 0xFFFFFFFF);
    BpeScratch::Symbol& left = symbols[at];
    if (left.id < 0 || left.next < 0) continue;  // used up, or last by now
    BpeScratch::Symbol& right = symbols[left.next];
    const uint32_t rank = rank_of(left.id, right.id);
    if (rank == kNever || results_[rank - 1] != best.result) continue;  // a neighbour has changed
    left.id = best.result;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[left.next].previous = at;
    if (left.previous >= 0) propose(left.previous);
    if (left.next >= 0) propose(at);
  }
  for (const BpeScratch::Symbol& symbol : symbols)
    if (symbol.id >= 0) scratch.push(symbol.id);
}

void Bpe::encode_by_merging(std::string_view word, BpeScratch& scratch) const {
  load_symbols(word, scratch);
  merge_symbols(scratch, nullptr);
}

void Bpe::encode_with_dropout(std::string_view word, uint64_t seed, uint64_t& draws, BpeScratch& scratch) const {
  load_symbols(word, scratch);
  const Dropout dropout{seed, &draws};
  merge_symbols(scratch, &dropout);
}

void Bpe::encode(std::string_view word, const char* limit, BpeScratch& scratch) const {
  const size_t n = word.size(), first = scratch.size;
  uint64_t low = 0, high = 0;
  BpeScratch::CachedWord* set = nullptr;
  if (n <= 15) {
    if (limit - word.data() >= 16) {
      std::memcpy(&low, word.data(), 8);
      std::memcpy(&high, word.data() + 8, 8);
      // Keep the word's n bytes of the 16; the last byte of `high` is free for the length.
      if (n < 8)
        low &= (uint64_t{1} << (8 * n)) - 1, high = 0;
      else
        high &= (uint64_t{1} << (8 * (n - 8))) - 1;
    } else {
      std::memcpy(&low, word.data(), std::min<size_t>(n, 8));
      if (n > 8) std::memcpy(&high, word.data() + 8, n - 8);
    }
    high |= static_cast<uint64_t>(n) << 56;
    const uint64_t h = (low ^ high * 0xD6E8FEB86659FD93u) * 0x9E3779B97F4A7C15u;
    set = scratch.words_ + ((h >> 40) & (kWordSlots - 2));
    for (int way = 0; way < 2; ++way) {
      const BpeScratch::CachedWord& cached = set[way];
      if (cached.low != low || cached.high != high) continue;
      // Three stores without a branch; what lies behind `count` is overwritten by the next word.
      std::memcpy(&scratch.ids[scratch.size], cached.ids, sizeof cached.ids);
      scratch.size += cached.count;
      return;
    }
  }
  const int32_t whole = settings_.ignore_merges ? vocabulary_.find(spell_bytes(word)) : -1;
  if (whole >= 0)
    scratch.push(whole);
  else if (proper_)
    encode_by_fitting(word, scratch);
  else
    encode_by_merging(word, scratch);
  const size_t count = scratch.size - first;
  if (!set || count > 3) return;
  set[1] = set[0];  // the older of the two gives way
  set[0].low = low, set[0].high = high, set[0].count = static_cast<uint32_t>(count);
  std::copy_n(&scratch.ids[first], count, set[0].ids);
}

}  // namespace gradus
