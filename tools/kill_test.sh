#!/bin/bash
# Kills a short training run with SIGKILL at random moments, resumes it each time, and compares what it ends with, byte
# for byte, with a run that nobody disturbed.
#   tools/kill_test.sh [KILLS=50] [BUILD=build/dev]
set -euo pipefail
cd "$(dirname "$0")/.."
GRADUS_KILLS="${1:-50}" "${2:-build/dev}/tests/test_train" --test-case="a run that is killed*" --duration
