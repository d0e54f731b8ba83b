import { z } from 'zod';
import { boundedText } from '../util/bounded-text.ts';
import type { GroupWith } from '../util/error-codes.ts';
import { messageOf, UsageError } from '../util/errors.ts';
import { packagePath } from '../util/package-files.ts';
import { parseWrittenJson } from '../util/written-json.ts';

/** A thousand phones with their measurements are 0.5 MB. */
const LARGEST_BYTES = 16 * 1024 * 1024;

/** How the errors of one kind of file read: their codes are `NAME/unreadable` and `NAME/invalid`. */
export interface JsonFileKind {
  /** `devices` */
  readonly name: GroupWith<'unreadable'> & GroupWith<'invalid'>;
  readonly unreadableHint: string;
  readonly invalidHint: string;
  /** The user has just named the file, so that its path alone says which one it is. */
  readonly isAsked?: boolean;
}

/**
 * A JSON file that a person wrote, by its schema.
 * @throws UsageError with the file, the place in it and what was expected there
 */
export async function readJsonFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  kind: JsonFileKind,
): Promise<z.infer<Schema>> {
  let text: string;
  try {
    text = await boundedText(path, LARGEST_BYTES);
  } catch (cause) {
    const file = kind.isAsked ? path : `${path}: the ${kind.name}`;
    const message = `${file} cannot be read: ${messageOf(cause)}`;
    throw new UsageError(`${kind.name}/unreadable`, message, { cause, hint: kind.unreadableHint });
  }
  let json: unknown;
  try {
    json = await parseWrittenJson(text);
  } catch (cause) {
    throw invalidJsonFile(path, messageOf(cause), kind, cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw invalidJsonFile(path, messageOf(z.prettifyError(parsed.error)), kind);
  return parsed.data;
}

export function invalidJsonFile(
  path: string,
  reason: string,
  { name, invalidHint }: JsonFileKind,
  cause?: unknown,
): UsageError {
  return new UsageError(`${name}/invalid`, `${path}: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: invalidHint,
  });
}

/** Those of the package's `data/`. */
export const DATA_FILES = {
  name: 'data',
  unreadableHint: 'The file ships with the package: install quantscope anew.',
  invalidHint:
    'Its first line names its schema. A file that was not changed comes back with a new installation.',
} as const satisfies JsonFileKind;

/**
 * @throws UsageError `data/unreadable`, `data/invalid`
 */
export async function readDataFile<Schema extends z.ZodType>(
  name: string,
  schema: Schema,
): Promise<z.infer<Schema>> {
  return await readJsonFile(packagePath(`data/${name}`), schema, DATA_FILES);
}
