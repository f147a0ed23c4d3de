#pragma once
#include <string>
#include <vector>

namespace gradus {

/// Letters to change, add, drop or swap with their neighbour.
size_t edit_distance(const std::string& a, const std::string& b);

/// The name among `names` that is nearest to `wrong`, for "did you mean"; empty when none is near enough (a third of
/// its letters, two at least).
std::string nearest_name(const std::string& wrong, const std::vector<std::string>& names);

/// "a, b, c"
std::string joined_names(const std::vector<std::string>& names);

}  // namespace gradus
