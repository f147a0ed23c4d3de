#pragma once
#include <memory>
#include <string>
#include <vector>

#include "text/component_json.h"

namespace gradus {

/// Turns tokens back into text: one component of Hugging Face's "decoder". A chain of them works on a list of strings,
/// which are joined at the end.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void apply(std::vector<std::string>& tokens) const = 0;
  /// ByteLevel: what it gives are bytes, which may be no valid UTF-8.
  virtual bool gives_bytes() const { return false; }
};

/// The steps of a "decoder", in order, Sequences laid flat; none for null. Throws FileError.
std::vector<std::unique_ptr<const Decoder>> read_decoder(const ComponentFields& fields);

}  // namespace gradus
