#!/usr/bin/env python3
"""Writes chat_templates.json: small templates that use each feature once, and what jinja2 makes of them as transformers sets it up.

    .venv/bin/python tests/golden/make_chat_template_goldens.py

Needs transformers 5.23 and jinja2 3.1.6.
"""
import json
import pathlib

import jinja2
import transformers
from transformers.utils.chat_template_utils import render_jinja_template

assert transformers.__version__.startswith("5.23."), transformers.__version__
assert jinja2.__version__ == "3.1.6", jinja2.__version__

VARIABLES = {
    "word": "hello World", "text": "  Überschrift\n\tzwei\u00a0", "empty": "", "n": 7, "neg": -3, "x": 2.5, "yes": True, "no": False, "nothing": None,
    "items": ["b", "A", "c", "a", "B"], "numbers": [3, 1, 2, 1], "nested": [[1, 2], [3, [4]]],
    "people": [{"name": "Zoe", "age": 30, "tags": {"x": 1}}, {"name": "adam", "age": 25}, {"name": "Bob", "age": 30, "tags": {"x": 2}}],
    "map": {"b": 1, "A": [1, "two", None, True, 3.0], "c": {"d": "é\"\\\n\u2028🙂"}}, "quote": "it's", "both": "a'b\"c", "cjk": "你好，世界🙂", "items_key": {"items": 1, "get": 2},
    "lines": "one\ntwo\r\nthree\n\nfive", "html": "<a href='x'>&</a>", "control": "a\x00\x07\x7f\u00ad\u200b", "big": 1e22, "small": 1e-7, "third": 1 / 3,
}

# One expression each.
EXPRESSIONS = r"""
1 + 2 * 3 ** 2 - 4 / 2
7 // 2 ~ ' ' ~ (-7) // 2 ~ ' ' ~ (-7) % 3 ~ ' ' ~ 7 % (-3) ~ ' ' ~ 7.5 // 2 ~ ' ' ~ -7.5 % 2
2 ** -1 ~ ' ' ~ 2 ** 10 ~ ' ' ~ -2 ** 2
1e3 ~ ' ' ~ 1.0 ~ ' ' ~ 100000000000000000.0 ~ ' ' ~ 1.5e-9 ~ ' ' ~ big ~ ' ' ~ small ~ ' ' ~ third ~ ' ' ~ 1_000 ~ 0x1F ~ 0b11 ~ 0o17
(1 < 2 < 3) ~ ' ' ~ (1 < 3 < 2) ~ ' ' ~ (1 == 1.0) ~ ' ' ~ (true == 1) ~ ' ' ~ ('1' == 1)
'a' < 'b' and [1, 2] < [1, 3] and 'é' > 'z'
not yes or no and nothing
yes and word or 'x'
nothing or empty or 'fallback'
'yes' if yes else 'no'
'only' if no
'el' in word ~ ' ' ~ 3 in numbers ~ ' ' ~ 'b' in map ~ ' ' ~ 'z' not in map
word[0] ~ word[-1] ~ word[1:4] ~ word[::-1] ~ word[-3:] ~ word[::2] ~ word[10:2:-3] ~ word[100:]
cjk[1] ~ cjk[-1] ~ cjk[1:3] ~ cjk[::-1] ~ cjk | length
numbers[1:] ~ numbers[::-1] ~ numbers[:-1] ~ (1, 2, 3)[1:]
numbers[99] is defined ~ map.zz is defined ~ map['zz'] is undefined ~ undefined_name is defined
map.b ~ map['b'] ~ map.c.d ~ map.get('q') ~ map.get('q', 5) ~ people[0].name ~ people.0.age
items_key['items'] ~ items_key.items is callable ~ items_key['get']
[1, 'two', none, true, 2.0, {'a': 1}, (1,), ()]
{'a': 1, 'b': {'c': [1]}, 3: 'x', 'a': 2}
quote ~ [quote, both, 'tab\t', 'é', control, '\\'] | string
[text, 'a\u2028b', '\x80', '🙂']
'a' 'b' "c" ~ "\x41\u00e9\n\'\"\q\101"
"%s is %d years, %5.2f %% %r %x %05d %-6s| %+d %e %g %c" % (word, n, x, quote, 255, n, 'ab', n, 12345.678, 0.0001, 'z')
"%(word)s-%(n)03d" % {'word': 'w', 'n': 5}
"%s" % word ~ "%s" % [1, 2] ~ "%%"
"{} {1} {0!r}".replace('{}', '{0}').format(word, n)
"{:>8}|{:<6}|{:^7}|{:*^9}|{:05d}|{:.3f}|{:,}|{:x}|{:+}|{:%}".format('a', 'b', 'c', 'd', 42, 3.14159, 1234567, 255, 5, 0.25)
"{name}: {p[age]} {l[0]}".format(name='N', p=people[0], l=numbers)
word.upper() ~ word.lower() ~ word.title() ~ word.capitalize() ~ word.swapcase() ~ 'straße'.upper() ~ 'ÀÉ'.lower()
'[' ~ text.strip() ~ '][' ~ text.lstrip() ~ '][' ~ text.rstrip() ~ '][' ~ 'xxhixx'.strip('x') ~ 'abcxcba'.rstrip('abc') ~ ']'
'a,b,,c'.split(',') ~ ' a  b '.split() ~ 'a,b,c'.split(',', 1) ~ 'a,b,c'.rsplit(',', 1) ~ ' a b c '.split(none, 1) ~ ' a b c '.rsplit(none, 1) ~ lines.splitlines() ~ lines.splitlines(true)
word.startswith('hell') ~ word.endswith(('x', 'ld')) ~ word.startswith('ello', 1) ~ word.find('o') ~ word.rfind('o') ~ word.find('z') ~ cjk.find('世') ~ word.count('l') ~ word.index('W')
word.replace('l', 'L') ~ word.replace('l', 'L', 1) ~ 'ab'.replace('', '-')
'-'.join(items) ~ 'x'.join(['a']) ~ ''.join(word)
'42'.zfill(5) ~ '-42'.zfill(5) ~ 'ab'.ljust(4, '.') ~ 'ab'.rjust(4) ~ 'ab'.center(5, '*') ~ 'abc'.center(6, '*')
'a-b-c'.partition('-') ~ 'a-b-c'.rpartition('-') ~ 'abc'.partition('-') ~ 'prefix_x'.removeprefix('prefix_') ~ 'x.txt'.removesuffix('.txt')
'abc'.isalpha() ~ '12'.isdigit() ~ 'a1'.isalnum() ~ ' '.isspace() ~ 'ab'.islower() ~ 'AB'.isupper() ~ ''.isalpha() ~ '½'.isnumeric() ~ 'Ab Cd'.istitle() ~ 'é'.isascii()
map.keys() | list ~ map.values() | list ~ map.items() | list ~ map.items() | length
numbers.count(1) ~ numbers.index(2)
word | upper ~ word | lower ~ word | capitalize ~ "hello-big (world) it's <b>x" | title
'[' ~ (text | trim) ~ '][' ~ ('xxaxx' | trim('x')) ~ ']'
items | join(', ') ~ items | join ~ people | join(' ', attribute='name') ~ numbers | join('-')
items | length ~ word | length ~ map | count ~ undefined_name | length
undefined_name | default('d') ~ nothing | default('d') ~ nothing | default('d', true) ~ empty | d('e', boolean=true) ~ undefined_name | default
items | first ~ items | last ~ [] | first is defined
items | sort ~ items | sort(case_sensitive=true) ~ numbers | sort(reverse=true) ~ people | sort(attribute='age') | map(attribute='name') | list ~ people | sort(attribute='age,name') | map(attribute='name') | list
items | unique | list ~ numbers | unique | list ~ items | unique(true) | list ~ people | unique(attribute='age') | map(attribute='name') | list
items | reverse | list ~ word | reverse
items | map('upper') | list ~ people | map(attribute='tags', default='none') | list ~ people | map(attribute='tags') | map('default', 'q') | list ~ ['a b', 'c'] | map('replace', ' ', '_') | join
people | selectattr('age', 'equalto', 30) | map(attribute='name') | list ~ people | rejectattr('age', 'gt', 26) | map(attribute='name') | join ~ people | selectattr('tags') | list | length
numbers | select('odd') | list ~ numbers | reject('eq', 1) | list ~ [0, 1, '', 'a'] | select | list
numbers | sum ~ people | sum(attribute='age') ~ numbers | sum(start=10) ~ [1.5, 2] | sum
numbers | min ~ numbers | max ~ items | min ~ people | max(attribute='age')
people | groupby('age') | map('first') | list ~ people | groupby('age') | length
items | batch(2) | list ~ items | batch(2, '-') | list
map | dictsort ~ map | dictsort(true) | map('first') | list ~ {'x': 2, 'y': 1} | dictsort(by='value') ~ {'x': 2, 'y': 1} | dictsort(reverse=true)
map | items | list ~ undefined_name | items | list
'42' | int ~ '4.7' | int ~ 'x' | int ~ 'x' | int(-1) ~ '0x1f' | int(base=16) ~ 3.9 | int ~ -3.9 | int ~ true | int ~ ' 12 ' | int
'1.5' | float ~ 'x' | float ~ 'x' | float(2.5) ~ 3 | float ~ '1e3' | float
2.567 | round(2) ~ 2.5 | round ~ 3.5 | round ~ 2.1 | round(method='ceil') ~ 2.19 | round(1, 'floor') ~ 7 | round ~ -3 | abs ~ -2.5 | abs
lines | indent ~ '|' ~ lines | indent(2, true) ~ '|' ~ lines | indent('>> ', blank=true)
'the quick brown fox' | truncate(10) ~ 'the quick brown fox' | truncate(10, true) ~ 'the quick brown fox' | truncate(17) ~ 'the quick' | truncate(5, leeway=0, end='~')
'one two, three' | wordcount ~ 'ab' | center(6) ~ '%s-%s' | format(1, 'b') ~ html | e ~ html | safe | string
map | tojson
map | tojson(indent=2)
map | tojson(ensure_ascii=true)
map | tojson(separators=(',', ':')) ~ map | tojson(sort_keys=true) ~ [] | tojson(indent=4) ~ {} | tojson(indent=1) ~ [1, [2, {}]] | tojson(indent=0)
[1.0, 1e22, 1e-7, 0.1, -0.0, nothing, yes, (1, 2), {1: 2, none: 3, true: 4}, control, html] | tojson
word | tojson ~ n | tojson ~ cjk | tojson ~ '/' | tojson
n is odd ~ n is even ~ n is divisibleby 7 ~ n is divisibleby(2) ~ n is number ~ n is integer ~ x is float ~ yes is boolean ~ yes is true ~ no is false ~ nothing is none
word is string ~ map is mapping ~ items is sequence ~ word is sequence ~ items is iterable ~ n is iterable ~ map is iterable ~ range is callable ~ undefined_name is iterable
n is eq 7 ~ n is equalto(7) ~ n is ne 8 ~ n is gt 5 ~ n is lt(5) ~ n is ge 7 ~ n is le 7 ~ 'a' is in 'abc' ~ n is not none ~ n is not in [1, 2] ~ nothing is sameas none ~ 'abc' is lower ~ 'ABC' is upper ~ 'upper' is filter ~ 'odd' is test
range(5) | list ~ range(2, 8, 3) | list ~ range(3, 0, -1) | list ~ range(3) | length ~ range(0)
dict(a=1, b='x') ~ dict([('k', 1)]) ~ dict(map, z=1) | length
([1] + [2, 3]) ~ ((1,) + (2,)) ~ ('a' + 'b') ~ [0] * 3 ~ 'ab' * 2 ~ 2 * 'x' ~ 'x' * -1
undefined_name ~ '|' ~ [undefined_name] ~ (undefined_name == undefined_other) ~ ('x' in undefined_name)
(items | map('upper')) is defined ~ ('y' if (items | select('eq', 'zz')) else 'n') ~ ('y' if [] else 'n') ~ ('y' if 0.0 else 'n')
n if n > 5 and n < 10 else 'out' if n else 'zero'
(- n + +x) ~ -(n) ~ (not n)
map['A'][1][0] ~ nested[1][1][0] ~ [[1, 2], [3]][0][1] ~ {'k': 'v'}['k'] ~ {'k': 'v'}.k ~ 'abc'[1] ~ (1, 2)[0]
{'a': 1} == {'a': 1.0} ~ [1, [2]] == [1, [2]] ~ (1,) == [1] ~ none == none ~ none != false
joiner('; ') is callable
('<b>' | safe) + html + ('<i>' | e) + "'" | string
(word | upper).lower() ~ word.upper() | lower ~ word | replace('o', '0') | upper
""".strip().split("\n")

TEMPLATES = [
    # white space: trim_blocks, lstrip_blocks, signs
    "a\n{% if yes %}\n  b\n  {% endif %}\nc\n", "a\n  {%- if yes -%}\n  b  \n  {%- endif -%}  \nc", "a\n  {%+ if yes +%}\nb\n{% endif %}", "  {# note #}\n  x {# mid #} y\n{#- z -#}\n w", "x  {{- word -}}  y {{ word }}\nz",
    "{{ word }}\n", "{{ word }}\n\n", "line\r\nother\rthird\n", "   {% set a = 1 %}   {% set b = 2 %}\n{{ a }}{{ b }}", "text {% if yes %}  \n in{% endif %}\n\n", "\n\n{% if yes %}\n\nx\n\n{% endif %}\n\ny",
    "{% raw %}{{ x }} {% y %}{% endraw %}\nz", "a\n  {% raw -%}\n  {{ x }}\n  {%- endraw %}\nb", "{{ '}}' }}{{ {'a': {'b': 1}}['a']['b'] }}{{ \"%}\" }}", "{ {{ '{' }} }", "{{ {} }}{{ {'a':{}} }}",
    # loops
    "{% for i in items %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ i }};{% endfor %}",
    "{% for i in items %}{{ loop.previtem | default('-') }}{{ loop.nextitem is defined }}{{ loop.cycle('x', 'y') }}{{ loop.changed(i | lower) }} {% endfor %}",
    "{% for i in [] %}x{% else %}none{% endfor %}{% for i in [1] %}x{% else %}none{% endfor %}", "{% for k, v in map.items() %}{{ k }}={{ v }},{% endfor %}{% for k in map %}{{ k }}{% endfor %}",
    "{% for (a, b) in [(1, 2), [3, 4]] %}{{ a }}{{ b }}{% endfor %}{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for i in numbers if i > 1 %}{{ loop.index }}:{{ i }}/{{ loop.length }} {% else %}no{% endfor %}", "{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for a in [1, 2] %}{% for b in [3, 4] %}{{ loop.index }}{{ loop.depth }}{{ a }}{{ b }} {% endfor %}{{ loop.index }}{% endfor %}", "{% for c in cjk %}[{{ c }}]{% endfor %}", "{% for i in undefined_name %}x{% else %}empty{% endfor %}",
    "{% for m in people | selectattr('age', 'eq', 30) %}{{ m.name }}{{ loop.last }}{% endfor %}", "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}",
    # assignment and scopes
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d) = (3, 4) %}{{ c }}{{ d }}", "{% set ns = namespace(a=1, b=[]) %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% set ns.b = ns.b + [i] %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.zz is defined }}{{ ns['a'] }}",
    "{% set t %}a{{ word }}b{% endset %}{{ t | upper }}{% set u | upper | replace('A', 'x') %}abc{% endset %}{{ u }}", "{% if no %}{% set v = 1 %}{% else %}{% set v = 2 %}{% endif %}{{ v }}", "{% with a = 1, b = n %}{{ a + b }}{% set q = 1 %}{% endwith %}{{ q is defined }}",
    "{% set x = 5 %}{% macro m() %}{{ x }}{% set x = 6 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}", "{% macro late() %}{{ y }}{% endmacro %}{% set y = 'set later' %}{{ late() }}", "{% block title %}B{{ word }}{% endblock %}{% block other %}{% endblock other %}",
    # macros and calls
    "{% macro m(a, b=2, c='z') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c='q') }} {{ m(b=5, a=4) }} {{ m() }} {{ m.name }}", "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 2) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}{{ m() }}", "{% macro m(a) %}<{{ caller(a) }}|{{ caller('q') }}>{% endmacro %}{% call(x) m('p') %}[{{ x }}{{ word }}]{% endcall %}",
    "{% macro tree(t, depth=0) %}{{ '-' * depth }}{% for k in t %}{% if k is string %}{{ k }}{% elif k is iterable %}{{ tree(k, depth + 1) }}{% else %}{{ k }}{% endif %}{% endfor %}{% endmacro %}{{ tree(nested + ['s']) }}", "{% filter upper | replace('L', '1') %}{{ word }} text{% endfilter %}",
    "{% macro m(a, *args) %}{% endmacro %}", "{{ dict(**{'a': 1}) }}{{ range(*[2, 5]) | list }}{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1], **{'b': 2}) }}", "{%- macro m() -%}\n  x\n{%- endmacro -%}\n{{ m() }}{{ m() | length }}",
    "{% print word, n %}", "{% set j = joiner('|') %}{% for i in numbers %}{{ j() }}{{ i }}{% endfor %}", "{% if n == 7: %}x{% endif %}", "{% if n > 100 %}a{% elif n > 5 %}b{% elif yes %}c{% else %}d{% endif %}{% if 0 %}{% elif 1 %}e{% endif %}",
    # refusals
    "{{ raise_exception('no') }}", "{{ undefined_name.x }}", "{{ undefined_name + 1 }}", "{{ undefined_name() }}", "{{ nothing.x }}|{{ nothing['x'] }}", "{{ nothing + 1 }}", "{{ nothing | length }}", "{{ items.append(1) }}", "{{ map.update({}) }}", "{% for i in 5 %}{% endfor %}", "{{ 'a' in nothing }}", "{{ 1 / 0 }}",
    "{{ [] | tojson(indent='--') }}{{ [1] | tojson(indent='--') }}", "{{ undefined_name | tojson }}", "{{ items | map('upper') | tojson }}", "{{ items | map('upper') | length }}", "{{ 1 is foo }}", "{{ 1 | foo }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}",
    "{{ {[1]: 2} }}", "{{ 'x'.format(a=1) }}{{ '{}'.format() }}", "{{ '%d' % 'x' }}", "{{ '%s' % (1, 2) }}", "{{ '%s %s' % (1,) }}", "{% set a, b = [1] %}", "{{ word.nope }}|{{ word.nope is defined }}", "{{ word.nope() }}", "{{ (1).x }}", "{{ 'a' < 1 }}", "{{ [1, 'a'] | sort }}", "{{ namespace(_x=1) }}", "{% set map.b = 2 %}", "{{ loop }}",
    "{{ word.__class__ }}", "{{ '' | first }}x{{ [] | last }}", "{{ range(3)[1] }}{{ range(5)[1:3] | list }}", "{{ 5 if }}", "{% if %}", "{% else %}", "{{ 'unclosed }}", "{% for %}", "{{ }}", "{% set 1 = 2 %}", "{{ a b }}", "{{ word | }}", "{{ word is }}", "{% endif %}", "{{ [1, 2 }}",
    "{{ 007 }}", "{{ 1.2.3 }}", "{{ nested.1.0 }}{{ people.0.name }}", "{{ [1, 2,] }}{{ (1,) }}{{ {'a': 1,} }}{{ dict(a=1,) }}", "{{ true }}{{ True }}{{ none }}{{ None }}{{ false }}", "{{ word[1:3][0] }}{{ word.upper()[0] }}{{ (word ~ n)[-1] }}",
]

MESSAGES = [
    {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi 🙂"}, {"role": "assistant", "content": "Hello!", "reasoning": "greet"}, {"role": "user", "content": [{"type": "text", "text": "What?"}]},
    {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"x": 1.0, "y": None, "z": "é"}}}]}, {"role": "tool", "content": "42", "tool_call_id": "c1"},
]
TOOLS = [{"type": "function", "function": {"name": "f", "description": "Does \"f\" & <g>", "parameters": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}}}]

CHATS = [
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>\n{% if m['content'] is string %}{{ m['content'] | trim }}{% else %}{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}{% endif %}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}</s>{% endgeneration %}{% else %}[{{ m.role }}]{{ m.content }}{% endif %}\n{% endfor %}",
    "{%- if tools %}{% for t in tools %}{{ t | tojson }}\n{{ t.function | tojson(indent=4) }}{% endfor %}{% endif %}{% for m in messages if m.tool_calls %}{% for c in m.tool_calls %}{{ c.function.name }}({{ c.function.arguments | tojson }}){% for k, v in c.function.arguments | items %}{{ k }}:{{ v if v is string else v | tojson }};{% endfor %}{% endfor %}{% endfor %}",
    "{% for m in messages %}{{ m.keys() | list }}{{ m.reasoning_content | default('-') }}{{ m.thinking is defined }}\n{% endfor %}", "{{ messages | selectattr('role', 'eq', 'user') | list | length }}{{ messages[-1].role }}{{ messages[1:] | length }}{{ messages | map(attribute='role') | join(',') }}{{ tools is none }}{{ documents is none }}{{ tools is defined }}",
    "{% set ns = namespace(last=-1) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}{{ ns.last }}{% set system = messages[0].content if messages[0].role == 'system' else '' %}{{ system }}{{ strftime_now('') }}",
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}", "{% macro show(m) %}{% generation %}{{ m.content }}{% endgeneration %}{% endmacro %}ab{{ show(messages[2]) }}",
]


def entry(template, variables, messages=(), tools=None, prompt=False):
    case = {"template": template}
    if variables:
        case["variables"] = variables
    if messages:
        case["messages"] = list(messages)
    if tools:
        case["tools"] = tools
    if prompt:
        case["add_generation_prompt"] = True
    try:
        texts, spans = render_jinja_template([list(messages)], tools=tools, chat_template=template, add_generation_prompt=prompt,
                                             return_assistant_tokens_mask="generation %}" in template, **variables)
        case["text"] = texts[0]
        if spans and spans[0]:
            case["assistant"] = [[len(texts[0][:b].encode()), len(texts[0][:e].encode())] for b, e in spans[0]]
    except Exception as e:  # noqa: BLE001: which kind does not matter, only that jinja2 refuses
        case["error"] = type(e).__name__
    return case


def used(template):
    return {k: v for k, v in VARIABLES.items() if k in template}


cases = []
for e in EXPRESSIONS:
    t = "{{ " + e + " }}"
    cases.append(entry(t, used(t)))
for t in TEMPLATES:
    cases.append(entry(t, used(t)))
for t in CHATS:
    cases.append(entry(t, {"bos_token": "<s>"}, MESSAGES, TOOLS if "tools" in t and "none" not in t else None, True))
    cases.append(entry(t, {}, MESSAGES[:3]))
out = pathlib.Path(__file__).parent / "chat_templates.json"
out.write_text("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]\n")
print(len(cases), "templates,", sum("error" in c for c in cases), "refused")
