#include "cli/machine.h"

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

namespace gradus::cli {

namespace {

constexpr const char* kFeatures[] = {
    "sse4_1",   "avx",      "f16c",        "fma",         "avx2",        "avx_vnni", "avx512f",  "avx512bw",
    "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8",
    "asimd",    "asimdhp",  "asimddp",     "bf16",        "i8mm",        "sve",      "sve2",
};

void read_cpu(Machine& m) {
  std::ifstream file("/proc/cpuinfo");
  std::set<std::string> flags;
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == line.npos) {
      if (!flags.empty()) break;  // the first processor stands for all
      continue;
    }
    const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
    const std::string value = colon + 2 <= line.size() ? line.substr(colon + 2) : "";
    if (key == "model name") m.cpu = value;
    if (key == "flags" || key == "Features") {
      std::istringstream words(value);
      for (std::string word; words >> word;) flags.insert(word);
    }
  }
  for (const char* name : kFeatures)
    if (flags.count(name)) m.features.emplace_back(name);
}

// The first number in a file; -1 when there is none ("max").
int64_t number_in(const char* path) {
  std::ifstream file(path);
  int64_t n = -1;
  return file >> n ? n : -1;
}

void read_memory(Machine& m) {
  std::ifstream file("/proc/meminfo");
  for (std::string key, unit; file >> key;) {
    int64_t kib = 0;
    if (!(file >> kib)) break;
    if (key == "MemTotal:") m.memory_total = kib * 1024;
    if (key == "MemAvailable:") m.memory_available = kib * 1024;
    std::getline(file, unit);
  }
  const int64_t limit = number_in("/sys/fs/cgroup/memory.max"), used = number_in("/sys/fs/cgroup/memory.current");
  if (limit > 0 && limit < m.memory_total) {
    m.memory_total = limit;
    if (used >= 0) m.memory_available = std::min(m.memory_available, std::max<int64_t>(limit - used, 0));
  }
}

}  // namespace

Machine describe_machine() {
  Machine m;
  read_cpu(m);
  read_memory(m);
  cpu_set_t set;
  CPU_ZERO(&set);
  m.processors =
      sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  utsname name{};
  if (uname(&name) == 0) m.system = std::string(name.sysname) + " " + name.release + " " + name.machine;
  return m;
}

}  // namespace gradus::cli
