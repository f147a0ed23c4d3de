#include <doctest/doctest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json.h"
#include "cli/run_program.h"
#include "ops/registry.h"

using namespace gradus;

namespace {

// The environment of programs started while one lives.
struct Variable {
  const char* name;
  Variable(const char* n, const char* value) : name(n) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name); }
};

Json examined() {
  const ProgramResult result = run_gradus("doctor --json");
  CHECK(result.code == 0);
  CHECK(result.err.empty());
  return parse_json(result.out, "stdout");
}

}  // namespace

TEST_CASE("doctor reports machine, libraries, and every op of the registry") {
  const Json r = examined();
  CHECK(r["cpu"]["processors"] >= 1);
  CHECK(r["threads"] >= 1);
  CHECK(r["memory"]["total"] > 1 << 20);
  CHECK(r["memory"]["available"] <= r["memory"]["total"]);
  CHECK(r["libraries"].contains("oneDNN"));
  std::set<std::string> named;
  for (const Json& op : r["ops"]) {
    named.insert(op["name"].get<std::string>());
    CHECK(op["kernels"].size() == 3);
    CHECK_MESSAGE(op["meta"] == !op["kernels"]["meta"].empty(), op["name"]);
    if (op["name"] == "matmul") {
      CHECK(op["family"] == "matmul");
      CHECK(op["gradient"] == true);
      CHECK(op["second_order"] == true);
      CHECK(op["meta"] == true);
      CHECK(op["slots"] == Json{"matmul"});
      CHECK(op["kernels"]["ref"] == Json{"f64", "f32", "f16", "bf16"});
      CHECK(op["kernels"]["cpu"] == Json{"f64", "f32", "f16", "bf16"});
      CHECK(op["kernels"]["meta"] == op["kernels"]["ref"]);
    }
    if (op["name"] == "add") CHECK(op["kernels"]["ref"].size() == 8);
    if (op["name"] == "argmax") CHECK(op["gradient"] == false);
    if (op["name"] == "logical") CHECK(op["kernels"]["cpu"].empty());
  }
  for (const OpInfo& op : all_ops()) CHECK_MESSAGE(named.count(op.name), op.name);
  const ProgramResult text = run_gradus("doctor");
  CHECK(text.code == 0);
  CHECK(text.out.find("linear_cross_entropy") != std::string::npos);
  CHECK(text.out.find("\nreduce                  takes") != std::string::npos);
}

TEST_CASE("doctor: the environment's limits on threads and instructions are obeyed") {
  const Variable threads("OMP_NUM_THREADS", "1");
  CHECK(examined()["threads"] == 1);
  for (const char* limit : {"baseline", "avx2"}) {
    const Variable isa("GRADUS_CPU_ISA", limit);
    const Json cpu = examined()["cpu"];
    CHECK(cpu["limit"] == limit);
    const std::string target = cpu["highway_target"].get<std::string>(), onednn = cpu["onednn_isa"].get<std::string>();
    CHECK(target.find("AVX3") == std::string::npos);
    CHECK(onednn.find("AVX-512") == std::string::npos);
    if (std::string(limit) == "baseline") {
      CHECK(target.find("AVX") == std::string::npos);
      CHECK(onednn.find("AVX") == std::string::npos);
    }
  }
  const Variable wrong("GRADUS_CPU_ISA", "avx9");
  const ProgramResult result = run_gradus("doctor");
  CHECK(result.code == 1);
  CHECK(result.err.find("GRADUS_CPU_ISA is \"avx9\", expected one of baseline, avx2, avx512") != std::string::npos);
}
