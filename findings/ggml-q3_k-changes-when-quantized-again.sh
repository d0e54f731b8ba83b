#!/usr/bin/env bash
# Expected: weights that a type represents exactly, since they were just read from it, are unchanged when they are
# quantized to that type again.
# Seen with llama.cpp v0.5.0 (@node-llama-cpp/linux-x64 3.22.1, npm), 16,384 normally distributed weights without an
# importance matrix: Q2_K, Q4_K, Q6_K, Q4_0 and Q8_0 give every value back, Q3_K changes about one in ten (and adds about
# 5 % to the squared error), IQ3_S every one.
# Why it matters: a model that only exists quantized cannot be turned to F16 and back without a loss, and "same type,
# other bytes" does not prove another origin.
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
ggml.func('void ggml_quantize_init(int type)')(21);
const COUNT = 16384;
let state = 12345;
const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const weights = Float32Array.from(
  { length: COUNT },
  () => 0.02 * Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform()),
);
for (const [name, type] of Object.entries({ q8_0: 8, q4_0: 2, q2_K: 10, q3_K: 11, q4_K: 12, q6_K: 14, iq3_s: 21 })) {
  const dequantize = ggml.func(
    `void dequantize_row_${name}(const void* packed, _Out_ float* back, int64_t count)`,
  );
  const once = (values) => {
    const packed = new Uint8Array(Number(rowSize(type, COUNT)));
    quantize(type, values, packed, 0, 1, COUNT, null);
    const back = new Float32Array(COUNT);
    dequantize(packed, back, COUNT);
    return back;
  };
  const first = once(weights);
  const second = once(first);
  const changed = first.filter((value, i) => value !== second[i]).length;
  console.log(`${name}: ${Math.round((100 * changed) / COUNT)} % changed`);
}
JS
seen=$(node case.mjs)
echo "$seen"
[[ $seen == 'q8_0: 0 % changed
q4_0: 0 % changed
q2_K: 0 % changed
q3_K: 9 % changed
q4_K: 0 % changed
q6_K: 0 % changed
iq3_s: 100 % changed' ]] || { echo 'changed'; exit 1; }
