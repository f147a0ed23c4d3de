#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "train/checkpoint.h"

namespace gradus {

/// Makes the folder of a run and decides where the run begins. `resume` is empty (a new run), "latest" (the newest
/// checkpoint of the folder; a new run when there is none) or the path of a checkpoint. `overwrite` removes what an
/// earlier run left. Throws FileError when the folder cannot be written, or holds work that would be lost.
std::optional<Checkpoint> open_run_folder(const std::filesystem::path& run, const std::string& resume, bool overwrite);

}  // namespace gradus
