#include "text/tokenizer.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "text/foreign_tokenizer.h"
#include "text/pipeline.h"
#include "text/tokenizer_folder.h"
#include "text/tokenizer_json.h"
#include "text/unicode.h"

namespace gradus {
namespace fs = std::filesystem;

namespace {
constexpr uint64_t kLargestTokenizerFile = uint64_t{1} << 30;

/// Added tokens have the ids that Hugging Face gives them, whatever the file says: the vocabulary's own, or the next
/// one behind the number of its tokens and all added ones. Only where the vocabulary has holes can a file be meant that
/// says otherwise; such an id may fill a hole, or hide a token of the vocabulary from decoding.
template <class Fail>
void settle_added(TokenizerParts& parts, const Fail& fail) {
  const bool holes = parts.vocabulary.count() < parts.vocabulary.size();
  int next = parts.vocabulary.count();
  std::unordered_set<std::string_view> seen;
  for (AddedToken& token : parts.added) {
    if (!seen.insert(token.content).second) fail("the added token \"" + token.content + "\" is listed twice.");
    const int known = parts.vocabulary.find(token.content);
    const int expected = known >= 0 ? known : next;
    next = std::max(next, expected + 1);
    if (holes) token.id = expected;
    if (token.id != expected)
      fail("the added token \"" + token.content + "\" has id " + std::to_string(token.id) + ", expected " +
           std::to_string(expected) + (known >= 0 ? " as in model.vocab." : ", the next one behind the vocabulary."));
  }
  if (next > Vocabulary::kMaxSize) fail("more than " + std::to_string(Vocabulary::kMaxSize) + " tokens.");
}

/// A scratch on loan for one encode; lost when that throws.
template <class F>
auto with_scratch(const Pipeline& pipeline, const F& f) {
  std::unique_ptr<EncodeScratch> scratch = pipeline.borrow();
  auto result = f(*scratch);
  pipeline.give_back(std::move(scratch));
  return result;
}
}  // namespace

Tokenizer::Tokenizer(TokenizerParts parts) {
  settle_added(parts, [](const std::string& what) { throw ValueError("tokenizer", what); });
  pipeline_ = std::make_shared<const Pipeline>(std::move(parts));
}

Tokenizer Tokenizer::load(const fs::path& folder_or_file) {
  const bool folder = fs::is_directory(folder_or_file);
  const fs::path path = folder ? folder_or_file / "tokenizer.json" : folder_or_file;
  const std::string name = path.string();
  TokenizerParts parts;
  std::optional<TokenizerTexts> foreign;
  if (fs::exists(folder_or_file) && (foreign = convert_foreign_tokenizer(folder_or_file))) {
    parts = parse_tokenizer_json(foreign->tokenizer, folder_or_file.string());
    parse_tokenizer_config(foreign->config, folder_or_file.string(), parts);
  } else if (is_older_tokenizer(folder_or_file)) {
    parts = read_older_tokenizer(folder_or_file);
  } else {
    parts = parse_tokenizer_json(read_file(path, kLargestTokenizerFile), name);
  }
  settle_added(parts, [&name](const std::string& what) { throw FileError("tokenizer", name + ": " + what); });
  if (folder) {
    const fs::path map = folder_or_file / "special_tokens_map.json", config = folder_or_file / "tokenizer_config.json";
    if (fs::exists(map)) parse_special_tokens_map(read_file(map, kLargestTokenizerFile), map.string(), parts);
    if (fs::exists(config)) parse_tokenizer_config(read_file(config, kLargestTokenizerFile), config.string(), parts);
  }
  Tokenizer tokenizer(std::move(parts));
  const BpeSettings& model = tokenizer.parts().model;
  if (model.has_unknown && tokenizer.bytes_covered() < 256 && !tokenizer.id_of(model.unknown))
    throw FileError("tokenizer", name + ": model.unk_token \"" + model.unknown +
                                     "\" is not in model.vocab, though some bytes have no token.");
  return tokenizer;
}

void Tokenizer::save(const fs::path& folder) const {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw FileError("tokenizer", "cannot make the folder " + folder.string() + ": " + error.message() + ".");
  write_file_atomic(folder / "tokenizer.json", tokenizer_json(parts()));
  write_file_atomic(folder / "tokenizer_config.json", tokenizer_config_json(parts()));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  return with_scratch(*pipeline_, [&](EncodeScratch& scratch) {
    pipeline_->encode(text, options, scratch);
    return std::vector<int32_t>(scratch.ids.get(), scratch.ids.get() + scratch.size);
  });
}

std::vector<std::vector<int32_t>> Tokenizer::encode_batch(const std::vector<std::string_view>& texts,
                                                          const EncodeOptions& options) const {
  std::vector<std::vector<int32_t>> out(texts.size());
  parallel_for(static_cast<int64_t>(texts.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = encode(texts[i], options);
  });
  return out;
}

Encoding Tokenizer::encode_full(std::string_view text, const std::optional<std::string_view>& pair,
                                const EncodeOptions& options, const std::optional<Truncation>& truncation) const {
  return with_scratch(*pipeline_, [&](EncodeScratch& scratch) {
    return pipeline_->encode_full(text, pair, options, truncation, scratch);
  });
}

std::vector<Encoding> Tokenizer::encode_full_batch(const std::vector<std::string_view>& texts,
                                                   const EncodeOptions& options,
                                                   const std::optional<Truncation>& truncation,
                                                   const std::optional<Padding>& padding) const {
  std::vector<Encoding> out(texts.size());
  parallel_for(static_cast<int64_t>(texts.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = encode_full(texts[i], std::nullopt, options, truncation);
  });
  if (padding) pad_encodings(out, *padding);
  return out;
}

uint64_t Tokenizer::encode_work(std::string_view text) const {
  EncodeScratch scratch;
  pipeline_->encode(text, {}, scratch);
  return scratch.work;
}

std::string Tokenizer::decode_bytes(const std::vector<int32_t>& ids, bool skip_special_tokens) const {
  return pipeline_->decode_bytes(ids, skip_special_tokens);
}

std::string Tokenizer::decode(const std::vector<int32_t>& ids, bool skip_special_tokens) const {
  return replace_invalid_utf8(decode_bytes(ids, skip_special_tokens));
}

const std::optional<Truncation>& Tokenizer::truncation() const { return pipeline_->truncation; }
const std::optional<Padding>& Tokenizer::padding() const { return pipeline_->padding; }
std::string_view Tokenizer::bytes_of(int32_t id) const { return pipeline_->check(id), pipeline_->bytes_of(id); }
int Tokenizer::vocab_size() const { return pipeline_->size(); }
std::optional<int32_t> Tokenizer::id_of(std::string_view token) const { return pipeline_->find(token); }
std::string_view Tokenizer::token(int32_t id) const { return pipeline_->check(id), pipeline_->token(id); }
bool Tokenizer::is_special(int32_t id) const { return pipeline_->check(id), pipeline_->is_special(id); }
const std::vector<AddedToken>& Tokenizer::added_tokens() const { return parts().added; }
std::optional<int32_t> Tokenizer::bos() const { return pipeline_->bos; }
std::optional<int32_t> Tokenizer::eos() const { return pipeline_->eos; }
std::optional<int32_t> Tokenizer::pad() const { return pipeline_->pad; }
std::optional<int32_t> Tokenizer::unk() const { return pipeline_->unk; }
const TokenizerParts& Tokenizer::parts() const { return pipeline_->parts; }
int Tokenizer::bytes_covered() const { return pipeline_->bytes_covered(); }

StreamDecoder::StreamDecoder(Tokenizer tokenizer, bool skip_special_tokens)
    : tokenizer_(std::move(tokenizer)), skip_special_tokens_(skip_special_tokens) {}

std::string StreamDecoder::push_bytes(int32_t id) {
  if (tokenizer_.pipeline_->joins_with_spaces() && !std::exchange(first_, false)) held_ += ' ';
  held_ += tokenizer_.bytes_of(id);
  const size_t tail = incomplete_utf8_tail(held_);
  std::string out = replace_invalid_utf8(std::string_view(held_).substr(0, held_.size() - tail));
  held_.erase(0, held_.size() - tail);
  return out;
}

std::string StreamDecoder::push(int32_t id) {
  const Pipeline& pipeline = *tokenizer_.pipeline_;
  if ((skip_special_tokens_ && tokenizer_.is_special(id)) || pipeline.is_hole(id)) return "";
  if (pipeline.joins_bytes() || pipeline.joins_with_spaces()) return push_bytes(id);
  ids_.push_back(id);
  // A run of <0xNN> tokens is decoded as a whole: what it means is certain when it has ended.
  if (fallback_byte(tokenizer_.token(id)) >= 0) return "";
  const std::string text = tokenizer_.decode(ids_);
  const bool whole = text.size() < 3 || text.compare(text.size() - 3, 3, "\xEF\xBF\xBD") != 0;
  if (!whole || text.size() <= context_text_.size() || text.compare(0, context_text_.size(), context_text_) != 0)
    return "";
  std::string out = text.substr(context_text_.size());
  ids_.erase(ids_.begin(), ids_.begin() + static_cast<ptrdiff_t>(context_));
  context_ = ids_.size();
  context_text_ = tokenizer_.decode(ids_);
  return out;
}

std::string StreamDecoder::finish() {
  std::string out = replace_invalid_utf8(held_);
  held_.clear();
  if (ids_.size() > context_) {
    const std::string text = tokenizer_.decode(ids_);
    size_t same = 0;
    while (same < text.size() && same < context_text_.size() && text[same] == context_text_[same]) ++same;
    out += text.substr(same);
  }
  ids_.clear();
  context_ = 0;
  context_text_.clear();
  return out;
}

}  // namespace gradus
