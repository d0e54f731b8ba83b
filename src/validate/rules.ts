import { STRUCTURE_CODES } from '../gguf/index.ts';
import type { RuleText } from '../schema/rules.ts';
import type { Severity } from '../schema/terms.ts';
import { packageJson } from '../util/package-files.ts';
import { ARCHITECTURE_KEY_RULES } from './architecture-rules.ts';
import { ARCHITECTURE_TENSOR_RULES } from './architecture-tensor-rules.ts';
import { CHAT_RULES } from './chat-rules.ts';
import { CONFORMANCE_RULES } from './conformance-rules.ts';
import { CONTENT_RULES } from './content-rules.ts';
import { DERIVED_RULES } from './derived-rules.ts';
import { DEVICE_RULES } from './device-rules.ts';
import { ENGINE_VOCABULARY_RULES } from './engine-vocabulary-rules.ts';
import { FILE_RULES } from './file-rules.ts';
import { LOAD_RULES } from './load-rules.ts';
import { NAME_RULES } from './name-rules.ts';
import { POLICY_RULES } from './policy-rules.ts';
import { PROVENANCE_RULES } from './provenance-rules.ts';
import { REPORTED_RULES } from './reported-rules.ts';
import { ROPE_RULES } from './rope-rules.ts';
import { type Checks, groupOf, type Rule } from './rule.ts';
import { SHARD_RULES } from './shard-rules.ts';
import { STRUCTURE_RULES } from './structure-rules.ts';
import { TEMPLATE_RULES } from './template-rules.ts';
import { TEMPLATE_TEXT_RULES } from './template-text-rules.ts';
import { VOCABULARY_RULES } from './vocabulary-rules.ts';

/** In the order of a file. */
const CHECKS: Checks = {
  ...FILE_RULES,
  ...STRUCTURE_RULES,
  ...CONTENT_RULES,
  ...ARCHITECTURE_KEY_RULES,
  ...ARCHITECTURE_TENSOR_RULES,
  ...ROPE_RULES,
  ...VOCABULARY_RULES,
  ...ENGINE_VOCABULARY_RULES,
  ...NAME_RULES,
  ...TEMPLATE_RULES,
  ...CONFORMANCE_RULES,
  ...CHAT_RULES,
  ...TEMPLATE_TEXT_RULES,
  ...SHARD_RULES,
  ...PROVENANCE_RULES,
  ...DERIVED_RULES,
  ...REPORTED_RULES,
  ...POLICY_RULES,
  ...LOAD_RULES,
  ...DEVICE_RULES,
};

/** How bad the faults are that the reader finds itself. */
const OF_READER: Readonly<Record<string, Severity>> = STRUCTURE_CODES;
// Taken at its word, since loading the schema library would cost more than the check: a test holds the file to both.
const { rules: texts } = packageJson('data/rules.json') as { rules: Readonly<Record<string, RuleText>> };

/** Every rule by its id: what data/rules.json says of it, and its check from here. */
export const RULES = Object.fromEntries(
  Object.entries(CHECKS).map(([id, check]) => [id, { severity: OF_READER[id], ...texts[id], check }]),
) as Readonly<Record<string, Rule>>;

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
