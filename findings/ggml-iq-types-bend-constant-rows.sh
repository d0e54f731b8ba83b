#!/usr/bin/env bash
# Expected: a row of equal weights, the easiest there is, comes back equal, and nearly right, from every type of 2 to 4
# bits; and a type with more bits is not worse at it.
# Seen with llama.cpp v0.5.0 (@node-llama-cpp/linux-x64 3.22.1, npm), all importances equal: Q2_K, Q3_K, Q4_0 and IQ4_NL
# give it back within 0.1 %. IQ2_XXS gives weights between 0.30 and 1.61 times the right one, IQ3_XXS 0.69 to 1.08 and
# IQ3_S 0.86 to 1.25, while IQ2_XS, with fewer bits than those two, is 7 % off everywhere.
# Why it matters: the grids of these types hold the patterns of ordinary weights; a tensor that is nearly constant
# (gates, scales, rows that were pruned to one value) is better left to a K-quant.
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
const prepare = ggml.func('void ggml_quantize_init(int type)');
const COUNT = 1024;
const importance = new Float32Array(COUNT).fill(1);
const types = { iq2_xxs: 16, iq2_xs: 17, iq3_xxs: 18, iq3_s: 21, iq4_nl: 20, q2_K: 10, q3_K: 11, q4_0: 2 };
for (const [name, type] of Object.entries(types)) {
  prepare(type);
  const packed = new Uint8Array(Number(rowSize(type, COUNT)));
  quantize(type, new Float32Array(COUNT).fill(0.1), packed, 0, 1, COUNT, importance);
  const back = new Float32Array(COUNT);
  ggml.func(`void dequantize_row_${name}(const void* packed, _Out_ float* back, int64_t count)`)(packed, back, COUNT);
  console.log(`${name}: ${(Math.min(...back) / 0.1).toFixed(2)} to ${(Math.max(...back) / 0.1).toFixed(2)}`);
}
JS
seen=$(node case.mjs)
echo "$seen"
[[ $seen == 'iq2_xxs: 0.30 to 1.61
iq2_xs: 1.07 to 1.07
iq3_xxs: 0.69 to 1.08
iq3_s: 0.86 to 1.25
iq4_nl: 1.00 to 1.00
q2_K: 1.00 to 1.00
q3_K: 1.00 to 1.00
q4_0: 1.00 to 1.00' ]] || { echo 'changed'; exit 1; }
