#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// Lets text through as it comes until one of the stop strings is complete. Text that may become one is held back, so
/// that no part of a stop string ever comes out. Of several, the one that is complete first counts (of two that end
/// together the longer one): however the text is cut into pieces, the same comes out.
class StopStrings {
 public:
  /// Throws ValueError for an empty one.
  explicit StopStrings(std::vector<std::string> stops);
  /// The text that is certain by now; nothing more once stopped.
  std::string push(std::string_view text);
  /// What was held back, when no more text comes.
  std::string finish();
  bool stopped() const { return !matched_.empty(); }
  /// The stop string that was found; "" before.
  const std::string& matched() const { return matched_; }

 private:
  std::vector<std::string> stops_;
  std::string held_, matched_;
};

}  // namespace gradus
