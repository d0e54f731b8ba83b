import { gigabytes } from '../device/fit.ts';
import { type KitCheck, rate } from '../device/kit-check.ts';
import type { KitFinding } from '../device/kit-finding.ts';
import type { CheckedPrompt } from '../device/kit-reply.ts';
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
  const { verdict, device, findings } = check;
  const head =
    verdict === 'ok'
      ? style.good(`✓ ${printable(device)} computes what the computer does`)
      : style.bad(`✗ ${printable(device)} computes something else`);
  const lines = [head, ''];
  for (const [name, text] of kitFacts(check)) {
    const [first = '', ...rest] = wrap(text, width - 10);
    lines.push(`  ${style.dim(padRight(name, 6))}  ${first}`, ...rest.map((line) => `          ${line}`));
  }
  if (findings.length > 0) lines.push('');
  for (const finding of findings) lines.push(...findingLines(finding, width, style));
  return lines.join('\n');
}

/** What the verdict stands on, in the words of every form of it. */
export function kitFacts(check: KitCheck): [name: string, text: string][] {
  return [
    ['model', printable(check.model)],
    ['ran on', printable(check.backend)],
    ['tokens', tokensText(check.prompts)],
    ['ln p', logProbText(check)],
    ['load', `${(check.loadMs / 1000).toFixed(2)} s`],
    ['speed', speedText(check)],
    ['memory', memoryText(check)],
  ];
}

function tokensText(prompts: readonly CheckedPrompt[]): string {
  const wrong = prompts.filter(({ divergence }) => divergence !== null && !divergence.isNearTie).length;
  const ties = prompts.filter(({ divergence }) => divergence?.isNearTie).length;
  const same = prompts.length - wrong - ties;
  const parts = [`${same} of ${prompts.length} replies the same`];
  if (ties > 0) parts.push(`${ties} parted at a near tie`);
  if (wrong > 0) parts.push(`${wrong} wrong`);
  return parts.join(', ');
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
