#pragma once
// Text in and out for the verbs that work on it.
#include <string>
#include <string_view>
#include <vector>

namespace gradus::cli {

/// A whole file, or standard input for "-". Throws FileError.
std::string read_input(const std::string& path);
/// Appends the documents of `text`, which lines that hold exactly `separator` stand between; each keeps its last line
/// break, the separators belong to none. Empty documents are left out.
void split_documents(std::string_view text, std::string_view separator, std::vector<std::string_view>& out);
/// Writes to standard output; throws FileError when it cannot (a full disk, a closed pipe).
void write_output(std::string_view bytes);

}  // namespace gradus::cli
