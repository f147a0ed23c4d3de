// gradus eval
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "data/documents.h"
#include "data/packing.h"
#include "infer/generation_config.h"
#include "infer/model_files.h"
#include "objectives/causal_lm.h"
#include "train/lm_evaluation.h"

namespace gradus::cli {

namespace {

struct EvalArguments {
  std::string model, dtype = "f32";
  DocumentSource source;
  int64_t max_length = 0, stride = 0, rows = 8;
  bool json = false;
};

// Windows of up to `length` tokens, `stride` apart; each but a document's first predicts only what the one before did
// not. A row a window, padded behind, where nothing before the padding can see it.
LmEvaluation evaluate_overlapping(const CausalLm& model, const TokenDocuments& documents, int64_t bytes, int64_t length,
                                  int64_t stride, int64_t rows) {
  struct Window {
    int64_t begin, end, first_target;  // tokens begin … end-1; predicts what follows tokens first_target … end-1
  };
  std::vector<Window> windows;
  for (int64_t d = 0; d < documents.count(); ++d) {
    const int64_t begin = documents.begin[static_cast<size_t>(d)], end = documents.begin[static_cast<size_t>(d) + 1];
    int64_t done = begin;
    for (int64_t at = begin; done < end; at += stride) {
      const int64_t stop = std::min(at + length, end);
      windows.push_back({at, stop, done});
      done = stop;
    }
  }
  const NoGrad no_grad;
  LmEvaluation result;
  result.bytes = bytes;
  for (size_t from = 0; from < windows.size(); from += static_cast<size_t>(rows)) {
    const size_t n = std::min(static_cast<size_t>(rows), windows.size() - from);
    int64_t width = 0;
    for (size_t r = 0; r < n; ++r) width = std::max(width, windows[from + r].end - windows[from + r].begin);
    std::vector<int64_t> ids(n * static_cast<size_t>(width), documents.separator), labels(ids.size(), -100);
    for (size_t r = 0; r < n; ++r) {
      const Window& w = windows[from + r];
      for (int64_t i = w.begin; i < w.end; ++i) {
        const size_t at = r * static_cast<size_t>(width) + static_cast<size_t>(i - w.begin),
                     next = static_cast<size_t>(i) + 1;
        ids[at] = documents.ids[next - 1];
        if (i >= w.first_target) labels[at] = next < documents.ids.size() ? documents.ids[next] : documents.separator;
      }
      result.targets += w.end - w.first_target;
    }
    const Shape shape{static_cast<int64_t>(n), width};
    LmInput in;
    in.input_ids = from_vector(ids, shape);
    const Tensor hidden = model.hidden(in, {});
    result.nats += causal_lm_loss(model, hidden, from_vector(labels, shape), 1).item();
  }
  return result;
}

int64_t piece_length(const EvalArguments& args, const CausalLm& model) {
  const int64_t positions = model.shape().max_positions;
  if (args.max_length > positions && positions > 0)
    throw ValueError("eval", "--max-length " + std::to_string(args.max_length) + " is more than the model's " +
                                 std::to_string(positions) + " positions.");
  // A model of very many positions reads its texts in pieces that fit into memory.
  const int64_t length = args.max_length > 0 ? args.max_length
                         : positions > 0     ? std::min<int64_t>(positions, 2048)
                                             : 2048;
  if (args.stride > length)
    throw ValueError("eval", "--stride " + std::to_string(args.stride) + " is more than the " + std::to_string(length) +
                                 " tokens of a piece: some would never be predicted.");
  return length;
}

void run_eval(EvalArguments args) {
  for (std::string& file : args.source.files)
    if (file == "-") file = "/dev/stdin";
  const Tokenizer tokenizer = load_tokenizer(args.model);
  const auto model = load_causal_lm(args.model, {.dtype = dtype_from_name(args.dtype), .trainable = false});
  const int64_t length = piece_length(args, *model);
  const std::vector<int32_t> eos = read_generation_config(args.model, *model, tokenizer).eos;
  const std::vector<std::string> texts = read_documents(args.source);
  const TokenDocuments documents =
      tokenize_documents(tokenizer, texts, eos.empty() ? end_of_text_of(tokenizer) : eos.front());
  const int64_t bytes = count_bytes(texts);
  const LmEvaluation e = args.stride > 0 && args.stride < length
                             ? evaluate_overlapping(*model, documents, bytes, length, args.stride, args.rows)
                             : evaluate_causal_lm(*model, documents, bytes, length, args.rows);
  if (args.json) {
    Json out = {{"loss", e.loss()},
                {"perplexity", e.perplexity()},
                {"bits_per_byte", e.bits_per_byte()},
                {"tokens", e.targets},
                {"bytes", e.bytes},
                {"documents", documents.count()},
                {"max_length", length}};
    if (args.stride > 0) out["stride"] = args.stride;
    write_output(dump_json(out) + "\n");
  } else {
    write_output(
        fmt::format("loss           {:.4f} nats a token\nperplexity     {:.3f}\nbits per byte  {:.4f}\n"
                    "tokens         {}\nbytes          {}\ndocuments      {}\n",
                    e.loss(), e.perplexity(), e.bits_per_byte(), e.targets, e.bytes, documents.count()));
  }
}

}  // namespace

void add_eval(CLI::App& app) {
  const auto args = std::make_shared<EvalArguments>();
  CLI::App* verb = app.add_subcommand("eval", "Loss, perplexity and bits per byte of a language model on texts.");
  verb->footer(
      "Every token is predicted, the first of a document from the end-of-text token, and so is its end; documents do\n"
      "not see each other. Bits per byte = nats / ln 2 / bytes of the texts. Training reports the same figures.\n"
      "Example: gradus eval --model runs/fortunes --separator % held_out.txt --json");
  verb->add_option("-m,--model", args->model, "folder with config.json, model.safetensors, tokenizer.json")->required();
  verb->add_option("FILE", args->source.files, "texts, also patterns (\"corpus/*.txt\"); - : standard input")
      ->required();
  verb->add_option("--exclude", args->source.exclude, "file names to leave out, as patterns (\"*.dat\")")
      ->take_all()
      ->expected(1);
  verb->add_option("--separator", args->source.separator,
                   "lines that hold exactly this separate documents; otherwise each file is one");
  verb->add_option("--format", args->source.format, "of the files; auto: by their names")
      ->check(CLI::IsMember({"auto", "text", "jsonl"}))
      ->capture_default_str();
  verb->add_option("--text-key", args->source.text_key, "jsonl: the key of the text")->capture_default_str();
  verb->add_option("--max-length", args->max_length, "tokens of a piece; default: the model's positions, 2048 at most")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  verb->add_option("--stride", args->stride, "let the pieces of a long document overlap: each predicts S new tokens")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  verb->add_option("--batch-size", args->rows, "pieces at a time")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->capture_default_str();
  verb->add_option("--dtype", args->dtype, "type to compute in")
      ->check(CLI::IsMember({"f32", "f64", "bf16", "f16"}))
      ->capture_default_str();
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->callback([args] { run_eval(*args); });
}

}  // namespace gradus::cli
