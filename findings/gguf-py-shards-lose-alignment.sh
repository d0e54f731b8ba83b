#!/usr/bin/env bash
# Expected: a model that GGUFWriter splits (split_max_tensors, split_max_size) reads back as the one that it writes whole,
# whatever alignment was set by add_custom_alignment.
# Seen with gguf 0.19.0 (PyPI), read by itself and by @huggingface/gguf 0.4.6 (npm): the tensors of every file lie as the
# alignment asks, but general.alignment is in the first file alone. Each other one is therefore read with the usual 32, and
# its data too early: a tensor of ones comes back as zeros, without an error. With the usual alignment all are right.
# Why it matters: all but the first part of such a model are damaged, which shows only when it speaks.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q gguf==0.19.0 numpy==2.2.6
npm init -y >/dev/null && npm install --silent --no-audit --no-fund @huggingface/gguf@0.4.6
cat > case.py <<'PY'
import glob
import numpy as np
from gguf import GGUFReader, GGUFWriter
for alignment in [32, 128]:
    for parts in [1, 3]:
        name = f'{alignment}in{parts}'
        writer = GGUFWriter(f'{name}.gguf', 'llama', split_max_tensors=3 // parts)
        writer.add_custom_alignment(alignment)
        for block in range(3):
            writer.add_tensor(f'blk.{block}.weight', np.ones((2, 4), dtype=np.float32))
        writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
        files = [GGUFReader(path) for path in sorted(glob.glob(f'{name}*.gguf'))]
        means = [tensor.data.mean() for file in files for tensor in file.tensors]
        print(f'aligned to {alignment} in {parts}:', *(f'{mean:.0f}' for mean in means), [int(file.alignment) for file in files])
PY
cat > case.mjs <<'JS'
import { gguf } from '@huggingface/gguf';
const { metadata, tensorDataOffset } = await gguf('128in3-00002-of-00003.gguf', { allowLocalFile: true });
console.log(`second of three for @huggingface/gguf: general.alignment ${metadata['general.alignment']}, data at ${tensorDataOffset}`);
JS
seen=$(v/bin/python case.py; node case.mjs)
echo "$seen"
[[ $seen == 'aligned to 32 in 1: 1 1 1 [32]
aligned to 32 in 3: 1 1 1 [32, 32, 32]
aligned to 128 in 1: 1 1 1 [128]
aligned to 128 in 3: 1 0 0 [128, 32, 32]
second of three for @huggingface/gguf: general.alignment undefined, data at 160' ]] || { echo 'changed'; exit 1; }
