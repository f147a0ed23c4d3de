#include "models/text/head_losses.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/labels.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/loss.h"
#include "ops/loss_class.h"
#include "ops/loss_regression.h"
#include "ops/shape.h"

namespace gradus {

namespace {

Tensor integers(const ModelInputs& in, const char* name) {
  const Tensor x = in.find(name);
  if (is_floating(x.dtype()))
    throw DtypeError(in.model(), std::string(name) + " must be integers, got " + x.describe() + ".");
  return cast(x, Dtype::i64);
}

// As many numbers as the logits have, in their shape and type.
Tensor targets_like(const ModelInputs& in, const Tensor& labels, const Tensor& logits) {
  if (labels.count() != logits.count())
    throw ShapeError(in.model(), "labels " + labels.describe() + " do not fit logits " + logits.describe() + ".");
  return reshape(cast(labels, logits.dtype()), logits.shape());
}

}  // namespace

void fields(Fields& f, Labelling& c) {
  if (const Json* names = f.object("id2label"))
    c.num_labels = std::max<int64_t>(1, static_cast<int64_t>(names->size()));
  else
    f.integer("num_labels", c.num_labels, {.min = 1});
  f.optional_text("problem_type", c.problem_type,
                  {"regression", "single_label_classification", "multi_label_classification"});
}

Tensor classification_loss(const ModelInputs& in, const Tensor& logits, const Labelling& labelling) {
  const Tensor labels = in.find("labels");
  if (!labels.defined()) return {};
  std::string problem = labelling.problem_type;
  if (problem.empty())
    problem = labelling.num_labels == 1      ? "regression"
              : !is_floating(labels.dtype()) ? "single_label_classification"
                                             : "multi_label_classification";
  if (problem == "regression") return mse_loss(logits, targets_like(in, labels, logits));
  if (problem == "multi_label_classification")
    return binary_cross_entropy_with_logits(logits, targets_like(in, labels, logits));
  const Tensor classes = integers(in, "labels");
  if (classes.count() != logits.size(0))
    throw ShapeError(in.model(), "labels " + labels.describe() + " do not fit logits " + logits.describe() + ".",
                     "one label a row; problem_type in config.json says what kind they are.");
  return cross_entropy(logits, reshape(classes, {classes.count()}));
}

Tensor label_loss(const ModelInputs& in, const char* name, const Tensor& logits) {
  if (!in.has(name)) return {};
  const Tensor labels = integers(in, name);
  const int64_t classes = logits.size(-1);
  if (labels.count() * classes != logits.count())
    throw ShapeError(in.model(),
                     std::string(name) + " " + labels.describe() + " do not fit logits " + logits.describe() + ".");
  return cross_entropy(reshape(logits, {labels.count(), classes}), reshape(labels, {labels.count()}));
}

Tensor span_loss(const ModelInputs& in, const Tensor& start_logits, const Tensor& end_logits) {
  if (!in.has("start_positions") || !in.has("end_positions")) return {};
  const int64_t batch = start_logits.size(0), time = start_logits.size(1);
  const auto loss = [&](const char* name, const Tensor& logits) {
    std::vector<int64_t> at = integers(in, name).to_vector<int64_t>();
    if (static_cast<int64_t>(at.size()) != batch)
      throw ShapeError(in.model(), std::string(name) + " must have one position a row, got " +
                                       in.find(name).describe() + " for " + std::to_string(batch) + " rows.");
    for (int64_t& p : at) {  // negative ones count as the first, later ones are none
      p = std::max<int64_t>(p, 0);
      if (p >= time) p = kIgnoredLabel;
    }
    return cross_entropy(logits, from_vector(at, {batch}));
  };
  return mul(add(loss("start_positions", start_logits), loss("end_positions", end_logits)), 0.5);
}

}  // namespace gradus
