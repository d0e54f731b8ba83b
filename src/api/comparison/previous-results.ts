import { type Results, resultsSchema, type Settings } from '../../schema/results.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { issueText, kindText, otherVersionHint, schemaIdOf } from '../../util/document-faults.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { readInput } from '../input-file.ts';
import { withRepliesBeside } from '../replies-file.ts';

/** The results of an earlier run. @throws UsageError `input/unreadable`, `resume/invalid` */
export async function readResults(path: string): Promise<Results> {
  const text = await readInput(path, '--resume');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new UsageError('resume/invalid', `${path} is not JSON: ${messageOf(cause)}`, { cause });
  }
  const checked = resultsSchema.safeParse(parsed);
  if (checked.success) return withRepliesBeside(path, checked.data);
  const fault =
    schemaIdOf(parsed) === SCHEMA_IDS.results
      ? `is not as ${SCHEMA_IDS.results} says: ${issueText(checked.error)}`
      : `${kindText(parsed)}, expected "${SCHEMA_IDS.results}"`;
  throw new UsageError('resume/invalid', `${path} ${fault}`, {
    hint:
      otherVersionHint(parsed, [SCHEMA_IDS.results]) ?? 'Name the file that --out of compare or eval wrote.',
  });
}

/**
 * A row measured another way must not stand beside the others.
 * @param threads as asked for: where it was not a number, those of the earlier run go on
 * @throws UsageError `resume/other-settings`
 */
export function requireSameSettings(
  previous: Results,
  settings: Settings,
  threads: number | 'auto' | undefined,
): void {
  const { promptThreads, threadSearch } = previous.settings;
  const expected: Settings = {
    ...settings,
    threads: typeof threads === 'number' ? threads : previous.settings.threads,
    // An asked number holds for both; otherwise the counts found then are those of all rows.
    ...(typeof threads === 'number' || threadSearch === undefined ? {} : { promptThreads, threadSearch }),
  };
  const [there, here] = [leavesOf(previous.settings), leavesOf(expected)];
  const differing = [...new Set([...there.keys(), ...here.keys()])].filter(
    (name) => !name.startsWith('limits.') && name !== 'prefer' && there.get(name) !== here.get(name),
  );
  if (differing.length === 0) return;
  const said = differing.map(
    (name) => `${name} (${there.get(name) ?? 'absent'} there, ${here.get(name) ?? 'absent'} here)`,
  );
  throw new UsageError(
    'resume/other-settings',
    `the results were measured with other settings: ${said.join(', ')}`,
    {
      hint: 'Resume with the options of the first run, or start a new one without --resume.',
    },
  );
}

/** Every value by its path, as JSON; lists count as values. */
function leavesOf(value: object, path = ''): Map<string, string> {
  const leaves = new Map<string, string>();
  for (const [key, field] of Object.entries(value)) {
    const isBranch = typeof field === 'object' && field !== null && !Array.isArray(field);
    if (!isBranch) leaves.set(path + key, JSON.stringify(field));
    else for (const [name, leaf] of leavesOf(field, `${path}${key}.`)) leaves.set(name, leaf);
  }
  return leaves;
}
