#pragma once
#include <cstdint>

/// Ranges of code points, ascending, both ends inside; see tools/make_unicode_tables.py.
namespace gradus::unicode_tables {

struct Range {
  uint32_t first, last;
};
extern const Range letter[], number[], space[], word[], punctuation[], numeric[], mark[], nonspacing[], control[],
    normalizes[], newer_han[];
extern const int letter_count, number_count, space_count, word_count, punctuation_count, numeric_count, mark_count,
    nonspacing_count, control_count, normalizes_count, newer_han_count;

/// Every `step`-th character of a range becomes the one `difference` further.
struct CaseRange {
  uint32_t first, last;
  int32_t step, difference;
};
extern const CaseRange lowercase[];
extern const int lowercase_count;

struct LabelledRange {
  uint32_t first, last;
  int32_t label;
};
extern const LabelledRange script[];
extern const int script_count;

/// A general category's two letters.
struct CategoryRange {
  uint32_t first, last;
  char major, minor;
};
extern const CategoryRange newer[];
extern const int newer_count;

}  // namespace gradus::unicode_tables
