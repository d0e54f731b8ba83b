import { isAvailable } from '../schema/availability.ts';
import { countReplies } from './kit-check.ts';
import type { PhoneCheck } from './report.ts';
import { printable } from './text-width.ts';

/** A column of the phones' table: a cell a phone, empty where the phone gave no such figure. */
export interface PhoneColumn {
  readonly title: string;
  readonly unit: string;
  readonly isText: boolean;
  readonly cells: readonly PhoneCell[];
}

export interface PhoneCell {
  readonly text: string;
  /** In the column's unit. */
  readonly value: number | null;
}

export interface PhoneFinding {
  readonly level: 'error' | 'warning' | 'note';
  readonly text: string;
}

const MEBI = 1024 ** 2;

type Read = (check: PhoneCheck['check']) => string | number | null;

/** A figure has the decimals it is shown with. */
const COLUMNS: readonly { title: string; unit: string; decimals?: number; read: Read }[] = [
  { title: 'model', unit: '', read: ({ model }) => model },
  { title: 'ran on', unit: '', read: ({ backend }) => backend },
  {
    title: 'computes',
    unit: '',
    read: ({ verdict }) => (verdict === 'ok' ? '\u2713 the same' : '\u2715 something else'),
  },
  { title: 'replies', unit: '', read: repliesText },
  {
    title: 'ln p off',
    unit: 'nats, mean',
    decimals: 4,
    read: ({ logProbs }) => (isAvailable(logProbs) ? logProbs.mean : null),
  },
  {
    title: 'prompt',
    unit: 't/s',
    decimals: 1,
    read: ({ speed }) => (isAvailable(speed) ? speed.promptTps : null),
  },
  {
    title: 'generation',
    unit: 't/s',
    decimals: 2,
    read: ({ speed }) => (isAvailable(speed) ? speed.generationTps : null),
  },
  { title: 'expected', unit: 't/s', read: expectedText },
  {
    title: 'app grew',
    unit: 'MiB',
    decimals: 1,
    read: ({ memory }) => (isAvailable(memory) ? memory.grownBytes / MEBI : null),
  },
  {
    title: 'estimated',
    unit: 'MiB',
    decimals: 1,
    read: ({ memory }) => (isAvailable(memory) ? memory.expectedBytes / MEBI : null),
  },
  { title: 'load', unit: 's', decimals: 2, read: ({ loadMs }) => loadMs / 1000 },
];

/** The columns that at least one phone has something for. */
export function phoneColumns(phones: readonly PhoneCheck[]): PhoneColumn[] {
  return COLUMNS.flatMap(({ title, unit, decimals, read }) => {
    const cells = phones.map(({ check }): PhoneCell => {
      const value = read(check);
      if (value === null) return { text: '', value: null };
      return typeof value === 'number'
        ? { text: value.toFixed(decimals ?? 0), value }
        : { text: printable(value), value: null };
    });
    if (cells.every(({ text }) => text === '')) return [];
    return [{ title, unit, isText: decimals === undefined, cells }];
  });
}

/** What was found on a phone, a sentence each, and why it gave no figures. */
export function phoneFindings({ label, check }: PhoneCheck): PhoneFinding[] {
  const { findings, logProbs, speed, memory } = check;
  const parts = { 'log-probabilities': logProbs, speed, memory };
  const missing = Object.entries(parts).flatMap(([name, part]) =>
    isAvailable(part) ? [] : [`no ${name}: ${part.reason}`],
  );
  return [
    ...findings.map(({ level, code, message }) => ({ level, said: `${level} ${code}: ${message}` })),
    ...missing.map((said) => ({ level: 'note' as const, said })),
  ].map(({ level, said }) => ({ level, text: `${printable(label)}: ${printable(said)}` }));
}

function repliesText({ prompts }: PhoneCheck['check']): string {
  const { same, ties, wrong } = countReplies(prompts);
  const tied = ties === 0 ? '' : `, ${ties} near tie`;
  return `${same} of ${prompts.length} same${tied}${wrong === 0 ? '' : `, ${wrong} wrong`}`;
}

function expectedText({ speed }: PhoneCheck['check']): string | null {
  if (!isAvailable(speed) || !isAvailable(speed.expected)) return null;
  const { low, high, basis } = speed.expected;
  return `${low.toFixed(2)} to ${high.toFixed(2)} (${basis})`;
}
