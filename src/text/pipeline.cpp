#include "text/pipeline.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "text/byte_level.h"
#include "text/unigram.h"
#include "text/word_piece.h"

namespace gradus {

namespace {
constexpr size_t kKeptIds = 1 << 20;  // a scratch that has grown larger gives its buffer back

std::string normalized_by(const std::vector<std::unique_ptr<const Normalizer>>& steps, std::string_view text) {
  AlignedText out = AlignedText::of(text, 0, false);
  for (const auto& step : steps) step->apply(out);
  return out.bytes;
}

std::optional<Truncation> read_truncation(const ComponentFields& f) {
  if (f.json().is_null()) return std::nullopt;
  constexpr int64_t kMost = int64_t{1} << 53;
  Truncation t;
  t.max_length = f.integer("max_length", 0, kMost);
  t.stride = f.integer("stride", 0, kMost, 0);
  t.strategy = static_cast<Truncation::Strategy>(f.choice("strategy", {"LongestFirst", "OnlyFirst", "OnlySecond"}));
  t.left = f.choice("direction", {"Right", "Left"}, 0) == 1;
  return t;
}

std::optional<Padding> read_padding(const ComponentFields& f) {
  if (f.json().is_null()) return std::nullopt;
  constexpr int64_t kMost = 1 << 30;
  Padding p;
  const Json& strategy = f.at("strategy");
  if (strategy.is_object())
    p.length = ComponentFields(strategy, f.file(), f.place() + ".strategy").integer("Fixed", 0, kMost);
  else if (strategy != "BatchLongest")
    f.wrong("has a strategy that is neither \"BatchLongest\" nor {\"Fixed\": length}");
  p.left = f.choice("direction", {"Right", "Left"}, 0) == 1;
  if (f.has("pad_to_multiple_of")) p.multiple_of = f.integer("pad_to_multiple_of", 0, kMost);
  p.id = static_cast<int32_t>(f.integer("pad_id", 0, Vocabulary::kMaxSize));
  p.type_id = static_cast<int32_t>(f.integer("pad_type_id", 0, 0x7FFFFFFF));
  p.token = f.text("pad_token");
  return p;
}
}  // namespace

/// One encode on its way.
struct Pipeline::Run {
  const EncodeOptions& options;
  EncodeScratch& scratch;
  uint64_t draws = 0;        // of BPE-dropout
  Encoding* full = nullptr;  // takes tokens with their offsets in bytes, instead of ids in the scratch
  int32_t sequence = 0;      // which of a pair
  int32_t words = 0;         // seen so far
  std::vector<WordToken> tokens = {};
};

Pipeline::Pipeline(TokenizerParts given) : parts(std::move(given)) {
  const auto read = [this](const std::string& json, const char* place, const auto& use) {
    const Json document = parse_json(json, parts.source);
    use(ComponentFields(document, parts.source, place));
  };
  read(parts.normalizer_json, "normalizer", [this](const ComponentFields& f) { normalizers_ = read_normalizer(f); });
  read(parts.pre_tokenizer_json, "pre_tokenizer",
       [this](const ComponentFields& f) { pre_tokenizers_ = read_pre_tokenizer(f); });
  read(parts.decoder_json, "decoder", [this](const ComponentFields& f) { decoders_ = read_decoder(f); });
  read(parts.truncation_json, "truncation", [this](const ComponentFields& f) { truncation = read_truncation(f); });
  read(parts.padding_json, "padding", [this](const ComponentFields& f) { padding = read_padding(f); });
  make_model();
  make_added_tokens();
  read(parts.post_processor_json, "post_processor",
       [this](const ComponentFields& f) { post_processors_ = read_post_processor(f, size_); });
  make_frames();
  for (const auto& step : pre_tokenizers_) needs_origins_ = needs_origins_ || step->needs_origins();
  bos = find(parts.bos), eos = find(parts.eos), pad = find(parts.pad), unk = find(parts.unk);
}

void Pipeline::make_model() {
  const Json document = parse_json(parts.model_json, parts.source);
  const ComponentFields f(document, parts.source, "model");
  const std::string type = f.text("type");
  if (type == "BPE") {
    const bool decorated = !parts.model.continuing_subword_prefix.empty() || !parts.model.end_of_word_suffix.empty();
    if (!pre_tokenizers_.empty() && !decorated)
      byte_level_ = dynamic_cast<const ByteLevelPreTokenizer*>(pre_tokenizers_.back().get());
    raw_bytes_ = byte_level_ != nullptr;
    auto bpe = std::make_unique<Bpe>(parts.vocabulary, parts.merges, parts.model,
                                     raw_bytes_ ? Bpe::Spelling::bytes : Bpe::Spelling::characters);
    bpe_ = bpe.get();
    model_ = std::move(bpe);
  } else if (type == "WordPiece") {
    f.only({"unk_token", "continuing_subword_prefix", "max_input_chars_per_word"});
    WordPieceSettings settings;
    settings.unknown = f.text("unk_token", settings.unknown);
    settings.continuing_subword_prefix = f.text("continuing_subword_prefix", settings.continuing_subword_prefix);
    settings.max_input_chars_per_word = f.integer("max_input_chars_per_word", 0, int64_t{1} << 53, 100);
    model_ = std::make_unique<WordPiece>(parts.vocabulary, std::move(settings));
  } else if (type == "WordLevel") {
    f.only({"unk_token"});
    model_ = std::make_unique<WordLevel>(parts.vocabulary, f.text("unk_token", "<unk>"));
  } else if (type == "Unigram") {
    f.only({"unk_id", "byte_fallback"});
    UnigramSettings settings;
    const int size = parts.vocabulary.size();
    if (static_cast<size_t>(size) != parts.scores.size()) f.wrong("has not one score a token");
    if (f.has("unk_id")) {
      if (size == 0) f.wrong("has an unk_id, but no vocabulary");
      settings.unknown_id = static_cast<int32_t>(f.integer("unk_id", 0, size - 1));
    }
    settings.byte_fallback = f.flag("byte_fallback", false);
    unigram_ = true;
    model_ = std::make_unique<Unigram>(parts.vocabulary, parts.scores, settings);
  } else {
    f.unknown_type("BPE, WordPiece, Unigram, WordLevel");
  }
}

void Pipeline::make_added_tokens() {
  const int base = parts.vocabulary.size();
  size_ = base;
  for (const AddedToken& token : parts.added) size_ = std::max(size_, token.id + 1);
  special_.assign(static_cast<size_t>(size_), false);
  begins_.reserve(static_cast<size_t>(size_) + 1);
  begins_.push_back(0);
  std::vector<std::string> texts;
  texts.reserve(static_cast<size_t>(size_));
  for (int id = 0; id < base; ++id) texts.emplace_back(parts.vocabulary[id]);
  texts.resize(static_cast<size_t>(size_));
  added_at_.assign(static_cast<size_t>(size_), -1);
  // A token that is looked for in normalised text also decodes to its normalised form, as in Hugging Face tokenizers,
  // which then leave it out as special only if that is how the file spells a special token.
  std::unordered_set<std::string_view> special_texts;
  for (const AddedToken& token : parts.added)
    if (token.special) special_texts.insert(token.content);
  for (size_t i = 0; i < parts.added.size(); ++i) {
    const AddedToken& token = parts.added[i];
    const std::string pattern = token.normalized ? normalized_by(normalizers_, token.content) : token.content;
    (token.normalized ? normalized_tokens_ : raw_tokens_).add(token, pattern);
    added_at_[token.id] = static_cast<int32_t>(i);
    texts[token.id] = pattern;
    special_[token.id] = special_texts.count(pattern) > 0;
  }
  for (const std::string& text : texts) {
    bytes_ += joins_bytes() ? unspell_token(text) : text;
    begins_.push_back(bytes_.size());
  }
  raw_tokens_.finish();
  normalized_tokens_.finish();
}

void Pipeline::make_frames() {
  for (const bool add_special : {true, false}) {
    std::vector<Encoding> whole(1);
    whole[0].add(-1, 0, "", {0, 0}, 0, 0, false);
    try {
      post_process(whole, add_special);
    } catch (const ValueError& e) {
      throw FileError("tokenizer", parts.source + ": post_processor: " + e.what());
    }
    (add_special ? framed_ : bare_) = whole[0].ids;
  }
}

std::optional<int32_t> Pipeline::find(std::string_view token) const {
  if (token.empty()) return std::nullopt;
  const int id = parts.vocabulary.find(token);
  if (id >= 0) return id;
  for (const AddedToken& added : parts.added)
    if (added.content == token) return added.id;
  return std::nullopt;
}

void Pipeline::check(int32_t id) const {
  if (id < 0 || id >= size_)
    throw IndexError("tokenizer", "token id " + std::to_string(id) + " is out of range: the vocabulary has " +
                                      std::to_string(size_) + " tokens.");
}

std::string_view Pipeline::token(int32_t id) const {
  return added_at_[id] < 0 ? parts.vocabulary[id] : std::string_view(parts.added[added_at_[id]].content);
}

/// Gives a word to the model. `text` and `begin` say where it comes from, for offsets.
void Pipeline::encode_word(std::string_view word, size_t begin, const char* limit, const AlignedText& text,
                           Run& run) const {
  if (!run.full) {
    if (bpe_ && run.options.dropout_seed && parts.model.dropout > 0) {
      run.scratch.reserve(bpe_->tokens_at_most(word.size()));
      return bpe_->encode_with_dropout(word, *run.options.dropout_seed, run.draws, run.scratch);
    }
    return model_->encode(word, limit, run.scratch);
  }
  run.tokens.clear();
  model_->encode_tokens(word, run.scratch, run.tokens);
  for (const WordToken& t : run.tokens) {
    const size_t last = std::min<size_t>(t.end, word.size()), first = std::min<size_t>(t.begin, last);
    // Bytes of a suffix stand behind the word; Hugging Face gives their places in it as they are.
    Origin origin{t.begin, t.end};
    if (t.end <= word.size() && last > 0) origin = text.origin(begin + (first < last ? first : last - 1), begin + last);
    // A Unigram token is called what the text says, the others what the vocabulary says.
    const bool by_text = unigram_ && fallback_byte(token(t.id)) < 0;
    std::string name(by_text ? word.substr(first, last - first) : token(t.id));
    run.full->add(t.id, run.sequence, std::move(name), {origin.begin, origin.end}, run.words, run.sequence, false);
  }
  ++run.words;
}

/// The rest of the way for text that has passed all pre-tokenizers, or all but a last ByteLevel.
void Pipeline::encode_words(PreTokenized&& pre, Run& run) const {
  bool cuts = false;
  if (byte_level_) {
    const ByteLevelSettings& settings = byte_level_->settings();
    if (settings.add_prefix_space)
      byte_level_->cut(pre);
    else
      cuts = settings.use_regex;
  }
  const char *bytes = pre.text.bytes.data(), *limit = bytes + pre.text.bytes.size();
  for (const Piece& piece : pre.pieces) {
    const char *p = bytes + piece.begin, *end = bytes + piece.end;
    if (!cuts) {
      encode_word({p, piece.end - piece.begin}, piece.begin, limit, pre.text, run);
      continue;
    }
    const Gpt2Splitter splitter(end);
    while (p < end) {
      const char* next = splitter.next(p);
      encode_word({p, static_cast<size_t>(next - p)}, static_cast<size_t>(p - bytes), limit, pre.text, run);
      p = next;
    }
  }
}

/// The short way where ByteLevel without a prefix space is all there is.
void Pipeline::encode_plain_words(std::string_view text, Run& run) const {
  const char *p = text.data(), *const end = p + text.size();
  run.scratch.reserve(model_->tokens_at_most(text.size()));
  static const AlignedText nowhere{};
  const Gpt2Splitter splitter(end);
  const bool cuts = byte_level_->settings().use_regex;
  while (p < end) {
    const char* next = cuts ? splitter.next(p) : end;
    encode_word({p, static_cast<size_t>(next - p)}, 0, end, nowhere, run);
    p = next;
  }
}

/// Text between added tokens that was found in the text as it came: valid UTF-8, `shift` bytes into it.
void Pipeline::encode_valid(std::string_view text, size_t shift, Run& run) const {
  AlignedText whole = AlignedText::of(text, static_cast<uint32_t>(shift), run.full || needs_origins_);
  for (const auto& step : normalizers_) step->apply(whole);
  if (whole.bytes.empty()) return;
  const auto words = [&](PreTokenized&& pre) {
    const size_t last = pre_tokenizers_.size() - (byte_level_ ? 1 : 0);
    for (size_t i = 0; i < last && !pre.pieces.empty(); ++i) pre_tokenizers_[i]->apply(pre);
    encode_words(std::move(pre), run);
  };
  const auto piece_of = [](const AlignedText& t) {
    return Piece{0, t.bytes.size(), t.tracked ? t.origins[0].begin : 0};
  };
  if (normalized_tokens_.empty()) {
    PreTokenized pre{std::move(whole), {}};
    pre.pieces.push_back(piece_of(pre.text));
    return words(std::move(pre));
  }
  std::vector<TextPiece> found;
  normalized_tokens_.split(whole.bytes, !run.options.parse_special_tokens, found);
  for (const TextPiece& part : found) {
    const size_t begin = static_cast<size_t>(part.text.data() - whole.bytes.data()), end = begin + part.text.size();
    if (part.id < 0) {
      PreTokenized pre{whole.like(), {}};
      Rewriter copy(whole, begin, end, whole.shift, pre.text);
      copy.copy(end - begin);
      pre.pieces.push_back(piece_of(pre.text));
      words(std::move(pre));
    } else if (run.full) {
      const Origin origin = whole.origin(begin, end);
      run.full->add(part.id, run.sequence, std::string(part.text), {origin.begin, origin.end}, run.words++,
                    run.sequence, false);
    } else {
      run.scratch.reserve(1);
      run.scratch.push(part.id);
    }
  }
}

/// Invalid UTF-8 goes to a byte-level model as it is, each invalid part a word of its own; elsewhere each such part is
/// the character U+FFFD.
void Pipeline::encode_part(std::string_view text, size_t shift, Run& run) const {
  if (text.empty()) return;
  if (is_valid_utf8(text)) return encode_valid(text, shift, run);
  if (!raw_bytes_) return encode_valid(replace_invalid_utf8(text), shift, run);
  const char *begin = text.data(), *end = begin + text.size(), *rest = begin;
  const auto up_to = [&](const char* p) {
    if (rest < p) encode_valid({rest, static_cast<size_t>(p - rest)}, shift + static_cast<size_t>(rest - begin), run);
  };
  for (const char* p = begin; p < end;) {
    const Utf8Step step = decode_utf8(p, end);
    if (step.code == kInvalidUtf8) {
      up_to(p);
      rest = p + step.length;
      const std::string_view part(p, static_cast<size_t>(step.length));
      const size_t at = shift + static_cast<size_t>(p - begin);
      AlignedText word{std::string(part), {}, true, 0};
      for (size_t i = 0; i < part.size(); ++i)
        word.origins.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(at + part.size())});
      encode_word(word.bytes, 0, word.bytes.data() + word.bytes.size(), word, run);
    }
    p += step.length;
  }
  up_to(end);
}

void Pipeline::encode_text(std::string_view text, Run& run) const {
  const bool short_way = byte_level_ && pre_tokenizers_.size() == 1 && normalizers_.empty() &&
                         normalized_tokens_.empty() && !byte_level_->settings().add_prefix_space && !run.full;
  const auto part = [&](std::string_view piece) {
    if (short_way)
      encode_plain_words(piece, run);
    else
      encode_part(piece, static_cast<size_t>(piece.data() - text.data()), run);
  };
  if (raw_tokens_.empty()) return part(text);
  std::vector<TextPiece> found;
  raw_tokens_.split(text, !run.options.parse_special_tokens, found);
  for (const TextPiece& piece : found) {
    if (piece.id < 0) {
      part(piece.text);
    } else if (run.full) {
      const uint32_t begin = static_cast<uint32_t>(piece.text.data() - text.data());
      run.full->add(piece.id, run.sequence, std::string(piece.text),
                    {begin, begin + static_cast<uint32_t>(piece.text.size())}, run.words++, run.sequence, false);
    } else {
      run.scratch.reserve(1);
      run.scratch.push(piece.id);
    }
  }
}

void Pipeline::encode(std::string_view text, const EncodeOptions& options, EncodeScratch& scratch) const {
  if (needs_origins_ && text.size() >= std::numeric_limits<uint32_t>::max())
    throw ValueError("tokenizer", "the text is longer than 4 GiB.", "encode it part by part.");
  Run run{options, scratch};
  for (const int32_t id : options.add_special_tokens ? framed_ : bare_) {
    if (id < 0) {
      encode_text(text, run);
    } else {
      scratch.reserve(1);
      scratch.push(id);
    }
  }
}

Encoding Pipeline::encode_one(std::string_view text, int32_t sequence, const EncodeOptions& options,
                              EncodeScratch& scratch) const {
  if (text.size() >= std::numeric_limits<uint32_t>::max())
    throw ValueError("tokenizer", "the text is longer than 4 GiB.", "encode it part by part.");
  Encoding out;
  Run run{options, scratch};
  run.full = &out;
  run.sequence = sequence;
  // Invalid parts become characters first, so that there are characters to count.
  std::string repaired;
  if (!raw_bytes_ && !is_valid_utf8(text)) text = repaired = replace_invalid_utf8(text);
  encode_text(text, run);
  // Bytes to characters. A place inside a character counts as its beginning; one behind the text stays what it is.
  std::vector<uint32_t> place(text.size());
  uint32_t count = 0;
  for (size_t i = 0; i < text.size(); ++count) {
    const int length = decode_utf8(text.data() + i, text.data() + text.size()).length;
    for (int k = 0; k < length; ++k) place[i++] = count;
  }
  for (CharSpan& span : out.offsets) {
    if (span.begin >= text.size()) continue;
    const uint32_t begin = place[span.begin];
    if (span.end < text.size())
      span = {begin, place[span.end]};
    else
      span = {begin, (span.end <= text.size() ? place[span.end - 1] : begin + 1) + 1};
  }
  return out;
}

Encoding Pipeline::encode_full(std::string_view text, const std::optional<std::string_view>& pair,
                               const EncodeOptions& options, const std::optional<Truncation>& cut,
                               EncodeScratch& scratch) const {
  std::vector<Encoding> whole;
  whole.push_back(encode_one(text, 0, options, scratch));
  if (pair) whole.push_back(encode_one(*pair, 1, options, scratch));
  if (cut) {
    int64_t room = cut->max_length;
    if (options.add_special_tokens)
      for (const auto& step : post_processors_) room -= step->added_tokens(pair.has_value());
    truncate_encodings(whole[0], pair ? &whole[1] : nullptr, *cut, room);
  }
  post_process(whole, options.add_special_tokens);
  return std::move(whole[0]);
}

/// Leaves one encoding.
void Pipeline::post_process(std::vector<Encoding>& whole, bool add_special_tokens) const {
  for (const auto& step : post_processors_) step->apply(whole, add_special_tokens);
  if (whole.empty()) whole.emplace_back();
  for (size_t i = 1; i < whole.size(); ++i) whole[0].append(whole[i]);
  whole.resize(1);
}

std::string Pipeline::decode_bytes(const std::vector<int32_t>& ids, bool skip_special_tokens) const {
  std::string out;
  const bool plain = joins_bytes() || joins_with_spaces();
  std::vector<std::string> tokens;
  bool first = true;
  for (int32_t id : ids) {
    check(id);
    if ((skip_special_tokens && special_[id]) || is_hole(id)) continue;
    if (!plain) {
      tokens.emplace_back(bytes_of(id));
      continue;
    }
    if (joins_with_spaces() && !std::exchange(first, false)) out += ' ';
    out += bytes_of(id);
  }
  if (plain) return out;
  for (size_t i = 0; i < decoders_.size(); ++i) {
    decoders_[i]->apply(tokens);
    if (decoders_[i]->gives_bytes() && i + 1 < decoders_.size()) tokens[0] = replace_invalid_utf8(tokens[0]);
  }
  for (const std::string& token : tokens) out += token;
  return out;
}

std::unique_ptr<EncodeScratch> Pipeline::borrow() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.empty()) return std::make_unique<EncodeScratch>();
  std::unique_ptr<EncodeScratch> scratch = std::move(idle_.back());
  idle_.pop_back();
  return scratch;
}

void Pipeline::give_back(std::unique_ptr<EncodeScratch> scratch) const {
  scratch->size = 0;
  if (scratch->capacity > kKeptIds) scratch->ids.reset(), scratch->capacity = 0;
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_.push_back(std::move(scratch));
}

}  // namespace gradus
