import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { checkKit, otherModel, otherReplays } from '../../device/kit-check.ts';
import { renderKitCheck } from '../../report/kit-check.ts';
import type { KitGolden, KitResults } from '../../schema/kit.ts';
import { goldenSchema, kitResultsSchema } from '../../schema/kit.ts';
import { boundedText } from '../../util/bounded-text.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { terminalStyle } from '../style.ts';
import type { KitCheckOptions } from './command.ts';

/** A kit of six prompts is 0.1 MB; nothing near this is one. */
const LARGEST_BYTES = 64 * 1024 * 1024;

/** Compares a phone's results with the golden file, and keeps its speed where that is wanted. */
export async function runKitCheck(
  path: string,
  options: KitCheckOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const results = await readKitFile(path, kitResultsSchema, {
    what: 'results of runQuantscopeKit',
    hint: 'Save what the promise gave with JSON.stringify, whole; schema/kit-results.json of the package describes it.',
  });
  const golden = await goldenFor(path, options.golden);
  const other = otherModel(golden, results);
  if (other !== null) {
    throw new UsageError('kit/other-model', `${path} is not of the golden file's model: ${other}`, {
      hint: 'Give the golden.json of the same kit with --golden, or replay this one with its own file on the phone.',
    });
  }
  const stray = otherReplays(golden, results);
  if (stray !== null) {
    throw new UsageError('kit/other-golden', `${path} does not belong to this golden file: ${stray}`, {
      hint: 'Give the golden.json that the app was built with, or run the kit again with this one.',
    });
  }
  const check = checkKit(golden, results);
  const style = terminalStyle(process.stdout);
  const width = Math.max(60, process.stdout.columns || 100);
  process.stdout.write(
    `${options.json ? JSON.stringify(check, null, 2) : renderKitCheck(check, { style, width })}\n`,
  );
  if (options.learn) await learn(golden, results, check.verdict, options, signal);
  return check.verdict === 'wrong' ? EXIT.finding : EXIT.done;
}

async function learn(
  golden: KitGolden,
  results: KitResults,
  verdict: 'ok' | 'wrong',
  options: KitCheckOptions,
  signal: AbortSignal,
): Promise<void> {
  if (verdict === 'wrong') {
    process.stderr.write('Nothing was kept: how fast a phone computes something else is of no use.\n');
    return;
  }
  const { learnSpeed } = await import('../../api/kit/learn.ts');
  const file = await learnSpeed(golden, results, options, signal);
  process.stderr.write(`The speed is kept in ${file}; fit takes it for this phone.\n`);
}

async function goldenFor(resultsPath: string, named: string | undefined): Promise<KitGolden> {
  const usual = [join(dirname(resultsPath), 'golden.json'), join('quantscope-kit', 'golden.json')];
  const path = named ?? (await firstThatIs(usual));
  if (path === undefined) {
    throw new UsageError('kit/no-golden', `there is no ${usual.join(' and no ')}`, {
      hint: 'Name the golden.json that the phone replayed with --golden.',
    });
  }
  return readKitFile(path, goldenSchema, {
    what: 'a golden file',
    hint: 'quantscope kit REF writes one; --golden names it.',
  });
}

async function firstThatIs(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (
      await stat(path).then(
        (found) => found.isFile(),
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

/** @throws UsageError `kit/unreadable`, `kit/invalid` */
async function readKitFile<Value>(
  path: string,
  schema: z.ZodType<Value>,
  { what, hint }: { readonly what: string; readonly hint: string },
): Promise<Value> {
  let text: string;
  try {
    text = await boundedText(path, LARGEST_BYTES);
  } catch (cause) {
    throw new UsageError('kit/unreadable', `${path} cannot be read: ${messageOf(cause)}`, { cause, hint });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new UsageError('kit/invalid', `${path} is not whole JSON: ${messageOf(cause)}`, { cause, hint });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new UsageError('kit/invalid', `${path} is not ${what}: ${z.prettifyError(parsed.error)}`, { hint });
}
