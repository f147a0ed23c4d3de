#include "text/post_processor.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/error.h"
#include "text/byte_level.h"
#include "text/pre_tokenizer.h"
#include "text/unicode.h"

namespace gradus {

namespace {

/// How many characters at a token's beginning (or end) are white space, spelled or not.
uint32_t count_blanks(std::string_view token, bool at_end) {
  const CharFlags& flags = CharFlags::table();
  const uint32_t space = byte_to_char(' ');
  const char *begin = token.data(), *end = begin + token.size();
  uint32_t count = 0;
  while (begin < end) {
    const Utf8Step step = at_end ? decode_utf8_before(begin, end) : decode_utf8(begin, end);
    if (step.code != space && !flags.is(step.code, kSpace)) break;
    at_end ? end -= step.length : begin += step.length;
    ++count;
  }
  return count;
}

/// Takes white space out of the offsets, but not the space that was put before the first word.
void trim_offsets(Encoding& encoding, bool add_prefix_space) {
  for (size_t i = 0; i < encoding.size(); ++i) {
    CharSpan& span = encoding.offsets[i];
    uint32_t leading = count_blanks(encoding.tokens[i], false);
    const uint32_t trailing = count_blanks(encoding.tokens[i], true);
    if (leading > 0) {
      if ((i == 0 || span.begin == 0) && add_prefix_space && leading == 1) leading = 0;
      span.begin = std::min(span.begin + leading, span.end);
    }
    if (trailing > 0 && span.end >= trailing) span.end = std::max(span.end - trailing, span.begin);
  }
  for (Encoding& part : encoding.overflowing) trim_offsets(part, add_prefix_space);
}

class ByteLevelProcessor : public PostProcessor {
 public:
  explicit ByteLevelProcessor(const ByteLevelSettings& settings) : settings_(settings) {}
  void apply(std::vector<Encoding>& parts, bool) const override {
    if (!settings_.trim_offsets) return;
    for (Encoding& part : parts) trim_offsets(part, settings_.add_prefix_space);
  }
  int64_t added_tokens(bool) const override { return 0; }

 private:
  ByteLevelSettings settings_;
};

struct SpecialToken {
  std::string token;
  int32_t id;
};

void add_special(const SpecialToken& token, int32_t type_id, Encoding& to) {
  to.add(token.id, type_id, token.token, {0, 0}, -1, -1, true);
}

/// [CLS] A [SEP], and B [SEP] with type 1 (Bert); <s> A </s>, and </s> B </s> with type 0 (RoBERTa).
class PairProcessor : public PostProcessor {
 public:
  PairProcessor(SpecialToken cls, SpecialToken sep, std::optional<ByteLevelSettings> roberta)
      : cls_(std::move(cls)), sep_(std::move(sep)), roberta_(roberta) {}
  void apply(std::vector<Encoding>& parts, bool add_special_tokens) const override {
    for (size_t i = 0; i < parts.size(); ++i) {
      if (roberta_) {
        if (roberta_->trim_offsets) trim_offsets(parts[i], roberta_->add_prefix_space);
        std::fill(parts[i].type_ids.begin(), parts[i].type_ids.end(), 0);
      }
      if (!add_special_tokens) continue;
      const int32_t type = i == 0 || roberta_ ? 0 : 1;
      std::fill(parts[i].type_ids.begin(), parts[i].type_ids.end(), type);
      Encoding whole, sep;
      if (i == 0 || roberta_) add_special(i == 0 ? cls_ : sep_, type, whole);
      add_special(sep_, type, sep);
      whole.append(parts[i]);
      whole.append(sep);
      parts[i] = std::move(whole);
    }
  }
  int64_t added_tokens(bool pair) const override { return !pair ? 2 : roberta_ ? 4 : 3; }

 private:
  SpecialToken cls_, sep_;
  std::optional<ByteLevelSettings> roberta_;
};

class TemplateProcessor : public PostProcessor {
 public:
  struct Item {
    int sequence = -1;  // 0: A, 1: B, -1: special tokens
    int32_t type_id = 0;
    std::vector<SpecialToken> special;
  };
  using Template = std::vector<Item>;
  TemplateProcessor(Template single, Template pair) : single_(std::move(single)), pair_(std::move(pair)) {}

  void apply(std::vector<Encoding>& parts, bool add_special_tokens) const override {
    if (parts.size() > 2)
      throw ValueError("tokenizer",
                       "a TemplateProcessing comes behind a post-processor that has put tokens in already.");
    std::vector<Encoding> out;
    for (const Item& item : parts.size() == 2 ? pair_ : single_) {
      if (item.sequence >= 0) {
        if (static_cast<size_t>(item.sequence) >= parts.size())
          throw ValueError("tokenizer", "the template for single texts asks for a second text.");
        out.push_back(parts[item.sequence]);
        std::fill(out.back().type_ids.begin(), out.back().type_ids.end(), item.type_id);
      } else if (add_special_tokens) {
        out.emplace_back();
        for (const SpecialToken& token : item.special) add_special(token, item.type_id, out.back());
      }
    }
    parts = std::move(out);
  }
  int64_t added_tokens(bool pair) const override {
    int64_t n = 0;
    for (const Item& item : pair ? pair_ : single_) n += static_cast<int64_t>(item.special.size());
    return n;
  }

 private:
  Template single_, pair_;
};

int32_t read_id(const ComponentFields& f, const Json& value, int vocab_size) {
  if (!value.is_number_integer() || value.get<double>() < 0 || value.get<double>() >= vocab_size)
    f.wrong("has the token id " + dump_json(value) + ", expected one from 0 to " + std::to_string(vocab_size - 1));
  return value.get<int32_t>();
}

SpecialToken read_special_pair(const ComponentFields& f, const char* key, int vocab_size) {
  const Json& value = f.at(key);
  if (!value.is_array() || value.size() != 2 || !value[0].is_string())
    f.wrong(std::string("has a ") + key + " that is not [\"token\", id]");
  return {value[0].get<std::string>(), read_id(f, value[1], vocab_size)};
}

TemplateProcessor::Template read_template(const ComponentFields& f, const char* key, int vocab_size) {
  const Json &list = f.at(key), &tokens = f.at("special_tokens");
  if (!list.is_array()) f.wrong(std::string("has a ") + key + " that is not an array");
  if (!tokens.is_object()) f.wrong("has special_tokens that are not an object");
  TemplateProcessor::Template out;
  for (const Json& entry : list) {
    const bool sequence = entry.is_object() && entry.size() == 1 && entry.contains("Sequence");
    if (!sequence && !(entry.is_object() && entry.size() == 1 && entry.contains("SpecialToken")))
      f.wrong(std::string("has an entry in ") + key + " that is neither a Sequence nor a SpecialToken");
    const ComponentFields item(entry.begin().value(), f.file(), f.place() + "." + key);
    const std::string id = item.text("id");
    TemplateProcessor::Item made;
    made.type_id = static_cast<int32_t>(item.integer("type_id", 0, 0x7FFFFFFF));
    if (sequence) {
      if (id != "A" && id != "B") item.wrong("has the sequence \"" + id + "\", expected A or B");
      made.sequence = id == "A" ? 0 : 1;
    } else {
      if (!tokens.contains(id)) item.wrong("has \"" + id + "\", which special_tokens do not list");
      const ComponentFields special(tokens[id], f.file(), f.place() + ".special_tokens");
      const Json &ids = special.at("ids"), &texts = special.at("tokens");
      if (!ids.is_array() || !texts.is_array() || ids.size() != texts.size())
        special.wrong("must have as many ids as tokens");
      for (size_t i = 0; i < ids.size(); ++i) {
        if (!texts[i].is_string()) special.wrong("has a token that is not a string");
        made.special.push_back({texts[i].get<std::string>(), read_id(special, ids[i], vocab_size)});
      }
    }
    out.push_back(std::move(made));
  }
  return out;
}

void add_processor(const ComponentFields& f, int vocab_size, std::vector<std::unique_ptr<const PostProcessor>>& out) {
  const std::string type = f.type();
  if (type == "Sequence") {
    f.only({"processors"});
    for (const ComponentFields& part : f.list("processors")) add_processor(part, vocab_size, out);
  } else if (type == "ByteLevel") {
    out.push_back(std::make_unique<ByteLevelProcessor>(read_byte_level(f)));
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    std::optional<ByteLevelSettings> roberta;
    if (type == "RobertaProcessing") {
      f.only({"sep", "cls", "trim_offsets", "add_prefix_space"});
      roberta = ByteLevelSettings{f.flag("add_prefix_space"), f.flag("trim_offsets"), true};
    } else {
      f.only({"sep", "cls"});
    }
    out.push_back(std::make_unique<PairProcessor>(read_special_pair(f, "cls", vocab_size),
                                                  read_special_pair(f, "sep", vocab_size), roberta));
  } else if (type == "TemplateProcessing") {
    f.only({"single", "pair", "special_tokens"});
    out.push_back(std::make_unique<TemplateProcessor>(read_template(f, "single", vocab_size),
                                                      read_template(f, "pair", vocab_size)));
  } else if (!type.empty()) {
    f.unknown_type("ByteLevel, BertProcessing, RobertaProcessing, TemplateProcessing, Sequence");
  }
}

}  // namespace

std::vector<std::unique_ptr<const PostProcessor>> read_post_processor(const ComponentFields& fields, int vocab_size) {
  std::vector<std::unique_ptr<const PostProcessor>> steps;
  add_processor(fields, vocab_size, steps);
  return steps;
}

}  // namespace gradus
