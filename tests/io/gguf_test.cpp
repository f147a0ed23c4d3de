#include "io/gguf.h"

#include <doctest/doctest.h>

#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "io/gguf_names.h"
#include "support/temp_dir.h"

using namespace gradus;

namespace {

StoredTensor tensor(const char* name, const Shape& shape, std::optional<QuantFormat> quant = {}) {
  StoredTensor t;
  t.name = name;
  t.shape = shape;
  t.quant = quant;
  return t;
}

// A file with every kind of field, two tensors.
std::string good_file() {
  const TempDir dir;
  const std::vector<GgufField> fields = {GgufField::of_text("general.architecture", "llama"),
                                         GgufField::of_integer("n", 7),
                                         GgufField::of_number("x", 1.5f),
                                         GgufField::of_flag("yes", true),
                                         GgufField::of_texts("words", {"a", "", "ccc"}),
                                         GgufField::of_integers("ints", {-1, 2, 3}),
                                         GgufField::of_numbers("floats", {0.5f, -2})};
  GgufWriter writer(dir / "x.gguf", fields, {tensor("a", {2, 3}), tensor("b", {2, 32}, QuantFormat::q8_0)});
  const float a[6] = {1, 2, 3, 4, 5, 6};
  writer.write(a, 8);
  writer.write(a + 2, 16);
  const std::string blocks(68, '\1');
  writer.write(blocks.data(), blocks.size());
  writer.commit();
  return read_file(dir / "x.gguf");
}

void check_refused(const std::string& file, const char* reason) {
  CAPTURE(reason);
  CHECK_THROWS_WITH_AS(parse_gguf(file, "bad.gguf"), doctest::Contains(reason), FileError);
  CHECK_THROWS_WITH_AS(parse_gguf(file, "bad.gguf"), doctest::Contains("bad.gguf"), FileError);
}

template <class T>
std::string with(std::string file, size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof(T));
  return file;
}

}  // namespace

TEST_CASE("a GGUF file holds what was written") {
  const TempDir dir;
  write_file_atomic(dir / "x.gguf", good_file());
  const Gguf file(dir / "x.gguf");
  CHECK(file.version() == 3);
  CHECK(file.require("n").integer() == 7);
  CHECK(file.require("n").number() == 7);
  CHECK(file.require("x").number() == 1.5);
  CHECK(file.require("yes").flag());
  CHECK(file.require("words").texts() == std::vector<std::string_view>{"a", "", "ccc"});
  CHECK(file.require("ints").integers() == std::vector<int64_t>{-1, 2, 3});
  CHECK(file.require("floats").numbers() == std::vector<double>{0.5, -2});
  CHECK_THROWS_WITH_AS(file.require("x").text(), doctest::Contains("\"x\" is f32, expected a string"), FileError);
  CHECK_THROWS_WITH_AS(file.require("absent"), doctest::Contains("lacks the field \"absent\""), FileError);
  REQUIRE(file.tensors().size() == 2);
  CHECK(file.load(0).to_vector<float>() == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(file.load(1).shape() == Shape{2, 32});
  CHECK(file.packed(1).format() == QuantFormat::q8_0);
  CHECK_FALSE(file.packed(0).defined());
  CHECK(file.tensors()[1].stored_type == "Q8_0");
}

TEST_CASE("what the GGUF format forbids is refused") {
  const std::string good = good_file();
  CHECK_NOTHROW(parse_gguf(good, "good"));
  check_refused("", "the mark");
  check_refused(with(good, 0, 'X'), "does not begin with \"GGUF\"");
  check_refused(with(good, 4, uint32_t{1}), "version 1");
  check_refused(with(good, 8, uint64_t{1} << 60), "tensors, more than it can hold");
  check_refused(with(good, 16, uint64_t{1} << 60), "fields, more than it can hold");
  check_refused(with(good, 24, uint64_t{1} << 50), "a field's name needs");
  const size_t kind = 24 + 8 + std::strlen("general.architecture");
  check_refused(with(good, kind, uint32_t{13}), "has the type 13");
  const size_t words = good.find("words") + 5;
  check_refused(with(good, words + 8, uint64_t{1} << 40), "claims");
  check_refused(with(good, words + 4, uint32_t{9}), "");
  const size_t a = good.rfind(std::string("\1\0\0\0\0\0\0\0a", 9)) + 9;
  check_refused(with(good, a, uint32_t{9}), "has 9 axes");
  check_refused(with(good, a + 4, uint64_t{1} << 61), "an impossible size");
  check_refused(with(good, a + 4, uint64_t{1} << 40), "lies outside");
  check_refused(with(good, a + 20, uint32_t{99}), "is of type 99");
  check_refused(with(good, a + 20, uint32_t{8}), "no whole blocks of 32");
  check_refused(with(good, a + 24, uint64_t{4}), "is not aligned");
  check_refused(with(good, a + 24, uint64_t{32}), "overlap");
  check_refused(good.substr(0, good.size() - 40), "lies outside");
  std::string twice = good;
  std::memcpy(twice.data() + good.find("ints"), "yes2", 4);
  CHECK_NOTHROW(parse_gguf(twice, "renamed"));
  twice[good.find(std::string("\1\0\0\0\0\0\0\0x", 9)) + 8] = 'n';
  check_refused(twice, "the field \"n\" stands twice");
  constexpr size_t kPadding = 28;  // behind the last tensor
  for (size_t cut = 0; cut < good.size() - kPadding; cut += 7)
    CHECK_THROWS_AS(parse_gguf(good.substr(0, cut), "cut"), FileError);
}

TEST_CASE("a writer wants exactly the announced bytes") {
  const TempDir dir;
  GgufWriter writer(dir / "x.gguf", {}, {tensor("a", {2})});
  const float x[3] = {};
  CHECK_THROWS_AS(writer.commit(), ValueError);
  CHECK_THROWS_AS(writer.write(x, 12), ValueError);
  writer.write(x, 8);
  writer.commit();
  CHECK(Gguf(dir / "x.gguf").tensors()[0].shape == Shape{2});
}

TEST_CASE("names of tensors go to GGUF and back") {
  const std::pair<const char*, const char*> names[] = {
      {"model.embed_tokens.weight", "token_embd.weight"},
      {"model.layers.12.self_attn.q_proj.weight", "blk.12.attn_q.weight"},
      {"model.layers.0.mlp.down_proj.bias", "blk.0.ffn_down.bias"},
      {"model.layers.3.post_attention_layernorm.weight", "blk.3.ffn_norm.weight"},
      {"lm_head.weight", "output.weight"}};
  for (const auto& [ours, theirs] : names) {
    CHECK(gguf_name("llama", ours)->name == theirs);
    CHECK(huggingface_name("llama", theirs)->name == ours);
  }
  CHECK(gguf_name("llama", "model.layers.1.self_attn.q_proj.weight")->change == GgufChange::permute_q);
  CHECK(gguf_name("qwen2", "model.layers.1.self_attn.q_proj.weight")->change == GgufChange::none);
  CHECK(gguf_name("gemma2", "model.layers.1.post_attention_layernorm.weight")->name ==
        "blk.1.post_attention_norm.weight");
  CHECK(gguf_name("gemma2", "model.norm.weight")->change == GgufChange::add_one);
  CHECK(huggingface_name("phi3", "blk.0.ffn_up.weight")->name == "model.layers.0.mlp.gate_up_proj.weight");
  CHECK(huggingface_name("qwen3", "blk.0.ffn_up.weight")->name == "model.layers.0.mlp.up_proj.weight");
  CHECK(gguf_name("gpt2", "h.0.attn.c_attn.weight")->name == "blk.0.attn_qkv.weight");
  CHECK(gguf_name("gpt2", "h.0.attn.c_attn.bias")->change == GgufChange::none);
  CHECK(gguf_name("gpt2", "transformer.h.0.attn.c_attn.weight")->change == GgufChange::transpose);
  CHECK(gguf_name("bert", "embeddings.LayerNorm.weight")->name == "token_embd_norm.weight");
  CHECK_FALSE(gguf_name("llama", "model.layers.x.self_attn.q_proj.weight"));
  CHECK_FALSE(gguf_name("unheard", "model.norm.weight"));
}
