#include "train/checkpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace gradus {

namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "checkpoint-";
constexpr const char* kUnfinished = ".unfinished-";  // before the name: not (or no longer) a checkpoint

std::optional<int64_t> step_in_name(const std::string& name) {
  const std::string prefix = kPrefix;
  if (name.rfind(prefix, 0) != 0) return {};
  const std::string digits = name.substr(prefix.size());
  if (digits.empty() || digits.size() > 15 || digits.find_first_not_of("0123456789") != std::string::npos) return {};
  return std::stoll(digits);
}

void rename_or_throw(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error)
    throw FileError("checkpoint",
                    "cannot rename " + from.string() + " to " + to.string() + ": " + error.message() + ".");
}

// Under another name first: a removal that is interrupted must not leave half a checkpoint.
void remove_checkpoint(const Checkpoint& checkpoint) {
  const fs::path run = checkpoint.path.parent_path();
  const fs::path doomed = run / (kUnfinished + checkpoint.path.filename().string() + "-old");
  std::error_code ignored;
  fs::remove_all(doomed, ignored);
  rename_or_throw(checkpoint.path, doomed);
  fs::remove_all(doomed, ignored);
}

}  // namespace

std::vector<Checkpoint> list_checkpoints(const fs::path& run) {
  std::vector<Checkpoint> found;
  std::error_code error;
  for (fs::directory_iterator it(run, error), end; !error && it != end; it.increment(error)) {
    const auto step = step_in_name(it->path().filename().string());
    if (step && it->is_directory()) found.push_back({it->path(), *step});
  }
  std::sort(found.begin(), found.end(), [](const Checkpoint& a, const Checkpoint& b) { return a.step < b.step; });
  return found;
}

Checkpoint open_checkpoint(const fs::path& path) {
  const fs::path state = path / "trainer_state.json";
  if (!fs::exists(state))
    throw FileError("resume", path.string() + " holds no trainer_state.json.",
                    "name a checkpoint-N folder, or resume from \"latest\".");
  const Json json = read_json(state);
  const auto it = json.is_object() ? json.find("global_step") : json.end();
  if (!json.is_object() || it == json.end() || !it->is_number_integer() || it->get<int64_t>() < 0)
    throw FileError("resume", state.string() + ": global_step must be a whole number.");
  return {path, it->get<int64_t>()};
}

Checkpoint write_checkpoint(const fs::path& run, int64_t step, const std::function<void(const fs::path&)>& fill) {
  const Checkpoint made{run / (kPrefix + std::to_string(step)), step};
  const fs::path unfinished = run / (kUnfinished + made.path.filename().string());
  std::error_code error;
  fs::remove_all(unfinished, error);
  fs::create_directories(unfinished, error);
  if (error)
    throw FileError("checkpoint", "cannot make the folder " + unfinished.string() + ": " + error.message() + ".");
  try {
    fill(unfinished);
    sync_directory(unfinished);
    if (fs::exists(made.path)) remove_checkpoint(made);
    rename_or_throw(unfinished, made.path);
    sync_directory(run);
  } catch (...) {
    fs::remove_all(unfinished, error);
    throw;
  }
  return made;
}

void prune_checkpoints(const fs::path& run, int64_t limit) {
  if (limit <= 0) return;
  const std::vector<Checkpoint> all = list_checkpoints(run);
  for (size_t i = 0; i + static_cast<size_t>(limit) < all.size(); ++i) remove_checkpoint(all[i]);
}

void clean_stale(const fs::path& run) {
  std::error_code error;
  std::vector<fs::path> stale;
  for (fs::directory_iterator it(run, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool half_a_file = name.find(".tmp") != std::string::npos && it->is_regular_file() &&
                             name.substr(name.find(".tmp") + 4).find_first_not_of("0123456789") == std::string::npos;
    if (name.rfind(kUnfinished, 0) == 0 || half_a_file) stale.push_back(it->path());
  }
  for (const fs::path& path : stale) fs::remove_all(path, error);
}

}  // namespace gradus
