#include "io/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace gradus {

namespace {

std::string line_of(const MetricsRow& row) {
  Json json = Json::object();
  for (const auto& [name, v] : row) {
    if (!std::isfinite(v.value))
      json[name] = nullptr;
    else if (v.integer)
      json[name] = static_cast<int64_t>(v.value);
    else
      json[name] = v.value;
  }
  return dump_json(json) + "\n";
}

MetricsRow row_of(const Json& json) {
  MetricsRow row;
  for (const auto& [name, v] : json.items()) {
    if (v.is_number_integer())
      row.emplace_back(name, v.get<int64_t>());
    else if (v.is_number())
      row.emplace_back(name, v.get<double>());
    else if (v.is_null())
      row.emplace_back(name, std::nan(""));
  }
  return row;
}

// Calls f(line, row) for every complete line.
template <class F>
void for_each_row(const std::string& bytes, const std::filesystem::path& path, F&& f) {
  const std::string_view all = bytes;
  size_t number = 1;
  for (size_t at = 0; at < all.size(); ++number) {
    const size_t end = all.find('\n', at);
    const std::string_view line = all.substr(at, end == std::string_view::npos ? end : end - at);
    if (end == std::string_view::npos && !Json::accept(line)) return;  // torn by a crash
    at = end == std::string_view::npos ? all.size() : end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string name = path.string() + " line " + std::to_string(number);
    const Json json = parse_json(line, name);
    if (!json.is_object()) throw FileError("metrics", name + " is no JSON object.", "is this a metrics.jsonl?");
    f(line, row_of(json));
  }
}

}  // namespace

std::optional<double> find_metric(const MetricsRow& row, std::string_view name) {
  for (const auto& [key, v] : row)
    if (key == name) return v.value;
  return std::nullopt;
}

std::vector<MetricsRow> read_metrics(const std::filesystem::path& path) {
  std::vector<MetricsRow> rows;
  for_each_row(read_file(path), path, [&](std::string_view, MetricsRow row) { rows.push_back(std::move(row)); });
  return rows;
}

MetricsWriter::MetricsWriter(std::filesystem::path path, std::optional<int64_t> resume_after) : path_(std::move(path)) {
  std::string kept;
  if (resume_after && std::filesystem::exists(path_))
    for_each_row(read_file(path_), path_, [&](std::string_view line, const MetricsRow& row) {
      const std::optional<double> step = find_metric(row, "step");
      if (!step || *step <= static_cast<double>(*resume_after)) kept.append(line).push_back('\n');
    });
  write_file_atomic(path_, kept);
  fd_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd_ < 0) throw FileError("metrics", "cannot append to " + path_.string() + ": " + std::strerror(errno) + ".");
}

MetricsWriter::~MetricsWriter() { ::close(fd_); }

void MetricsWriter::write(const MetricsRow& row) {
  const std::string line = line_of(row);
  for (size_t done = 0; done < line.size();) {
    const ssize_t put = ::write(fd_, line.data() + done, line.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0)
      throw FileError("metrics", "cannot append to " + path_.string() + ": " + std::strerror(errno) + ".",
                      errno == ENOSPC ? "free some disk space." : "");
    done += static_cast<size_t>(put);
  }
}

}  // namespace gradus
