#!/usr/bin/env python3
"""Checks the build of the house: which floor may include which, where each vendor header lives, how long a file may be.

    tools/check_layers.py               checks the repository; prints each violation, exit code 1 when there is one
    tools/check_layers.py --self-test   breaks every rule once in a scratch tree and expects to be caught

Needs nothing but Python 3. docs/design.md says why the arrows point as they do.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

# floor: the floors it may include besides itself. A floor in a sub-folder of another is listed by its own path.
GROUND = ["base", "tensor"]
TO_OPS = GROUND + ["kernels", "autograd", "ops"]
TO_NN = TO_OPS + ["nn"]
ROOMS = ["models", "peft", "objectives", "optim", "diffusion", "rl"]
BESIDE = ["text", "data", "io", "dist"]
TOP = TO_NN + ROOMS + BESIDE + ["lab"]
FLOORS = {
    "base": [],
    "tensor": ["base"],
    "kernels": GROUND + ["kernels/ref", "kernels/cpu", "kernels/cuda", "kernels/meta"],
    "kernels/ref": GROUND + ["kernels"],
    "kernels/cpu": GROUND + ["kernels", "kernels/ref"],  # the plain loops are its fallback
    "kernels/cuda": GROUND + ["kernels"],
    "kernels/meta": GROUND + ["kernels"],
    "autograd": GROUND + ["kernels"],
    "ops": GROUND + ["kernels", "autograd"],
    "nn": TO_OPS,
    "lab": TO_NN + ["optim", "models", "io"],  # its results are pictures too
    "models": TO_NN + ["io"],
    **{room: TO_NN + ["models"] for room in ROOMS if room != "models"},
    **{floor: GROUND for floor in BESIDE},
    "train": TOP,
    "infer": TOP,
    "serve": TOP + ["train", "infer"],
    "cli": TOP + ["train", "infer", "serve"],
}

# (what is included, the only places under src/ that may, what to say). Tests and benchmarks may include what they like.
VENDORS = [
    (r"(oneapi/|dnnl)", r"kernels/cpu/", "oneDNN lives in kernels/cpu"),
    (r"hwy/", r"kernels/cpu/", "Highway lives in kernels/cpu"),
    (r"(cuda|cublas|cudnn|nccl)", r"(kernels/cuda|dist)/", "CUDA lives in kernels/cuda"),
    (r"omp\.h", r"base/parallel\.", "OpenMP lives in base/parallel"),
    (r"(cblas|lapack|openblas)", r"kernels/cpu/", "OpenBLAS lives in kernels/cpu"),
    (r"nlohmann/json\.hpp", r".*\.cpp$", "nlohmann/json.hpp is for .cpp files; headers include base/json.h"),
    (r"fmt/", r".*\.cpp$", "fmt is for .cpp files"),
    (r"CLI/", r"cli/.*\.cpp$", "CLI11 lives in the .cpp files of cli"),
    (r"toml(\+\+|\.hpp)", r"(cli|train)/.*\.cpp$", "toml++ lives in the .cpp files of train and cli"),
    (r"(google/protobuf/|.*\.pb\.h)", r"io/", "protobuf lives in io"),
    (r"(png|jpeglib)\.h", r"io/", "image libraries live in io"),
    (r"(utf8proc|pcre2)", r"text/.*\.cpp$", "Unicode libraries live in the .cpp files of text"),
    (r"doctest", r"(?!)", "doctest is for tests"),
    # A program pays for these in every file that includes the core.
    (r"(functional|iostream|memory|regex|sstream)$", r"((?!tensor/|ops/).*|.*\.cpp$)", "headers of tensor and ops stay light"),
]
MOST_LINES = 700
# Spelled in pieces so that this file passes its own check.
LEFTOVERS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
# The library reports through exceptions and callbacks; only the program talks or ends.
TALKING = re.compile(r"std::(cout|cerr|clog|abort|exit|_Exit|quick_exit|terminate)\b|(?<![\w:.>])(printf|puts|abort|exit)\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
TEXT = {".cpp", ".h", ".py", ".sh", ".md", ".toml", ".cmake", ".txt", ".json", ".proto", ""}


def floor_of(path):
    """The floor that a path under src/ belongs to: the longest one listed; None when there is none."""
    parts = path.split("/")[:-1]
    for n in range(len(parts), 0, -1):
        if "/".join(parts[:n]) in FLOORS:
            return "/".join(parts[:n])
    return None


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def check_source(path, text):
    """Violations of one file under src/; `path` is relative to src/."""
    floor = floor_of(path)
    if floor is None:
        yield 1, f"no floor of tools/check_layers.py holds src/{path}"
        return
    for match in INCLUDE.finditer(text):
        line, quoted, name = line_of(text, match.start()), match[1] == '"', match[2]
        home = floor_of(name) if quoted else None
        if home is not None and home != floor and home not in FLOORS[floor]:
            yield line, f"{floor} must not include {home} ({name})"
        for pattern, places, message in VENDORS:
            if (home is None or not quoted) and re.match(pattern, name) and not re.match(places, path):
                yield line, f"{message} ({name})"
    if floor != "cli":
        code = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
        for match in TALKING.finditer(code):
            yield line_of(text, match.start()), f"the library neither prints nor exits ({match[0].strip()})"


def check_text(path, text):
    """Violations that any text file of the repository can have."""
    lines = text.count("\n")
    data = path.startswith("tests/golden/") and not path.endswith(".py")
    if lines > MOST_LINES and not data and pathlib.PurePath(path).name != "LICENSE":
        yield 1, f"{lines} lines; split it (at most {MOST_LINES})"
    for match in LEFTOVERS.finditer(text):
        yield line_of(text, match.start()), f"a leftover: {match[0]}"


def check(root, files):
    """Every violation among `files` (relative to root), as printable lines."""
    found = []
    for path in files:
        if pathlib.PurePath(path).suffix not in TEXT or not (root / path).is_file():
            continue
        try:
            text = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            found.append(f"{path}:1: not UTF-8")
            continue
        for line, message in check_text(path, text):
            found.append(f"{path}:{line}: {message}")
        if path.startswith("src/") and path.endswith((".h", ".cpp")):
            for line, message in check_source(path.removeprefix("src/"), text):
                found.append(f"{path}:{line}: {message}")
    return found


# file, its text, how many violations it has
SELF_TEST = [
    ("src/base/fine.cpp", '#include "base/error.h"\n#include <memory>\n// printf( in a comment\nauto s = "exit(";\n', 0),
    ("src/base/up.cpp", '#include "tensor/tensor.h"\n', 1),
    ("src/ops/fine.cpp", '#include <memory>\n#include "autograd/node.h"\n#include "kernels/table.h"\n', 0),
    ("src/ops/up.h", '#pragma once\n  #  include "nn/linear.h"\n', 1),
    ("src/ops/heavy.h", "#include <functional>\n#include <sstream>\n", 2),
    ("src/ops/vendor.cpp", "#include <oneapi/dnnl/dnnl.hpp>\n#include <hwy/highway.h>\n#include <omp.h>\n", 3),
    ("src/ops/inside.cpp", '#include "kernels/cpu/gemm.h"\n', 1),
    ("src/kernels/ref/side.cpp", '#include "kernels/cpu/gemm.h"\n', 1),
    ("src/kernels/cpu/fine.cpp", "#include <dnnl.hpp>\n#include <hwy/highway.h>\n", 0),
    ("src/nn/side.cpp", '#include "models/text/gpt2.h"\n#include "io/safetensors.h"\n', 2),
    ("src/text/fine.cpp", "#include <utf8proc.h>\n#include <nlohmann/json.hpp>\n", 0),
    ("src/text/side.h", "#include <utf8proc.h>\n#include <nlohmann/json.hpp>\n#include <fmt/core.h>\n", 3),
    ("src/text/up.cpp", '#include "ops/softmax.h"\n#include <toml++/toml.h>\n#include <CLI/CLI.hpp>\n', 3),
    ("src/data/images.cpp", "#include <png.h>\n#include <google/protobuf/message.h>\n", 2),
    ("src/train/fine.cpp", '#include <toml++/toml.h>\n#include "models/registry.h"\n#include "io/png.h"\n', 0),
    ("src/train/up.cpp", '#include "cli/verbs.h"\n', 1),
    ("src/optim/talks.cpp", 'void f() { printf("x"); std::cout << 1; std::exit(1); abort(); g.exit(2); }\n', 4),
    ("src/cli/fine.cpp", '#include <CLI/CLI.hpp>\n#include "train/loop.h"\nvoid f() { printf("x"); }\n', 0),
    ("src/attic/lost.cpp", "", 1),
    ("tests/ops/long_test.cpp", "\n" * (MOST_LINES + 1), 1),
    ("docs/later.md", "One\n" + "TO" + "DO" + ": two\n", 1),
]


def self_test():
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch)
        for path, text, count in SELF_TEST:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
            found = check(root, [path])
            if len(found) != count:
                print(f"self-test: {path} should have {count} violations, found {found}", file=sys.stderr)
                return 1
        whole = subprocess.run([sys.executable, __file__, "--root", scratch], stdout=subprocess.PIPE, text=True)
        if whole.returncode != 1:
            print(f"self-test: a tree with violations exits with {whole.returncode}", file=sys.stderr)
            return 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--root", type=pathlib.Path, help="a tree to check instead of this repository's tracked files")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    if arguments.root:
        root = arguments.root
        files = [str(p.relative_to(root)) for p in sorted(root.rglob("*")) if p.is_file()]
    else:
        root = pathlib.Path(__file__).resolve().parent.parent
        listed = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        files = subprocess.run(listed, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")
        files = sorted(set(filter(None, files)))
    found = check(root, files)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
