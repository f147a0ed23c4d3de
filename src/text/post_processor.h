#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "text/component_json.h"
#include "text/encoding.h"

namespace gradus {

/// Puts special tokens around encoded texts: one component of Hugging Face's "post_processor". It works on a list that
/// begins as one or two encodings, and whose entries are joined at the end.
class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  virtual void apply(std::vector<Encoding>& parts, bool add_special_tokens) const = 0;
  /// How many tokens it adds.
  virtual int64_t added_tokens(bool pair) const = 0;
};

/// The steps of a "post_processor", in order, Sequences laid flat; none for null. Throws FileError.
/// `vocab_size`: ids must be below it.
std::vector<std::unique_ptr<const PostProcessor>> read_post_processor(const ComponentFields& fields, int vocab_size);

}  // namespace gradus
