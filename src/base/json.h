#pragma once
// The door to nlohmann-json. This header brings only its forward declarations; a source file that looks inside a
// document includes <nlohmann/json.hpp> itself.
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace gradus {

/// Keeps the order of keys, so that a file read and written back differs only where it was changed.
using Json = nlohmann::ordered_json;

/// Parses foreign text. `name` (a file, usually) stands in the error. Throws FileError on malformed text, on nesting
/// deeper than 128 levels, and on duplicate keys of one object.
Json parse_json(std::string_view text, const std::string& name);
Json read_json(const std::filesystem::path& path);
/// Indented by two spaces, with a newline at the end; invalid UTF-8 in strings is replaced by U+FFFD.
void write_json(const std::filesystem::path& path, const Json& json);
/// One line.
std::string dump_json(const Json& json);

}  // namespace gradus
