import { modelCard } from '../../api/card/card.ts';
import { checkCard } from '../../api/card/check.ts';
import { cardCheckGithub, cardCheckMarkdown, renderCardCheck } from '../../report/card/check.ts';
import type { CardCheck } from '../../schema/card-check.ts';
import { refuseToReplace, writeOutput } from '../../util/output-file.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { noticeUnless } from '../output.ts';
import { writeCommands } from '../sink.ts';
import { terminalStyle } from '../style.ts';

export interface CardOptions {
  out?: string;
  force?: boolean;
  context?: number;
  results?: string;
  fetch?: boolean;
  device: string[];
  devices?: string;
  quiet?: boolean;
}

export interface CardCheckOptions {
  model?: string;
  results?: string;
  devices?: string;
  md?: boolean;
  github?: boolean;
  json?: boolean;
}

export async function runCard(input: string, options: CardOptions, signal: AbortSignal): Promise<ExitCode> {
  const { out, context, results, fetch, device: phones, devices: devicesFile } = options;
  if (out !== undefined && options.force !== true) {
    await refuseToReplace(out, 'card', 'Name another file with --out, or replace it with --force.');
  }
  const notice = noticeUnless(options.quiet);
  const text = `${await modelCard(input, { context, results, fetch, phones, devicesFile, signal, notice })}\n`;
  if (out === undefined) process.stdout.write(text);
  else {
    await writeOutput(out, text, 'Name another file with --out.');
    notice(`The card is in ${out}`);
  }
  return EXIT.done;
}

export async function runCardCheck(
  path: string,
  options: CardCheckOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { model, results, devices: devicesFile } = options;
  const check = await checkCard(path, { model, results, devicesFile, signal, notice: noticeUnless(false) });
  const text = checkText(check, options);
  if (text !== '' && options.github) writeCommands(process.stdout, `${text}\n`);
  else if (text !== '') process.stdout.write(`${text}\n`);
  return check.verdict === 'wrong' ? EXIT.finding : EXIT.done;
}

function checkText(check: CardCheck, { json, md, github }: CardCheckOptions): string {
  if (json) return JSON.stringify(check, null, 2);
  if (github) return cardCheckGithub(check);
  if (md) return cardCheckMarkdown(check);
  const width = Math.min(110, Math.max(60, process.stdout.columns || 100));
  return renderCardCheck(check, { style: terminalStyle(process.stdout), width });
}
