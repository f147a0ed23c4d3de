#include "text/bpe_trainer.h"

#include <algorithm>
#include <bit>
#include <mutex>

#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "text/byte_level.h"
#include "text/tokenizer_parts.h"

namespace gradus {

namespace {

/// Distinct words, which point into the texts, and how often each occurs.
class WordCounts {
 public:
  struct Entry {
    std::string_view word;
    uint64_t hash = 0;
    int64_t count = 0;  // 0: an empty slot
  };
  WordCounts() : slots_(1024) {}
  void add(std::string_view word, uint64_t hash, int64_t count) {
    size_t i = hash & (slots_.size() - 1);
    while (slots_[i].count != 0 && (slots_[i].hash != hash || slots_[i].word != word))
      i = (i + 1) & (slots_.size() - 1);
    if (slots_[i].count == 0) {
      slots_[i].word = word, slots_[i].hash = hash;
      ++used_;
    }
    slots_[i].count += count;
    if (used_ * 2 > slots_.size()) grow();
  }
  template <class F>
  void each(const F& f) const {
    for (const Entry& e : slots_)
      if (e.count != 0) f(e);
  }

 private:
  void grow() {
    std::vector<Entry> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Entry& e : old) {
      if (e.count == 0) continue;
      size_t i = e.hash & (slots_.size() - 1);
      while (slots_[i].count != 0) i = (i + 1) & (slots_.size() - 1);
      slots_[i] = e;
    }
  }
  std::vector<Entry> slots_;
  size_t used_ = 0;
};

/// Cuts texts into pieces of about a megabyte that can be counted alone: a piece ends before a line break that follows
/// no white space, where a word always ends.
std::vector<std::string_view> cut(const std::vector<std::string_view>& texts) {
  constexpr size_t kPiece = 1 << 20;
  std::vector<std::string_view> pieces;
  for (std::string_view text : texts) {
    while (text.size() > kPiece) {
      size_t at = text.find('\n', kPiece);
      while (at != text.npos && !(text[at - 1] > ' ' && text[at - 1] <= '~')) at = text.find('\n', at + 1);
      if (at == text.npos) break;
      pieces.push_back(text.substr(0, at));
      text.remove_prefix(at);
    }
    if (!text.empty()) pieces.push_back(text);
  }
  return pieces;
}

struct WordList {
  std::vector<int32_t> symbols;  // of all words, one after the other
  struct Word {
    uint64_t begin;
    uint32_t length;
    int64_t count;
  };
  std::vector<Word> words;
};

WordCounts count_words(const std::vector<std::string_view>& texts, const BpeTraining& settings,
                       std::vector<std::string>& prefixed) {
  std::vector<std::string_view> pieces;
  if (settings.add_prefix_space) {  // the words point into the changed copies
    prefixed.reserve(texts.size());
    for (std::string_view text : texts)
      if (!text.empty()) prefixed.push_back((text.front() == ' ' ? "" : " ") + std::string(text));
    pieces.assign(prefixed.begin(), prefixed.end());
    pieces = cut(pieces);
  } else {
    pieces = cut(texts);
  }
  int64_t total = 0, done = 0;
  for (std::string_view piece : pieces) total += static_cast<int64_t>(piece.size());
  // Texts are often short documents: a task takes many, so that each table is worth its making.
  std::vector<size_t> tasks{0};
  size_t bytes = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    bytes += pieces[i].size();
    if (bytes >= (1 << 20) || i + 1 == pieces.size()) tasks.push_back(i + 1), bytes = 0;
  }
  WordCounts all;
  std::mutex mutex;
  const auto count_task = [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      WordCounts local;
      int64_t size = 0;
      for (size_t i = tasks[task]; i < tasks[task + 1]; ++i) {
        const char *p = pieces[i].data(), *stop = p + pieces[i].size();
        const Gpt2Splitter splitter(stop);
        size += stop - p;
        while (p < stop) {
          const char* next = splitter.next(p);
          const size_t n = static_cast<size_t>(next - p);
          local.add({p, n}, hash_bytes(p, n), 1);
          p = next;
        }
      }
      const std::lock_guard<std::mutex> lock(mutex);  // sums do not depend on their order
      local.each([&all](const WordCounts::Entry& e) { all.add(e.word, e.hash, e.count); });
      done += size;
      if (settings.progress) settings.progress("words", done, total);
    }
  };
  parallel_for(static_cast<int64_t>(tasks.size()) - 1, 1, count_task);
  return all;
}

/// The merge loop. It follows Hugging Face's trainer in every choice that shows in the result, also where two merges
/// spell the same token: the token keeps its id, and its pairs are queued again with their new places.
class MergeLoop {
 public:
  MergeLoop(Vocabulary& vocabulary, WordList list) : vocabulary_(vocabulary), list_(std::move(list)) {
    slots_.resize(1 << 16);
  }

  std::vector<Merge> run(const BpeTraining& settings) {
    for (uint32_t w = 0; w < list_.words.size(); ++w) {
      const auto& word = list_.words[w];
      for (uint32_t i = 0; i + 1 < word.length; ++i)
        change(list_.symbols[word.begin + i], list_.symbols[word.begin + i + 1], word.count, w);
    }
    queue_touched();
    std::vector<Merge> merges;
    std::vector<int64_t> place;  // in `merges`, by pair: a pair merged again moves to the end
    const int first = vocabulary_.size();
    while (vocabulary_.size() < settings.vocab_size && !heap_.empty()) {
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
      if (top.count < 1 || top.count < settings.min_frequency) break;
      const std::string text = std::string(vocabulary_[pair.left]) + std::string(vocabulary_[pair.right]);
      int32_t id = vocabulary_.find(text);
      if (id < 0) id = vocabulary_.add(text);
      if (place.size() <= top.pair) place.resize(pairs_.size(), -1);
      if (place[top.pair] >= 0) merges[place[top.pair]].result = -1;
      place[top.pair] = static_cast<int64_t>(merges.size());
      merges.push_back({pair.left, pair.right, id});
      const int32_t left = pair.left, right = pair.right;
      for (uint32_t w : top.words) merge_in_word(w, left, right, id);
      queue_touched();
      if (settings.progress && merges.size() % 64 == 0)
        settings.progress("merges", vocabulary_.size() - first, settings.vocab_size - first);
    }
    if (settings.progress) settings.progress("merges", vocabulary_.size() - first, vocabulary_.size() - first);
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
    WordList::Word& word = list_.words[w];
    int32_t* s = list_.symbols.data() + word.begin;
    uint32_t out = 0;
    for (uint32_t i = 0; i < word.length; ++i, ++out) {
      if (s[i] != left || i + 1 >= word.length || s[i + 1] != right) {
        s[out] = s[i];
        continue;
      }
      if (out > 0) change(s[out - 1], left, -word.count, w), change(s[out - 1], id, word.count, w);
      if (i + 2 < word.length) change(right, s[i + 2], -word.count, w), change(id, s[i + 2], word.count, w);
      s[out] = id;
      ++i;
    }
    word.length = out;
  }

  Vocabulary& vocabulary_;
  WordList list_;
  std::vector<Pair> pairs_;
  std::vector<uint32_t> slots_, touched_;
  std::vector<Queued> heap_;
};

void check(const BpeTraining& settings) {
  const auto& special = settings.special_tokens;
  for (size_t i = 0; i < special.size(); ++i) {
    if (special[i].empty()) throw ValueError("train tokenizer", "a special token is empty.");
    if (!is_valid_utf8(special[i])) throw ValueError("train tokenizer", "a special token is not valid UTF-8.");
    if (std::count(special.begin(), special.end(), special[i]) > 1)
      throw ValueError("train tokenizer", "the special token \"" + special[i] + "\" is listed twice.");
  }
  for (const std::string& role : {settings.bos, settings.eos, settings.pad, settings.unk})
    if (!role.empty() && !std::count(special.begin(), special.end(), role))
      throw ValueError("train tokenizer", "\"" + role + "\" has a role but is not a special token.",
                       "list it among the special tokens.");
  const int64_t least = 256 + static_cast<int64_t>(special.size());
  if (settings.vocab_size < least || settings.vocab_size > Vocabulary::kMaxSize)
    throw ValueError("train tokenizer", "vocab_size is " + std::to_string(settings.vocab_size) + ", expected " +
                                            std::to_string(least) + " (256 bytes and the special tokens) to " +
                                            std::to_string(Vocabulary::kMaxSize) + ".");
}

}  // namespace

Tokenizer train_byte_level_bpe(const std::vector<std::string_view>& texts, const BpeTraining& settings) {
  check(settings);
  TokenizerParts parts;
  if (settings.add_prefix_space)
    parts.pre_tokenizer_json = R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})";
  parts.bos = settings.bos, parts.eos = settings.eos, parts.pad = settings.pad, parts.unk = settings.unk;
  for (const std::string& content : settings.special_tokens) {
    AddedToken token;
    token.id = parts.vocabulary.add(content);
    token.content = content;
    token.normalized = false;
    token.special = true;
    parts.added.push_back(std::move(token));
  }
  int32_t ids[256];
  for (uint32_t code = 0; code < 324; ++code) {
    const int byte = char_to_byte(code);
    if (byte < 0) continue;
    const std::string spelled = spell_bytes(std::string(1, static_cast<char>(byte)));
    parts.vocabulary.add(spelled);
    ids[byte] = parts.vocabulary.find(spelled);
  }
  std::vector<std::string> prefixed;
  WordList list;
  {
    const WordCounts counts = count_words(texts, settings, prefixed);
    counts.each([&](const WordCounts::Entry& e) {
      if (e.word.size() > 0xFFFFFFFFu) throw ValueError("train tokenizer", "a word is longer than 4 GiB.");
      list.words.push_back({list.symbols.size(), static_cast<uint32_t>(e.word.size()), e.count});
      for (char c : e.word) list.symbols.push_back(ids[static_cast<unsigned char>(c)]);
    });
  }
  parts.merges = MergeLoop(parts.vocabulary, std::move(list)).run(settings);
  return Tokenizer(std::move(parts));
}

}  // namespace gradus
