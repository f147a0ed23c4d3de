// gradus lab init, attention-scale, quadratic, surrogates.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/run_program.h"
#include "io/png.h"

using namespace gradus;

namespace {

bool has(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  CHECK_MESSAGE(found, text << "\n  lacks: " << part);
  return found;
}

Json json_of(const std::string& arguments) {
  const ProgramResult result = run_gradus(arguments + " --json");
  INFO(result.err);
  REQUIRE(result.code == 0);
  return parse_json(result.out, "stdout");
}

void refused(const std::string& arguments, const std::string& part) {
  const ProgramResult result = run_gradus(arguments);
  CHECK(result.code == 1);
  CHECK(result.out.empty());
  has(result.err, part);
}

}  // namespace

TEST_CASE("lab init: probes as a table, JSON and a picture") {
  const TempDir folder;
  const std::string picture = (folder / "p.png").string();
  const Json json = json_of("lab init --placement pre,post --units 64 --depth 6 --batch 8 --scale 1 -o " + picture);
  REQUIRE(json["probes"].size() == 2);
  CHECK(json["probes"][0]["layers"].size() == 7);
  CHECK(json["probes"][1]["layers"][6]["backward"].get<double>() == 1);
  CHECK(read_png(picture).width == 860);
  has(run_gradus("lab init --units 32 --depth 3").out, "a layer multiplies the states' mean square by");
  refused("lab init --placement middle", "there are none, pre, post");
  refused("lab init --depth 0", "depth must lie in");
  refused("lab init --activation sine", "sine");
}

TEST_CASE("lab attention-scale: entropy and gradient") {
  const Json json = json_of("lab attention-scale --head-dim 16 --keys 64 --queries 32");
  const auto& points = json["points"];
  CHECK(points.size() == 5);
  CHECK(points[2]["scale"] == 0.25);
  CHECK(points[2]["deviation"].get<double>() == doctest::Approx(1).epsilon(0.15));
  CHECK(points[4]["entropy"] < points[0]["entropy"]);
  has(run_gradus("lab attention-scale --keys 8 --scales 0.1,1").out, "entropy");
  refused("lab attention-scale --keys 0", "keys must lie in");
  refused("lab attention-scale --scales a", "is not a number");
}

TEST_CASE("lab quadratic: from a formula, coefficients or a spectrum") {
  const TempDir folder;
  const std::string picture = (folder / "q.png").string();
  const Json json = json_of("lab quadratic '5*x^2 + 4*x*y + 2*y^2 - 6*x' --start 3,3 --scale 1 -o " + picture);
  CHECK(json["kind"] == "positive definite");
  CHECK(json["condition"].get<double>() == doctest::Approx(6));
  CHECK(json["minimiser"][0].get<double>() == doctest::Approx(1));
  CHECK(json["methods"].size() == 7);
  for (const Json& m : json["methods"]) {
    CHECK(m["end"] == "converged");
    if (m["method"] == "conjugate_gradient") CHECK(m["iterations"] == 2);
    if (m["method"] == "newton") CHECK(m["iterations"] == 1);
  }
  CHECK(read_png(picture).width == 860);
  const Json same = json_of("lab quadratic --matrix '5,4;0,2' --linear=-6,0 --methods newton");
  CHECK(same["minimum"].get<double>() == doctest::Approx(-3));
  const Json big =
      json_of("lab quadratic --size 50 --condition 100 --methods conjugate_gradient,steepest_descent -o " + picture);
  CHECK(big["methods"][0]["iterations"] < big["methods"][1]["iterations"]);
  const Json saddle = json_of("lab quadratic 'x*y'");
  CHECK(saddle["kind"] == "indefinite");
  CHECK(saddle["bounded"] == false);
  CHECK(saddle["methods"].empty());
  has(run_gradus("lab quadratic 'x^2 - y'").out, "no minimum: b has a part along which there is no curvature");
  refused("lab quadratic", "there is no form");
  refused("lab quadratic 'x^2' --size 3", "given more than once");
  refused("lab quadratic 'x^4'", "is no quadratic form");
  refused("lab quadratic --matrix '1,2;3'", "a row of 1 numbers");
  refused("lab quadratic --matrix '1,a;3,4'", "is not a number");
  refused("lab quadratic 'x^2' --methods magic", "there are steepest_descent");
  refused("lab quadratic 'x^2' --start 1,2", "2 numbers for 1 variables");
  refused("lab quadratic 'x^2' --linear 1", "--linear belongs to --matrix");
}

TEST_CASE("lab surrogates: soft F1 reaches the F1 of the best threshold") {
  const Json json = json_of("lab surrogates");
  const auto f1 = [&](size_t i) { return json["scores"][i]["f1"].get<double>(); };
  CHECK((f1(0) > 0.3 && f1(0) < 0.5));
  CHECK(f1(1) > f1(0) + 0.02);
  CHECK(std::abs(f1(2) - f1(1)) < 0.02);
  CHECK(f1(3) < 0.1);
  for (const Json& b : json["smooth_max"]) CHECK(b["error"].get<double>() <= b["bound"].get<double>());
  has(run_gradus("lab surrogates --positives 50").out, "soft F1 from there");
  refused("lab surrogates --ratio 0", "ratio at least 1");
  refused("lab surrogates -k 0", "must be positive");
}
