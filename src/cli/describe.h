#pragma once
#include <filesystem>
#include <string>

#include "base/json.h"

namespace gradus::cli {

/// What `gradus inspect` knows about a file or folder, as one JSON object with "kind" and "path":
///   safetensors  count, parameters, bytes, dtypes, metadata, files, tensors [{name, dtype, shape, bytes}]
///   pytorch, numpy   the same
///   gguf         the same, and version, config; metadata holds the fields, long lists as {type, count, first}
///   model        config, tensors (as above, without the list), tokenizer, metrics, files [{name, bytes}]
///   run          metrics, files          (a folder with a metrics.jsonl and no model)
///   tokenizer    model, vocab_size, merges, added_tokens
///   config       config                  metrics  rows, last_step, …         events  rows, tags
/// Throws FileError for everything else, naming what is supported.
Json describe(const std::filesystem::path& path);

/// The same for people.
std::string text_of(const Json& description);

}  // namespace gradus::cli
