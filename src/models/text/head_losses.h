#pragma once
#include <string>

#include "models/fields.h"
#include "models/inputs.h"

namespace gradus {

/// The configuration of a classifier: Hugging Face's id2label (or num_labels) and problem_type.
struct Labelling {
  int64_t num_labels = 2;
  std::string problem_type;  ///< regression, single_label_classification, multi_label_classification; empty: see below
};
void fields(Fields& f, Labelling& c);

/// The mean loss of logits (B, num_labels) against the input "labels": squared error for a regression (labels (B) or
/// (B, num_labels)), cross-entropy for one label (B), binary cross-entropy for several (B, num_labels). Without a
/// problem_type one output is a regression, integers are single labels and numbers several. Undefined without labels.
Tensor classification_loss(const ModelInputs& in, const Tensor& logits, const Labelling& labelling);

/// The mean cross-entropy of logits (..., classes) against an input of integers (...); undefined without it.
Tensor label_loss(const ModelInputs& in, const char* name, const Tensor& logits);

/// The mean of both cross-entropies of start_logits and end_logits (B, T) against start_positions and end_positions
/// (B); positions outside the text are ignored. Undefined unless both are there.
Tensor span_loss(const ModelInputs& in, const Tensor& start_logits, const Tensor& end_logits);

}  // namespace gradus
