import { UsageError } from '../../util/errors.ts';
import { rulesNamed } from '../../validate/index.ts';

/**
 * The ids of all rules that words name, a rule or a group each.
 * @throws UsageError `usage/rule` where one names none
 */
export function chosenRules(words: readonly string[]): ReadonlySet<string> {
  const chosen = new Set<string>();
  for (const word of words) {
    const ids = rulesNamed(word);
    if (ids.length === 0) throw noSuchRule(word);
    for (const id of ids) chosen.add(id);
  }
  return chosen;
}

export function noSuchRule(name: string): UsageError {
  return new UsageError('usage/rule', `there is no rule ${JSON.stringify(name)}`, {
    hint: 'quantscope validate --explain lists them.',
  });
}
