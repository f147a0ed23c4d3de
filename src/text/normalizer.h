#pragma once
#include <memory>
#include <vector>

#include "text/aligned_text.h"
#include "text/component_json.h"

namespace gradus {

/// Changes a text before it is cut into words: one component of Hugging Face's "normalizer".
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(AlignedText& text) const = 0;
};

/// The steps of a "normalizer", in order, Sequences laid flat; none for null. Throws FileError.
std::vector<std::unique_ptr<const Normalizer>> read_normalizer(const ComponentFields& fields);
/// "Precompiled": the character map of a SentencePiece model, as base64.
std::unique_ptr<const Normalizer> read_precompiled(const ComponentFields& fields);

}  // namespace gradus
