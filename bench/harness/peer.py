"""lm-evaluation-harness on the logits of logits.ts: its own tasks, requests, tokens and measures.

Usage: peer.py HARNESS_TASK FILE SHOTS LOGITS_COMMAND...
Prints one JSON line an item: its metrics. FILE is JSON Lines of the benchmark; the first SHOTS lines are examples.
"""

import base64
import json
import subprocess
import sys

import numpy as np
from lm_eval.api.model import TemplateLM
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml


class Engine:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()


class LogitsModel(TemplateLM):
    backend = "causal"
    tokenizer = None

    def __init__(self, engine):
        super().__init__()
        self.engine = engine

    @property
    def eot_token_id(self):
        return 0

    def tok_encode(self, string, add_special_tokens=None, **kwargs):
        return json.loads(self.engine.ask({"text": string}))

    def _loglikelihood_tokens(self, requests, **kwargs):
        results = []
        for _, context, continuation in requests:
            tokens = context + continuation
            raw = base64.b64decode(self.engine.ask({"tokens": tokens, "first": len(context) - 1}))
            logits = np.frombuffer(raw, dtype=np.float32).reshape(len(continuation), -1).astype(np.float64)
            largest = logits.max(axis=1, keepdims=True)
            log_sums = largest[:, 0] + np.log(np.exp(logits - largest).sum(axis=1))
            own = logits[np.arange(len(continuation)), continuation] - log_sums
            greedy = bool((logits.argmax(axis=1) == np.array(continuation)).all())
            results.append((float(own.sum()), greedy))
        return results

    def loglikelihood_rolling(self, requests, **kwargs):
        raise NotImplementedError

    def generate_until(self, requests, **kwargs):
        raise NotImplementedError


name, path, shots, *command = sys.argv[1:]
manager = TaskManager()
config = load_yaml(manager.task_index[name].yaml_path, resolve_func=True)
splits = {"validation_split": None, "test_split": "asked", "training_split": None, "fewshot_split": "shown"}
config.update(splits)
config.update({"dataset_path": "json", "dataset_name": None, "num_fewshot": int(shots)})
config["fewshot_config"] = {"sampler": "first_n", "split": "shown"}
lines = open(path, encoding="utf-8").read().splitlines()
for split, some in (("shown", lines[: max(1, int(shots))]), ("asked", lines[int(shots) :])):
    with open(f"{path}.{split}", "w", encoding="utf-8") as file:
        file.write("\n".join(some) + "\n")
config["dataset_kwargs"] = {"data_files": {"shown": f"{path}.shown", "asked": f"{path}.asked"}}
task = ConfigurableTask(config=config)
model = LogitsModel(Engine(command))
task.build_all_requests(limit=None, rank=0, world_size=1)
by_doc = {}
for request in task.instances:
    by_doc.setdefault(request.doc_id, []).append(request)
for doc_id, requests in sorted(by_doc.items()):
    answers = model.loglikelihood(requests, disable_tqdm=True)
    metrics = task.process_results(requests[0].doc, answers)
    print(json.dumps({k: float(v) for k, v in metrics.items()} | {"sums": [a for a, _ in answers]}), flush=True)
