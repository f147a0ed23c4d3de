#pragma once
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"

namespace gradus::testing {

struct Outcome {
  int code = 0;  ///< exit code, or 128 + the signal that ended the program
  std::string out, err;
};

/// Runs the program; `threads` sets OMP_NUM_THREADS; after `signal_after` milliseconds `signal` is sent to it; a file
/// that grows beyond `file_bytes` meets the error of a full disk (EFBIG for ENOSPC).
inline Outcome run_gradus(const std::vector<std::string>& args, const std::filesystem::path& scratch, int threads = 2,
                          int signal = 0, double signal_after = 0, rlim_t file_bytes = RLIM_INFINITY) {
  const std::string out = (scratch / "stdout").string(), err = (scratch / "stderr").string();
  std::vector<char*> argv{const_cast<char*>(GRADUS_BINARY)};
  for (const std::string& a : args) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  const std::string count = std::to_string(threads);
  const pid_t child = ::fork();
  if (child == 0) {
    if (file_bytes != RLIM_INFINITY) {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{file_bytes, file_bytes};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ::setenv("OMP_NUM_THREADS", count.c_str(), 1);
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666), 1);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666), 2);
    ::execv(GRADUS_BINARY, argv.data());
    ::_exit(127);
  }
  if (signal != 0) {
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(signal_after));
    ::kill(child, signal);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(out), read_file(err)};
}

}  // namespace gradus::testing
