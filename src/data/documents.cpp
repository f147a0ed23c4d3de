#include "data/documents.h"

#include <fnmatch.h>
#include <glob.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"

namespace gradus {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> matches_of(const std::string& pattern) {
  glob_t found{};
  const int status = ::glob(pattern.c_str(), GLOB_TILDE, nullptr, &found);
  std::vector<std::string> paths;
  if (status == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  std::erase_if(paths, [](const std::string& path) { return fs::is_directory(path); });
  if (paths.empty())
    throw FileError("data", "no file matches \"" + pattern + "\" (looked from " + fs::current_path().string() + ").",
                    "check data.files.");
  return paths;
}

std::vector<std::string> files_of(const DocumentSource& source) {
  std::vector<std::string> files;
  for (const std::string& pattern : source.files)
    for (const std::string& path : matches_of(pattern)) {
      const std::string name = fs::path(path).filename().string();
      const bool excluded = std::any_of(source.exclude.begin(), source.exclude.end(), [&](const std::string& e) {
        return ::fnmatch(e.c_str(), name.c_str(), 0) == 0;
      });
      if (!excluded) files.push_back(path);
    }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

void add_text(std::string_view text, std::vector<std::string>& out) {
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (!text.empty()) out.emplace_back(text);
}

void split_text(std::string_view text, std::string_view separator, std::vector<std::string>& out) {
  size_t begin = 0;
  for (size_t at = 0; !separator.empty() && at < text.size();) {
    size_t end = text.find('\n', at);
    const size_t next = end == std::string_view::npos ? text.size() : end + 1;
    if (end == std::string_view::npos) end = text.size();
    if (end > at && text[end - 1] == '\r') --end;
    if (text.substr(at, end - at) == separator) {
      add_text(text.substr(begin, at - begin), out);
      begin = next;
    }
    at = next;
  }
  add_text(text.substr(begin), out);
}

// Calls use(object, name) for each line that is not blank; `name` is the file and the line.
template <class F>
void each_object(std::string_view text, const std::string& path, const F& use) {
  int64_t line = 1;
  for (size_t at = 0; at < text.size(); ++line) {
    size_t end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view row = text.substr(at, end - at);
    at = end + 1;
    if (row.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string name = path + " line " + std::to_string(line);
    use(parse_json(row, name), name);
  }
}

const Json* member(const Json& json, const std::string& key) {
  if (!json.is_object()) return nullptr;
  const auto it = json.find(key);
  return it == json.end() ? nullptr : &*it;
}

void split_jsonl(std::string_view text, const std::string& path, const std::string& key,
                 std::vector<std::string>& out) {
  each_object(text, path, [&](const Json& json, const std::string& name) {
    const Json* found = member(json, key);
    if (!found || !found->is_string())
      throw FileError("data", name + " has no text under \"" + key + "\".", "name the key with data.text_key.");
    if (!found->get_ref<const std::string&>().empty()) out.push_back(found->get<std::string>());
  });
}

}  // namespace

std::vector<std::string> read_documents(const DocumentSource& source) {
  if (source.format != "auto" && source.format != "text" && source.format != "jsonl")
    throw ValueError("data", "data.format must be auto, text or jsonl, got \"" + source.format + "\".");
  if (source.files.empty()) throw ValueError("data", "data.files names no file.", "data.files = [\"corpus/*.txt\"]");
  std::vector<std::string> documents;
  const std::vector<std::string> files = files_of(source);
  for (const std::string& path : files) {
    const std::string bytes = read_file(path);
    const bool jsonl = source.format == "jsonl" || (source.format == "auto" && fs::path(path).extension() == ".jsonl");
    if (jsonl)
      split_jsonl(bytes, path, source.text_key, documents);
    else
      split_text(bytes, source.separator, documents);
  }
  if (documents.empty())
    throw FileError("data", "the " + std::to_string(files.size()) + " files of data.files hold no text.");
  return documents;
}

std::vector<std::vector<std::string>> read_labelled_files(const DocumentSource& source) {
  if (source.files.empty()) throw ValueError("data", "data.files names no file.", "data.files = [\"topics/*.txt\"]");
  std::vector<std::vector<std::string>> records;
  for (const std::string& path : files_of(source)) {
    std::vector<std::string> texts;
    split_text(read_file(path), source.separator, texts);
    for (std::string& text : texts) records.push_back({std::move(text), fs::path(path).stem().string()});
  }
  if (records.empty()) throw FileError("data", "the files of data.files hold no text.");
  return records;
}

std::vector<std::vector<std::string>> read_records(const DocumentSource& source, const std::vector<std::string>& keys) {
  if (source.files.empty()) throw ValueError("data", "data.files names no file.", "data.files = [\"pairs.jsonl\"]");
  std::vector<std::vector<std::string>> records;
  for (const std::string& path : files_of(source))
    each_object(read_file(path), path, [&](const Json& json, const std::string& name) {
      std::vector<std::string> values;
      for (const std::string& key : keys) {
        const Json* found = member(json, key);
        if (!found || found->is_structured() || found->is_null())
          throw FileError("data", name + " has no text under \"" + key + "\".",
                          "data.text_key, data.label_key and data.target_key name the keys.");
        values.push_back(found->is_string() ? found->get<std::string>() : dump_json(*found));
      }
      records.push_back(std::move(values));
    });
  if (records.empty()) throw FileError("data", "the files of data.files hold no records.");
  return records;
}

Split hold_out(std::vector<std::string> documents, double fraction, uint64_t seed) {
  if (!(fraction >= 0 && fraction < 1))
    throw ValueError("data", "data.eval_fraction must lie in [0, 1), got " + std::to_string(fraction) + ".");
  Split split;
  if (fraction == 0 || documents.empty()) {
    split.train = std::move(documents);
    return split;
  }
  if (documents.size() == 1) {
    const std::string& text = documents[0];
    size_t cut = static_cast<size_t>(static_cast<double>(text.size()) * (1 - fraction));
    const size_t line = text.find('\n', cut);
    cut = line == std::string::npos ? text.size() : line + 1;
    split.train.push_back(text.substr(0, cut));
    if (cut < text.size()) split.eval.push_back(text.substr(cut));
    return split;
  }
  std::vector<double> draw(documents.size());
  for (size_t i = 0; i < documents.size(); ++i)
    draw[i] = RandomKey{seed, stream_name("held out")}.uniform(stream_name(documents[i].c_str()));
  // Of a handful of documents chance may take none: then the one with the smallest draw goes.
  const double bound = std::max(fraction, std::nextafter(*std::min_element(draw.begin(), draw.end()), 1.0));
  for (size_t i = 0; i < documents.size(); ++i)
    (draw[i] < bound ? split.eval : split.train).push_back(std::move(documents[i]));
  if (split.train.empty())
    throw ValueError("data", "all documents were held out, none is left to train on.", "lower data.eval_fraction.");
  return split;
}

int64_t count_bytes(const std::vector<std::string>& documents) {
  int64_t bytes = 0;
  for (const std::string& d : documents) bytes += static_cast<int64_t>(d.size());
  return bytes;
}

}  // namespace gradus
