#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

namespace gradus {

/// A folder checkpoint-N of a run. One that has this name is complete: it was written elsewhere, flushed to the disk
/// and then renamed.
struct Checkpoint {
  std::filesystem::path path;
  int64_t step = 0;
};

/// By step. Empty when the folder does not exist.
std::vector<Checkpoint> list_checkpoints(const std::filesystem::path& run);
/// The checkpoint at `path`, which names it or has a name of its own with a trainer_state.json in it. Throws FileError.
Checkpoint open_checkpoint(const std::filesystem::path& path);

/// Makes checkpoint-`step`; `fill` writes its files into the folder it is given. Throws what `fill` throws and
/// FileError; what was there before is then untouched.
Checkpoint write_checkpoint(const std::filesystem::path& run, int64_t step,
                            const std::function<void(const std::filesystem::path&)>& fill);
/// Removes all but the newest `limit` checkpoints; 0 removes none.
void prune_checkpoints(const std::filesystem::path& run, int64_t limit);
/// Removes what interrupted writes and removals left behind.
void clean_stale(const std::filesystem::path& run);

}  // namespace gradus
