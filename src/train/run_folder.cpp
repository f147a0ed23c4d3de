#include "train/run_folder.h"

#include <unistd.h>

#include <system_error>
#include <utility>

#include "base/error.h"

namespace gradus {

namespace {

namespace fs = std::filesystem;

void remove_earlier_run(const fs::path& run) {
  std::error_code error;
  for (const Checkpoint& c : list_checkpoints(run)) fs::remove_all(c.path, error);
  for (const char* name : {"tensorboard", "metrics.jsonl", "loss.png", "recipe.toml", "model.safetensors",
                           "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"})
    fs::remove_all(run / name, error);
}

}  // namespace

RunFolder open_run_folder(const fs::path& run, const std::string& resume, bool overwrite) {
  if (run.empty())
    throw ValueError("train", "there is no output folder.", "name one: --output-dir DIR, or train.output_dir.");
  if (overwrite && !resume.empty())
    throw ValueError("train", "--overwrite and --resume contradict each other.",
                     "--resume goes on with what is there, --overwrite throws it away.");
  std::optional<Checkpoint> from;
  if (!resume.empty() && resume != "latest") from = open_checkpoint(resume);

  std::error_code error;
  fs::create_directories(run, error);
  if (error) throw FileError("train", "cannot make the folder " + run.string() + ": " + error.message() + ".");
  if (::access(run.c_str(), W_OK | X_OK) != 0)
    throw FileError("train", "cannot write into the folder " + run.string() + ".", "check its permissions.");
  FolderLock lock(run);
  clean_stale(run);
  if (overwrite) remove_earlier_run(run);

  const std::vector<Checkpoint> held = list_checkpoints(run);
  if (resume == "latest") {
    if (!held.empty()) from = open_checkpoint(held.back().path);
  } else if (from) {
    if (!held.empty() && held.back().step > from->step)
      throw FileError("train",
                      run.string() + " holds a later checkpoint (" + held.back().path.filename().string() + ") than " +
                          from->path.string() + ".",
                      "--resume latest, another --output-dir, or move the later checkpoints away.");
  } else if (!held.empty() || fs::exists(run / "model.safetensors")) {
    throw FileError(
        "train",
        run.string() + " already holds " + (held.empty() ? "a model" : held.back().path.filename().string()) + ".",
        "--resume latest goes on from there, --overwrite throws it away, --output-dir names another folder.");
  }
  return {std::move(lock), std::move(from)};
}

}  // namespace gradus
