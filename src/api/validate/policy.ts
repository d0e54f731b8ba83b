import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Policy } from '../../schema/validation.ts';
import { policySchema } from '../../schema/validation.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { parseWrittenJson } from '../../util/written-json.ts';
import { ruleById } from '../../validate/index.ts';

/**
 * The policy in a file.
 * @throws UsageError `policy/unreadable`, `policy/invalid`
 */
export async function readPolicy(file: string): Promise<Policy> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new UsageError('policy/unreadable', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  const policy = await parsePolicy(file, text);
  const unknown = Object.keys(policy.severities ?? {}).find((id) => ruleById(id) === undefined);
  if (unknown !== undefined) {
    throw new UsageError('policy/invalid', `${file}: severities: there is no rule ${unknown}`, {
      hint: 'quantscope validate --explain lists the rules.',
    });
  }
  return policy;
}

async function parsePolicy(file: string, text: string): Promise<Policy> {
  let json: unknown;
  try {
    json = await parseWrittenJson(text);
  } catch (cause) {
    throw new UsageError('policy/invalid', `${file}: ${messageOf(cause)}`, {
      cause,
      hint: 'Its schema is schema/policy.json.',
    });
  }
  const parsed = policySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problem = z.prettifyError(parsed.error);
  throw new UsageError('policy/invalid', `${file}: ${problem}`, {
    hint: 'Its schema is schema/policy.json.',
  });
}
