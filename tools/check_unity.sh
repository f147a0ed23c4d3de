#!/bin/bash
# The release preset puts several files into one translation unit, and which ones changes with every file that is added.
# This reads its batches without compiling them: names of two files that collide are found here and not by users.
#   tools/check_unity.sh
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/unity
cmake --preset release -B "$build" -DGRADUS_TESTS=OFF >/dev/null
ninja -C "$build" tensorboard.pb.h >/dev/null
cd "$build"
ninja -t commands gradus | grep 'Unity/unity_[0-9]*_cxx.cxx$' |
  sed -E 's/^[^ ]*ccache //; s/ -MD .* -c / -fsyntax-only /' |
  tr '\n' '\0' | xargs -0 -P 2 -I{} bash -c {}
