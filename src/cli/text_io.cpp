#include "cli/text_io.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace gradus::cli {

std::string read_input(const std::string& path) { return read_file(path == "-" ? "/dev/stdin" : path); }

void split_documents(std::string_view text, std::string_view separator, std::vector<std::string_view>& out) {
  size_t begin = 0;  // of the document
  for (size_t line = 0; line < text.size();) {
    size_t end = text.find('\n', line);
    const size_t next = end == text.npos ? text.size() : end + 1;
    if (end == text.npos) end = text.size();
    if (text.substr(line, end - line) == separator) {
      if (line > begin) out.push_back(text.substr(begin, line - begin));
      begin = next;
    }
    line = next;
  }
  if (begin < text.size()) out.push_back(text.substr(begin));
}

void write_output(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size())
    throw FileError("output", std::string("cannot write to standard output: ") + std::strerror(errno) + ".");
}

}  // namespace gradus::cli
