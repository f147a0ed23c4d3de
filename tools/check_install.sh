#!/bin/bash
# Installs Gradus into a scratch folder, as a static and as a shared library, builds examples/ against what lies there,
# and runs them, as a stranger would. Also looks at the headers, the exported symbols and the pkg-config file.
#   tools/check_install.sh [static] [shared]        both without arguments; uses build/dev and build/shared
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "check_install: $1" >&2; exit 1; }
says() { grep -q "$1" "$2" || { cat "$2" >&2; fail "$2 does not say \"$1\""; }; }

install_preset() {  # preset prefix
  cmake --preset "$1" >/dev/null
  cmake --build "build/$1" --target gradus gradus_headers "$3"
  cmake --install "build/$1" --prefix "$2" >/dev/null
}

# Only <gradus/...> may enter the include path, and every header must compile by itself.
check_headers() {
  [ "$(ls "$1/include")" = gradus ] || fail "include/ holds more than gradus: $(ls "$1/include")"
  (cd "$1/include" && find gradus -name '*.h' | sort) |
    xargs -P 2 -I{} sh -c "echo '#include <{}>' | g++ -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I'$1/include' -x c++ - \
      || { echo '{} does not compile by itself' >&2; exit 255; }"
}

# Names of namespace gradus and its type information; nothing of the kernels behind the tables, nothing of a vendor.
check_symbols() {
  nm -D --defined-only --format=posix "$1" | awk '{ print $1 }' | sort >"$scratch/symbols"
  ! grep -Ev '^_Z(N|NK|TI|TS|TV|Th|Tv)' "$scratch/symbols" || fail "$1 shows foreign symbols"
  ! grep -E '^_Z[A-Z]*N?K?6gradus(3ref|3cpu|4meta|7kernels|11tensorboard)' "$scratch/symbols" || fail "$1 shows internals"
  c++filt <"$scratch/symbols" >"$scratch/names"
  for name in 'gradus::softmax(' 'gradus::backward(' 'gradus::Tensor::to_vector<float>' 'gradus::load_causal_lm(' \
              'typeinfo for gradus::Error' 'gradus::generate(' 'gradus::Linear::Linear('; do
    grep -qF "$name" "$scratch/names" || fail "$1 does not show $name"
  done
  echo "$(wc -l <"$scratch/names") symbols"
}

check_examples() {  # prefix
  cmake -S examples -B "$scratch/examples" -G Ninja -DCMAKE_PREFIX_PATH="$1" -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" --fresh >/dev/null
  cmake --build "$scratch/examples"
  local run="$scratch/examples"
  "$run/two_layer" >"$scratch/two_layer.txt"
  says 'accuracy on points between: \(1.000\|0.9[5-9]\)' "$scratch/two_layer.txt"
  "$run/custom_op" >"$scratch/custom_op.txt"
  says 'first and second order: agree' "$scratch/custom_op.txt"
  says 'refused: \[squareplus\]' "$scratch/custom_op.txt"
  "$run/generate" "$scratch/model" "The " 8 >"$scratch/generate.txt"
  says '\[8 tokens, ended by length\]' "$scratch/generate.txt"
  ! "$run/generate" "$scratch/nowhere" "The " 2>"$scratch/refused.txt" || fail "a missing model is no error"
  says 'nowhere' "$scratch/refused.txt"
}

check_pkg_config() {  # prefix, more flags
  local prefix=$1 libraries
  shift
  libraries=$(PKG_CONFIG_PATH="$(dirname "$(find "$prefix" -name gradus.pc)")" pkg-config --cflags --libs "$@" gradus)
  # shellcheck disable=SC2086
  g++ -std=c++20 -O1 examples/two_layer.cpp -o "$scratch/by_pkg_config" $libraries
  LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name 'libgradus.*' | head -n 1)") "$scratch/by_pkg_config" >"$scratch/pkg.txt"
  says 'accuracy' "$scratch/pkg.txt"
}

# A model for examples/generate.cpp, made by the installed program.
make_model() {
  cat >"$scratch/tiny.toml" <<'TOML'
[data]
files = ["README.md"]
[tokenizer]
vocab_size = 300
[model]
model_type = "gpt2"
n_layer = 1
n_head = 2
n_embd = 16
n_positions = 32
[train]
max_steps = 2
TOML
  "$1/bin/gradus" train "$scratch/tiny.toml" --output-dir "$scratch/model" >"$scratch/log" 2>&1 ||
    { cat "$scratch/log" >&2; fail "the installed program trains no model"; }
}

# The page may show only code that was compiled here.
check_page() {
  python3 - docs/library.md examples/*.cpp examples/CMakeLists.txt <<'PYTHON'
import pathlib, re, sys
page, *sources = (pathlib.Path(p).read_text() for p in sys.argv[1:])
flat = lambda text: [line.strip() for line in text.splitlines() if line.strip()]
sources = ["\n".join(flat(s)) for s in sources]
for block in re.findall(r"^```(?:cpp|cmake)\n(.*?)^```", page, re.S | re.M):
    if not any("\n".join(flat(block)) in s for s in sources):
        sys.exit(f"check_install: docs/library.md shows code that no example has:\n{block}")
PYTHON
}

wanted=("$@")
[ $# -gt 0 ] || wanted=(static shared)
check_page
for kind in "${wanted[@]}"; do
  prefix="$scratch/$kind"
  case "$kind" in
    static) install_preset dev "$prefix" gradus_core ;;
    shared) install_preset shared "$prefix" gradus_shared ;;
    *) echo "usage: tools/check_install.sh [static] [shared]" >&2; exit 2 ;;
  esac
  [ -d "$scratch/model" ] || { make_model "$prefix"; check_headers "$prefix"; }
  check_examples "$prefix"
  if [ "$kind" = shared ]; then
    check_symbols "$(find "$prefix" -name 'libgradus.so.*.*.*')"
    check_pkg_config "$prefix"
  else
    check_pkg_config "$prefix" --static
  fi
  echo "$kind: installed, found, built against, run"
done
