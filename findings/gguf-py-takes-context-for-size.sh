#!/usr/bin/env bash
# Expected: the parts of a model's name that gguf's Metadata finds are those that the name has; Phi-3-mini-4k-instruct
# names no parameter count, and its 4k is the context length.
# Seen with gguf 0.19.0 (PyPI): a context length is taken for the size label. The first model becomes one of size "4K",
# its 128k twin one of size "128K", and a 6B model with a 16K context one of size "6B-16K".
# Why it matters: converters write this label as general.size_label and into file names, so a model of 3.8 billion
# parameters is listed as one of four thousand.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q gguf==0.19.0 numpy==2.2.6
cat > case.py <<'PY'
from gguf import Metadata
for name in ('Phi-3-mini-4k-instruct', 'Phi-3-mini-128k-instruct', 'Yi-1.5-6B-Chat-16K', 'Phi-3.5-mini-instruct'):
    *_, size = Metadata.get_model_id_components(name)
    print(f'{name}: {size}')
PY
seen=$(v/bin/python case.py)
echo "$seen"
[[ $seen == 'Phi-3-mini-4k-instruct: 4K
Phi-3-mini-128k-instruct: 128K
Yi-1.5-6B-Chat-16K: 6B-16K
Phi-3.5-mini-instruct: mini' ]] || { echo 'changed'; exit 1; }
