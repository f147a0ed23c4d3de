#include "cli/usage.h"

#include <CLI/CLI.hpp>
#include <vector>

#include "base/nearest.h"

namespace gradus::cli {

namespace {

CLI::Validator bounded(const char* name, const char* words, bool (*holds)(double)) {
  return CLI::Validator(
      [words, holds](std::string& text) {
        double value = 0;
        if (CLI::detail::lexical_cast(text, value) && holds(value)) return std::string();
        return "must be a number " + std::string(words) + ", got " + text;
      },
      name);
}

}  // namespace

CLI::Validator not_negative() {
  return bounded("NOT_NEGATIVE", "of at least 0", [](double v) { return v >= 0; });
}

CLI::Validator positive() {
  return bounded("POSITIVE", "above 0", [](double v) { return v > 0; });
}

std::string unknown_verb(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    const auto subcommands = at->get_subcommands({});
    if (subcommands.empty() || !at->get_require_subcommand_min()) return {};
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const CLI::App* s : subcommands) {
      names.push_back(s->get_name());
      if (s->check_name(argv[i])) next = s;
    }
    if (next) {
      at = next;
      continue;
    }
    const std::string near = nearest_name(argv[i], names), who = at == &app ? "gradus" : "gradus " + at->get_name();
    return who + " has no verb \"" + argv[i] + "\"" + (near.empty() ? "" : "; did you mean " + near + "?") + "\n" +
           "Run " + who + " --help for more information.";
  }
  return {};
}

}  // namespace gradus::cli
