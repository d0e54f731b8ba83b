import { gigabytes, rate } from '../device/fit.ts';
import type { CheckedPrompt, KitCheck, KitFinding } from '../schema/kit.ts';
import { plainStyle, type Style } from './style.ts';
import { padRight, printable, wrap } from './text-width.ts';

export interface KitCheckLayout {
  readonly width?: number;
  readonly style?: Style;
}

/** The verdict first, then what it stands on: tokens, probabilities, speed and memory, and what was found. */
export function renderKitCheck(
  check: KitCheck,
  { width = 100, style = plainStyle }: KitCheckLayout = {},
): string {
  const { verdict, device, model, backend, findings } = check;
  const head =
    verdict === 'ok'
      ? style.good(`✓ ${printable(device)} computes what the computer does`)
      : style.bad(`✗ ${printable(device)} computes something else`);
  const facts: [string, string][] = [
    ['model', printable(model)],
    ['ran on', printable(backend)],
    ['tokens', tokensText(check.prompts)],
    ['ln p', logProbText(check)],
    ['load', `${(check.loadMs / 1000).toFixed(2)} s`],
    ['speed', speedText(check)],
    ['memory', memoryText(check)],
  ];
  const lines = [head, ''];
  for (const [name, text] of facts) {
    const [first = '', ...rest] = wrap(text, width - 10);
    lines.push(`  ${style.dim(padRight(name, 6))}  ${first}`, ...rest.map((line) => `          ${line}`));
  }
  if (findings.length > 0) lines.push('');
  for (const finding of findings) lines.push(...findingLines(finding, width, style));
  return lines.join('\n');
}

function tokensText(prompts: readonly CheckedPrompt[]): string {
  const { same, ties, wrong } = countReplies(prompts);
  const parts = [`${same} of ${prompts.length} replies the same`];
  if (ties > 0) parts.push(`${ties} parted at a near tie`);
  if (wrong > 0) parts.push(`${wrong} wrong`);
  return parts.join(', ');
}

/** Replies that are the computer's, that parted from it where two tokens were as likely, and that parted elsewhere. */
export function countReplies(prompts: readonly CheckedPrompt[]): {
  readonly same: number;
  readonly ties: number;
  readonly wrong: number;
} {
  const wrong = prompts.filter(({ divergence }) => divergence !== null && !divergence.isNearTie).length;
  const ties = prompts.filter(({ divergence }) => divergence?.isNearTie).length;
  return { same: prompts.length - wrong - ties, ties, wrong };
}

function logProbText({ logProbs }: KitCheck): string {
  if ('status' in logProbs) return logProbs.reason;
  const { steps, mean, largest, otherTop } = logProbs;
  const other = otherTop === 0 ? 'the same first everywhere' : `another first at ${otherTop}`;
  return `${mean.toFixed(4)} nats off on average, ${largest.toFixed(3)} at most, over ${steps} tokens; ${other}`;
}

function speedText({ speed }: KitCheck): string {
  if ('status' in speed) return speed.reason;
  const { promptTps, generationTps, expected } = speed;
  const measured = `prompt ${rate(promptTps)} tokens/s, generation ${rate(generationTps)}`;
  if ('status' in expected) return `${measured}; nothing to compare with: ${expected.reason}`;
  const { low, high, basis } = expected;
  return `${measured}; ${basis}: ${rate(expected.generationTps)} (${rate(low)} to ${rate(high)})`;
}

function memoryText({ memory }: KitCheck): string {
  if ('status' in memory) return memory.reason;
  const { grownBytes, expectedBytes, expectedAnonymousBytes } = memory;
  return (
    `the app grew by ${gigabytes(Math.max(0, grownBytes))}; estimated ${gigabytes(expectedBytes)}, ` +
    `${gigabytes(expectedAnonymousBytes)} of it not pages of the file`
  );
}

function findingLines({ level, code, message }: KitFinding, width: number, style: Style): string[] {
  const ink = { error: style.bad, warning: style.warn, note: style.dim }[level];
  const [first = '', ...rest] = wrap(`${level} ${code}: ${printable(message)}`, width - 2, '  ');
  return [ink(`  ${first}`), ...rest.map((line) => ink(`  ${line}`))];
}
