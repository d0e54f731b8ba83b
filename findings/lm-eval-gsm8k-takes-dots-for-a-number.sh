#!/usr/bin/env bash
# Expected: of a reply to a GSM8K question, flexible-extract finds the last number, and $18.00 is 18.
# Seen with lm_eval 0.4.13 (PyPI), with the pattern and the ignored parts of its own gsm8k.yaml: dots and commas are
# taken for a number without any digit, so that "18 dollars..." answers "..."; and answers are compared as texts, so
# that 18.00 and 0.50 are wrong where 18 and 0.5 are right.
# Why it matters: a quantization that writes more dots or cents loses points of a published benchmark, and its
# arithmetic none.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv v && v/bin/pip install -q lm_eval==0.4.13 pyyaml==6.0.3
cat > case.py <<'PY'
import pathlib, lm_eval, yaml
from lm_eval.api.metrics import exact_match_hf_evaluate
from lm_eval.filters.extraction import RegexFilter
task = (pathlib.Path(lm_eval.__file__).parent / 'tasks/gsm8k/gsm8k.yaml').read_text()
task = yaml.safe_load(task)
[flexible] = [each for each in task['filter_list'] if each['name'] == 'flexible-extract']
settings = {key: value for key, value in flexible['filter'][0].items() if key != 'function'}
extract = RegexFilter(**settings)
ignored = task['metric_list'][0]['regexes_to_ignore']
for reply in ['She makes $18 a day.', 'She makes 18 dollars...', 'She makes $18.00 a day.']:
    [[answer]] = extract.apply([[reply]], [{}])
    score = exact_match_hf_evaluate(predictions=[answer], references=['18'], regexes_to_ignore=ignored)
    print(f'{answer} -> {score["exact_match"]:.0f}')
PY
seen=$(v/bin/python case.py 2>/dev/null)
echo "$seen"
[[ $seen == $'$18 -> 1\n... -> 0\n$18.00 -> 0' ]] || { echo 'changed'; exit 1; }
