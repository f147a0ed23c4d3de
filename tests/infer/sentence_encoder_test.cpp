#include "infer/sentence_encoder.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "infer/text_heads.h"
#include "ops/shape.h"
#include "support/temp_dir.h"
#include "text/bpe_trainer.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

// A tokenizer of bytes with BERT's special tokens.
Tokenizer byte_tokenizer() {
  BpeTraining settings;
  settings.vocab_size = 260;
  settings.bos = settings.eos = "[SEP]";
  settings.special_tokens = {"[SEP]", "[CLS]", "[PAD]", "[MASK]"};
  return train_byte_level_bpe({"a"}, settings);
}

Json config(const std::string& architecture) {
  return {{"model_type", "bert"},    {"architectures", {architecture}}, {"vocab_size", 260},
          {"hidden_size", 12},       {"num_hidden_layers", 2},          {"num_attention_heads", 3},
          {"intermediate_size", 20}, {"max_position_embeddings", 32},   {"pad_token_id", 2},
          {"initializer_range", 0.5}};
}

void save(const fs::path& folder, const std::string& architecture, const Json& more = Json::object()) {
  Json all = config(architecture);
  all.update(more);
  save_model(*make_model(all, {.seed = 3}), folder);
  byte_tokenizer().save(folder);
}

struct SentenceDirectory {
  TempDir dir;
  SentenceDirectory(const Json& pooling, bool normalize) {
    save(dir.path, "BertForMaskedLM");
    Json modules = Json::array(
        {{{"idx", 0}, {"name", "0"}, {"path", ""}, {"type", "sentence_transformers.models.Transformer"}},
         {{"idx", 1}, {"name", "1"}, {"path", "1_Pooling"}, {"type", "sentence_transformers.models.Pooling"}}});
    if (normalize)
      modules.push_back(
          {{"idx", 2}, {"name", "2"}, {"path", "2_Normalize"}, {"type", "sentence_transformers.models.Normalize"}});
    write_json(dir / "modules.json", modules);
    write_json(dir / "sentence_bert_config.json", {{"max_seq_length", 10}, {"do_lower_case", false}});
    fs::create_directories(dir / "1_Pooling");
    write_json(dir / "1_Pooling" / "config.json", pooling);
  }
};

const std::vector<std::string> kTexts{"one", "a longer text than ten", "two", "", "xyz"};

// (T, width) of a text, by the plain path.
std::vector<std::vector<float>> states(const fs::path& folder, const std::vector<int32_t>& ids) {
  const auto model = load_model(folder, {.trainable = false, .body_only = true});
  const std::vector<int64_t> wide(ids.begin(), ids.end());
  const NamedTensors out =
      model->forward({{"input_ids", from_vector(wide, {1, static_cast<int64_t>(wide.size())})}}, {});
  std::vector<std::vector<float>> rows;
  for (const Tensor& row : unbind(select(out[0].second, 0, 0), 0)) rows.push_back(row.to_vector<float>());
  return rows;
}

void check_near(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-4));
}

}  // namespace

TEST_CASE("every way of pooling, joined in sentence-transformers' order, on texts without padding between them") {
  const SentenceDirectory s({{"word_embedding_dimension", 12},
                             {"pooling_mode_cls_token", true},
                             {"pooling_mode_max_tokens", true},
                             {"pooling_mode_mean_tokens", true},
                             {"pooling_mode_mean_sqrt_len_tokens", true},
                             {"pooling_mode_weightedmean_tokens", true},
                             {"pooling_mode_lasttoken", true}},
                            false);
  const SentenceEncoder encoder(s.dir.path);
  CHECK(encoder.max_seq_length() == 10);
  CHECK(encoder.width() == 72);
  const auto vectors = encoder.encode_all(kTexts, 3);
  REQUIRE(vectors.size() == kTexts.size());
  for (size_t i = 0; i < kTexts.size(); ++i) {
    const std::vector<int32_t> ids = encoder.tokenize(kTexts[i]);
    CHECK(ids.size() == std::min<size_t>(10, kTexts[i].size() + 2));
    const auto rows = states(s.dir.path, ids);
    std::vector<float> want(72);
    const auto n = static_cast<float>(rows.size());
    for (size_t c = 0; c < 12; ++c) {
      float sum = 0, weighted = 0, most = -1e30F;
      for (size_t t = 0; t < rows.size(); ++t) {
        sum += rows[t][c];
        weighted += static_cast<float>(t + 1) * rows[t][c];
        most = std::max(most, rows[t][c]);
      }
      want[c] = rows.front()[c];
      want[12 + c] = most;
      want[24 + c] = sum / n;
      want[36 + c] = sum / std::sqrt(n);
      want[48 + c] = weighted / (n * (n + 1) / 2);
      want[60 + c] = rows.back()[c];
    }
    check_near(vectors[i], want);
  }
}

TEST_CASE("normalised means in the newer spelling; the batch does not matter") {
  const SentenceDirectory s({{"embedding_dimension", 12}, {"pooling_mode", "mean"}}, true);
  const SentenceEncoder encoder(s.dir.path);
  const auto one = encoder.encode_all(kTexts, 1), all = encoder.encode_all(kTexts, 32);
  for (size_t i = 0; i < kTexts.size(); ++i) {
    double squares = 0;
    for (float x : all[i]) squares += static_cast<double>(x) * static_cast<double>(x);
    CHECK(squares == doctest::Approx(1).epsilon(1e-5));
    check_near(one[i], all[i]);
  }
}

TEST_CASE("directories that do not fit are refused by file") {
  const SentenceDirectory s({{"pooling_mode", "average"}}, false);
  CHECK_THROWS_AS(SentenceEncoder{s.dir.path}, FileError);
  write_json(s.dir / "1_Pooling" / "config.json", {{"pooling_mode", "mean"}});
  write_json(s.dir / "modules.json", {{"not", "a list"}});
  CHECK_THROWS_AS(SentenceEncoder{s.dir.path}, FileError);
  write_json(s.dir / "modules.json", Json::array({{{"path", ""}, {"type", "somebody.Elses"}}}));
  CHECK_THROWS_AS(SentenceEncoder{s.dir.path}, FileError);
}

TEST_CASE("guesses at a mask are the likeliest tokens; labels have their names") {
  TempDir dir;
  save(dir / "mlm", "BertForMaskedLM");
  const Tokenizer tokenizer = Tokenizer::load(dir / "mlm");
  const auto mlm = load_model(dir / "mlm", {.trainable = false});
  const auto guesses = fill_mask(*mlm, tokenizer, "a[MASK]c[MASK]", 3);
  REQUIRE(guesses.size() == 2);
  REQUIRE(guesses[0].size() == 3);
  CHECK(guesses[0][0].score >= guesses[0][1].score);
  CHECK(guesses[0][0].score < 1);
  CHECK_THROWS_AS(fill_mask(*mlm, tokenizer, "no mask", 3), ValueError);
  CHECK_THROWS_AS(classify_text(*mlm, tokenizer, "text"), ValueError);

  save(dir / "topic", "BertForSequenceClassification", {{"id2label", {{"0", "sea"}, {"1", "land"}, {"2", "air"}}}});
  const auto topic = load_model(dir / "topic", {.trainable = false});
  const auto labels = classify_text(*topic, tokenizer, "the ship");
  REQUIRE(labels.size() == 3);
  CHECK(labels[0].second + labels[1].second + labels[2].second == doctest::Approx(1));
  CHECK(labels[0].second >= labels[2].second);
  CHECK_THROWS_AS(fill_mask(*topic, tokenizer, "a [MASK]", 3), ValueError);
}
