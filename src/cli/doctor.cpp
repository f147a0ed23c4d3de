// gradus doctor: what this machine has, what Gradus uses of it, and what each op can do.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

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
  for (const KernelInfo& k : all_kernels())
    list.push_back({{"name", k.slot}, {"ref", words(k.ref)}, {"cpu", words(k.cpu)}, {"meta", true}});
  return list;
}

// An op runs on a device when its kernels do; views and compositions need none.
Json ops_json(const Json& kernels) {
  Json list = Json::array();
  for (const OpInfo& op : all_ops()) {
    Json mine = Json::array();
    for (const Json& name : words(op.kernels)) {
      const auto found = std::find_if(kernels.begin(), kernels.end(), [&](const Json& k) { return k["name"] == name; });
      if (found == kernels.end()) continue;
      mine.push_back(*found);
      if (!has_fast_form(op.name)) mine.back()["cpu"] = Json::array();
    }
    list.push_back({{"name", op.name},
                    {"kernels", std::move(mine)},
                    {"gradient", op.gradient},
                    {"second_order", op.second_order},
                    {"meta", true}});
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
  const Json kernels = kernels_json();
  report["ops"] = ops_json(kernels);
  report["kernels"] = kernels;
  return report;
}

std::string joined(const Json& list, const char* separator = " ") {
  std::string out;
  for (const Json& word : list) out += (out.empty() ? "" : separator) + word.get<std::string>();
  return out;
}

// The types for which an op has fast kernels all the way.
std::string fast_types(const Json& op) {
  if (op["kernels"].empty()) return "no kernel needed";
  std::string out;
  for (const char* type : {"f64", "f32", "f16", "bf16", "i64", "i32", "u8", "bool"}) {
    const auto has = [&](const Json& k) { return std::find(k["cpu"].begin(), k["cpu"].end(), type) != k["cpu"].end(); };
    if (std::all_of(op["kernels"].begin(), op["kernels"].end(), has))
      out += (out.empty() ? "" : " ") + std::string(type);
  }
  return out.empty() ? "-" : out;
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
  out += fmt::format(
      "\nEvery kernel has plain loops (ref) for all types and a shape-only form (meta).\n\n"
      "{:<22}{:<36}{:<10}{}\n",
      "op", "fast cpu kernels for", "gradient", "second order");
  for (const Json& op : r["ops"])
    out += fmt::format("{:<22}{:<36}{:<10}{}\n", text(op["name"], ""), fast_types(op),
                       op["gradient"] == true ? "yes" : "-", op["second_order"] == true ? "yes" : "-");
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
