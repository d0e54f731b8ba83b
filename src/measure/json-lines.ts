import type { z } from 'zod';
import { messageOf, UsageError } from '../util/errors.ts';

/** The error for one line, or for a field of it. */
export type InvalidLine = (field: string | null, what: string) => UsageError;

/**
 * Reads JSON Lines by a schema; blank lines are allowed.
 * @param source how errors name the file
 * @param code of the errors
 * @param itemOf what a line stands for; throws what `invalid` makes where it stands for nothing
 * @throws UsageError naming line and field
 */
export function parseJsonLines<Schema extends z.ZodObject, Item>(
  content: string,
  source: string,
  code: string,
  schema: Schema,
  itemOf: (line: z.infer<Schema>, invalid: InvalidLine) => Item,
): Item[] {
  const lines = content.replace(/^\uFEFF/, '').split('\n');
  return lines.flatMap((raw, index) => {
    if (raw.trim() === '') return [];
    const invalid: InvalidLine = (field, what) => {
      const place = field === null ? '' : `, field "${field}"`;
      return new UsageError(code, `${source}, line ${index + 1}${place}: ${what}`);
    };
    let json: unknown;
    try {
      json = JSON.parse(raw);
    } catch (cause) {
      throw invalid(null, `not JSON: ${messageOf(cause)}`);
    }
    const checked = schema.safeParse(json);
    if (checked.success) return [itemOf(checked.data, invalid)];
    const [issue] = checked.error.issues;
    if (issue?.code !== 'unrecognized_keys')
      throw invalid(issue?.path.join('.') || null, issue?.message ?? 'invalid');
    const known = Object.keys(schema.shape).join(', ');
    throw invalid(issue.keys[0] ?? null, `unknown, expected one of ${known}`);
  });
}
