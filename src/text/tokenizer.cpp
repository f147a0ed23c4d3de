#include "text/tokenizer.h"

#include <algorithm>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "text/byte_level.h"
#include "text/tokenizer_json.h"
#include "text/tokenizer_parts.h"

namespace gradus {
namespace fs = std::filesystem;

namespace {
constexpr uint64_t kLargestFile = uint64_t{1} << 30;
constexpr size_t kKeptIds = 1 << 20;  // a scratch that has grown larger gives its buffer back

/// Added tokens have the ids that Hugging Face would give them: the vocabulary's own, or the next ones behind it.
template <class Fail>
void check_added(const TokenizerParts& parts, const Fail& fail) {
  int next = parts.vocabulary.size();
  std::unordered_set<std::string_view> seen;
  for (const AddedToken& token : parts.added) {
    if (!seen.insert(token.content).second) fail("the added token \"" + token.content + "\" is listed twice.");
    const int known = parts.vocabulary.find(token.content);
    const int expected = known >= 0 ? known : next++;
    if (token.id != expected)
      fail("the added token \"" + token.content + "\" has id " + std::to_string(token.id) + ", expected " +
           std::to_string(expected) + (known >= 0 ? " as in model.vocab." : ", the next one behind the vocabulary."));
  }
  if (next > Vocabulary::kMaxSize) fail("more than " + std::to_string(Vocabulary::kMaxSize) + " tokens.");
}
}  // namespace

struct Tokenizer::Impl {
  explicit Impl(TokenizerParts given) : parts(std::move(given)), bpe(parts.vocabulary, parts.merges, parts.model) {
    const int base = parts.vocabulary.size();
    size = base;
    for (const AddedToken& token : parts.added) size = std::max(size, token.id + 1);
    special.assign(static_cast<size_t>(size), false);
    begins.reserve(static_cast<size_t>(size) + 1);
    begins.push_back(0);
    std::vector<std::string> texts;
    texts.reserve(static_cast<size_t>(size));
    for (int id = 0; id < base; ++id) texts.emplace_back(parts.vocabulary[id]);
    // A token that is looked for in normalised text also decodes to its normalised form, as in Hugging Face tokenizers,
    // which then leave it out as special only if that is how the file spells a special token.
    std::unordered_set<std::string_view> special_texts;
    for (const AddedToken& token : parts.added)
      if (token.special) special_texts.insert(token.content);
    for (const AddedToken& token : parts.added) {  // those behind the vocabulary come in the order of their ids
      const std::string pattern = token.normalized ? normalize(token.content, parts.normalizer) : token.content;
      (token.normalized ? normalized_tokens : raw_tokens).add(token, pattern);
      if (token.id >= base) {
        behind.push_back(token.content);
        texts.emplace_back();
      }
      texts[token.id] = pattern;
      special[token.id] = special_texts.count(pattern) > 0;
    }
    for (const std::string& text : texts) {
      bytes += parts.byte_level_decoder ? unspell_token(text) : text;
      begins.push_back(bytes.size());
    }
    raw_tokens.finish();
    normalized_tokens.finish();
    bos = find(parts.bos), eos = find(parts.eos), pad = find(parts.pad), unk = find(parts.unk);
  }

  std::optional<int32_t> find(std::string_view token) const {
    if (token.empty()) return std::nullopt;
    const int id = parts.vocabulary.find(token);
    if (id >= 0) return id;
    for (size_t i = 0; i < behind.size(); ++i)
      if (behind[i] == token) return parts.vocabulary.size() + static_cast<int32_t>(i);
    return std::nullopt;
  }

  void check(int32_t id) const {
    if (id < 0 || id >= size)
      throw IndexError("tokenizer", "token id " + std::to_string(id) + " is out of range: the vocabulary has " +
                                        std::to_string(size) + " tokens.");
  }

  std::string_view bytes_of(int32_t id) const {
    return std::string_view(bytes).substr(begins[id], begins[id + 1] - begins[id]);
  }

  void encode_words(std::string_view text, const EncodeOptions& options, uint64_t& draws, BpeScratch& scratch) const {
    std::string prefixed;
    if (parts.pre_tokenizer.add_prefix_space && text.front() != ' ') {
      prefixed = " " + std::string(text);
      text = prefixed;
    }
    scratch.reserve(bpe.tokens_at_most(text.size()));
    const char* const end = text.data() + text.size();
    const Gpt2Splitter splitter(end);
    const bool dropout = options.dropout_seed && parts.model.dropout > 0;
    for (const char* p = text.data(); p < end;) {
      const char* next = parts.pre_tokenizer.use_regex ? splitter.next(p) : end;
      const std::string_view word(p, static_cast<size_t>(next - p));
      if (dropout)
        bpe.encode_with_dropout(word, *options.dropout_seed, draws, scratch);
      else
        bpe.encode(word, end, scratch);
      p = next;
    }
  }

  void encode(std::string_view text, const EncodeOptions& options, BpeScratch& scratch) const {
    uint64_t draws = 0;
    const bool plain = !options.parse_special_tokens;
    // An added token is looked for either in the text as it comes or in what the normaliser makes of it.
    const auto normalized_piece = [&](std::string_view piece) {
      std::string changed;
      if (parts.normalizer != NormalForm::none) piece = changed = normalize(piece, parts.normalizer);
      if (piece.empty()) return;
      if (normalized_tokens.empty()) return encode_words(piece, options, draws, scratch);
      std::vector<TextPiece> pieces;
      normalized_tokens.split(piece, plain, pieces);
      for (const TextPiece& part : pieces) {
        scratch.reserve(1);
        if (part.id >= 0)
          scratch.push(part.id);
        else
          encode_words(part.text, options, draws, scratch);
      }
    };
    if (raw_tokens.empty()) return normalized_piece(text);
    std::vector<TextPiece> pieces;
    raw_tokens.split(text, plain, pieces);
    for (const TextPiece& part : pieces) {
      scratch.reserve(1);
      if (part.id >= 0)
        scratch.push(part.id);
      else
        normalized_piece(part.text);
    }
  }

  std::unique_ptr<BpeScratch> borrow() const {
    const std::lock_guard<std::mutex> lock(mutex);
    if (idle.empty()) return std::make_unique<BpeScratch>();
    std::unique_ptr<BpeScratch> scratch = std::move(idle.back());
    idle.pop_back();
    return scratch;
  }
  void give_back(std::unique_ptr<BpeScratch> scratch) const {
    scratch->size = 0;
    if (scratch->capacity > kKeptIds) scratch->ids.reset(), scratch->capacity = 0;
    const std::lock_guard<std::mutex> lock(mutex);
    idle.push_back(std::move(scratch));
  }

  TokenizerParts parts;
  Bpe bpe;
  AddedTokenMatcher raw_tokens, normalized_tokens;
  int size = 0;
  std::vector<bool> special;
  std::string bytes;  // of all tokens, as decoding gives them
  std::vector<uint64_t> begins;
  std::vector<std::string> behind;  // added tokens behind the vocabulary
  std::optional<int32_t> bos, eos, pad, unk;
  mutable std::mutex mutex;
  mutable std::vector<std::unique_ptr<BpeScratch>> idle;
};

Tokenizer::Tokenizer(TokenizerParts parts) {
  check_added(parts, [](const std::string& what) { throw ValueError("tokenizer", what); });
  impl_ = std::make_shared<const Impl>(std::move(parts));
}

Tokenizer Tokenizer::load(const fs::path& folder_or_file) {
  const bool folder = fs::is_directory(folder_or_file);
  const fs::path path = folder ? folder_or_file / "tokenizer.json" : folder_or_file;
  const std::string name = path.string();
  TokenizerParts parts = parse_tokenizer_json(read_file(path, kLargestFile), name);
  check_added(parts, [&name](const std::string& what) { throw FileError("tokenizer", name + ": " + what); });
  if (folder) {
    const fs::path map = folder_or_file / "special_tokens_map.json", config = folder_or_file / "tokenizer_config.json";
    if (fs::exists(map)) parse_special_tokens_map(read_file(map, kLargestFile), map.string(), parts);
    if (fs::exists(config)) parse_tokenizer_config(read_file(config, kLargestFile), config.string(), parts);
  }
  Tokenizer tokenizer(std::move(parts));
  const Bpe& bpe = tokenizer.impl_->bpe;
  if (bpe.settings().has_unknown && bpe.bytes_covered() < 256 && !tokenizer.id_of(bpe.settings().unknown))
    throw FileError("tokenizer", name + ": model.unk_token \"" + bpe.settings().unknown +
                                     "\" is not in model.vocab, though some bytes have no token.");
  return tokenizer;
}

void Tokenizer::save(const fs::path& folder) const {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw FileError("tokenizer", "cannot make the folder " + folder.string() + ": " + error.message() + ".");
  write_file_atomic(folder / "tokenizer.json", tokenizer_json(impl_->parts));
  write_file_atomic(folder / "tokenizer_config.json", tokenizer_config_json(impl_->parts));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  std::unique_ptr<BpeScratch> scratch = impl_->borrow();
  impl_->encode(text, options, *scratch);
  std::vector<int32_t> ids(scratch->ids.get(), scratch->ids.get() + scratch->size);
  impl_->give_back(std::move(scratch));
  return ids;
}

uint64_t Tokenizer::encode_work(std::string_view text) const {
  BpeScratch scratch;
  impl_->encode(text, {}, scratch);
  return scratch.work;
}

std::string Tokenizer::decode_bytes(const std::vector<int32_t>& ids, bool skip_special_tokens) const {
  std::string out;
  bool first = true;
  for (int32_t id : ids) {
    impl_->check(id);
    if (skip_special_tokens && impl_->special[id]) continue;
    if (!impl_->parts.byte_level_decoder && !std::exchange(first, false)) out += ' ';
    out += impl_->bytes_of(id);
  }
  return out;
}

std::string Tokenizer::decode(const std::vector<int32_t>& ids, bool skip_special_tokens) const {
  return replace_invalid_utf8(decode_bytes(ids, skip_special_tokens));
}

std::string_view Tokenizer::bytes_of(int32_t id) const { return impl_->check(id), impl_->bytes_of(id); }
int Tokenizer::vocab_size() const { return impl_->size; }
std::optional<int32_t> Tokenizer::id_of(std::string_view token) const { return impl_->find(token); }
bool Tokenizer::is_special(int32_t id) const { return impl_->check(id), impl_->special[id]; }
const std::vector<AddedToken>& Tokenizer::added_tokens() const { return impl_->parts.added; }
std::optional<int32_t> Tokenizer::bos() const { return impl_->bos; }
std::optional<int32_t> Tokenizer::eos() const { return impl_->eos; }
std::optional<int32_t> Tokenizer::pad() const { return impl_->pad; }
std::optional<int32_t> Tokenizer::unk() const { return impl_->unk; }
const TokenizerParts& Tokenizer::parts() const { return impl_->parts; }
int Tokenizer::bytes_covered() const { return impl_->bpe.bytes_covered(); }

std::string_view Tokenizer::token(int32_t id) const {
  impl_->check(id);
  const int base = impl_->parts.vocabulary.size();
  return id < base ? impl_->parts.vocabulary[id] : std::string_view(impl_->behind[id - base]);
}

StreamDecoder::StreamDecoder(Tokenizer tokenizer, bool skip_special_tokens)
    : tokenizer_(std::move(tokenizer)), skip_special_tokens_(skip_special_tokens) {}

std::string StreamDecoder::push(int32_t id) {
  if (skip_special_tokens_ && tokenizer_.is_special(id)) return "";
  if (!tokenizer_.parts().byte_level_decoder && !std::exchange(first_, false)) held_ += ' ';
  held_ += tokenizer_.bytes_of(id);
  const size_t tail = incomplete_utf8_tail(held_);
  std::string out = replace_invalid_utf8(std::string_view(held_).substr(0, held_.size() - tail));
  held_.erase(0, held_.size() - tail);
  return out;
}

std::string StreamDecoder::finish() {
  std::string out = replace_invalid_utf8(held_);
  held_.clear();
  return out;
}

}  // namespace gradus
