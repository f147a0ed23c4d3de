#pragma once
#include <memory>
#include <vector>

#include "text/aligned_text.h"
#include "text/component_json.h"

namespace gradus {

/// A text and the pieces that it has been cut into so far; none of them is empty. What lies between pieces is gone.
struct PreTokenized {
  AlignedText text;
  std::vector<Piece> pieces;
};

/// Cuts text into words: one component of Hugging Face's "pre_tokenizer". It sees each piece alone.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(PreTokenized& pre) const = 0;
  /// Whether it asks where in the original a piece begins, so that the text must be tracked.
  virtual bool needs_origins() const { return false; }
};

/// Spells bytes in the byte-level alphabet, after an optional cut by GPT-2's pattern.
struct ByteLevelSettings {
  bool add_prefix_space = true;
  bool trim_offsets = true;
  bool use_regex = true;  ///< cut by the GPT-2 pattern; otherwise each piece is one word
};
ByteLevelSettings read_byte_level(const ComponentFields& fields);

/// ByteLevel's settings stand open: when it comes last, the model can take the bytes unspelled.
class ByteLevelPreTokenizer : public PreTokenizer {
 public:
  explicit ByteLevelPreTokenizer(const ByteLevelSettings& settings) : settings_(settings) {}
  const ByteLevelSettings& settings() const { return settings_; }
  /// Puts the space in front and cuts, but leaves the bytes as they are.
  void cut(PreTokenized& pre) const;
  void apply(PreTokenized& pre) const override;

 private:
  ByteLevelSettings settings_;
};

/// What Metaspace puts in front of a piece: a replacement character always, only where the original begins, or never.
enum class PrependScheme { always, first, never };
struct MetaspaceSettings {
  uint32_t replacement = 0x2581;
  PrependScheme prepend = PrependScheme::always;
  bool split = true;
};
MetaspaceSettings read_metaspace(const ComponentFields& fields);

/// The steps of a "pre_tokenizer", in order, Sequences laid flat; none for null. Throws FileError.
std::vector<std::unique_ptr<const PreTokenizer>> read_pre_tokenizer(const ComponentFields& fields);

}  // namespace gradus
