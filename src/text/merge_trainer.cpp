#include "text/merge_trainer.h"

#include <algorithm>

namespace gradus {

namespace {

/// Follows Hugging Face's trainer also where two merges
/// spell the same token: the token keeps its id, and its pairs are queued again with their new places.
class MergeLoop {
 public:
  MergeLoop(Vocabulary& vocabulary, MergeWords list, const MergeTraining& settings)
      : vocabulary_(vocabulary), list_(std::move(list)), settings_(settings) {
    slots_.resize(1 << 16);
    lengths_.assign(vocabulary.size(), 1);
  }

  std::vector<Merge> run() {
    for (uint32_t w = 0; w < list_.words.size(); ++w) {
      const auto& word = list_.words[w];
      for (uint32_t i = 0; i + 1 < word.length; ++i)
        change(list_.symbols[word.begin + i], list_.symbols[word.begin + i + 1], word.count, w);
    }
    queue_touched();
    std::vector<Merge> merges;
    std::vector<int64_t> place;  // in `merges`, by pair: a pair merged again moves to the end
    const int first = vocabulary_.size();
    while (vocabulary_.size() < settings_.vocab_size && !heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end());
      Queued top = std::move(heap_.back());
      heap_.pop_back();
      const Pair& pair = pairs_[top.pair];
      if (top.count != pair.count) {  // other merges took some of its places
        if (pair.count <= 0) continue;
        top.count = pair.count;
        push(std::move(top));
        continue;
      }
      if (top.count < 1 || top.count < settings_.min_frequency) break;
      std::string_view right_text = vocabulary_[pair.right];
      if (right_text.starts_with(settings_.continuing_subword_prefix))
        right_text.remove_prefix(settings_.continuing_subword_prefix.size());
      const std::string text = std::string(vocabulary_[pair.left]) + std::string(right_text);
      int32_t id = vocabulary_.find(text);
      if (id < 0) id = vocabulary_.add(text);
      lengths_.resize(vocabulary_.size(), 0);
      lengths_[id] = lengths_[pair.left] + lengths_[pair.right];
      if (place.size() <= top.pair) place.resize(pairs_.size(), -1);
      if (place[top.pair] >= 0) merges[place[top.pair]].result = -1;
      place[top.pair] = static_cast<int64_t>(merges.size());
      merges.push_back({pair.left, pair.right, id});
      const int32_t left = pair.left, right = pair.right;
      for (uint32_t w : top.words) merge_in_word(w, left, right, id);
      queue_touched();
      if (settings_.progress && merges.size() % 64 == 0)
        settings_.progress("merges", vocabulary_.size() - first, settings_.vocab_size - first);
    }
    if (settings_.progress) settings_.progress("merges", vocabulary_.size() - first, vocabulary_.size() - first);
    std::erase_if(merges, [](const Merge& m) { return m.result < 0; });
    return merges;
  }

 private:
  struct Pair {
    int32_t left, right;
    int64_t count = 0;
    std::vector<uint32_t> words;  // where it has appeared since it was last queued
  };
  struct Queued {
    int64_t count;
    uint64_t ids;  // left << 32 | right
    uint32_t pair;
    std::vector<uint32_t> words;
    bool operator<(const Queued& o) const { return count != o.count ? count < o.count : ids > o.ids; }
  };

  static uint64_t key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(left) << 32 | static_cast<uint64_t>(right);
  }

  uint32_t find(int32_t left, int32_t right) {
    const uint64_t wanted = key(left, right);
    const auto place = [this](uint64_t k) { return (k * 0x9E3779B97F4A7C15u >> 20) & (slots_.size() - 1); };
    size_t i = place(wanted);
    for (; slots_[i] != 0; i = (i + 1) & (slots_.size() - 1)) {
      const Pair& pair = pairs_[slots_[i] - 1];
      if (pair.left == left && pair.right == right) return slots_[i] - 1;
    }
    pairs_.push_back({left, right});
    slots_[i] = static_cast<uint32_t>(pairs_.size());
    if (pairs_.size() * 2 > slots_.size()) {
      slots_.assign(slots_.size() * 2, 0);
      for (uint32_t p = 0; p < pairs_.size(); ++p) {
        i = place(key(pairs_[p].left, pairs_[p].right));
        while (slots_[i] != 0) i = (i + 1) & (slots_.size() - 1);
        slots_[i] = p + 1;
      }
    }
    return static_cast<uint32_t>(pairs_.size() - 1);
  }

  void change(int32_t left, int32_t right, int64_t by, uint32_t word) {
    const uint32_t p = find(left, right);
    pairs_[p].count += by;
    if (by < 0) return;
    std::vector<uint32_t>& words = pairs_[p].words;
    if (words.empty()) touched_.push_back(p);
    if (words.empty() || words.back() != word) words.push_back(word);
  }

  void push(Queued&& item) {
    heap_.push_back(std::move(item));
    std::push_heap(heap_.begin(), heap_.end());
  }

  void queue_touched() {
    for (uint32_t p : touched_) {
      Pair& pair = pairs_[p];
      if (pair.count > 0) push({pair.count, key(pair.left, pair.right), p, std::move(pair.words)});
      pair.words = {};
    }
    touched_.clear();
  }

  void merge_in_word(uint32_t w, int32_t left, int32_t right, int32_t id) {
    MergeWords::Word& word = list_.words[w];
    int32_t* s = list_.symbols.data() + word.begin;
    uint32_t out = 0;
    for (uint32_t i = 0; i < word.length; ++i, ++out) {
      if (s[i] != left || i + 1 >= word.length || s[i + 1] != right) {
        s[out] = s[i];
        continue;
      }
      const auto fits = [&](int32_t other) { return lengths_[other] + lengths_[id] < settings_.max_token_length; };
      if (out > 0) {
        change(s[out - 1], left, -word.count, w);
        if (fits(s[out - 1])) change(s[out - 1], id, word.count, w);
      }
      if (i + 2 < word.length) {
        change(right, s[i + 2], -word.count, w);
        if (fits(s[i + 2])) change(id, s[i + 2], word.count, w);
      }
      s[out] = id;
      ++i;
    }
    word.length = out;
  }

  Vocabulary& vocabulary_;
  MergeWords list_;
  const MergeTraining& settings_;
  std::vector<int64_t> lengths_;  // symbols in a token
  std::vector<Pair> pairs_;
  std::vector<uint32_t> slots_, touched_;
  std::vector<Queued> heap_;
};

}  // namespace

std::vector<Merge> train_merges(Vocabulary& vocabulary, MergeWords words, const MergeTraining& settings) {
  return MergeLoop(vocabulary, std::move(words), settings).run();
}

}  // namespace gradus
