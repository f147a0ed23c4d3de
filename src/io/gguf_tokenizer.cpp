#include "io/gguf_tokenizer.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"
#include "io/gguf_config.h"
#include "io/gguf_pre_tokenizer.h"

namespace gradus {

namespace {

// The kinds of tokenizer.ggml.token_type.
enum Kind : int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

constexpr const char* kSpace = "\u2581";  // SentencePiece's mark of a space

void quote(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (u < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      out += "\\u00";
      out += kHex[u >> 4];
      out += kHex[u & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

struct Tokens {
  const Gguf& file;
  std::vector<std::string_view> texts;
  std::vector<int64_t> kinds;
  std::vector<double> scores;
  bool add_bos = false, add_eos = false, add_space_prefix = true;

  explicit Tokens(const Gguf& f) : file(f), texts(f.require("tokenizer.ggml.tokens").texts()) {
    if (static_cast<int64_t>(texts.size()) > kMostGgufTokens)
      throw FileError("gguf",
                      f.describe() + ": " + std::to_string(texts.size()) + " tokens; at most 2097152 are read.");
    if (const GgufField* t = f.field("tokenizer.ggml.token_type")) kinds = t->integers();
    if (const GgufField* s = f.field("tokenizer.ggml.scores")) scores = s->numbers();
    if (!kinds.empty() && kinds.size() != texts.size()) wrong("token_type", kinds.size());
    if (!scores.empty() && scores.size() != texts.size()) wrong("scores", scores.size());
    kinds.resize(texts.size(), kNormal);
    for (double& score : scores)
      if (std::isnan(score)) score = -INFINITY;  // they are sorted by
    flag("add_bos_token", add_bos);
    flag("add_eos_token", add_eos);
    flag("add_space_prefix", add_space_prefix);
  }
  bool has(const std::string& key) const { return file.field("tokenizer.ggml." + key) != nullptr; }
  std::optional<size_t> id(const std::string& role) const {
    const GgufField* f = file.field("tokenizer.ggml." + role + "_token_id");
    if (!f) return std::nullopt;
    const int64_t value = f->integer();
    if (value < 0 || static_cast<size_t>(value) >= texts.size()) return std::nullopt;  // -1 or 2^32 - 1: none
    return static_cast<size_t>(value);
  }

 private:
  [[noreturn]] void wrong(const char* key, size_t count) const {
    throw FileError("gguf", file.describe() + ": \"tokenizer.ggml." + key + "\" has " + std::to_string(count) +
                                " entries for " + std::to_string(texts.size()) + " tokens.");
  }
  void flag(const char* key, bool& value) const {
    if (const GgufField* f = file.field(std::string("tokenizer.ggml.") + key)) value = f->flag();
  }
};

// The tokenizer.json around a model: what stands before and behind is the same for all.
class Document {
 public:
  explicit Document(const Tokens& tokens) : tokens_(tokens) {
    out_ = R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[)";
    bool first = true;
    for (size_t id = 0; id < tokens.texts.size(); ++id) {
      const int64_t kind = tokens.kinds[id];
      const bool special = kind == kControl || kind == kUnknown;
      if (!special && kind != kUserDefined) continue;
      if (tokens.texts[id].empty()) continue;
      out_ += first ? "" : ",";
      first = false;
      out_ += R"({"id":)" + std::to_string(id) + R"(,"content":)";
      quote(tokens.texts[id], out_);
      out_ += std::string(R"(,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":)") +
              (special ? "true}" : "false}");
    }
    out_ += "]";
  }
  void section(const char* key, const std::string& json) { out_ += std::string(",\"") + key + "\":" + json; }
  // A template that puts bos before and eos behind, or `otherwise`.
  void post_processor(const char* otherwise) {
    const auto bos = tokens_.id("bos"), eos = tokens_.id("eos");
    const bool before = tokens_.add_bos && bos, behind = tokens_.add_eos && eos;
    if (!before && !behind) return section("post_processor", otherwise);
    const auto piece = [](std::string_view text, int type) {
      return Json{{"SpecialToken", {{"id", std::string(text)}, {"type_id", type}}}};
    };
    Json single = Json::array(), pair = Json::array(), special = Json::object();
    const auto add = [&](Json& list, bool use, const std::optional<size_t>& id, int type) {
      if (use) list.push_back(piece(tokens_.texts[*id], type));
    };
    const auto sequence = [](const char* name, int type) {
      return Json{{"Sequence", {{"id", name}, {"type_id", type}}}};
    };
    add(single, before, bos, 0);
    single.push_back(sequence("A", 0));
    add(single, behind, eos, 0);
    pair = single;
    add(pair, before, bos, 1);
    pair.push_back(sequence("B", 1));
    add(pair, behind, eos, 1);
    for (const auto& [use, id] : {std::pair{before, bos}, {behind, eos}})
      if (use) {
        const std::string text(tokens_.texts[*id]);
        special[text] = {{"id", text}, {"ids", {*id}}, {"tokens", {text}}};
      }
    section("post_processor", dump_json(Json{
                                  {"type", "TemplateProcessing"},
                                  {"single", single},
                                  {"pair", pair},
                                  {"special_tokens", special},
                              }));
  }
  std::string& text() { return out_; }
  void vocabulary(const std::vector<std::string>* changed = nullptr) {
    out_ += R"("vocab":{)";
    for (size_t id = 0; id < tokens_.texts.size(); ++id) {
      out_ += id ? "," : "";
      quote(changed ? std::string_view((*changed)[id]) : tokens_.texts[id], out_);
      out_ += ":" + std::to_string(id);
    }
    out_ += "}";
  }

 private:
  const Tokens& tokens_;
  std::string out_;
};

constexpr char kByteLevelParts[] =
    R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true})";

std::string byte_level_json(const Tokens& tokens) {
  const GgufField* field = tokens.file.field("tokenizer.ggml.pre");
  const std::string pre(field ? field->text() : "gpt-2");
  const auto* known = std::find_if(std::begin(kGgufPreTokenizers), std::end(kGgufPreTokenizers),
                                   [&](const GgufPreTokenizer& p) { return pre == p.pre; });
  if (known == std::end(kGgufPreTokenizers))
    throw FileError("gguf", tokens.file.describe() + ": \"tokenizer.ggml.pre\" is \"" + pre + "\", which is not known.",
                    "take tokenizer.json from the model's Hugging Face folder.");
  Document d(tokens);
  d.section("normalizer", "null");
  d.section("pre_tokenizer", known->json);
  d.post_processor(kByteLevelParts);
  d.section("decoder", kByteLevelParts);
  d.text() += R"(,"model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,)"
              R"("end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":)";
  d.text() += known->ignore_merges ? "true," : "false,";
  d.vocabulary();
  d.text() += R"(,"merges":[)";
  bool first = true;
  for (const std::string_view merge : tokens.file.require("tokenizer.ggml.merges").texts()) {
    d.text() += first ? "" : ",";
    first = false;
    quote(merge, d.text());
  }
  d.text() += "]}}";
  return std::move(d.text());
}

// SentencePiece joins the pair whose piece has the best score: the merges of a piece are its halves that are pieces
// too.
std::string merges_of_scores(const Tokens& tokens) {
  std::unordered_map<std::string_view, size_t> ids;
  for (size_t id = 0; id < tokens.texts.size(); ++id) ids.emplace(tokens.texts[id], id);
  struct Merge {
    std::string_view left, right;
    size_t left_id, right_id, id;
  };
  std::vector<Merge> merges;
  for (size_t id = 0; id < tokens.texts.size(); ++id) {
    if (tokens.kinds[id] != kNormal && tokens.kinds[id] != kUserDefined) continue;
    const std::string_view piece = tokens.texts[id];
    constexpr size_t kLongestPiece = 256;  // bytes; the halves are looked up one after the other
    if (piece.size() > kLongestPiece) continue;
    const size_t before = merges.size();
    for (size_t cut = 1; cut < piece.size(); ++cut) {
      const auto left = ids.find(piece.substr(0, cut)), right = ids.find(piece.substr(cut));
      if (left != ids.end() && right != ids.end())
        merges.push_back({left->first, right->first, left->second, right->second, id});
    }
    std::sort(merges.begin() + static_cast<std::ptrdiff_t>(before), merges.end(), [](const Merge& a, const Merge& b) {
      return std::pair(a.left_id, a.right_id) < std::pair(b.left_id, b.right_id);
    });
  }
  std::stable_sort(merges.begin(), merges.end(), [&](const Merge& a, const Merge& b) {
    const double score_a = tokens.scores[a.id], score_b = tokens.scores[b.id];
    if (score_a != score_b) return score_a > score_b;
    const size_t left_a = characters(a.left), left_b = characters(b.left);
    if (left_a != left_b) return left_a > left_b;
    return characters(a.right) > characters(b.right);
  });
  std::string out;
  for (const Merge& m : merges) {
    out += out.empty() ? "[" : ",[";
    quote(m.left, out);
    out += ",";
    quote(m.right, out);
    out += "]";
  }
  return out;
}

std::string sentencepiece_json(const Tokens& tokens) {
  if (tokens.scores.empty())
    throw FileError("gguf", tokens.file.describe() + ": lacks \"tokenizer.ggml.scores\", which SentencePiece needs.");
  const std::string replace = std::string(R"({"type":"Replace","pattern":{"String":" "},"content":")") + kSpace + "\"}";
  const std::string restore =
      std::string(R"({"type":"Replace","pattern":{"String":")") + kSpace + R"("},"content":" "})";
  Document d(tokens);
  if (tokens.add_space_prefix)
    d.section("normalizer", std::string(R"({"type":"Sequence","normalizers":[{"type":"Prepend","prepend":")") + kSpace +
                                "\"}," + replace + "]}");
  else
    d.section("normalizer", replace);
  d.section("pre_tokenizer", "null");
  d.post_processor("null");
  d.section("decoder",
            R"({"type":"Sequence","decoders":[)" + restore + R"(,{"type":"ByteFallback"},{"type":"Fuse"})" +
                (tokens.add_space_prefix ? R"(,{"type":"Strip","content":" ","start":1,"stop":0}]})" : "]}"));
  d.text() += R"(,"model":{"type":"BPE","dropout":null,"unk_token":)";
  if (const auto unknown = tokens.id("unknown"))
    quote(tokens.texts[*unknown], d.text());
  else
    d.text() += "null";
  d.text() += R"(,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":true,"byte_fallback":true,)"
              R"("ignore_merges":false,)";
  d.vocabulary();
  d.text() += R"(,"merges":[)" + merges_of_scores(tokens) + "]}}";
  return std::move(d.text());
}

// Words begin with the space mark in GGUF; in a WordPiece vocabulary what continues a word begins with ##.
std::string word_piece_json(const Tokens& tokens) {
  std::vector<std::string> pieces;
  for (size_t id = 0; id < tokens.texts.size(); ++id) {
    const std::string_view text = tokens.texts[id];
    if (tokens.kinds[id] != kNormal)
      pieces.emplace_back(text);
    else if (text.starts_with(kSpace))
      pieces.emplace_back(text.substr(3));
    else
      pieces.push_back("##" + std::string(text));
  }
  const auto special = [&](const char* role, const char* otherwise) {
    const auto id = tokens.id(role);
    return std::pair{id ? std::string(tokens.texts[*id]) : std::string(otherwise), id.value_or(0)};
  };
  const auto first = special(tokens.has("cls_token_id") ? "cls" : "bos", "[CLS]"), last = special("seperator", "[SEP]"),
             unknown = special("unknown", "[UNK]");
  Document d(tokens);
  d.section("normalizer", R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,)"
                          R"("strip_accents":null,"lowercase":true})");
  d.section("pre_tokenizer", R"({"type":"BertPreTokenizer"})");
  const auto token = [](const std::string& name, int type) {
    return Json{{"SpecialToken", {{"id", name}, {"type_id", type}}}};
  };
  const Json a = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}, b = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  Json specials = Json::object();
  for (const auto& [name, id] : {first, last}) specials[name] = {{"id", name}, {"ids", {id}}, {"tokens", {name}}};
  d.section(
      "post_processor",
      dump_json(Json{{"type", "TemplateProcessing"},
                     {"single", Json::array({token(first.first, 0), a, token(last.first, 0)})},
                     {"pair", Json::array({token(first.first, 0), a, token(last.first, 0), b, token(last.first, 1)})},
                     {"special_tokens", specials}}));
  d.section("decoder", R"({"type":"WordPiece","prefix":"##","cleanup":true})");
  d.text() += R"(,"model":{"type":"WordPiece","unk_token":)";
  quote(unknown.first, d.text());
  d.text() += R"(,"continuing_subword_prefix":"##","max_input_chars_per_word":100,)";
  d.vocabulary(&pieces);
  d.text() += "}}";
  return std::move(d.text());
}

std::string config_json(const Tokens& tokens, const std::string& chat_template) {
  Json c = Json::object();
  c["add_bos_token"] = tokens.add_bos;
  c["add_eos_token"] = tokens.add_eos;
  const std::pair<const char*, const char*> roles[] = {
      {"bos", "bos_token"},       {"eos", "eos_token"}, {"padding", "pad_token"}, {"unknown", "unk_token"},
      {"seperator", "sep_token"}, {"cls", "cls_token"}, {"mask", "mask_token"}};  // the format's own spelling
  for (const auto& [role, key] : roles)
    if (const auto id = tokens.id(role)) c[key] = std::string(tokens.texts[*id]);
  if (!chat_template.empty()) c["chat_template"] = chat_template;
  c["clean_up_tokenization_spaces"] = false;
  c["tokenizer_class"] = "PreTrainedTokenizerFast";
  return c.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

const char* gguf_pre_tokenizer(std::string_view pre) {
  for (const GgufPreTokenizer& p : kGgufPreTokenizers)
    if (pre == p.pre) return p.json;
  return nullptr;
}

TokenizerFiles gguf_tokenizer_files(const Gguf& file) {
  TokenizerFiles out;
  if (const GgufField* f = file.field("tokenizer.chat_template")) out.chat_template = f->text();
  const auto kept = [&](const char* name) {
    const GgufField* f = file.field(gguf_key_of_file(name));
    return f ? std::string(f->text()) : std::string();
  };
  out.tokenizer_json = kept("tokenizer.json");
  out.tokenizer_config_json = kept("tokenizer_config.json");
  if (!out.tokenizer_json.empty() && !out.tokenizer_config_json.empty()) return out;
  if (!file.field("tokenizer.ggml.model") || !file.field("tokenizer.ggml.tokens")) {
    if (!out.tokenizer_json.empty()) return out;
    throw FileError("gguf", file.describe() + ": holds no tokenizer.", "give a tokenizer.json with --tokenizer.");
  }
  const Tokens tokens(file);
  const std::string model(file.require("tokenizer.ggml.model").text());
  if (out.tokenizer_json.empty()) {
    if (model == "gpt2")
      out.tokenizer_json = byte_level_json(tokens);
    else if (model == "llama")
      out.tokenizer_json = sentencepiece_json(tokens);
    else if (model == "bert")
      out.tokenizer_json = word_piece_json(tokens);
    else
      throw FileError("gguf", file.describe() + ": the tokenizer model \"" + model + "\" is not known.",
                      "Gradus reads gpt2 (byte-level BPE), llama (SentencePiece) and bert (WordPiece).");
  }
  if (out.tokenizer_config_json.empty()) out.tokenizer_config_json = config_json(tokens, out.chat_template);
  return out;
}

}  // namespace gradus
