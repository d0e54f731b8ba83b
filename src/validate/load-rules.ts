import type { Finding } from './diagnostic.ts';
import type { FileUnderTest, LoadOutcome } from './file-under-test.ts';
import type { Rule, RuleTable } from './rule.ts';

const FIX =
  'Mend what the other rules name; where they name nothing, the file needs another version of the engine.';

/** The group load: what the engine itself made of the file (`--load`), in a process of its own. */
export const LOAD_RULES: RuleTable = {
  'load/failed': {
    severity: 'error',
    reason: 'The engine loads the file and decodes one token.',
    why: 'What it refuses here it refuses in the app.',
    checkedBy: 'llama.cpp itself.',
    fix: FIX,
    *check(file) {
      yield* outcome(file, 'failed');
    },
  },
  'load/crashed': {
    severity: 'error',
    reason: 'Loading the file does not end the process.',
    why: 'An abort or a segmentation fault takes an app down with it, and may be more than a crash in the wrong hands.',
    checkedBy: 'llama.cpp itself.',
    fix: FIX,
    *check(file) {
      yield* outcome(file, 'crashed');
    },
  },
  'load/timeout': {
    severity: 'error',
    reason: 'Loading the file ends.',
    why: 'An app waits for ever.',
    checkedBy: 'llama.cpp itself.',
    fix: FIX,
    *check(file) {
      yield* outcome(file, 'timeout');
    },
  },
  'load/not-finite': {
    severity: 'error',
    reason: 'The first token’s probabilities are numbers.',
    why: 'NaN in the output means that the model answers with garbage.',
    checkedBy: 'Nobody: llama.cpp goes on.',
    fix: FIX,
    *check(file) {
      yield* outcome(file, 'not-finite');
    },
  },
} satisfies Record<string, Rule>;

function* outcome({ load }: FileUnderTest, status: Exclude<LoadOutcome['status'], 'ok'>): Iterable<Finding> {
  if (load?.status === status) yield { message: load.reason };
}
