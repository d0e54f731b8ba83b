#!/usr/bin/env bash
# Expected: GGUFWriter.add_array(key, []) writes an array of length 0, which GGUF allows.
# Seen with gguf 0.19.0 (PyPI): the key is left out of the file, without an error or a warning.
# Why it matters: a file that is rewritten by a tool of that package can lose keys, so a key that is missing does not
# mean that its writer never set it.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q gguf==0.19.0 numpy==2.2.6
cat > case.py <<'PY'
import numpy as np
from gguf import GGUFReader, GGUFWriter
writer = GGUFWriter('a.gguf', 'llama')
writer.add_array('case.empty', [])
writer.add_array('case.one', [7])
writer.add_tensor('t.weight', np.ones((1, 4), dtype=np.float32))
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
print(' '.join(key for key in GGUFReader('a.gguf').fields if key.startswith('case.')))
PY
seen=$(v/bin/python case.py)
echo "keys in the file: $seen"
[[ $seen == 'case.one' ]] || { echo 'changed: expected only case.one'; exit 1; }
