#!/usr/bin/env bash
# Expected: llama_detokenize gives back the text that was tokenized: llama.h calls it the inverse of llama_tokenize.
# Seen with llama.cpp v0.5.0 (node-llama-cpp 3.22.1, npm), vocabularies that llama.cpp keeps for its tests: those of
# Llama 3, GPT-2 and Falcon lose the space before each of . , ? ! and some before an apostrophe, in code and commands too:
# "git add ." becomes "git add.", which is another command. Qwen2's and Phi-3's give every text back.
# Why it matters: a reply that is decoded as a whole fails in a shell or in a test of code where the same tokens, written
# one after the other by llama_token_to_piece, pass. The loss looks like the quantization's.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null && npm install --silent --no-audit --no-fund --ignore-scripts node-llama-cpp@3.22.1
git -c advice.detachedHead=false clone -q node_modules/node-llama-cpp/llama/gitRelease.bundle source
cat > case.mjs <<'JS'
import { getLlama } from 'node-llama-cpp';
const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'disabled' });
for (const name of ['llama-bpe', 'gpt-2', 'falcon', 'qwen2', 'phi-3']) {
  const model = await llama.loadModel({ modelPath: `source/models/ggml-vocab-${name}.gguf`, vocabOnly: true });
  const texts = ['git add .', 'cd .. && ls', 'a && !b ? c : d', "name = ' '"];
  console.log(`${name}: ${texts.map((text) => model.detokenize(model.tokenize(text))).join('  ')}`);
  await model.dispose();
}
await llama.dispose();
JS
seen=$(node case.mjs)
echo "$seen"
[[ $seen == "llama-bpe: git add.  cd.. && ls  a &&!b? c : d  name =''
gpt-2: git add.  cd.. && ls  a &&!b? c : d  name =''
falcon: git add.  cd.. && ls  a &&!b? c : d  name =''
qwen2: git add .  cd .. && ls  a && !b ? c : d  name = ' '
phi-3: git add .  cd .. && ls  a && !b ? c : d  name = ' '" ]] || { echo 'changed'; exit 1; }
