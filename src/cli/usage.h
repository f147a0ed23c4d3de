#pragma once
#include <string>

namespace CLI {
class App;
class Validator;
}  // namespace CLI

namespace gradus::cli {

/// Numbers of at least 0, and of more than 0. CLI11's own say "not in range 0 to 179769313486231570814…".
CLI::Validator not_negative();
CLI::Validator positive();

/// What to say of a word that stands where `app` and its subcommands wait for one of their names; empty when all of
/// them are known.
std::string unknown_verb(const CLI::App& app, int argc, const char* const* argv);

}  // namespace gradus::cli
