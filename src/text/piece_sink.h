#pragma once
#include <vector>

#include "text/aligned_text.h"

namespace gradus {

/// What becomes of the delimiters that a pre-tokenizer finds.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

/// Takes the parts of one piece after the other, delimiters and what lies between them, and makes pieces of them.
class PieceSink {
 public:
  /// `invert`: what lies between is what counts as delimiter.
  PieceSink(const AlignedText& text, SplitBehavior behavior, bool invert, std::vector<Piece>& out)
      : text_(text), out_(out), behavior_(behavior), invert_(invert), first_(out.size()) {}

  void add(size_t begin, size_t end, bool match) {
    match = match != invert_;
    switch (behavior_) {
      case SplitBehavior::removed:
        if (!match) push(begin, end);
        return;
      case SplitBehavior::isolated: push(begin, end); return;
      case SplitBehavior::merged_with_previous:
        match && !previous_ ? extend(begin, end) : push(begin, end);
        previous_ = match;
        return;
      case SplitBehavior::contiguous:
        match == previous_ ? extend(begin, end) : push(begin, end);
        previous_ = match;
        return;
      case SplitBehavior::merged_with_next:
        if (!match && waits_) begin = wait_begin_, waits_ = false;
        if (waits_) push(wait_begin_, wait_end_);
        if ((waits_ = match))
          wait_begin_ = begin, wait_end_ = end;
        else
          push(begin, end);
    }
  }
  /// The piece ends.
  void finish() {
    if (waits_) push(wait_begin_, wait_end_);
    waits_ = previous_ = false;
    first_ = out_.size();
  }

 private:
  void push(size_t begin, size_t end) {
    if (begin < end) out_.push_back({begin, end, text_.tracked ? text_.origins[begin].begin : 0});
  }
  void extend(size_t begin, size_t end) {
    if (out_.size() > first_)
      out_.back().end = end;
    else
      push(begin, end);
  }

  const AlignedText& text_;
  std::vector<Piece>& out_;
  SplitBehavior behavior_;
  bool invert_, previous_ = false, waits_ = false;
  size_t first_, wait_begin_ = 0, wait_end_ = 0;
};

}  // namespace gradus
