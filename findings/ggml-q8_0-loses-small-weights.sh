#!/usr/bin/env bash
# Expected: Q8_0 is the finest of the quantized types, so whatever a 4-bit type keeps, Q8_0 keeps.
# Seen with llama.cpp v0.5.0 (@node-llama-cpp/linux-x64 3.22.1, npm): a block's scale is stored as a 16-bit float, and
# that of Q8_0 is the largest weight divided by 127, that of Q4_0 divided by 8. Where no weight of a block exceeds 3.7e-6
# the scale of Q8_0 becomes 0 and the whole block with it, as with the K-quants, while Q4_0 keeps 94 of 100 weights.
# Why it matters: F32 and BF16 models may hold such tensors (the second matrix of a young adapter, scaled embeddings);
# "Q8_0 is nearly lossless" holds relative to weights of ordinary size alone.
set -euo pipefail
[[ $(uname -sm) == 'Linux x86_64' ]] || { echo 'skipped: written for the libraries of Linux on x64'; exit 0; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null && npm install --silent --no-audit --no-fund koffi@3.3.4 @node-llama-cpp/linux-x64@3.22.1
cat > case.mjs <<'JS'
import koffi from 'koffi';
const ggml = koffi.load('node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/libggml-base.so');
const quantize = ggml.func(
  'size_t ggml_quantize_chunk(int type, const float* source, void* target, int64_t start, int64_t rows, int64_t perRow, const float* importance)',
);
const rowSize = ggml.func('size_t ggml_row_size(int type, int64_t count)');
const COUNT = 4096;
// A triangle wave: every size of weight up to the largest, both signs.
const weights = Float32Array.from({ length: COUNT }, (_, i) => ((((i * 37) % 201) - 100) / 100) * 1e-6);
for (const [name, type] of [['q8_0', 8], ['q4_0', 2], ['q6_K', 14]]) {
  const packed = new Uint8Array(Number(rowSize(type, COUNT)));
  quantize(type, weights, packed, 0, 1, COUNT, null);
  const back = new Float32Array(COUNT);
  ggml.func(`void dequantize_row_${name}(const void* packed, _Out_ float* back, int64_t count)`)(packed, back, COUNT);
  const kept = back.filter((value) => value !== 0).length;
  console.log(`${name}: ${Math.round((100 * kept) / COUNT)} % not zero`);
}
JS
seen=$(node case.mjs)
echo "$seen"
[[ $seen == 'q8_0: 0 % not zero
q4_0: 94 % not zero
q6_K: 0 % not zero' ]] || { echo 'changed'; exit 1; }
