#!/usr/bin/env bash
# Expected: general.name is a label for people. Two files that differ in it alone give the same tokens.
# Seen with llama.cpp v0.5.0 (node-llama-cpp 3.22.1, npm, on Linux x64): where general.name contains "phi-3" or "phi3",
# llama.cpp sets every special token to swallow the whitespace behind it (llama-vocab.cpp). The same prompt is 4 tokens
# under one name and 11 under the other. The vocabulary is the one of Phi-3 that llama.cpp keeps for its tests; the name
# is changed by gguf 0.19.0 (PyPI).
# Why it matters: renaming a fine-tune changes what the model reads, with no difference in weights or vocabulary.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q gguf==0.19.0 numpy==2.2.6
npm init -y >/dev/null && npm install --silent --no-audit --no-fund --ignore-scripts node-llama-cpp@3.22.1
git clone -q node_modules/node-llama-cpp/llama/gitRelease.bundle source
for name in phi-3 renamed; do
  v/bin/gguf-new-metadata --force --general-name "$name" source/models/ggml-vocab-phi-3.gguf "$name.gguf" >/dev/null 2>&1
done
cat > case.mjs <<'JS'
import { getLlama } from 'node-llama-cpp';
const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'disabled' });
for (const name of ['phi-3', 'renamed']) {
  const model = await llama.loadModel({ modelPath: `${name}.gguf`, vocabOnly: true });
  console.log(`${name}: ${model.tokenize('<|user|>\n  Hello<|end|>\n<|assistant|>\n', true).join(' ')}`);
}
process.exit(0);
JS
seen=$(node case.mjs 2>/dev/null)
echo "$seen"
expected='phi-3: 32010 15043 32007 32001
renamed: 32010 29871 13 29871 15043 32007 29871 13 32001 29871 13'
[[ $seen == "$expected" ]] || { echo 'changed'; exit 1; }
