#pragma once
#include <cstdint>
#include <string>

namespace gradus::cli {

/// "812", "4.2k", "19.7M", "1.3G": three digits at most, for people.
std::string human_count(double n);
/// "812 B", "16.8 MB": powers of 1000, as disks and memory figures elsewhere in Gradus.
std::string human_bytes(double bytes);
/// "0:07", "12:34", "1:02:03"; "-:--" for what is not finite.
std::string human_duration(double seconds);

}  // namespace gradus::cli
