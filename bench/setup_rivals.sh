#!/bin/bash
# Makes .venv with the tools that Gradus is measured against and checked with. Gradus itself needs none of them.
# Uses uv where it is installed (a few minutes), else python3's own venv and pip. PYTHON chooses the interpreter (3.10+);
# torch.compile wants its headers (Debian: python3-dev).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if command -v uv >/dev/null; then
  [ -d .venv ] || uv venv --quiet --python "$python" .venv
  uv pip install --python .venv/bin/python -r bench/requirements.txt
else
  [ -d .venv ] || "$python" -m venv .venv || { echo "apt-get install python3-venv, then run this again" >&2; exit 1; }
  .venv/bin/python -m pip install --quiet -r bench/requirements.txt
fi
.venv/bin/python -c 'import torch; print("ready: .venv/bin/python, PyTorch", torch.__version__, "with", torch.get_num_threads(), "threads")'
