#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "autograd/profile.h"
#include "base/json.h"
#include "io/flame.h"

// What an OpProfile saw, for people and other programs.
namespace gradus {

/// {phase, scope parts..., op}: "transformer.h.0.attn" gives "transformer", "h.0", "attn".
std::vector<std::string> profile_path(const ProfileEvent& event);

/// A chart of the events: coloured by kind (products, attention, norms, …), grey where modules hold them.
FlameChart flame_chart(const std::vector<ProfileEvent>& events, const std::string& title);

/// Ops, the modules around them, and the memory in use, for chrome://tracing or Perfetto.
void write_chrome_trace(const std::filesystem::path& path, const std::vector<ProfileEvent>& events,
                        const std::string& process);

}  // namespace gradus
