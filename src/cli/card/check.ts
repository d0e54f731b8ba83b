import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { shownRef } from '../../hub/ref.ts';
import type { Results } from '../../measure/results.ts';
import { cardCheckMarkdown } from '../../report/card/check-markdown.ts';
import { renderCardCheck } from '../../report/card/check-text.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { checkCard } from '../../validate/card/check.ts';
import type { CardFacts } from '../../validate/card/facts.ts';
import { devicesOf } from '../device-catalogue.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { openModelHeaders } from '../model-header.ts';
import { readResultsFile } from '../report/input.ts';
import { terminalStyle } from '../style.ts';
import type { CardCheckOptions } from './command.ts';
import { cardFacts } from './facts.ts';

/** Cards are a few pages; nothing near this is one. */
const LARGEST_BYTES = 4 * 1024 ** 2;

/** Tests a card's claims against the header of its model and against results. */
export async function runCardCheck(
  path: string,
  options: CardCheckOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const markdown = await readCard(path);
  const { model: ref, results: resultsPath } = options;
  const results = resultsPath === undefined ? null : (await readResultsFile(resultsPath)).results;
  if (ref === undefined && results !== null) {
    throw new UsageError('card/no-model', '--results is given without the model that the card is of', {
      hint: 'Name it with --model FILE.',
    });
  }
  const facts = ref === undefined ? null : await factsOf(ref, results, options, signal);
  const check = checkCard(markdown, facts, {
    card: path,
    ref: ref === undefined ? null : shownRef(ref),
    results: resultsPath ?? null,
  });
  process.stdout.write(`${rendered(check, options)}\n`);
  return check.verdict === 'wrong' ? EXIT.finding : EXIT.done;
}

function rendered(check: ReturnType<typeof checkCard>, { json, md }: CardCheckOptions): string {
  if (json) return JSON.stringify(check, null, 2);
  if (md) return cardCheckMarkdown(check);
  const width = Math.min(110, Math.max(60, process.stdout.columns || 100));
  return renderCardCheck(check, { style: terminalStyle(process.stdout), width });
}

async function factsOf(
  ref: string,
  results: Results | null,
  { devices }: CardCheckOptions,
  signal: AbortSignal,
): Promise<CardFacts> {
  const phones = await devicesOf(devices);
  const { header, files, bytes } = await openModelHeaders(ref, signal);
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
        `${path} has ${size} bytes, expected a card of at most ${LARGEST_BYTES}`,
        { hint },
      );
    }
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError('card/unreadable', `${path} cannot be read: ${messageOf(cause)}`, { cause, hint });
  }
  if (bytes.includes(0))
    throw new UsageError('card/not-text', `${path} is no text: it has zero bytes`, { hint });
  return bytes.toString('utf8');
}
