#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>

#include "autograd/anomaly.h"
#include "autograd/autograd.h"
#include "base/error.h"
#include "cli/verbs.h"
#include "io/safetensors.h"
#include "models/model.h"
#include "objectives/causal_lm.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus::cli {

namespace {

struct RunOptions {
  std::string model, in, out, dtype = "f32";
  bool grad = false, detect_anomaly = false;
};

// An optional input; unknown names are refused, so that a typing error cannot pass as "not given".
Tensor input(const NamedTensors& inputs, const char* name) {
  for (const auto& [key, value] : inputs)
    if (key == name) return value;
  return {};
}

void check_names(const NamedTensors& inputs, const std::string& file) {
  for (const auto& entry : inputs) {
    bool known = false;
    for (const char* name : {"input_ids", "attention_mask", "position_ids", "labels"}) known |= entry.first == name;
    if (!known)
      throw FileError("run", file + ": unknown input \"" + entry.first + "\".",
                      "inputs are input_ids, attention_mask, position_ids, labels.");
  }
  if (!input(inputs, "input_ids").defined()) throw FileError("run", file + ": the input \"input_ids\" is missing.");
}

// logits and, with labels, the loss as Hugging Face gives them.
NamedTensors evaluate(const CausalLm& model, const NamedTensors& inputs, bool want_grad) {
  const LmInput in =
      model.input(input(inputs, "input_ids"), input(inputs, "attention_mask"), input(inputs, "position_ids"));
  Tensor labels = input(inputs, "labels");
  if (labels.defined()) labels = cast(labels, Dtype::i64);
  if (want_grad && !labels.defined())
    throw ValueError("run", "--grad needs the input \"labels\": gradients are those of the loss.");

  const Tensor hidden = model.hidden(in, {});
  NamedTensors out;
  {
    const NoGrad off;
    out.emplace_back("logits", cast(model.logits(hidden), Dtype::f32));
  }
  if (!labels.defined()) return out;
  if (!(labels.shape() == in.input_ids.shape()))
    throw ShapeError(
        "run", "labels " + labels.describe() + " must have the shape of input_ids " + in.input_ids.describe() + ".");
  const Tensor loss = causal_lm_loss(model, hidden, shift_labels(labels));
  out.emplace_back("loss", cast(loss.detach(), Dtype::f32));
  if (!want_grad) return out;
  backward(loss);
  for (const Parameter& p : model.parameters().all()) {
    const Tensor grad = grad_of(p.value);
    if (!grad.defined()) throw GradError("run", "the parameter \"" + p.name + "\" got no gradient.");
    out.emplace_back("grad." + p.name, cast(grad, Dtype::f32));
  }
  return out;
}

void run(const RunOptions& o) {
  const Safetensors file(o.in);
  const NamedTensors inputs = file.load_all();
  check_names(inputs, o.in);
  std::vector<std::string> unused;
  const auto model = load_causal_lm(o.model, {.dtype = dtype_from_name(o.dtype), .trainable = o.grad}, &unused);
  for (const std::string& name : unused) std::fprintf(stderr, "note: %s is not used by this model\n", name.c_str());
  std::optional<DetectAnomaly> anomaly;
  if (o.detect_anomaly) {
    anomaly.emplace();
    for (const Parameter& p : model->parameters().all()) anomaly->name(p.value, p.name);
  }
  write_safetensors(o.out, evaluate(*model, inputs, o.grad));
}

}  // namespace

void add_run(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* verb =
      app.add_subcommand("run", "Run a model on tensors from a file: the door for checking it against others.");
  verb->footer(
      "Inputs (safetensors): input_ids (B, T); optional attention_mask, position_ids, labels (-100 = ignored,\n"
      "shifted inside the model as Hugging Face does). Outputs: logits, loss (with labels), grad.<parameter> "
      "(--grad).\n"
      "Dropout is off. Example: gradus run runs/fortunes --in inputs.safetensors --out outputs.safetensors --grad");
  verb->add_option("model", options->model, "model directory with config.json and model.safetensors")->required();
  verb->add_option("--in", options->in, "safetensors file with the inputs")->required();
  verb->add_option("--out", options->out, "safetensors file to write")->required();
  verb->add_flag("--grad", options->grad, "also write the gradient of the loss for every parameter");
  verb->add_flag("--detect-anomaly", options->detect_anomaly,
                 "fail at the first operation that makes a NaN or an infinity, naming it");
  verb->add_option("--dtype", options->dtype, "type to compute in")
      ->check(CLI::IsMember({"f32", "f64", "bf16", "f16"}))
      ->capture_default_str();
  verb->callback([options] { run(*options); });
}

}  // namespace gradus::cli
