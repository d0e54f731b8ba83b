import { z } from 'zod';
import type { ErrorCode } from '../util/error-codes.ts';
import { messageOf, UsageError } from '../util/errors.ts';

const HINT = 'Each line is a JSON object of its own; correct this line, or take it out.';

export type InvalidLine = (field: string | null, what: string) => UsageError;

/**
 * Reads JSON Lines, each an object; blank lines are allowed.
 * @param source how errors name the file
 * @param code of the errors
 * @param itemOf what a line stands for; throws what `invalid` makes where it stands for nothing
 * @throws UsageError naming line and field
 */
export function parseJsonLines<Item>(
  content: string,
  source: string,
  code: ErrorCode,
  itemOf: (line: object, invalid: InvalidLine) => Item,
): Item[] {
  const lines = content.replace(/^\uFEFF/, '').split('\n');
  return lines.flatMap((raw, index) => {
    if (raw.trim() === '') return [];
    const invalid: InvalidLine = (field, what) => {
      const place = field === null ? '' : `, field "${field}"`;
      return new UsageError(code, `${source}, line ${index + 1}${place}: ${what}`, { hint: HINT });
    };
    let json: unknown;
    try {
      json = JSON.parse(raw);
    } catch (cause) {
      throw invalid(null, `not JSON: ${messageOf(cause)}`);
    }
    return [itemOf(readLine(z.looseObject({}), json, invalid), invalid)];
  });
}

/** A line by its schema. @throws UsageError naming the field */
export function readLine<Schema extends z.ZodType>(
  schema: Schema,
  line: unknown,
  invalid: InvalidLine,
): z.infer<Schema> {
  const checked = schema.safeParse(line);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  if (issue?.code !== 'unrecognized_keys' || !(schema instanceof z.ZodObject)) {
    throw invalid(issue?.path.join('.') || null, issue?.message ?? 'invalid');
  }
  throw invalid(issue.keys[0] ?? null, `unknown, expected one of ${Object.keys(schema.shape).join(', ')}`);
}
