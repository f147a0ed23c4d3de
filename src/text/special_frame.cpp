#include "text/special_frame.h"

#include <algorithm>
#include <utility>

namespace gradus {

SpecialFrame::SpecialFrame(const Tokenizer& tokenizer) {
  // What stands around the ids of a text that is known.
  const std::vector<int32_t> plain = tokenizer.encode("a", {.add_special_tokens = false});
  const std::vector<int32_t> framed = tokenizer.encode("a");
  const auto at = std::search(framed.begin(), framed.end(), plain.begin(), plain.end());
  if (framed.size() > plain.size() && at != framed.end()) {
    before_.assign(framed.begin(), at);
    after_.assign(at + static_cast<std::ptrdiff_t>(plain.size()), framed.end());
    return;
  }
  for (const auto& [cls, sep] : {std::pair{"[CLS]", "[SEP]"}, {"<s>", "</s>"}}) {
    const auto first = tokenizer.id_of(cls), last = tokenizer.id_of(sep);
    if (!first || !last) continue;
    before_ = {*first};
    after_ = {*last};
    return;
  }
}

std::vector<int32_t> SpecialFrame::encode(const Tokenizer& tokenizer, std::string_view text, int64_t limit) const {
  std::vector<int32_t> ids = before_;
  const std::vector<int32_t> plain = tokenizer.encode(text, {.add_special_tokens = false});
  const int64_t room = std::max<int64_t>(0, limit - static_cast<int64_t>(before_.size() + after_.size()));
  const auto length = std::min<int64_t>(room, static_cast<int64_t>(plain.size()));
  ids.insert(ids.end(), plain.begin(), plain.begin() + length);
  ids.insert(ids.end(), after_.begin(), after_.end());
  return ids;
}

}  // namespace gradus
