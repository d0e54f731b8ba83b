#!/usr/bin/env bash
# Expected: parseGGUFQuantLabel finds the precision in the names that model makers publish, in upper and lower case:
# Microsoft's Phi-3-mini comes as Phi-3-mini-4k-instruct-q4.gguf and Phi-3-mini-4k-instruct-fp16.gguf.
# Seen with @huggingface/gguf 0.4.6 (npm): f16, F16 and bf16 are found; fp16, q4 and Q4_K (llama-quantize's own short
# name of Q4_K_M) are not; and of Q4_0_4_4, a retired layout that today's llama.cpp does not load, it makes Q4_0.
# Why it matters: what offers "the F16 file" of a repository by that label does not see the one that there is.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null && npm install --silent --no-audit --no-fund @huggingface/gguf@0.4.6
cat > case.mjs <<'JS'
import { parseGGUFQuantLabel } from '@huggingface/gguf';
for (const label of ['f16', 'bf16', 'fp16', 'q4', 'q4_k', 'q4_k_m', 'Q4_0_4_4'])
  console.log(`${label}: ${parseGGUFQuantLabel(`Phi-3-mini-4k-instruct-${label}.gguf`)}`);
JS
seen=$(node case.mjs | tr '\n' ' ')
echo "$seen"
[[ $seen == 'f16: F16 bf16: BF16 fp16: undefined q4: undefined q4_k: undefined q4_k_m: Q4_K_M Q4_0_4_4: Q4_0 ' ]] || { echo 'changed'; exit 1; }
