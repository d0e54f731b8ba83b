import { readFile, stat } from 'node:fs/promises';
import type { z } from 'zod';
import type { FitReport } from '../../device/fit-report.ts';
import type { KitCheck } from '../../device/kit-check.ts';
import type { ResultsFile } from '../../measure/merge.ts';
import { resultsSchema } from '../../measure/results.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { fitSchema } from '../fit/contract.ts';
import { kitCheckSchema } from '../kit/contract.ts';

/** Results of a hundred variants take less than 1 MB. */
const MOST_BYTES = 256 * 1024 ** 2;

/** @throws UsageError `input/unreadable`, `report/invalid` */
export async function readResultsFile(path: string): Promise<ResultsFile> {
  const results = await readContract(path, resultsSchema, {
    id: 'quantscope/results@1',
    hint: 'Name a file that compare or eval wrote with --out, or what their --json printed.',
  });
  if (results.variants.length === 0) {
    throw new UsageError('report/invalid', `${path} holds no variants`, {
      hint: 'Finish the run first: quantscope compare --resume completes it.',
    });
  }
  return { path, results };
}

/** @throws UsageError `input/unreadable`, `report/invalid` */
export function readFitFile(path: string): Promise<FitReport> {
  return readContract(path, fitSchema, {
    id: 'quantscope/fit@1',
    hint: 'Write it with: quantscope fit <refs> --device NAME --json > fit.json',
  });
}

/** @throws UsageError `input/unreadable`, `report/invalid` */
export function readKitCheckFile(path: string): Promise<KitCheck> {
  return readContract(path, kitCheckSchema, {
    id: 'quantscope/kit-check@1',
    hint: 'Write it with: quantscope kit check results.json --json > phone.json',
  });
}

async function readContract<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  { id, hint }: { readonly id: string; readonly hint: string },
): Promise<z.infer<Schema>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readText(path));
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError('report/invalid', `${path} is not JSON: ${messageOf(cause)}`, { cause, hint });
  }
  const got = typeof parsed === 'object' && parsed !== null && 'schema' in parsed ? parsed.schema : undefined;
  if (got !== id) {
    const said = typeof got === 'string' ? `is ${JSON.stringify(got.slice(0, 60))}` : 'names no schema';
    throw new UsageError('report/invalid', `${path} ${said}, expected ${JSON.stringify(id)}`, { hint });
  }
  const checked = schema.safeParse(parsed);
  if (checked.success) return checked.data;
  const [first] = checked.error.issues;
  throw new UsageError(
    'report/invalid',
    `${path} is not as ${id} says: ${first?.path.join('.')}: ${first?.message}`,
    {
      hint,
    },
  );
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MOST_BYTES) {
      throw new UsageError('report/invalid', `${path} has ${size} bytes, expected at most ${MOST_BYTES}`);
    }
    return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError('input/unreadable', `${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: 'Name the path of a JSON file.',
    });
  }
}
