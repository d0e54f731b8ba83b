#!/usr/bin/env bash
# Expected: a penalty window of -1 means the whole context: the llama.h that llama.rn 0.12.9 carries says so at
# llama_sampler_init_penalties, as its own types do for penalty_last_n.
# Seen with llama.cpp v0.5.0 (@node-llama-cpp/linux-x64 3.22.1, npm) through its C API: -1 is made 0 and the sampler does
# nothing, without a word. v0.5.0's header no longer names -1, and its tools refuse a negative --repeat-last-n; only the
# function takes it in silence.
# Why it matters: an app or a binding that calls the C API with the value that the documentation named has no repetition
# penalty at all, which looks like a bad quantization.
set -euo pipefail
[[ $(uname -sm) == 'Linux x86_64' ]] || { echo 'skipped: written for the libraries of Linux on x64'; exit 0; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps \
  koffi@3.3.4 @node-llama-cpp/linux-x64@3.22.1 llama.rn@0.12.9
grep -o -- '`-1` is ctx-size' node_modules/llama.rn/src/types.ts
grep -o -m 1 -- 'penalty_last_n, .*-1 = context size' node_modules/llama.rn/cpp/llama.h
cat > case.mjs <<'JS'
import koffi from 'koffi';
const folder = 'node_modules/@node-llama-cpp/linux-x64/bins/linux-x64';
for (const name of ['libggml-base.so', 'libggml.v0.5.0.so']) koffi.load(`${folder}/${name}`, { global: true, lazy: true });
const llama = koffi.load(`${folder}/libllama.v0.5.0.so`);
const Token = koffi.struct('TokenData', { id: 'int', logit: 'float', p: 'float' });
koffi.struct('TokenArray', { data: 'TokenData*', size: 'size_t', selected: 'int64_t', sorted: 'bool' });
const penalties = llama.func(
  'void* llama_sampler_init_penalties(int vocabulary, int window, float repeat, float frequency, float presence)',
);
const accept = llama.func('void llama_sampler_accept(void* sampler, int token)');
const apply = llama.func('void llama_sampler_apply(void* sampler, _Inout_ TokenArray* tokens)');
for (const window of [64, -1]) {
  const sampler = penalties(2, window, 2, 0, 0);
  accept(sampler, 0);
  const data = koffi.alloc(Token, 2);
  koffi.encode(data, koffi.array(Token, 2), [{ id: 0, logit: 4, p: 0 }, { id: 1, logit: 3, p: 0 }]);
  apply(sampler, { data, size: 2, selected: -1, sorted: false });
  console.log(`window ${window}: logit of the repeated token 4 -> ${koffi.decode(data, Token).logit}`);
}
JS
seen=$(node case.mjs)
echo "$seen"
[[ $seen == 'window 64: logit of the repeated token 4 -> 2
window -1: logit of the repeated token 4 -> 4' ]] || { echo 'changed'; exit 1; }
