import { messageRule } from './engine-messages.ts';
import type { LoadOutcome } from './file-under-test.ts';
import type { Checks } from './rule.ts';

/** The group load: what the engine itself made of the file (`--load`), in a process of its own. */
export const LOAD_RULES: Checks = {
  'load/failed': outcome('failed'),
  'load/crashed': outcome('crashed'),
  'load/timeout': outcome('timeout'),
  'load/not-finite': outcome('not-finite'),
  *'load/warning'({ load }) {
    if (load?.status !== 'ok') return;
    for (const warning of load.warnings) {
      const known = messageRule(warning);
      if (known === null) yield { message: `the engine warns: ${warning}` };
      // The file's own rules have said it, with its level: the engine's words are added for whoever compares.
      else yield { message: `the engine warns: ${warning} (${known})`, severity: 'note' };
    }
  },
};

function outcome(status: Exclude<LoadOutcome['status'], 'ok'>): Checks[string] {
  return ({ load }) => (load?.status === status ? [{ message: load.reason }] : []);
}
