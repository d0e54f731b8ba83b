import type { LoadOutcome } from './file-under-test.ts';
import type { Checks } from './rule.ts';

/** The group load: what the engine itself made of the file (`--load`), in a process of its own. */
export const LOAD_RULES: Checks = {
  'load/failed': outcome('failed'),
  'load/crashed': outcome('crashed'),
  'load/timeout': outcome('timeout'),
  'load/not-finite': outcome('not-finite'),
};

function outcome(status: Exclude<LoadOutcome['status'], 'ok'>): Checks[string] {
  return ({ load }) => (load?.status === status ? [{ message: load.reason }] : []);
}
