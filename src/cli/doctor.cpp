// gradus doctor: what this machine has, what Gradus uses of it, and what each op can do.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

#include "base/json.h"
#include "base/parallel.h"
#include "base/version.h"
#include "cli/format.h"
#include "cli/machine.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "kernels/report.h"
#include "ops/registry.h"

namespace gradus::cli {

namespace {

Json words(const std::string& text) {
  Json list = Json::array();
  std::istringstream in(text);
  for (std::string word; in >> word;) list.push_back(word);
  return list;
}

Json variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? Json(value) : Json();
}

Json kernels_json() {
  Json list = Json::array();
  for (const KernelInfo& k : all_kernels()) list.push_back({{"name", k.slot}, {"cpu", words(k.cpu)}});
  return list;
}

// `kernels` gives for each device the types for which the op has them: on cpu the fast ones, for the others there is
// ref.
Json ops_json() {
  Json list = Json::array();
  for (const OpInfo& op : all_ops()) {
    const OpFacts facts = facts_of(op.name);
    list.push_back({{"name", op.name},
                    {"family", facts.family},
                    {"kernels", {{"ref", words(facts.ref)}, {"cpu", words(facts.cpu)}, {"meta", words(facts.meta)}}},
                    {"slots", words(op.kernels)},
                    {"gradient", op.gradient},
                    {"second_order", op.second_order},
                    {"meta", *facts.meta != 0}});
  }
  return list;
}

Json examine() {
  const Machine machine = describe_machine();
  const InstructionSets isa = instruction_sets();
  Json report;
  report["version"] = version();
  report["system"] = machine.system;
  report["cpu"] = {{"name", machine.cpu},
                   {"processors", machine.processors},
                   {"features", machine.features},
                   {"highway_targets", isa.targets},
                   {"highway_target", isa.highway},
                   {"onednn_isa", isa.onednn},
                   {"limit", isa.limit.empty() ? Json() : Json(isa.limit)}};
  report["threads"] = threads();
  report["memory"] = {{"total", machine.memory_total}, {"available", machine.memory_available}};
  report["libraries"] = {
      {"oneDNN", isa.onednn_version},
      {"Highway", isa.highway_version},
      {"OpenBLAS", isa.openblas_version},
      {"OpenMP", std::to_string(_OPENMP)},
      {"CLI11", CLI11_VERSION},
      {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"nlohmann-json",
       fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
      {"compiler", __VERSION__}};
  report["environment"] = {{"OMP_NUM_THREADS", variable("OMP_NUM_THREADS")},
                           {"GRADUS_CPU_ISA", variable("GRADUS_CPU_ISA")},
                           {"NO_COLOR", variable("NO_COLOR")}};
  report["ops"] = ops_json();
  report["kernels"] = kernels_json();
  return report;
}

std::string joined(const Json& list, const char* separator = " ") {
  std::string out;
  for (const Json& word : list) out += (out.empty() ? "" : separator) + word.get<std::string>();
  return out;
}

// "all", "floating", or the list.
std::string types_in_words(const Json& types) {
  const std::string list = joined(types);
  if (list.empty()) return "-";
  if (types.size() == 8) return "all";
  constexpr std::string_view kFloating = "f64 f32 f16 bf16";
  if (types.size() >= 4 && list.compare(0, kFloating.size(), kFloating) == 0)
    return "floating" + list.substr(kFloating.size());
  return list;
}

// One table a family.
std::string op_tables(const Json& ops) {
  std::string out, family;
  for (const Json& op : ops) {
    if (op["family"] != family) {
      family = op["family"].get<std::string>();
      out += fmt::format("\n{:<24}{:<28}{:<20}{:<10}{}\n", family, "takes", "fast for", "gradient", "second order");
    }
    const auto yes = [&](const char* key) { return op[key] == true ? "yes" : "-"; };
    out += fmt::format("  {:<22}{:<28}{:<20}{:<10}{}{}\n", op["name"].get<std::string>(),
                       types_in_words(op["kernels"]["ref"]), types_in_words(op["kernels"]["cpu"]), yes("gradient"),
                       yes("second_order"), op["meta"] == true ? "" : "  (not on meta)");
  }
  return out;
}

std::string target(const std::string& highway) { return highway == "AVX3" ? "AVX-512 (AVX3)" : highway; }

std::string readable(const Json& r) {
  const auto text = [](const Json& value, const char* otherwise) {
    return value.is_null() ? std::string(otherwise) : value.get<std::string>();
  };
  const Json &cpu = r["cpu"], &environment = r["environment"];
  std::string out = fmt::format("gradus {} on {}\n\n", text(r["version"], ""), text(r["system"], ""));
  const auto line = [&out](const char* name, const std::string& value) {
    out += fmt::format("{:<12}{}\n", name, value);
  };
  line("processor", fmt::format("{}, {} available", text(cpu["name"], "unknown"), cpu["processors"].get<int>()));
  line("features", joined(cpu["features"]));
  line("uses", fmt::format("{} in Highway's kernels, {} in oneDNN's", target(text(cpu["highway_target"], "")),
                           text(cpu["onednn_isa"], "")));
  line("limit",
       fmt::format("GRADUS_CPU_ISA {} (baseline, avx2 or avx512)", text(environment["GRADUS_CPU_ISA"], "is not set")));
  line("threads", fmt::format("{}, OMP_NUM_THREADS {}", r["threads"].get<int>(),
                              text(environment["OMP_NUM_THREADS"], "is not set")));
  line("memory", fmt::format("{}, {} available", human_bytes(r["memory"]["total"].get<double>()),
                             human_bytes(r["memory"]["available"].get<double>())));
  std::string libraries;
  for (const auto& [name, value] : r["libraries"].items())
    libraries += (libraries.empty() ? "" : ", ") + name + " " + value.get<std::string>();
  line("libraries", libraries);
  out +=
      "\nEvery op has plain loops for the types it takes; \"fast for\": it and its gradient meet fast kernels only.\n"
      "On the meta device all but those marked run without data, and tell shapes and bytes.\n" +
      op_tables(r["ops"]);
  std::string slow;
  for (const Json& kernel : r["kernels"])
    if (kernel["cpu"].empty()) slow += (slow.empty() ? "" : ", ") + kernel["name"].get<std::string>();
  if (!slow.empty()) out += "\nKernels that have plain loops only: " + slow + "\n";
  return out;
}

}  // namespace

void add_doctor(CLI::App& app) {
  const auto json = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("doctor", "What this machine has, what Gradus uses of it, what each op can do.");
  verb->footer(
      "OMP_NUM_THREADS sets the number of threads. GRADUS_CPU_ISA=baseline|avx2|avx512 keeps the kernels from newer\n"
      "instructions than those.");
  verb->add_flag("--json", *json, "one JSON object on stdout");
  verb->callback([json] {
    const Json report = examine();
    write_output(*json ? dump_json(report) + "\n" : readable(report));
  });
}

}  // namespace gradus::cli
