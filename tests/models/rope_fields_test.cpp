// Rotary settings as config.json has them, against transformers: tests/golden/make_rope_goldens.py made the numbers.
#include "models/text/rope_fields.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "ops/create.h"

using namespace gradus;

namespace {

RopeConfig read(Json config, const RopeDefaults& defaults) {
  Fields f(config, "config.json");
  return rope_fields(f, defaults);
}

void check_frequencies(const RopeConfig& rope, const Json& golden) {
  CHECK(rope.attention_factor == doctest::Approx(golden["attention_factor"].get<double>()).epsilon(1e-12));
  const auto got = rope_frequencies(rope, golden["length"].get<int64_t>());
  const auto want = golden["inv_freq"].get<std::vector<double>>();
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i)
    CHECK(std::abs(static_cast<double>(got[i]) - want[i]) <= 4e-7 * want[i]);  // an ulp of pow and one of the rest
}

}  // namespace

TEST_CASE("rotary frequencies of every type equal transformers', in both spellings") {
  const Json goldens = read_json(std::filesystem::path(GRADUS_TEST_DIR) / "golden" / "rope.json");
  for (const auto& [name, golden] : goldens.items()) {
    CAPTURE(name);
    const RopeDefaults defaults{golden["head_dim"].get<int64_t>(), golden["max_position_embeddings"].get<int64_t>()};
    Json parameters = golden["rope_parameters"];
    check_frequencies(read({{"rope_parameters", parameters}}, defaults), golden);

    Json old = {{"rope_theta", parameters["rope_theta"]}};
    parameters.erase("rope_theta");
    parameters["type"] = parameters["rope_type"];  // the oldest files
    parameters.erase("rope_type");
    old["rope_scaling"] = parameters["type"] == "default" ? Json() : parameters;
    check_frequencies(read(old, defaults), golden);
  }
}

TEST_CASE("rotary settings: what stands beside, what Phi-3 writes, and what each kind of layer has") {
  // 16384 / 4096 is the factor that is not given, and the position beside goes before the one inside
  const Json yarn = {{"rope_type", "yarn"}, {"rope_theta", 1e6}, {"original_max_position_embeddings", 1}};
  const RopeConfig outside = read({{"rope_parameters", yarn}, {"original_max_position_embeddings", 4096}}, {64, 16384});
  CHECK(outside.factor == 4);
  CHECK(outside.original_max_position_embeddings == 4096);

  RopeDefaults phi3{16, 64};
  phi3.phi3 = true;
  const Json two = {1.0, 2.0};
  const RopeConfig su = read({{"partial_rotary_factor", 0.25},
                              {"original_max_position_embeddings", 32},
                              {"rope_scaling", {{"type", "su"}, {"short_factor", two}, {"long_factor", two}}}},
                             phi3);
  CHECK(su.type == "longrope");
  CHECK(su.dim == 4);
  CHECK(su.attention_factor == doctest::Approx(std::sqrt(1 + std::log(2.0) / std::log(32.0))));
  CHECK(rope_changes_at(su) == 0);  // both lists are the same

  Json gemma = {{"rope_theta", 5e5},
                {"rope_local_base_freq", 123.0},
                {"rope_scaling", {{"rope_type", "linear"}, {"factor", 8.0}}}};
  Fields f(gemma, "config.json");
  const LayeredRope old = layered_rope_fields(f, {8, 64, 1e6}, {8, 64, 1e4});
  CHECK(old.full.type == "linear");
  CHECK(old.full.theta == 5e5);
  CHECK(old.sliding.type == "default");
  CHECK(old.sliding.theta == 123);
}

TEST_CASE("rotary settings that make no sense are refused by name") {
  const RopeDefaults d{16, 64};
  const auto with = [&](const Json& parameters) { return read({{"rope_parameters", parameters}}, d); };
  CHECK_THROWS_WITH_AS(with({{"rope_type", "spiral"}}), doctest::Contains("rope_type"), ValueError);
  CHECK_THROWS_WITH_AS(with({{"rope_type", "linear"}}), doctest::Contains("factor"), ValueError);
  CHECK_THROWS_WITH_AS(with({{"rope_type", "longrope"}, {"short_factor", {1.0}}}), doctest::Contains("list of 8"),
                       ValueError);
  CHECK_THROWS_WITH_AS(with({{"rope_type", "yarn"}, {"rope_theta", 1.0}}), doctest::Contains("rope_theta"), ValueError);
  CHECK_THROWS_WITH_AS(with({{"rope_type", "linear"}, {"factor", 2.0}, {"partial_rotary_factor", 0.5}}),
                       doctest::Contains("partial_rotary_factor"), ValueError);
  CHECK_THROWS_WITH_AS(read({}, {15, 64}), doctest::Contains("even"), ValueError);
  CHECK_THROWS_AS(rope_frequencies({.type = "spiral", .dim = 4}), ValueError);
}

TEST_CASE("cos and sin carry the attention factor, and a longer text may ask for other frequencies") {
  RopeConfig c{.type = "longrope", .dim = 4, .original_max_position_embeddings = 8};
  c.attention_factor = 1.5;
  c.short_factor = {1, 1}, c.long_factor = {2, 4};
  CHECK(rope_changes_at(c) == 9);
  const Tensor positions = from_vector<int64_t>({0, 3}, {1, 2});
  const RopeTables few = rope_tables(c, positions, Dtype::f32), many = rope_tables(c, positions, Dtype::f32, 9);
  CHECK(few.cos.to_vector<double>()[0] == 1.5);
  CHECK(few.sin.to_vector<double>()[2] == doctest::Approx(1.5 * std::sin(3.0)));
  CHECK(many.sin.to_vector<double>()[2] == doctest::Approx(1.5 * std::sin(1.5)));
}
