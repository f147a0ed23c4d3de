#include "text/tokenizer_trainer.h"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_parts.h"

namespace gradus {

namespace {

constexpr const char* kMetaspace = R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true})";

/// Texts of at most about a megabyte, which end with a line where they are cut.
std::vector<std::string_view> in_pieces(const std::vector<std::string_view>& texts) {
  constexpr size_t kPiece = 1 << 20;
  std::vector<std::string_view> out;
  for (std::string_view text : texts) {
    while (text.size() > kPiece) {
      const size_t line = text.find('\n', kPiece);
      if (line == text.npos) break;
      out.push_back(text.substr(0, line + 1));
      text.remove_prefix(line + 1);
    }
    if (!text.empty()) out.push_back(text);
  }
  return out;
}

void check_roles(const TokenizerTraining& s) {
  for (const std::string& role : {s.bos, s.eos, s.pad, s.unk})
    if (!role.empty() && !std::count(s.special_tokens.begin(), s.special_tokens.end(), role))
      throw ValueError("train tokenizer", "\"" + role + "\" has a role but is not a special token.",
                       "list it among the special tokens.");
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

}  // namespace

TokenizerFrame usual_frame(TokenizerModel model, const std::vector<std::string>& special_tokens) {
  if (model != TokenizerModel::word_piece) return {.pre_tokenizer = kMetaspace, .decoder = kMetaspace};
  TokenizerFrame frame;
  frame.normalizer =
      R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true})";
  frame.pre_tokenizer = R"({"type":"BertPreTokenizer"})";
  frame.decoder = R"({"type":"WordPiece","prefix":"##","cleanup":true})";
  const auto id_of = [&](const char* token) {
    return std::find(special_tokens.begin(), special_tokens.end(), token) - special_tokens.begin();
  };
  const auto n = static_cast<int64_t>(special_tokens.size());
  if (id_of("[CLS]") < n && id_of("[SEP]") < n)
    frame.post_processor = dump_json(Json{{"type", "BertProcessing"},
                                          {"sep", Json::array({"[SEP]", id_of("[SEP]")})},
                                          {"cls", Json::array({"[CLS]", id_of("[CLS]")})}});
  return frame;
}

TokenizerFrame frame_of(std::string_view tokenizer_json, const std::string& name) {
  const Json json = parse_json(tokenizer_json, name);
  if (!json.is_object()) throw FileError("train tokenizer", name + ": expected the object of a tokenizer.json.");
  const auto part = [&](const char* key) { return json.contains(key) ? dump_json(json[key]) : std::string("null"); };
  return {part("normalizer"), part("pre_tokenizer"), part("post_processor"), part("decoder")};
}

WordFrequencies count_words(const std::vector<std::string_view>& texts, const TokenizerFrame& frame) {
  const Json normalizer_json = parse_json(frame.normalizer, "normalizer");
  const Json pre_tokenizer_json = parse_json(frame.pre_tokenizer, "pre_tokenizer");
  const auto normalizers = read_normalizer(ComponentFields(normalizer_json, "frame", "normalizer"));
  const auto pre_tokenizers = read_pre_tokenizer(ComponentFields(pre_tokenizer_json, "frame", "pre_tokenizer"));
  const bool tracked =
      std::any_of(pre_tokenizers.begin(), pre_tokenizers.end(), [](const auto& p) { return p->needs_origins(); });
  const auto pieces = in_pieces(texts);
  // Short texts share a table: a task takes about a megabyte.
  std::vector<size_t> tasks{0};
  size_t bytes = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    bytes += pieces[i].size();
    if (bytes >= (1 << 20) || i + 1 == pieces.size()) tasks.push_back(i + 1), bytes = 0;
  }
  std::unordered_map<std::string, int64_t> all;
  std::mutex mutex;
  parallel_for(static_cast<int64_t>(tasks.size()) - 1, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      std::unordered_map<std::string, int64_t> local;
      for (size_t i = tasks[task]; i < tasks[task + 1]; ++i) {
        const std::string valid = replace_invalid_utf8(pieces[i]);
        AlignedText text = AlignedText::of(valid, 0, tracked);
        for (const auto& step : normalizers) step->apply(text);
        PreTokenized pre{std::move(text), {}};
        if (!pre.text.bytes.empty()) pre.pieces.push_back({0, pre.text.bytes.size(), 0});
        for (const auto& step : pre_tokenizers) step->apply(pre);
        for (const Piece& piece : pre.pieces) ++local[pre.text.bytes.substr(piece.begin, piece.end - piece.begin)];
      }
      const std::lock_guard<std::mutex> lock(mutex);  // sums do not depend on their order
      for (const auto& [word, count] : local) all[word] += count;
    }
  });
  WordFrequencies words(all.begin(), all.end());
  std::sort(words.begin(), words.end());
  return words;
}

Tokenizer train_tokenizer(const std::vector<std::string_view>& texts, const TokenizerTraining& s) {
  check_special_tokens(s.special_tokens);
  check_roles(s);
  const WordFrequencies words = count_words(texts, s.frame);
  TokenizerParts parts;
  parts.normalizer_json = s.frame.normalizer, parts.pre_tokenizer_json = s.frame.pre_tokenizer;
  parts.post_processor_json = s.frame.post_processor, parts.decoder_json = s.frame.decoder;
  parts.bos = s.bos, parts.eos = s.eos, parts.pad = s.pad, parts.unk = s.unk;
  if (s.model == TokenizerModel::unigram) {
    UnigramTraining u;
    u.vocab_size = s.vocab_size, u.special_tokens = s.special_tokens, u.unknown_token = s.unk;
    u.initial_alphabet = s.initial_alphabet, u.max_piece_length = s.max_piece_length;
    u.shrinking_factor = s.shrinking_factor, u.sub_iterations = s.sub_iterations, u.seed_size = s.seed_size;
    u.progress = s.progress;
    const UnigramVocabulary trained = train_unigram(words, u);
    for (const auto& [text, score] : trained.pieces) {
      parts.vocabulary.add(text);
      parts.scores.push_back(score);
    }
    parts.model_json = dump_json(Json{{"type", "Unigram"},
                                      {"unk_id", trained.unknown_id < 0 ? Json() : Json(trained.unknown_id)},
                                      {"byte_fallback", false}});
  } else {
    SubwordTraining b;
    b.vocab_size = s.vocab_size, b.min_frequency = s.min_frequency, b.special_tokens = s.special_tokens;
    b.limit_alphabet = s.limit_alphabet, b.initial_alphabet = s.initial_alphabet;
    b.max_token_length = s.max_token_length;
    b.continuing_subword_prefix = s.continuing_subword_prefix, b.end_of_word_suffix = s.end_of_word_suffix;
    b.progress = s.progress;
    const bool word_piece = s.model == TokenizerModel::word_piece;
    if (word_piece && b.continuing_subword_prefix.empty()) b.continuing_subword_prefix = "##";
    if (word_piece && s.unk.empty())
      throw ValueError("train tokenizer", "WordPiece needs an unknown token.", "name one: --unk '[UNK]'.");
    SubwordVocabulary trained = train_subwords(words, b);
    parts.vocabulary = std::move(trained.vocabulary);
    if (word_piece) {
      parts.model_json = dump_json(Json{{"type", "WordPiece"},
                                        {"unk_token", s.unk},
                                        {"continuing_subword_prefix", b.continuing_subword_prefix},
                                        {"max_input_chars_per_word", 100}});
    } else {
      parts.merges = std::move(trained.merges);
      parts.model.has_unknown = !s.unk.empty(), parts.model.unknown = s.unk;
      parts.model.continuing_subword_prefix = b.continuing_subword_prefix;
      parts.model.end_of_word_suffix = b.end_of_word_suffix;
      parts.model_json = dump_json(Json{{"type", "BPE"},
                                        {"dropout", nullptr},
                                        {"unk_token", text_or_null(s.unk)},
                                        {"continuing_subword_prefix", text_or_null(b.continuing_subword_prefix)},
                                        {"end_of_word_suffix", text_or_null(b.end_of_word_suffix)},
                                        {"fuse_unk", false},
                                        {"byte_fallback", false},
                                        {"ignore_merges", false}});
    }
  }
  for (const std::string& content : s.special_tokens)
    parts.added.push_back(
        {.id = parts.vocabulary.find(content), .content = content, .normalized = false, .special = true});
  std::sort(parts.added.begin(), parts.added.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return Tokenizer(std::move(parts));
}

}  // namespace gradus
