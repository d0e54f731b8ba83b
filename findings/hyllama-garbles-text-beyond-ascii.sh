#!/usr/bin/env bash
# Expected: a text of a GGUF file's metadata, which is UTF-8 by the specification, is read as what it says.
# Seen with hyllama 0.2.2 (npm): ggufMetadata makes a character of each byte, so that "Žluťoučký" has 13 characters
# of other letters. gguf 0.19.0 (PyPI), which wrote the file, reads it back as it was.
# Why it matters: the token lists of models are full of such texts ("▁" begins half of them), and names and authors too.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q gguf==0.19.0 numpy==2.2.6
npm init -y >/dev/null && npm install --silent --no-audit --no-fund hyllama@0.2.2
cat > make.py <<'PY'
import numpy as np
from gguf import GGUFReader, GGUFWriter
writer = GGUFWriter('case.gguf', 'llama')
writer.add_name('Žluťoučký')
writer.add_array('tokenizer.ggml.tokens', ['▁the', 'plain'])
writer.add_tensor('t.weight', np.ones((1, 4), dtype=np.float32))
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
print('gguf:', GGUFReader('case.gguf').fields['general.name'].contents())
PY
cat > case.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { ggufMetadata } from 'hyllama';
const { metadata } = ggufMetadata(new Uint8Array(readFileSync('case.gguf')).buffer);
const codes = [...metadata['tokenizer.ggml.tokens'][0]].map((each) => each.codePointAt(0).toString(16));
console.log(`hyllama: ${metadata['general.name'].length} characters; ▁the is ${codes.join(' ')}; ${metadata['tokenizer.ggml.tokens'][1]}`);
JS
seen=$(v/bin/python make.py; node case.mjs)
echo "$seen"
[[ $seen == $'gguf: Žluťoučký\nhyllama: 13 characters; ▁the is e2 96 81 74 68 65; plain' ]] || { echo 'changed'; exit 1; }
