#include "base/error.h"

namespace gradus {

static std::string compose(const std::string& op, const std::string& message, const std::string& hint) {
  std::string text = "[" + op + "] " + message;
  if (!hint.empty()) text += "\nHINT: " + hint;
  return text;
}

Error::Error(ErrorKind kind, const std::string& op, const std::string& message, const std::string& hint)
    : std::runtime_error(compose(op, message, hint)), kind_(kind) {}

}  // namespace gradus
