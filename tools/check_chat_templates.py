#!/usr/bin/env python3
"""Renders real chat templates over random conversations with transformers and with gradus, and compares every byte.

    .venv/bin/python tools/check_chat_templates.py build/dev/gradus DIR_OR_FILE... [--n 200] [--seed 0] [--verbose]

Each argument is a .jinja file, a tokenizer_config.json, or a folder searched for them. The source package of
llama-cpp-python carries some seventy templates of well-known models:

    pip download --no-deps --no-binary :all: llama-cpp-python    # then vendor/llama.cpp/models/templates

Both sides must give the same text, the same assistant spans, or both refuse. Needs transformers 5.23.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

WORDS = ["Hello", "world", "naïve café", "你好", "🙂👨‍👩‍👧", "مرحبا", "x < y && z", "it's \"quoted\"", "line\nbreak", "  padded  ", "",
         "\ttab", "{{ not a tag }}", "{% if %}", "<think>hm</think>answer", "</think>", "<tool_call>", "1.5e-7", "a\\b", "`code`",
         "\u2028", "\x7f", "<|im_end|>", "Ünïcödé", "0"]


def text(r):
    return "".join(r.choice(WORDS) + r.choice(["", " ", "\n"]) for _ in range(r.randint(0, 5)))


def value(r, depth=0):
    kind = r.randint(0, 8 if depth < 2 else 5)
    if kind == 0:
        return r.randint(-10**12, 10**12)
    if kind == 1:
        return r.choice([0.5, 1.0, 1e20, -3.25e-7, 100.0, 0.1])
    if kind == 2:
        return r.choice([True, False])
    if kind == 3:
        return None
    if kind < 7:
        return text(r)
    if kind == 7:
        return [value(r, depth + 1) for _ in range(r.randint(0, 3))]
    return {f"k{i}": value(r, depth + 1) for i in range(r.randint(0, 3))}


def tool(r, i):
    names = ["city", "unit", "count", "flag", "tags"]
    properties = {}
    for name in r.sample(names, r.randint(0, 4)):
        p = {"type": r.choice(["string", "integer", "number", "boolean", "array", "object"]), "description": text(r)}
        if p["type"] == "array":
            p["items"] = {"type": "string"}
        if p["type"] == "object":
            p["properties"] = {"inner": {"type": "string", "description": text(r)}}
        if r.random() < .3:
            p["enum"] = ["a", "b"]
        if r.random() < .2:
            p["default"] = value(r)
        properties[name] = p
    f = {"name": f"tool_{i}", "description": text(r),
         "parameters": {"type": "object", "properties": properties, "required": r.sample(list(properties), min(1, len(properties)))}}
    if r.random() < .2:
        f["return"] = {"type": "string", "description": text(r)}
    return {"type": "function", "function": f}


def conversation(r):
    messages, has_tools = [], r.random() < .4
    if r.random() < .5:
        messages.append({"role": r.choice(["system"] * 4 + ["developer"]), "content": text(r)})
    for i in range(r.randint(0, 4)):
        content = text(r)
        if r.random() < .1:
            content = [{"type": "text", "text": text(r)}] + ([{"type": "image"}] if r.random() < .3 else [])
        messages.append({"role": "user", "content": content})
        if has_tools and r.random() < .6:
            calls = []
            for j in range(r.randint(1, 2)):
                arguments = {f"a{k}": value(r) for k in range(r.randint(0, 3))}
                call = {"type": "function", "function": {"name": f"tool_{j}", "arguments": arguments if r.random() < .7 else json.dumps(arguments)}}
                if r.random() < .8:
                    call["id"] = f"abcdef{i}{j:02d}"
                calls.append(call)
            m = {"role": "assistant", "tool_calls": calls}
            if r.random() < .6:
                m["content"] = r.choice([None, "", text(r)])
            if r.random() < .2:
                m["reasoning_content"] = text(r)
            messages.append(m)
            for call in calls:
                m = {"role": "tool", "content": r.choice([text(r), json.dumps(value(r)), value(r)])}
                if r.random() < .7:
                    m["name"] = call["function"]["name"]
                if "id" in call:
                    m["tool_call_id"] = call["id"]
                messages.append(m)
        if r.random() < .85:
            m = {"role": "assistant", "content": text(r)}
            if r.random() < .25:
                m[r.choice(["reasoning_content", "thinking", "reasoning"])] = text(r)
            messages.append(m)
    if r.random() < .1 and messages:
        messages.append(r.choice(messages))
    out = {"messages": messages, "add_generation_prompt": r.random() < .5,
           "variables": {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}}
    if has_tools:
        out["tools"] = [tool(r, i) for i in range(r.randint(1, 3))]
    if r.random() < .2:
        out["variables"]["enable_thinking"] = r.random() < .5
    if r.random() < .1:
        out["documents"] = [{"title": text(r), "text": text(r)} for _ in range(r.randint(1, 2))]
    for name in ["thinking", "date_string", "xml_tools", "custom_tools", "reasoning_effort", "tools_in_user_message"]:
        if r.random() < .05:
            out["variables"][name] = r.choice([True, False, "low", "26 Jul 2024"])
    return out


def templates(paths):
    for path in paths:
        path = pathlib.Path(path)
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.suffix == ".jinja":
                yield file.name, file.read_text()
            elif file.name == "tokenizer_config.json":
                template = json.loads(file.read_text()).get("chat_template")
                if isinstance(template, str):
                    yield str(file), template
                elif isinstance(template, list):
                    for t in template:
                        yield f"{file}:{t['name']}", t["template"]


def reference(template, c):
    from transformers.utils.chat_template_utils import render_jinja_template
    masks = "generation" in template
    try:
        rendered, spans = render_jinja_template([c["messages"]], tools=c.get("tools"), documents=c.get("documents"), chat_template=template,
                                                return_assistant_tokens_mask=masks, add_generation_prompt=c["add_generation_prompt"],
                                                **c["variables"])
    except Exception as e:  # noqa: BLE001: whatever a template may do
        return {"error": f"{type(e).__name__}: {e}"}
    out = {"text": rendered[0]}
    if spans and spans[0]:
        out["assistant"] = [[len(rendered[0][:b].encode()), len(rendered[0][:e].encode())] for b, e in spans[0]]
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("gradus")
    p.add_argument("paths", nargs="+")
    p.add_argument("--n", type=int, default=200)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--verbose", action="store_true")
    a = p.parse_args()
    total = wrong = refused = 0
    for name, template in templates(a.paths):
        r = random.Random(f"{a.seed}:{name}")
        cases = [conversation(r) for _ in range(a.n)]
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "template.jinja"
            file.write_text(template)
            lines = "\n".join(json.dumps(c, ensure_ascii=False) for c in cases).encode()
            run = subprocess.run([a.gradus, "tokenizer", "chat", "--chat-template", str(file), "--jsonl"], input=lines, capture_output=True)
        if run.returncode != 0:
            got = [{"error": run.stderr.decode()}] * len(cases)
        else:
            got = [json.loads(line) for line in run.stdout.decode().split("\n") if line]
        bad = 0
        for c, g in zip(cases, got, strict=True):
            want = reference(template, c)
            refused += "error" in want
            same = ("error" in g) if "error" in want else g == want
            if not same:
                bad += 1
                if a.verbose and bad <= 2:
                    print(json.dumps(c, ensure_ascii=False), "\n want", json.dumps(want, ensure_ascii=False), "\n got ", json.dumps(g, ensure_ascii=False))
        total += len(cases)
        wrong += bad
        print(f"{'OK ' if bad == 0 else 'BAD'} {name}: {len(cases) - bad} of {len(cases)} equal", flush=True)
    print(f"{total} conversations, {wrong} differ ({refused} refused by transformers)")
    sys.exit(wrong != 0)


main()
