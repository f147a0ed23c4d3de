#!/bin/bash
# A million reads of random tokenizer files and encodes of random strings under AddressSanitizer and
# UndefinedBehaviorSanitizer, from a fresh seed each time. A failure prints the file and the string.
#   tools/fuzz_tokenizers.sh [runs] [seed]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-1000000} seed=${2:-$(date +%s)}
cmake --preset asan >/dev/null
cmake --build build/asan --target tokenizer_fuzz
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
echo "seed $seed"
exec build/asan/tests/tokenizer_fuzz --calls "$runs" --seed "$seed"
