#include "text/word_piece.h"

#include <utility>

#include "base/error.h"
#include "text/unicode.h"

namespace gradus {

namespace {
[[noreturn]] void no_unknown_token(const std::string& token) {
  throw ValueError("tokenizer",
                   "a word has no token, and the unknown token \"" + token + "\" is not in the vocabulary.",
                   "add it to model.vocab, or name another as model.unk_token.");
}
}  // namespace

WordPiece::WordPiece(const Vocabulary& vocabulary, WordPieceSettings settings)
    : vocabulary_(vocabulary), settings_(std::move(settings)), unknown_id_(vocabulary.find(settings_.unknown)) {
  const std::string& prefix = settings_.continuing_subword_prefix;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    const std::string_view text = vocabulary[id];
    if (text.empty() || vocabulary.find(text) != id) continue;
    starts_.mark(starts_.extend(0, text), id);
    if (text.size() > prefix.size() && text.substr(0, prefix.size()) == prefix)
      goes_on_.mark(goes_on_.extend(0, text.substr(prefix.size())), id);
  }
  starts_.finish();
  goes_on_.finish();
}

template <class F>
bool WordPiece::walk(std::string_view word, uint64_t& work, const F& token) const {
  if (static_cast<int64_t>(word.size()) > settings_.max_input_chars_per_word) {
    int64_t characters = 0;
    for (char c : word) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (characters > settings_.max_input_chars_per_word) return false;
  }
  for (size_t at = 0; at < word.size();) {
    const int32_t id = (at == 0 ? starts_ : goes_on_).longest(word.substr(at), work);
    if (id < 0) return false;
    const size_t length = vocabulary_[id].size() - (at == 0 ? 0 : settings_.continuing_subword_prefix.size());
    token(id, at, at + length);
    at += length;
  }
  return true;
}

int32_t WordPiece::unknown_id() const {
  if (unknown_id_ < 0) no_unknown_token(settings_.unknown);
  return unknown_id_;
}

void WordPiece::encode_word(std::string_view word, EncodeScratch& scratch) const {
  const size_t first = scratch.size;
  if (walk(word, scratch.work, [&scratch](int32_t id, size_t, size_t) { scratch.push(id); })) return;
  scratch.size = first;
  scratch.push(unknown_id());
}

void WordPiece::encode_tokens(std::string_view word, EncodeScratch& scratch, std::vector<WordToken>& out) const {
  const size_t first = out.size();
  const auto token = [&out](int32_t id, size_t begin, size_t end) {
    out.push_back({id, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
  };
  if (walk(word, scratch.work, token)) return;
  out.resize(first);
  token(unknown_id(), 0, word.size());
}

WordLevel::WordLevel(const Vocabulary& vocabulary, std::string unknown)
    : vocabulary_(vocabulary), unknown_(std::move(unknown)), unknown_id_(vocabulary.find(unknown_)) {}

int32_t WordLevel::find(std::string_view word) const {
  const int id = vocabulary_.find(word);
  if (id < 0 && unknown_id_ < 0) no_unknown_token(unknown_);
  return id >= 0 ? id : unknown_id_;
}

void WordLevel::encode_word(std::string_view word, EncodeScratch& scratch) const { scratch.push(find(word)); }

void WordLevel::encode_tokens(std::string_view word, EncodeScratch&, std::vector<WordToken>& out) const {
  out.push_back({find(word), 0, static_cast<uint32_t>(word.size())});
}

}  // namespace gradus
