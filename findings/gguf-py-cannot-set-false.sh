#!/usr/bin/env bash
# Expected: `gguf-set-metadata FILE tokenizer.ggml.add_bos_token false` sets the key to false.
# Seen with gguf 0.19.0 (PyPI): the text is made a boolean by its length, so every word is true. The tool says that the
# key "already" has the value and ends with 0. The text that does set it to false is the empty one.
# Why it matters: this is the remedy usually named for a model whose prompts get two BOS tokens.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q gguf==0.19.0 numpy==2.2.6
cat > make.py <<'PY'
import numpy as np
from gguf import GGUFWriter
writer = GGUFWriter('a.gguf', 'llama')
writer.add_bool('tokenizer.ggml.add_bos_token', True)
writer.add_tensor('t.weight', np.ones((1, 4), dtype=np.float32))
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
PY
v/bin/python make.py
value() { v/bin/python -c "from gguf import GGUFReader; print(GGUFReader('a.gguf').fields['tokenizer.ggml.add_bos_token'].contents())"; }
set_to() { v/bin/gguf-set-metadata --force a.gguf tokenizer.ggml.add_bos_token "$1" >/dev/null 2>&1 && echo "exit 0" || echo "exit $?"; }
seen=""
for text in false False 0 ''; do seen+="'$text': $(set_to "$text"), $(value); "; done
echo "$seen"
[[ $seen == "'false': exit 0, True; 'False': exit 0, True; '0': exit 0, True; '': exit 0, False; " ]] || { echo 'changed'; exit 1; }
