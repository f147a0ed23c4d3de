#!/bin/bash
# A million random calls of the public ops under AddressSanitizer and UndefinedBehaviorSanitizer, from a fresh seed each
# time; docs and table: tests/fuzz. A failure prints the call to repeat.
#   tools/fuzz_ops.sh [calls] [seed]
set -euo pipefail
cd "$(dirname "$0")/.."
calls=${1:-1000000} seed=${2:-$(date +%s)}
cmake --preset asan >/dev/null
cmake --build build/asan --target op_fuzz
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1 OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}
echo "seed $seed"
exec build/asan/tests/op_fuzz --calls "$calls" --seed "$seed"
