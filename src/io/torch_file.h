#pragma once
#include <filesystem>
#include <memory>

#include "io/tensor_file.h"

namespace gradus {

/// The tensors of a file that torch.save wrote (a ZIP archive with a pickle, PyTorch 1.6 and later). No code runs: see
/// io/pickle.h. Dicts inside dicts give names joined by dots. Throws FileError.
std::unique_ptr<TensorFile> open_torch_file(const std::filesystem::path& path);
/// The same from bytes, which must outlive the result's use; for tests and the fuzzer.
std::vector<StoredTensor> parse_torch_file(std::string_view archive, const std::string& name);

/// pytorch_model.bin.index.json and the shards beside it.
std::unique_ptr<TensorFile> open_torch_index(const std::filesystem::path& path);

/// The arrays of an .npz archive, or the one of an .npy file (named by the file). Throws FileError, also for arrays of
/// Python objects.
std::unique_ptr<TensorFile> open_numpy(const std::filesystem::path& path);
std::vector<StoredTensor> parse_numpy(std::string_view bytes, const std::string& name);

}  // namespace gradus
