import { ARCHITECTURE_KEY_RULES } from './architecture-rules.ts';
import { ARCHITECTURE_TENSOR_RULES } from './architecture-tensor-rules.ts';
import { CONTENT_RULES } from './content-rules.ts';
import { LOAD_RULES } from './load-rules.ts';
import { POLICY_RULES } from './policy-rules.ts';
import { PROVENANCE_RULES } from './provenance-rules.ts';
import { groupOf, type Rule, type RuleTable } from './rule.ts';
import { SHARD_RULES } from './shard-rules.ts';
import { STRUCTURE_RULES } from './structure-rules.ts';
import { TEMPLATE_RULES } from './template-rules.ts';
import { VOCABULARY_RULES } from './vocabulary-rules.ts';

/** A file that cannot be read has no header to look at: the command itself reports it. */
const FILE_RULES: RuleTable = {
  'file/unreadable': {
    severity: 'error',
    reason: 'The file can be opened and read to its end.',
    why: 'Nothing can be said of what cannot be read.',
    checkedBy: 'The operating system.',
    fix: 'Check the permissions and the disk.',
    check: () => [],
  },
};

/** Every rule by its id, in the order of a file. */
export const RULES: RuleTable = {
  ...FILE_RULES,
  ...STRUCTURE_RULES,
  ...CONTENT_RULES,
  ...ARCHITECTURE_KEY_RULES,
  ...ARCHITECTURE_TENSOR_RULES,
  ...VOCABULARY_RULES,
  ...TEMPLATE_RULES,
  ...SHARD_RULES,
  ...PROVENANCE_RULES,
  ...POLICY_RULES,
  ...LOAD_RULES,
};

/** Groups in the order of their rules. */
export const RULE_GROUPS: readonly string[] = [...new Set(Object.keys(RULES).map(groupOf))];

/** A rule by its id; undefined for anything else, `constructor` included. */
export function ruleById(id: string): Rule | undefined {
  return Object.hasOwn(RULES, id) ? RULES[id] : undefined;
}

/** Ids that a word of `--rules` stands for: a rule, or a whole group. Empty where it stands for none. */
export function rulesNamed(word: string): string[] {
  return Object.keys(RULES).filter((id) => id === word || groupOf(id) === word);
}
