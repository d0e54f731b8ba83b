import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { cardFacts } from '../../api/card/facts.ts';
import { devicesOf } from '../../api/fit/device-catalogue.ts';
import { readResultsFile } from '../../api/report/input.ts';
import { findModel } from '../../model/locate.ts';
import { shownRef } from '../../model/ref.ts';
import { cardCheckGithub, cardCheckMarkdown, renderCardCheck } from '../../report/card/check.ts';
import type { CardCheck } from '../../schema/card-check.ts';
import type { Results } from '../../schema/results.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { formatCount } from '../../util/units.ts';
import { checkCard } from '../../validate/card/check.ts';
import type { CardFacts } from '../../validate/card/facts.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { terminalStyle } from '../style.ts';
import type { CardCheckOptions } from './command.ts';

/** Cards are a few pages; parsing what may be anything takes time that grows faster than its length. */
const LARGEST_BYTES = 256 * 1024;

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
  const text = rendered(check, options);
  if (text !== '') process.stdout.write(`${text}\n`);
  return check.verdict === 'wrong' ? EXIT.finding : EXIT.done;
}

function rendered(check: CardCheck, { json, md, github }: CardCheckOptions): string {
  if (json) return JSON.stringify(check, null, 2);
  if (github) return cardCheckGithub(check);
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
  const notice = (text: string): void => void process.stderr.write(`${text}\n`);
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
    bytes = await readFile(path);
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
