import { isUtf8 } from 'node:buffer';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { findModel } from '../../model/locate.ts';
import { shownRef } from '../../model/ref.ts';
import type { CardCheck } from '../../schema/card-check.ts';
import type { Results } from '../../schema/results.ts';
import { boundedBytes } from '../../util/bounded-text.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { formatCount } from '../../util/units.ts';
import { checkCard as checkClaims } from '../../validate/card/check.ts';
import type { CardFacts } from '../../validate/card/facts.ts';
import { devicesOf } from '../fit/device-catalogue.ts';
import { type Host, hostOf } from '../host.ts';
import { readResultsFile } from '../report/input.ts';
import { cardFacts } from './facts.ts';

/** Cards are a few pages; parsing what may be anything takes time that grows faster than its length. */
const LARGEST_BYTES = 256 * 1024;

/** What a card is held against; without a model only contradictions within the card are found. */
export interface CardCheckRequest extends Pick<Host, 'signal' | 'notice'> {
  /** The model that the card is of; only its header is read. */
  readonly model?: string | undefined;
  /** A results file with this or other quantizations of the model. */
  readonly results?: string | undefined;
  /** As of `fit`. */
  readonly devicesFile?: string | undefined;
}

/**
 * Finds the claims of a model card and tests each: the document of `quantscope card check --json`.
 * @param path the card's Markdown file
 * @throws UsageError `card/*`, `ref/*`, `devices/*`, `input/*`; GgufError
 */
export async function checkCard(path: string, request: CardCheckRequest = {}): Promise<CardCheck> {
  const { model: ref, results: resultsPath } = request;
  const host = hostOf(request);
  const markdown = await readCard(path);
  const results = resultsPath === undefined ? null : (await readResultsFile(resultsPath)).results;
  if (ref === undefined && results !== null) {
    throw new UsageError('card/no-model', '--results is given without the model that the card is of', {
      hint: 'Name it with --model FILE.',
    });
  }
  const facts = ref === undefined ? null : await factsOf(ref, results, request.devicesFile, host);
  return checkClaims(markdown, facts, {
    card: path,
    ref: ref === undefined ? null : shownRef(ref),
    results: resultsPath ?? null,
  });
}

async function factsOf(
  ref: string,
  results: Results | null,
  devicesFile: string | undefined,
  { signal, notice }: Required<Host>,
): Promise<CardFacts> {
  const phones = await devicesOf(devicesFile);
  const { header, files, bytes } = await (await findModel(ref, { signal, notice })).header(signal);
  return cardFacts({ header, fileName: basename(files[0]?.path ?? ref), fileBytes: bytes, results, phones });
}

/** @throws UsageError `card/unreadable`, `card/not-text` */
async function readCard(path: string): Promise<string> {
  const hint = 'Name the Markdown file of the card.';
  let bytes: Buffer;
  try {
    const { size } = await stat(path);
    if (size > LARGEST_BYTES) {
      throw new UsageError(
        'card/not-text',
        `${path} has ${formatCount(size)} bytes, expected a card of at most ${formatCount(LARGEST_BYTES)}`,
        { hint },
      );
    }
    bytes = await boundedBytes(path, LARGEST_BYTES);
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError('card/unreadable', `${path} cannot be read: ${messageOf(cause)}`, { cause, hint });
  }
  const zero = bytes.indexOf(0);
  if (zero >= 0) {
    throw new UsageError('card/not-text', `${path} is no text: byte ${zero} is zero`, { hint });
  }
  if (!isUtf8(bytes)) {
    throw new UsageError('card/not-text', `${path} is not UTF-8, as Markdown is`, {
      hint: `Convert it: iconv -f latin1 -t utf8 ${path}`,
    });
  }
  const text = bytes.toString('utf8');
  if (text.trim() === '') throw new UsageError('card/empty', `${path} is empty, expected a card`, { hint });
  return text;
}
