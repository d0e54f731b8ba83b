#!/usr/bin/env bash
# Expected: mlx.core.load gives every tensor of a GGUF file, or an error; its documentation says that types it does not
# compute with become float16.
# Seen with mlx 0.32.4 (PyPI, on Linux): tensors of MXFP4, TQ1_0 and TQ2_0, newer than the reader inside it, are left out
# of the result, without an error or a warning. Q5_0, Q5_1, older than GGUF itself, are an error.
# Why it matters: MXFP4 is what gpt-oss is published in. Code that walks the result (a converter, a count of parameters, a
# comparison of two files) sees a smaller model, and nothing tells it so.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q 'mlx[cpu]==0.32.4' gguf==0.19.0 numpy==2.2.6
cat > case.py <<'PY'
import mlx.core as mx, numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, quantize
weights = np.linspace(-1, 1, 1024, dtype=np.float32).reshape(4, 256)
for name in ['Q8_0', 'BF16', 'MXFP4', 'TQ1_0', 'TQ2_0', 'Q5_0', 'Q5_1']:
    writer = GGUFWriter('a.gguf', 'llama')
    kind = GGMLQuantizationType[name]
    writer.add_tensor('output_norm.weight', np.ones(256, dtype=np.float32))
    writer.add_tensor('output.weight', quantize(weights, kind), raw_dtype=kind)
    writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
    try:
        loaded = mx.load('a.gguf')
        missing = [tensor.name for tensor in GGUFReader('a.gguf').tensors if tensor.name not in loaded]
        print(f'{name}: missing {missing}')
    except RuntimeError:
        print(f'{name}: error')
PY
seen=$(v/bin/python case.py)
echo "$seen"
[[ $seen == "Q8_0: missing []
BF16: missing []
MXFP4: missing ['output.weight']
TQ1_0: missing ['output.weight']
TQ2_0: missing ['output.weight']
Q5_0: error
Q5_1: error" ]] || { echo 'changed'; exit 1; }
