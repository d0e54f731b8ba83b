#!/usr/bin/env bash
# Expected: what gguf(..., { typedMetadata: true }) of @huggingface/gguf reads, its own serializeGgufMetadata writes.
# Seen with @huggingface/gguf 0.4.6 (npm): the type of a nested array is read as "array of arrays" and the element type
# of the inner ones is dropped, so writing the metadata that was just read throws "Array type requires subType".
# Why it matters: editing one key of a file through this library needs the others to survive.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q gguf==0.19.0 numpy==2.2.6
npm init -y >/dev/null && npm install --silent --no-audit --no-fund @huggingface/gguf@0.4.6
cat > make.py <<'PY'
import numpy as np
from gguf import GGUFWriter
for name, value in (('flat', [1, 2, 3]), ('nested', [[1, 2], [3]])):
    writer = GGUFWriter(f'{name}.gguf', 'llama')
    writer.add_array('case.array', value)
    writer.add_tensor('t.weight', np.ones((1, 4), dtype=np.float32))
    writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
PY
v/bin/python make.py
cat > case.mjs <<'JS'
import { gguf, serializeGgufMetadata } from '@huggingface/gguf';
for (const name of ['flat', 'nested']) {
  const { typedMetadata } = await gguf(`${name}.gguf`, { allowLocalFile: true, typedMetadata: true });
  let outcome = 'written';
  try { serializeGgufMetadata(typedMetadata); } catch (error) { outcome = error.message; }
  console.log(`${name}: ${outcome}`);
}
JS
seen=$(node case.mjs)
echo "$seen"
[[ $seen == $'flat: written\nnested: Array type requires subType to be specified' ]] || { echo 'changed'; exit 1; }
