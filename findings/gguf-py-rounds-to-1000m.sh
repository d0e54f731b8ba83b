#!/usr/bin/env bash
# Expected: a rounded parameter count has the unit of what it is rounded to: 999.6 million is "1.0B" or "1B".
# Seen with gguf 0.19.0 (PyPI): the unit is chosen before rounding, so that counts just below a power of a thousand
# become "1000K" and "1000M", and a trillion, for which there is a unit, "1000B".
# Why it matters: size labels are compared as text by listings and file names; "1000M" and "1.0B" are neighbours.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q gguf==0.19.0 numpy==2.2.6
seen=$(v/bin/python -c "
from gguf.utility import model_weight_count_rounded_notation as rounded
print(' '.join(rounded(count) for count in (999_499_999, 999_600_000, 1_000_000_001, 999_999, 10**12, 2 * 10**12)))")
echo "$seen"
[[ $seen == '999M 1000M 1.0B 1000K 1000B 2.0T' ]] || { echo 'changed'; exit 1; }
