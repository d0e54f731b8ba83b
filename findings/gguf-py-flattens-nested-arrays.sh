#!/usr/bin/env bash
# Expected: gguf-new-metadata copies every key but those it is asked to change, so [[1, 2], [3]] stays [[1, 2], [3]].
# Seen with gguf 0.19.0 (PyPI): GGUFReader gives the elements of a nested array as one flat list, and gguf-new-metadata
# writes that list: the copy has [1, 2, 3], an array of another type and length, with exit code 0. @huggingface/gguf
# 0.4.6 reads both files as they are.
# Why it matters: "copied with a new name" is not "the same metadata".
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q gguf==0.19.0 numpy==2.2.6
npm init -y >/dev/null && npm install --silent --no-audit --no-fund @huggingface/gguf@0.4.6
cat > make.py <<'PY'
import numpy as np
from gguf import GGUFWriter
writer = GGUFWriter('a.gguf', 'llama')
writer.add_array('case.nested', [[1, 2], [3]])
writer.add_tensor('t.weight', np.ones((1, 4), dtype=np.float32))
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
PY
v/bin/python make.py
v/bin/gguf-new-metadata --force --general-name Copy a.gguf b.gguf >/dev/null 2>&1
cat > read.mjs <<'JS'
import { gguf } from '@huggingface/gguf';
const value = async (path) => JSON.stringify((await gguf(path, { allowLocalFile: true })).metadata['case.nested']);
console.log(`${await value('a.gguf')} -> ${await value('b.gguf')}`);
JS
seen=$(node read.mjs)
echo "$seen"
[[ $seen == '[[1,2],[3]] -> [1,2,3]' ]] || { echo 'changed'; exit 1; }
