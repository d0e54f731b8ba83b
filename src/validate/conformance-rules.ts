import { counted } from '../util/units.ts';
import { CONFORMANCE_RULE_IDS, type ConformanceFault, conformanceFaults } from './conformance.ts';
import { CONVERSATIONS } from './conversations.ts';
import type { FileUnderTest } from './file-under-test.ts';
import { atKey, type Finding } from './finding.ts';
import type { Checks } from './rule.ts';

/** Of the group template: what a template makes of the conversations that apps have. */
export const CONFORMANCE_RULES: Checks = Object.fromEntries(
  CONFORMANCE_RULE_IDS.map((id) => [id, (file: FileUnderTest) => findings(file, id)]),
);

const judged = new WeakMap<FileUnderTest, ReadonlyMap<string, readonly ConformanceFault[]>>();

/** The faults of each template of a file: one look serves all the rules. */
function faultsOf(file: FileUnderTest): ReadonlyMap<string, readonly ConformanceFault[]> {
  let found = judged.get(file);
  if (found === undefined) {
    found = new Map([...file.templates].map(([key, report]) => [key, conformanceFaults(report)]));
    judged.set(file, found);
  }
  return found;
}

/** One finding for a template and a severity, whatever the number of conversations. */
function* findings(file: FileUnderTest, rule: string): Iterable<Finding> {
  for (const [key, all] of faultsOf(file)) {
    const own = all.filter((fault) => fault.rule === rule);
    for (const severity of new Set(own.map((fault) => fault.severity))) {
      const same = own.filter((fault) => fault.severity === severity);
      const message = `${key}: ${NAMELESS.has(rule) ? same.map((fault) => fault.message).join('; ') : first(same)}`;
      yield { ...atKey(file, key, message), ...(severity === undefined ? {} : { severity }) };
    }
  }
}

/** The first, with its conversation, and how many more there are. */
function first(faults: readonly ConformanceFault[]): string {
  const [fault, ...others] = faults;
  const title = CONVERSATIONS.find(({ id }) => id === fault?.id)?.title;
  const more = others.length > 0 ? `, and ${counted(others.length, 'more conversation')}` : '';
  return `${title}: ${fault?.message}${more}`;
}

/** Rules whose messages say of themselves what the conversation has. */
const NAMELESS: ReadonlySet<string> = new Set([
  'template/prefix',
  'template/generation-prompt',
  'template/system',
  'template/tools',
]);
