#pragma once
#include <string>

#include "base/json.h"

namespace gradus {

/// A TOML document as JSON. Throws FileError naming `name` and line for malformed text, and for dates.
Json parse_toml(const std::string& text, const std::string& name);
/// A JSON value (no null) as the right side of "key = …".
std::string toml_value(const Json& value);

}  // namespace gradus
