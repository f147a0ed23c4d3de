#pragma once
#include <cstdint>

/// Ranges of code points, ascending, both ends inside; see tools/make_unicode_tables.py.
namespace gradus::unicode_tables {

struct Range {
  uint32_t first, last;
};
extern const Range letter[], number[], space[], word[];
extern const int letter_count, number_count, space_count, word_count;

}  // namespace gradus::unicode_tables
