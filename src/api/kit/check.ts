import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { checkKit, otherModel, otherReplays } from '../../device/kit-check.ts';
import type { KitCheck, KitGolden } from '../../schema/kit.ts';
import { goldenSchema, kitResultsSchema } from '../../schema/kit.ts';
import { boundedText } from '../../util/bounded-text.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import type { KitCheckRequest } from './request.ts';

/** A kit of six prompts is 0.1 MB; nothing near this is one. */
const LARGEST_BYTES = 64 * 1024 * 1024;

export interface KitCheckResult {
  readonly check: KitCheck;
  /** The file in which the phone's speed is kept now; null where it was not to be, or the phone computes otherwise. */
  readonly learnedIn: string | null;
}

/**
 * Compares a phone's results with what the kit's model answered here.
 * @param path of what the app saved of runQuantscopeKit
 * @throws UsageError `kit/unreadable`, `kit/invalid`, `kit/no-golden`, `kit/other-model`, `kit/other-golden`, and with
 *   `learn` what {@link learnSpeed} throws
 */
export async function checkKitResults(path: string, request: KitCheckRequest = {}): Promise<KitCheckResult> {
  const results = await readKitFile(path, kitResultsSchema, {
    what: 'results of runQuantscopeKit',
    hint: 'Save what the promise gave with JSON.stringify, whole; schema/kit-results.json of the package describes it.',
  });
  const golden = await goldenFor(path, request.golden);
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
  const check = checkKit(golden, results, request);
  if (!request.learn || check.verdict === 'wrong') return { check, learnedIn: null };
  const { learnSpeed } = await import('./learn.ts');
  const signal = request.signal ?? new AbortController().signal;
  return { check, learnedIn: await learnSpeed(golden, results, request, signal) };
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
