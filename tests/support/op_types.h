#pragma once
#include "support/op_case.h"

namespace gradus::testing {

/// Tries a case in every element type and notes, for the op whose OP_CASE runs, which it takes and for which all its
/// kernels are fast. Throws nothing but what is no gradus::Error.
void survey_types(const OpCase& c);

}  // namespace gradus::testing
