#!/usr/bin/env bash
# Expected: a tokenizer that Transformers loads from a GGUF file (gguf_file=...) makes the tokens of that model's own
# tokenizer, and so those of llama.cpp from the same file.
# Seen with transformers 5.24.0 (PyPI) and llama.cpp v0.5.0 (node-llama-cpp 3.22.1, npm), on the vocabulary of Llama 3
# that llama.cpp keeps for its tests: Llama 3 takes a word that is a token as it is, whatever its merges say. The
# conversion (convert_gguf_tokenizer) leaves that out, so that 588 words of the vocabulary, few of them English (Việt,
# Türkiye, характер), can never be made; each becomes two tokens or more.
# Why it matters: a quantized Llama 3 that is evaluated through Transformers reads other prompts than the one that ships,
# in Turkish, Czech, Russian and Vietnamese most.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null && npm install --silent --no-audit --no-fund --ignore-scripts node-llama-cpp@3.22.1
git -c advice.detachedHead=false clone -q node_modules/node-llama-cpp/llama/gitRelease.bundle source
python3 -m venv v && v/bin/pip install -q transformers==5.24.0 gguf==0.19.0 numpy==2.2.6
cat > case.py <<'PY'
import json
from gguf import GGUFReader
from transformers.integrations.gguf import GGUF_TOKENIZER_MAPPING, convert_gguf_tokenizer
fields = GGUFReader('source/models/ggml-vocab-llama-bpe.gguf').fields
parts = {name: fields[f'tokenizer.{key}'].contents() for key, name in GGUF_TOKENIZER_MAPPING['tokenizer'].items()
         if f'tokenizer.{key}' in fields}
# Those before are of an older vocabulary, and none of them is split.
FIRST = 100_000
tokenizer, _ = convert_gguf_tokenizer('llama', parts)
texts = [tokenizer.decode([token]) for token in range(FIRST, 128_000)]
split = [(token, text) for token, text in enumerate(texts, FIRST)
         if '\ufffd' not in text and tokenizer.encode(text, add_special_tokens=False).ids != [token]]
with open('split.json', 'w') as file:
    json.dump(split, file)
PY
cat > case.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { getLlama } from 'node-llama-cpp';
const split = JSON.parse(readFileSync('split.json', 'utf8'));
const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'disabled' });
const model = await llama.loadModel({ modelPath: 'source/models/ggml-vocab-llama-bpe.gguf', vocabOnly: true });
const whole = split.filter(([token, text]) => model.tokenize(text).join() === String(token));
const named = [' Việt', 'Türkiye', ' характер'].filter((word) => split.some(([, text]) => text === word));
console.log(`${split.length} words split, ${whole.length} of them one token in llama.cpp, among them${named.join()}`);
await llama.dispose();
JS
v/bin/python case.py 2>/dev/null
seen=$(node case.mjs)
echo "$seen"
[[ $seen == '588 words split, 588 of them one token in llama.cpp, among them Việt,Türkiye, характер' ]] || { echo 'changed'; exit 1; }
