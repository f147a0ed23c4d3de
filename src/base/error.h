#pragma once
#include <stdexcept>
#include <string>

namespace gradus {

/// What went wrong, in the words a caller may branch on.
enum class ErrorKind {
  shape,   ///< sizes or ranks do not fit together
  dtype,   ///< an operand has a type the operation does not take
  index,   ///< an axis, index or token id is out of range
  value,   ///< an argument or setting has an impossible value
  file,    ///< a file is missing, unreadable, malformed or cannot be written
  memory,  ///< the allocator's ceiling or the machine's memory is reached
  grad,    ///< a gradient cannot be computed
};

/// The one exception of the library. `what()` reads "[op] what happened\nHINT: the remedy".
/// The library throws it and never prints, exits or aborts.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& op, const std::string& message, const std::string& hint = "");
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

/// One subclass a kind, so that `catch (const gradus::ShapeError&)` works too.
template <ErrorKind K>
class KindError : public Error {
 public:
  explicit KindError(const std::string& op, const std::string& message, const std::string& hint = "")
      : Error(K, op, message, hint) {}
};
using ShapeError = KindError<ErrorKind::shape>;
using DtypeError = KindError<ErrorKind::dtype>;
using IndexError = KindError<ErrorKind::index>;
using ValueError = KindError<ErrorKind::value>;
using FileError = KindError<ErrorKind::file>;
using MemoryError = KindError<ErrorKind::memory>;
using GradError = KindError<ErrorKind::grad>;

}  // namespace gradus
