#include "text/bpe_trainer.h"

#include <algorithm>
#include <bit>
#include <mutex>

#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "text/byte_level.h"
#include "text/merge_trainer.h"
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
  for (const std::string& content : settings.special_tokens)
    parts.added.push_back(
        {.id = parts.vocabulary.add(content), .content = content, .normalized = false, .special = true});
  int32_t ids[256];
  for (uint32_t code = 0; code < 324; ++code) {
    const int byte = char_to_byte(code);
    if (byte < 0) continue;
    const std::string spelled = spell_bytes(std::string(1, static_cast<char>(byte)));
    parts.vocabulary.add(spelled);
    ids[byte] = parts.vocabulary.find(spelled);
  }
  std::vector<std::string> prefixed;
  MergeWords list;
  {
    const WordCounts counts = count_words(texts, settings, prefixed);
    counts.each([&](const WordCounts::Entry& e) {
      if (e.word.size() > 0xFFFFFFFFu) throw ValueError("train tokenizer", "a word is longer than 4 GiB.");
      list.words.push_back({list.symbols.size(), static_cast<uint32_t>(e.word.size()), e.count});
      for (char c : e.word) list.symbols.push_back(ids[static_cast<unsigned char>(c)]);
    });
  }
  MergeTraining merging;
  merging.vocab_size = settings.vocab_size, merging.min_frequency = settings.min_frequency;
  merging.progress = settings.progress;
  parts.merges = train_merges(parts.vocabulary, std::move(list), merging);
  return Tokenizer(std::move(parts));
}

}  // namespace gradus
