#include "models/text/word_corpus.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <mutex>

#include "base/error.h"
#include "base/parallel.h"

namespace gradus {

namespace {

/// Words that point into a text, with their counts and the place where each stood first.
class WordTable {
 public:
  struct Entry {
    std::string_view word;
    size_t hash = 0;
    int64_t count = 0;  // 0: an empty slot
    const char* first = nullptr;
    int32_t id = -1;
  };
  WordTable() : slots_(1 << 12) {}
  Entry& at(std::string_view word, size_t hash) {
    if (2 * used_ >= slots_.size()) grow();
    size_t i = place(hash);
    while (slots_[i].count != 0 && (slots_[i].hash != hash || slots_[i].word != word))
      i = (i + 1) & (slots_.size() - 1);
    Entry& e = slots_[i];
    if (e.count == 0) e.word = word, e.hash = hash, e.first = word.data(), ++used_;
    return e;
  }
  int32_t id_of(std::string_view word) const {
    const size_t hash = std::hash<std::string_view>()(word);
    size_t i = place(hash);
    while (slots_[i].count != 0 && (slots_[i].hash != hash || slots_[i].word != word))
      i = (i + 1) & (slots_.size() - 1);
    return slots_[i].id;
  }
  void add(std::string_view word) { ++at(word, std::hash<std::string_view>()(word)).count; }
  void add(const Entry& other) {
    Entry& e = at(other.word, other.hash);
    e.count += other.count;
    e.first = std::min(e.first, other.first, std::less<>());
  }
  template <class F>
  void each(const F& f) {
    for (Entry& e : slots_)
      if (e.count != 0) f(e);
  }

 private:
  size_t place(size_t hash) const { return (hash ^ hash >> 32) & (slots_.size() - 1); }
  void grow() {
    std::vector<Entry> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Entry& e : old) {
      if (e.count == 0) continue;
      size_t i = place(e.hash);
      while (slots_[i].count != 0) i = (i + 1) & (slots_.size() - 1);
      slots_[i] = e;
    }
  }
  std::vector<Entry> slots_;
  size_t used_ = 0;
};

}  // namespace

std::vector<std::string_view> line_pieces(std::string_view text) {
  constexpr size_t kPiece = 1 << 20;
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const size_t line = text.size() > kPiece ? text.find('\n', kPiece) : text.npos;
    const size_t n = line == text.npos ? text.size() : line + 1;
    pieces.push_back(text.substr(0, n));
    text.remove_prefix(n);
  }
  return pieces;
}

WordCorpus read_corpus(std::string_view text, int64_t min_count, int64_t max_vocabulary) {
  WordCorpus corpus;
  const auto pieces = line_pieces(text);
  WordTable all;
  std::mutex mutex;
  parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      WordTable table;
      int64_t n = 0;
      each_word(
          pieces[i], [&](std::string_view word) { table.add(word), ++n; }, [] {});
      const std::lock_guard<std::mutex> lock(mutex);  // sums and firsts do not depend on their order
      corpus.raw_words += n;
      table.each([&](const WordTable::Entry& e) { all.add(e); });
    }
  });
  std::vector<WordTable::Entry*> kept;
  all.each([&](WordTable::Entry& e) {
    if (e.count >= min_count) kept.push_back(&e);
  });
  std::sort(kept.begin(), kept.end(), [](const auto* a, const auto* b) {
    return a->count != b->count ? a->count > b->count : a->first < b->first;
  });
  if (max_vocabulary > 0 && static_cast<int64_t>(kept.size()) > max_vocabulary) kept.resize(max_vocabulary);
  if (kept.empty())
    throw ValueError("word2vec",
                     "no word of the text stands " + std::to_string(min_count) + " times or more (" +
                         std::to_string(corpus.raw_words) + " words read).",
                     "lower --min-count, or give more text.");
  if (kept.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
    throw ValueError("word2vec", "the vocabulary has more than 2^31 words.", "raise --min-count.");
  for (WordTable::Entry* e : kept) {
    e->id = static_cast<int32_t>(corpus.words.size());
    corpus.words.emplace_back(e->word);
    corpus.counts.push_back(e->count);
  }

  struct Piece {
    std::vector<int32_t> ids;
    std::vector<int64_t> ends;  // of sentences
  };
  std::vector<Piece> encoded(pieces.size());
  parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Piece& out = encoded[i];
      const auto close = [&out] {
        const auto n = static_cast<int64_t>(out.ids.size());
        if (n > (out.ends.empty() ? 0 : out.ends.back())) out.ends.push_back(n);
      };
      each_word(
          pieces[i],
          [&](std::string_view word) {
            const int32_t id = all.id_of(word);
            if (id < 0) return;
            out.ids.push_back(id);
            const int64_t begun = out.ends.empty() ? 0 : out.ends.back();
            if (static_cast<int64_t>(out.ids.size()) - begun == WordCorpus::kMaxSentence) close();
          },
          close);
    }
  });
  size_t total = 0;
  for (const Piece& piece : encoded) total += piece.ids.size();
  corpus.ids.reserve(total);
  for (Piece& piece : encoded) {
    const auto before = static_cast<int64_t>(corpus.ids.size());
    corpus.ids.insert(corpus.ids.end(), piece.ids.begin(), piece.ids.end());
    for (int64_t end : piece.ends) corpus.sentences.push_back(before + end);
    piece = {};
  }
  return corpus;
}

}  // namespace gradus
