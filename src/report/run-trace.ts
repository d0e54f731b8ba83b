import type { RunResult, Trace } from '../schema/run.ts';
import { formatCount } from '../util/units.ts';
import { quoted, visibleLines } from './inspection-text.ts';
import type { Style } from './style.ts';
import { displayWidth } from './text-width.ts';

const TOKEN_WIDTH = 22;
const USUAL_WIDTH = 100;

/** Everything before the first evaluation, and the heads of the steps' columns. */
export function traceHead({ load, tokenizeMs, prompt }: Omit<Trace, 'steps'>, style: Style): string {
  const lines = [
    `${style.bold('Load')}           model ${milliseconds(load.modelMs)}, context ${milliseconds(load.contextMs)}`,
    `${style.bold('Tokenization')}   ${formatCount(prompt.length)} tokens in ${milliseconds(tokenizeMs)}: the prompt in the chat template, as ids and texts`,
    ...prompt.map(({ id, text }) => `  ${String(id).padStart(7)}  ${quoted(text)}`),
    '',
    `${style.bold('Generation')}     each row is a step: evaluate the token before it, sample from the distribution, detokenize`,
    style.dim(
      `  ${'id'.padStart(7)}  ${'token'.padEnd(TOKEN_WIDTH)}${'evaluate'.padStart(11)}${'sample'.padStart(10)}${'text'.padStart(10)}  most likely tokens, before the sampling's filters`,
    ),
  ];
  return lines.join('\n');
}

/** One step; the token that was drawn is marked among the likely ones. */
export function traceStep(
  { id, text, evaluateMs, sampleMs, detokenizeMs, candidates }: Trace['steps'][number],
  style: Style,
  width = USUAL_WIDTH,
): string {
  const token = cell(quoted(text), TOKEN_WIDTH);
  const times = [evaluateMs, sampleMs, detokenizeMs].map(milliseconds);
  const start = `  ${String(id).padStart(7)}  ${token}${times[0]?.padStart(11)}${times[1]?.padStart(10)}${times[2]?.padStart(10)}  `;
  let left = Math.max(width, USUAL_WIDTH) - displayWidth(start);
  const shown: string[] = [];
  for (const candidate of candidates) {
    const said = `${quoted(candidate.text)} ${percent(candidate.probability)}`;
    if (shown.length > 0 && displayWidth(said) + 2 > left) break;
    left -= displayWidth(said) + 2;
    shown.push(candidate.id === id ? style.good(said) : said);
  }
  const isListed = candidates.some((candidate) => candidate.id === id);
  const note = isListed || candidates.length === 0 ? '' : style.warn(' (another was drawn)');
  return `${start}${shown.join('  ')}${note}`;
}

/** The reply as a reader gets it, and where the time went. */
export function traceTail(
  trace: Trace,
  reply: Pick<RunResult['reply'], 'text' | 'stop'>,
  style: Style,
): string {
  const sum = (of: (step: Trace['steps'][number]) => number) =>
    milliseconds(trace.steps.reduce((total, step) => total + of(step), 0));
  return [
    '',
    `${style.bold('Time')}           evaluation ${sum((step) => step.evaluateMs)}, sampling ${sum((step) => step.sampleMs)}, detokenization ${sum((step) => step.detokenizeMs)}`,
    `${style.bold('Ended by')}       ${ENDS[reply.stop]}`,
    `${style.bold('Reply')}          ${visibleLines(reply.text)}`,
  ].join('\n');
}

const ENDS: Record<RunResult['reply']['stop'], string> = {
  end: 'the model: an end-of-generation token',
  'stop-text': 'a --stop text',
  length: '--max-tokens',
  'context-full': 'a full context',
  aborted: 'you',
};

function cell(text: string, width: number): string {
  const cut = displayWidth(text) < width ? text : `${text.slice(0, width - 3)}…`;
  return cut + ' '.repeat(Math.max(1, width - displayWidth(cut)));
}

function percent(probability: number): string {
  const value = probability * 100;
  return `${value >= 10 ? value.toFixed(0) : value.toPrecision(2)} %`;
}

function milliseconds(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return ms >= 10 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(2)} ms`;
}
