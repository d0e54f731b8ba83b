"""Judges replies by lm-evaluation-harness's own code: the filters of gsm8k, the checkers of ifeval.

Reads JSON Lines on stdin, {"kind": "gsm8k", "answer", "reply"} or {"kind": "ifeval", "id", "args", "prompt", "reply"};
prints one JSON object a line: what each of its measures makes of it, or null where data of NLTK is missing.
"""

import contextlib
import json
import re
import sys
from pathlib import Path

# It says on stdout what it fetches.
with contextlib.redirect_stdout(sys.stderr):
    import lm_eval
    from lm_eval.api.metrics import exact_match_hf_evaluate
    from lm_eval.filters.extraction import RegexFilter
    from lm_eval.tasks.ifeval import utils

FOLDER = Path(lm_eval.__file__).parent / "tasks"
GSM8K = (FOLDER / "gsm8k" / "gsm8k.yaml").read_text()


def pattern_of(name):
    """The pattern of a filter, as its task's file writes it."""
    part = GSM8K[GSM8K.index(f'"{name}"') :]
    return json.loads(re.search(r"regex_pattern: (\".*\")", part).group(1))


FILTERS = {
    "strict-match": RegexFilter(pattern_of("strict-match")),
    "flexible-extract": RegexFilter(pattern_of("flexible-extract"), group_select=-1),
}


def gsm8k(line):
    def measure(filtering):
        found = filtering.apply([[line["reply"]]], [{}])[0][0]
        score = exact_match_hf_evaluate(
            predictions=[found],
            references=[line["answer"]],
            regexes_to_ignore=[",", "\\$", "(?s).*#### ", "\\.$"],
            ignore_case=True,
        )
        return bool(score["exact_match"])

    return {name: measure(filtering) for name, filtering in FILTERS.items()}


def ifeval(line):
    example = utils.InputExample(
        key=0, instruction_id_list=[line["id"]], prompt=line["prompt"], kwargs=[line["args"]]
    )
    try:
        strict = utils.test_instruction_following_strict(example, line["reply"])
        loose = utils.test_instruction_following_loose(example, line["reply"])
    except LookupError:
        return None
    return {
        "prompt-level strict": strict.follow_all_instructions,
        "prompt-level loose": loose.follow_all_instructions,
    }


for text in sys.stdin:
    line = json.loads(text)
    print(json.dumps(gsm8k(line) if line["kind"] == "gsm8k" else ifeval(line)))
