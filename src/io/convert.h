#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace gradus {

struct ConvertOptions {
  /// f32, f16, bf16, or for GGUF also a packed format (q4_0 … q6_k); empty: as stored.
  std::string type;
  /// The same for the embedding and the output matrix of a GGUF file; empty: as `type`.
  std::string embedding_type;
  /// A folder's weights are cut into files of at most so many bytes (a larger tensor gets one of its own); 0: weights
  /// that stay as they are keep their files, others are cut at 5 GB.
  uint64_t max_shard_bytes = 0;
  /// Called before each tensor.
  std::function<void(const std::string& tensor, size_t done, size_t total)> on_tensor = {};
};

struct ConvertReport {
  size_t tensors = 0;
  uint64_t bytes_read = 0, bytes_written = 0;  ///< of tensors
  std::vector<std::string> files;              ///< written, relative to the destination
  std::vector<std::string> notes;              ///< what could not be taken along, in words
};

/// Converts a checkpoint. Source: a Hugging Face folder, a GGUF file, or weights alone (.safetensors, .bin, .pth,
/// .npz). Destination: by its ending a .gguf or .safetensors file, otherwise a folder. Tensors are converted one at a
/// time: the memory needed is that of the largest. Afterwards the result is opened again and every byte compared with
/// what was meant to be written.
///   folder -> folder: what no option changes is copied byte for byte, other files too.
///   folder -> GGUF: the folder's text files travel inside, so that the way back gives the same bytes.
///   GGUF -> GGUF: other types, everything else stays.
/// In GGUF, tensors with one axis are f32; matrices whose rows are no whole blocks get the next larger format that
/// fits. Throws FileError, ValueError.
ConvertReport convert_checkpoint(const std::filesystem::path& source, const std::filesystem::path& destination,
                                 const ConvertOptions& options = {});

}  // namespace gradus
