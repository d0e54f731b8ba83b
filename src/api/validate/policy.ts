import { invalidJsonFile, readJsonFile } from '../../schema/json-file.ts';
import { type Policy, policySchema } from '../../schema/validation.ts';
import { ruleById } from '../../validate/index.ts';

const POLICY_FILE = {
  name: 'policy' as const,
  unreadableHint: '--policy takes the path of a JSON file; its schema is schema/policy.json.',
  invalidHint: 'Its schema is schema/policy.json.',
  isAsked: true,
};

/**
 * The policy in a file.
 * @throws UsageError `policy/unreadable`, `policy/invalid`
 */
export async function readPolicy(file: string): Promise<Policy> {
  const policy = await readJsonFile(file, policySchema, POLICY_FILE);
  const unknown = Object.keys(policy.severities ?? {}).find((id) => ruleById(id) === undefined);
  if (unknown === undefined) return policy;
  const invalidHint = 'quantscope validate --explain lists the rules.';
  throw invalidJsonFile(file, `severities: there is no rule ${unknown}`, { ...POLICY_FILE, invalidHint });
}
