#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "text/byte_level.h"

namespace gradus {

namespace {
constexpr int kLongestInTrie = 4096;

size_t place_of(uint64_t key, size_t mask) { return static_cast<size_t>(key * 0x9E3779B97F4A7C15u >> 30) & mask; }
}  // namespace

Bpe::Bpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges, BpeSettings settings, Spelling spelling)
    : vocabulary_(vocabulary), settings_(std::move(settings)), spelling_(spelling) {
  if (settings_.has_unknown) unknown_id_ = vocabulary.find(settings_.unknown);
  std::fill(std::begin(fallback_), std::end(fallback_), -1);
  for (int b = 0; b < 256 && settings_.byte_fallback; ++b)
    fallback_[b] = vocabulary.find(fallback_token(static_cast<unsigned char>(b)));
  find_bytes();
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
  if (spelling_ == Spelling::bytes) {
    proper_ = bytes_covered_ > 0;
    for (int32_t id : byte_ids_)
      if (id >= 0) births_at_start_.push_back(id);
  } else {
    find_characters(merges);
  }
  proper_ = proper_ && make_births();
  if (proper_) make_trie();
}

void Bpe::find_bytes() {
  for (int b = 0; b < 256; ++b) {
    const std::string spelled = spell_bytes(std::string(1, static_cast<char>(b)));
    byte_ids_[b] = vocabulary_.find(spelled);
    bytes_covered_ += byte_ids_[b] >= 0;
    if (byte_ids_[b] >= 0 || !settings_.byte_fallback) continue;
    for (char c : spelled) fallback_ids_[b].push_back(fallback_[static_cast<unsigned char>(c)]);
    if (std::count(fallback_ids_[b].begin(), fallback_ids_[b].end(), -1)) fallback_ids_[b].clear();
    if (spelling_ == Spelling::bytes) most_per_byte_ = std::max(most_per_byte_, fallback_ids_[b].size());
  }
}

/// Every token of one character is where merging starts. The linear path holds when nothing else takes part in it:
/// no prefix or suffix changes the characters, and no unknown token merges with its neighbours.
void Bpe::find_characters(const std::vector<Merge>& merges) {
  known_.assign(0x110000 / 64, 0);
  for (int32_t id = 0; id < vocabulary_.size(); ++id) {
    const std::string_view text = vocabulary_[id];
    if (text.empty() || text.size() > 4) continue;
    const Utf8Step step = decode_utf8(text.data(), text.data() + text.size());
    if (static_cast<size_t>(step.length) != text.size() || step.code == kInvalidUtf8) continue;
    if (vocabulary_.find(text) != id) continue;
    known_[step.code >> 6] |= uint64_t{1} << (step.code & 63);
    births_at_start_.push_back(id);
  }
  const std::string &prefix = settings_.continuing_subword_prefix, &suffix = settings_.end_of_word_suffix;
  most_per_byte_ += settings_.byte_fallback ? prefix.size() + suffix.size() : 0;
  proper_ = prefix.empty() && suffix.empty();
  std::vector<bool> apart(static_cast<size_t>(vocabulary_.size()), false);
  if (unknown_id_ >= 0) apart[unknown_id_] = true;
  for (int32_t id : fallback_)
    if (id >= 0) apart[id] = true;
  for (const Merge& merge : merges) proper_ = proper_ && !apart[merge.left] && !apart[merge.right];
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
  for (int32_t id : births_at_start_) births_[id].rank = 0;
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
      bytes[id] = spelling_ == Spelling::bytes ? unspell_token(vocabulary_[id]) : std::string(vocabulary_[id]);
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

bool Bpe::fits(int32_t left, int32_t right, EncodeScratch& scratch) const {
  const uint64_t key = (static_cast<uint64_t>(left) << 21 | static_cast<uint64_t>(right)) + 1;
  uint64_t& slot = scratch.pairs[place_of(key, EncodeScratch::kPairSlots - 1)];
  if (slot >> 1 == key) return slot & 1;
  const bool holds = border_holds(left, right, kNever, scratch.work);
  slot = key << 1 | holds;
  return holds;
}

void Bpe::encode_by_fitting(std::string_view word, EncodeScratch& scratch) const {
  const size_t first = scratch.size, n = word.size();
  scratch.open.assign(n / 64 + 1, ~uint64_t{0});
  size_t at = 0;
  int32_t token = trie_.longest(word, scratch.work);
  for (;;) {
    ++scratch.work;
    const size_t end = at + static_cast<size_t>(lengths_[token]);
    const bool open = scratch.open[end / 64] >> (end % 64) & 1;
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
      scratch.open[at / 64] &= ~(uint64_t{1} << (at % 64));
      token = scratch.ids[--scratch.size];
      at -= static_cast<size_t>(lengths_[token]);
    }
  }
}

/// One symbol a byte, with the rules for bytes that have no token.
void Bpe::load_bytes(std::string_view word, EncodeScratch& scratch) const {
  const auto add = [&scratch](int32_t id, uint32_t length) { scratch.symbols.push_back({id, 0, 0, length}); };
  uint32_t pending = 0;  // bytes of an unknown that the next one may join
  for (char c : word) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte_ids_[byte] >= 0) {
      if (pending) add(unknown_id_, std::exchange(pending, 0));
      add(byte_ids_[byte], 1);
    } else if (!fallback_ids_[byte].empty()) {
      uint32_t length = 1;  // of the first; the others stand for the same byte
      for (int32_t id : fallback_ids_[byte]) add(id, std::exchange(length, 0));
    } else if (unknown_id_ >= 0) {
      if (pending && !settings_.fuse_unknown) add(unknown_id_, std::exchange(pending, 0));
      ++pending;
    }
  }
  if (pending) add(unknown_id_, pending);
}

/// One symbol a character, with prefix and suffix and the rules for characters that have no token.
void Bpe::load_characters(std::string_view word, EncodeScratch& scratch) const {
  const auto add = [&scratch](int32_t id, uint32_t length) { scratch.symbols.push_back({id, 0, 0, length}); };
  const std::string &prefix = settings_.continuing_subword_prefix, &suffix = settings_.end_of_word_suffix;
  uint32_t pending = 0;
  std::string decorated;
  for (const char *begin = word.data(), *end = begin + word.size(), *p = begin; p < end;) {
    const int length = decode_utf8(p, end).length;
    std::string_view text(p, static_cast<size_t>(length));
    if ((p > begin && !prefix.empty()) || (p + length == end && !suffix.empty())) {
      decorated = p > begin ? prefix : "";
      decorated += text;
      if (p + length == end) decorated += suffix;
      text = decorated;
    }
    p += length;
    const int id = vocabulary_.find(text);
    if (id >= 0) {
      if (pending) add(unknown_id_, std::exchange(pending, 0));
      add(id, static_cast<uint32_t>(length));
      continue;
    }
    const auto has_token = [this](char c) { return fallback_[static_cast<unsigned char>(c)] >= 0; };
    if (settings_.byte_fallback && std::all_of(text.begin(), text.end(), has_token)) {
      for (char c : text) add(fallback_[static_cast<unsigned char>(c)], 1);
    } else if (unknown_id_ >= 0) {
      if (pending && !settings_.fuse_unknown) add(unknown_id_, std::exchange(pending, 0));
      pending += static_cast<uint32_t>(length);
    } else if (settings_.has_unknown) {
      throw ValueError("tokenizer", "a character has no token, and the unknown token \"" + settings_.unknown +
                                        "\" is not in the vocabulary.");
    }
  }
  if (pending) add(unknown_id_, pending);
}

void Bpe::load_symbols(std::string_view word, EncodeScratch& scratch) const {
  scratch.symbols.clear();
  if (spelling_ == Spelling::bytes)
    load_bytes(word, scratch);
  else
    load_characters(word, scratch);
  std::vector<EncodeScratch::Symbol>& symbols = scratch.symbols;
  const int32_t count = static_cast<int32_t>(symbols.size());
  for (int32_t i = 0; i < count; ++i) symbols[i].previous = i - 1, symbols[i].next = i + 1 < count ? i + 1 : -1;
}

void Bpe::merge_symbols(EncodeScratch& scratch, const Dropout* dropout) const {
  std::vector<EncodeScratch::Symbol>& symbols = scratch.symbols;
  auto &heap = scratch.heap, &skipped = scratch.skipped;
  const auto later = [](const EncodeScratch::Candidate& a, const EncodeScratch::Candidate& b) {
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
    const EncodeScratch::Candidate best = heap.back();
    heap.pop_back();
    if (dropout &&
        RandomKey{dropout->seed, stream_name("bpe-dropout")}.uniform((*dropout->draws)++) < settings_.dropout) {
      skipped.push_back(best);
      continue;
    }
    for (const EncodeScratch::Candidate& candidate : skipped) {
      heap.push_back(candidate);
      std::push_heap(heap.begin(), heap.end(), later);
    }
    skipped.clear();
    const int32_t at = static_cast<int32_t>(best.rank_and_place & 0xFFFFFFFF);
    EncodeScratch::Symbol& left = symbols[at];
    if (left.id < 0 || left.next < 0) continue;  // used up, or last by now
    EncodeScratch::Symbol& right = symbols[left.next];
    const uint32_t rank = rank_of(left.id, right.id);
    if (rank == kNever || results_[rank - 1] != best.result) continue;  // a neighbour has changed
    left.id = best.result;
    left.length += right.length;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[left.next].previous = at;
    if (left.previous >= 0) propose(left.previous);
    if (left.next >= 0) propose(at);
  }
}

void Bpe::push_symbols(EncodeScratch& scratch) const {
  for (const EncodeScratch::Symbol& symbol : scratch.symbols)
    if (symbol.id >= 0) scratch.push(symbol.id);
}

void Bpe::encode_by_merging(std::string_view word, EncodeScratch& scratch) const {
  load_symbols(word, scratch);
  merge_symbols(scratch, nullptr);
  push_symbols(scratch);
}

void Bpe::encode_with_dropout(std::string_view word, uint64_t seed, uint64_t& draws, EncodeScratch& scratch) const {
  load_symbols(word, scratch);
  const Dropout dropout{seed, &draws};
  merge_symbols(scratch, &dropout);
  push_symbols(scratch);
}

/// Runs of characters that have tokens go the linear way; what lies between follows the rules for unknowns.
void Bpe::encode_known_runs(std::string_view word, EncodeScratch& scratch) const {
  const char *end = word.data() + word.size(), *p = word.data();
  // Without an unknown token, unknown characters vanish, and their neighbours may merge.
  for (const char* q = p; unknown_id_ < 0 && q < end;) {
    const Utf8Step step = decode_utf8(q, end);
    if (!is_known(step.code)) return encode_by_merging(word, scratch);
    q += step.length;
  }
  while (p < end) {
    const char* run = p;
    const auto step = [&p, end](bool wanted, const Bpe& bpe) {
      const Utf8Step s = decode_utf8(p, end);
      if (bpe.is_known(s.code) != wanted) return false;
      p += s.length;
      return true;
    };
    while (p < end && step(true, *this)) {}
    if (run < p) encode_by_fitting({run, static_cast<size_t>(p - run)}, scratch);
    run = p;
    while (p < end && step(false, *this)) {}
    if (run < p) {
      scratch.symbols.clear();
      load_characters({run, static_cast<size_t>(p - run)}, scratch);
      push_symbols(scratch);
    }
  }
}

/// With ignore_merges: the token that is the whole word, or -1.
int Bpe::whole_word(std::string_view word) const {
  if (!settings_.ignore_merges) return -1;
  return spelling_ == Spelling::bytes ? vocabulary_.find(spell_bytes(word)) : vocabulary_.find(word);
}

/// Whether each byte of a word has a token, so that no unknown one takes part.
bool Bpe::knows_bytes(std::string_view word) const {
  return bytes_covered_ == 256 || std::all_of(word.begin(), word.end(),
                                              [this](char c) { return byte_ids_[static_cast<unsigned char>(c)] >= 0; });
}

void Bpe::encode_word(std::string_view word, EncodeScratch& scratch) const {
  const int whole = whole_word(word);
  if (whole >= 0)
    scratch.push(whole);
  else if (!proper_ || (spelling_ == Spelling::bytes && !knows_bytes(word)))
    encode_by_merging(word, scratch);
  else if (spelling_ == Spelling::bytes)
    encode_by_fitting(word, scratch);
  else
    encode_known_runs(word, scratch);
}

void Bpe::encode_tokens(std::string_view word, EncodeScratch& scratch, std::vector<WordToken>& out) const {
  const int whole = whole_word(word);
  if (whole >= 0) return out.push_back({whole, 0, static_cast<uint32_t>(word.size())});
  load_symbols(word, scratch);
  merge_symbols(scratch, nullptr);
  uint32_t at = 0;
  for (const EncodeScratch::Symbol& symbol : scratch.symbols) {
    if (symbol.id < 0) continue;
    out.push_back({symbol.id, at, at + symbol.length});
    at += symbol.length;
  }
}

}  // namespace gradus
