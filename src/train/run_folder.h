#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "base/file.h"
#include "train/checkpoint.h"

namespace gradus {

/// The folder of a run, locked while this lives, and the checkpoint from which the run goes on.
struct RunFolder {
  FolderLock lock;
  std::optional<Checkpoint> from;
};

/// Makes the folder of a run and decides where the run begins. `resume` is empty (a new run), "latest" (the newest
/// checkpoint of the folder; a new run when there is none) or the path of a checkpoint. `overwrite` removes what an
/// earlier run left. Throws FileError when the folder cannot be written, is in use, or holds work that would be lost.
RunFolder open_run_folder(const std::filesystem::path& run, const std::string& resume, bool overwrite);

}  // namespace gradus
