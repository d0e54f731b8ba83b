#!/usr/bin/env bash
# Expected: a chat template renders to the same text in @huggingface/jinja (JavaScript) and in Jinja2 (Python, what the
# templates are written for); where one cannot render it, it says so.
# Seen with @huggingface/jinja 0.5.11 (npm) and Jinja2 3.1.6 (PyPI): these differ without an error. The characters
# given to strip are ignored, capitalize and title keep capitals, whole floats lose their ".0", % of a negative number
# has the other sign, a boolean is no number, a text equals a number, "12abc"|int is 12, and integers beyond 2^53 are
# rounded.
# Why it matters: a prompt checked in JavaScript is not the prompt that a Python server or the model's training saw.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q jinja2==3.1.6
npm init -y >/dev/null && npm install --silent --no-audit --no-fund @huggingface/jinja@0.5.11
cat > templates.txt <<'T'
{{ 'xxabcxx'.strip('x') }}
{{ 'hELLO wORLD'|capitalize }}
{{ 'TITLE case'.title() }}
{{ [1.0, 2]|join('-') }}
{{ -7 % 3 }}
{% if true is number %}number{% else %}other{% endif %}
{% if '1' == 1 %}equal{% else %}different{% endif %}
{{ '12abc'|int }}
{{ 12345678901234567890 }}
T
cat > js.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { Template } from '@huggingface/jinja';
for (const text of readFileSync('templates.txt', 'utf8').trimEnd().split('\n')) console.log(new Template(text).render({}));
JS
cat > py.py <<'PY'
from jinja2.sandbox import ImmutableSandboxedEnvironment
environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
for text in open('templates.txt').read().rstrip('\n').split('\n'):
    print(environment.from_string(text).render())
PY
node js.mjs > js.txt; v/bin/python py.py > py.txt
paste -d '|' js.txt py.txt > seen.txt
echo 'JavaScript|Python'; cat seen.txt
cat > expected.txt <<'T'
xxabcxx|abc
HELLO wORLD|Hello world
TITLE Case|Title Case
1-2|1.0-2
-1|2
other|number
equal|different
12|0
12345678901234567000|12345678901234567890
T
cmp -s seen.txt expected.txt || { echo 'changed'; diff expected.txt seen.txt; exit 1; }
