#pragma once
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/file.h"
#include "support/temp_dir.h"

struct ProgramResult {
  int code = -1;
  std::string out, err;
};

/// Runs the built program through the shell with these arguments.
inline ProgramResult run_gradus(const std::string& arguments) {
  const TempDir folder;
  const std::string command = std::string(GRADUS_BINARY) + " " + arguments + " >" + (folder / "out").string() + " 2>" +
                              (folder / "err").string();
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, gradus::read_file(folder / "out"),
          gradus::read_file(folder / "err")};
}
