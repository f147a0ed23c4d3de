#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

/// Where texts come from.
struct DocumentSource {
  std::vector<std::string> files;  ///< paths or shell patterns ("corpus/*.txt"); folders among the matches are skipped
  std::vector<std::string> exclude;  ///< shell patterns over file names ("*.dat")
  std::string format = "auto";       ///< "text", "jsonl" (one object a line), or by the file's name
  std::string separator = {};        ///< text: lines that hold exactly this separate documents; empty: a file is one
  std::string text_key = "text";     ///< jsonl: the key of the document
};

/// The non-empty documents in the order of the (sorted) files. The line break before a separator or the end of a file
/// belongs to neither document. Throws FileError for a pattern without a match, malformed JSONL (naming file and line)
/// and when nothing is left.
std::vector<std::string> read_documents(const DocumentSource& source);

/// The documents of text files with the name of the file that each came from, for classifiers.
std::vector<std::vector<std::string>> read_labelled_files(const DocumentSource& source);

/// For tasks that pair texts: of each JSONL object the texts under all `keys` (a number or true/false becomes its
/// text). Throws FileError for a line that lacks one.
std::vector<std::vector<std::string>> read_records(const DocumentSource& source, const std::vector<std::string>& keys);

struct Split {
  std::vector<std::string> train, eval;
};
/// Holds out about `fraction` of the documents. Which ones depends on their text and `seed` alone, so that equal
/// documents stay on one side and new documents do not move old ones. Of a single document the end is held out, from a
/// line break on.
Split hold_out(std::vector<std::string> documents, double fraction, uint64_t seed);

/// UTF-8 bytes of all together.
int64_t count_bytes(const std::vector<std::string>& documents);

}  // namespace gradus
