#!/bin/bash
# A million mutated files for every reader of foreign bytes, under AddressSanitizer and UndefinedBehaviorSanitizer, from a
# fresh seed each time. A failure prints seed and run.
#   tools/fuzz_readers.sh [files] [seed]
set -euo pipefail
cd "$(dirname "$0")/.."
calls=${1:-1000000} seed=${2:-$(date +%s)}
cmake --preset asan >/dev/null
cmake --build build/asan --target reader_fuzz
export ASAN_OPTIONS=strict_string_checks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
echo "seed $seed"
exec build/asan/tests/reader_fuzz --calls "$calls" --seed "$seed"
