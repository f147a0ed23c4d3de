// SentencePiece models as tokenizer.json.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"
#include "text/base64.h"
#include "text/foreign_tokenizer.h"
#include "text/sentencepiece_model.h"
#include "text/unicode.h"

namespace gradus {

namespace {

constexpr const char* kPieceBlank = "\xE2\x96\x81";  // U+2581, a blank in SentencePiece
using PieceType = SentencePieceModel::PieceType;

Json regex_replace(const char* pattern, const char* content) {
  return {{"type", "Replace"}, {"pattern", {{"Regex", pattern}}}, {"content", content}};
}
Json text_replace(const char* from, const char* to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

/// Rules of characters, then blanks: none at the ends, one between words, one in front; all written as U+2581.
Json normalizer_of(const SentencePieceModel& model) {
  Json steps = Json::array();
  if (!model.charsmap.empty())
    steps.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", encode_base64(model.charsmap)}});
  if (model.remove_extra_whitespaces) {
    // At the end, marks that the text itself holds go too.
    steps.push_back(regex_replace(model.escape_whitespaces ? "\\A +|[ \u2581]+\\z" : "\\A +| +\\z", ""));
    steps.push_back(regex_replace(" {2,}", " "));
  }
  const char* const space = model.escape_whitespaces ? kPieceBlank : " ";
  if (model.add_dummy_prefix && !model.whitespace_as_suffix) steps.push_back({{"type", "Prepend"}, {"prepend", space}});
  if (model.add_dummy_prefix && model.whitespace_as_suffix) steps.push_back(regex_replace("(?<=[^\\n\\r])\\z", " "));
  if (model.escape_whitespaces) steps.push_back(text_replace(" ", kPieceBlank));
  return {{"type", "Sequence"}, {"normalizers", steps}};
}

Json decoder_of(const SentencePieceModel& model) {
  Json steps = Json::array({text_replace(kPieceBlank, " ")});
  if (model.byte_fallback) steps.push_back({{"type", "ByteFallback"}});
  steps.push_back({{"type", "Fuse"}});
  if (model.add_dummy_prefix)
    steps.push_back({{"type", "Strip"},
                     {"content", " "},
                     {"start", model.whitespace_as_suffix ? 0 : 1},
                     {"stop", model.whitespace_as_suffix ? 1 : 0}});
  return {{"type", "Sequence"}, {"decoders", steps}};
}

/// SentencePiece joins whichever neighbours spell the best piece: every way of cutting a piece in two is a merge, those
/// of better pieces come first.
Json merges_of(const SentencePieceModel& model) {
  std::unordered_map<std::string_view, int32_t> ids;
  std::vector<int32_t> order;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const auto& piece = model.pieces[i];
    if (piece.type != PieceType::normal && piece.type != PieceType::user_defined) continue;
    ids.emplace(piece.text, static_cast<int32_t>(i));
    if (piece.type == PieceType::normal) order.push_back(static_cast<int32_t>(i));
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return model.pieces[a].score > model.pieces[b].score; });
  Json merges = Json::array();
  for (int32_t id : order) {
    const std::string_view text = model.pieces[id].text;
    for (size_t cut = 1; cut < text.size(); ++cut) {
      if ((static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) continue;
      const std::string_view left = text.substr(0, cut), right = text.substr(cut);
      if (ids.count(left) && ids.count(right)) merges.push_back(Json::array({left, right}));
    }
  }
  return merges;
}

Json vocabulary_of(const SentencePieceModel& model) {
  Json vocab = Json::object();
  auto& members = vocab.get_ref<Json::object_t&>();
  for (size_t i = 0; i < model.pieces.size(); ++i) members.emplace_back(model.pieces[i].text, static_cast<int64_t>(i));
  return vocab;
}

Json model_of(const SentencePieceModel& model, const std::string& name) {
  const std::string& unknown = model.pieces[model.unk_id].text;
  for (const auto& piece : model.pieces)
    if (piece.type == PieceType::unused)
      throw FileError("sentencepiece", name + ": the piece \"" + piece.text + "\" is marked unused.",
                      "such models cut text in a way that a tokenizer.json cannot say.");
  switch (model.type) {
    case SentencePieceModel::Type::unigram: {
      Json vocab = Json::array();
      for (const auto& piece : model.pieces) {
        // Control pieces and bytes are never found in a text.
        const bool hidden = piece.type == PieceType::control || piece.type == PieceType::byte;
        vocab.push_back(Json::array({piece.text, hidden ? 0.0 : static_cast<double>(piece.score)}));
      }
      return {{"type", "Unigram"}, {"unk_id", model.unk_id}, {"vocab", vocab}, {"byte_fallback", model.byte_fallback}};
    }
    case SentencePieceModel::Type::word:
      return {{"type", "WordLevel"}, {"vocab", vocabulary_of(model)}, {"unk_token", unknown}};
    default:
      return {{"type", "BPE"},
              {"dropout", nullptr},
              {"unk_token", unknown},
              {"continuing_subword_prefix", nullptr},
              {"end_of_word_suffix", nullptr},
              {"fuse_unk", true},
              {"byte_fallback", model.byte_fallback},
              {"ignore_merges", false},
              {"vocab", vocabulary_of(model)},
              {"merges", model.type == SentencePieceModel::Type::bpe ? merges_of(model) : Json::array()}};
  }
}

}  // namespace

TokenizerTexts convert_sentencepiece(std::string_view bytes, const std::string& name) {
  const SentencePieceModel model = parse_sentencepiece(bytes, name);
  Json added = Json::array();
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const auto& piece = model.pieces[i];
    const bool special = piece.type == PieceType::control || piece.type == PieceType::unknown;
    if (!special && piece.type != PieceType::user_defined) continue;
    added.push_back({{"id", i},
                     {"content", piece.text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", special}});
  }
  Json pre_tokenizer = nullptr;
  if (model.type == SentencePieceModel::Type::word)
    pre_tokenizer = {{"type", "Split"},
                     {"pattern", {{"String", kPieceBlank}}},
                     {"behavior", model.whitespace_as_suffix ? "MergedWithPrevious" : "MergedWithNext"},
                     {"invert", false}};
  const Json tokenizer = {{"version", "1.0"},
                          {"truncation", nullptr},
                          {"padding", nullptr},
                          {"added_tokens", added},
                          {"normalizer", normalizer_of(model)},
                          {"pre_tokenizer", pre_tokenizer},
                          {"post_processor", nullptr},
                          {"decoder", decoder_of(model)},
                          {"model", model_of(model, name)}};
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"clean_up_tokenization_spaces", false}};
  const std::pair<const char*, int32_t> roles[] = {{"unk_token", model.unk_id},
                                                   {"bos_token", model.bos_id},
                                                   {"eos_token", model.eos_id},
                                                   {"pad_token", model.pad_id}};
  for (const auto& [role, id] : roles)
    if (id >= 0 && id < static_cast<int32_t>(model.pieces.size()) &&
        (model.pieces[id].type == PieceType::control || model.pieces[id].type == PieceType::unknown))
      config[role] = model.pieces[id].text;
  return {dump_json(tokenizer), dump_json(config)};
}

}  // namespace gradus
