import type { z } from 'zod';
import type { ResultsFile } from '../../measure/merge.ts';
import { type BenchResults, benchSchema } from '../../schema/bench.ts';
import { type ContextResults, contextSchema } from '../../schema/context.ts';
import type { FitReport } from '../../schema/fit.ts';
import { fitSchema } from '../../schema/fit.ts';
import type { KitCheck } from '../../schema/kit.ts';
import { kitCheckSchema } from '../../schema/kit.ts';
import { type ReportFile, reportSchema } from '../../schema/report.ts';
import { type Results, resultsSchema } from '../../schema/results.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { type ValidationReport, validationSchema } from '../../schema/validation.ts';
import { boundedText } from '../../util/bounded-text.ts';
import { issueText, kindText, otherVersionHint, schemaIdOf } from '../../util/document-faults.ts';
import { messageOf, UsageError } from '../../util/errors.ts';

/** Results of a hundred variants take less than 1 MB. */
const MOST_BYTES = 256 * 1024 ** 2;

/** A file of measurements, whichever command wrote it. */
export type Measurements =
  | { readonly kind: 'results'; readonly path: string; readonly content: Results }
  | { readonly kind: 'bench'; readonly path: string; readonly content: BenchResults }
  | { readonly kind: 'kit-check'; readonly path: string; readonly content: KitCheck }
  | { readonly kind: 'context'; readonly path: string; readonly content: ContextResults }
  | { readonly kind: 'fit'; readonly path: string; readonly content: FitReport }
  | { readonly kind: 'report'; readonly path: string; readonly content: ReportFile };

/** @throws UsageError `input/unreadable`, `report/invalid` */
export async function readMeasurements(path: string): Promise<Measurements> {
  const parsed = await readJson(path, MEASUREMENTS_HINT);
  switch (schemaIdOf(parsed)) {
    case SCHEMA_IDS.results:
      return { kind: 'results', path, content: requireVariants(path, checked(path, parsed, RESULTS)) };
    case SCHEMA_IDS.bench:
      return { kind: 'bench', path, content: requireRows(path, checked(path, parsed, BENCH)) };
    case SCHEMA_IDS.kitCheck:
      return { kind: 'kit-check', path, content: checked(path, parsed, KIT_CHECK) };
    case SCHEMA_IDS.context:
      return { kind: 'context', path, content: checked(path, parsed, CONTEXT) };
    case SCHEMA_IDS.fit:
      return { kind: 'fit', path, content: checked(path, parsed, FIT) };
    case SCHEMA_IDS.report:
      return { kind: 'report', path, content: checked(path, parsed, REPORT) };
    default: {
      const known = [RESULTS, BENCH, CONTEXT, FIT, KIT_CHECK, REPORT]
        .map(({ id }) => JSON.stringify(id))
        .join(', ');
      throw otherKind(path, parsed, `one of ${known}`, MEASUREMENTS_HINT);
    }
  }
}

/** @throws UsageError `input/unreadable`, `report/invalid` */
export async function readResultsFile(path: string): Promise<ResultsFile> {
  return { path, results: requireVariants(path, await readDocument(path, RESULTS)) };
}

/** @throws UsageError `input/unreadable`, `report/invalid` */
export function readFitFile(path: string): Promise<FitReport> {
  return readDocument(path, FIT);
}

/** @throws UsageError `input/unreadable`, `report/invalid` */
export function readValidationFile(path: string): Promise<ValidationReport> {
  return readDocument(path, VALIDATION);
}

interface DocumentKind<Schema extends z.ZodType> {
  readonly schema: Schema;
  readonly id: string;
  readonly hint: string;
}

const MEASUREMENTS_HINT =
  'Name what compare, eval, bench or context wrote with --out or printed with --json, what fit --json or kit check ' +
  '--json printed, or what report wrote with --out.';
const RESULTS = {
  schema: resultsSchema,
  id: SCHEMA_IDS.results,
  hint: 'Name a file that compare or eval wrote with --out, or what their --json printed.',
};
const BENCH = {
  schema: benchSchema,
  id: SCHEMA_IDS.bench,
  hint: 'Name a file that bench wrote with --out, whole, or what its --json printed.',
};
const CONTEXT = {
  schema: contextSchema,
  id: SCHEMA_IDS.context,
  hint: 'Name a file that context wrote with --out, or what its --json printed.',
};
const FIT = {
  schema: fitSchema,
  id: SCHEMA_IDS.fit,
  hint: 'Write it with: quantscope fit <refs> --device NAME --json > fit.json',
};
const KIT_CHECK = {
  schema: kitCheckSchema,
  id: SCHEMA_IDS.kitCheck,
  hint: 'Write it with: quantscope kit check PHONE.json --json > phone-check.json',
};
const REPORT = {
  schema: reportSchema,
  id: SCHEMA_IDS.report,
  hint: 'Write it with: quantscope report <results...> --out merged.json',
};
const VALIDATION = {
  schema: validationSchema,
  id: SCHEMA_IDS.validation,
  hint: 'Name what quantscope validate --shard i/n --json printed.',
};

/** What to do with a file that another command wrote, where that is known. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  [SCHEMA_IDS.validation]:
    'It says what is wrong with files and measures nothing; quantscope validate --merge FILES puts its shards together.',
  'quantscope/kit-results@1':
    'It is what the phone gave: quantscope kit check FILE --json > phone-check.json compares it first, and that file is one.',
  'quantscope/kit-golden@1':
    'It is what the phone replays; what the phone gave goes through quantscope kit check FILE --json.',
};

async function readDocument<Schema extends z.ZodType>(
  path: string,
  kind: DocumentKind<Schema>,
): Promise<z.infer<Schema>> {
  const parsed = await readJson(path, kind.hint);
  if (schemaIdOf(parsed) !== kind.id) {
    throw otherKind(path, parsed, JSON.stringify(kind.id), kind.hint);
  }
  return checked(path, parsed, kind);
}

async function readJson(path: string, hint: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError('report/invalid', `${path} is not JSON: ${messageOf(cause)}`, { cause, hint });
  }
}

function otherKind(path: string, parsed: unknown, expected: string, hint: string): UsageError {
  const got = schemaIdOf(parsed);
  const better = typeof got === 'string' && Object.hasOwn(ELSEWHERE, got) ? ELSEWHERE[got] : undefined;
  const version = otherVersionHint(parsed, Object.values(SCHEMA_IDS));
  return new UsageError('report/invalid', `${path} ${kindText(parsed)}, expected ${expected}`, {
    hint: better ?? version ?? hint,
  });
}

function checked<Schema extends z.ZodType>(
  path: string,
  parsed: unknown,
  { schema, id, hint }: DocumentKind<Schema>,
): z.infer<Schema> {
  const result = schema.safeParse(parsed);
  if (result.success) return result.data;
  throw new UsageError('report/invalid', `${path} is not as ${id} says: ${issueText(result.error)}`, {
    hint,
  });
}

function requireVariants(path: string, results: Results): Results {
  if (results.variants.length + (results.endpoints?.length ?? 0) > 0) return results;
  throw new UsageError('report/invalid', `${path} holds no variants`, {
    hint: 'Finish the run first: quantscope compare --resume completes it.',
  });
}

function requireRows(path: string, bench: BenchResults): BenchResults {
  // A shard beyond the number of models has none.
  if (bench.rows.length > 0 || bench.shard !== undefined) return bench;
  throw new UsageError('report/invalid', `${path} holds no rows`, {
    hint: 'Run bench again: it was stopped before its first test ended.',
  });
}

async function readText(path: string): Promise<string> {
  try {
    return await boundedText(path, MOST_BYTES);
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError('input/unreadable', `${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: 'Name the path of a JSON file.',
    });
  }
}
