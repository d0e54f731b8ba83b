import { isAvailable } from '../schema/availability.ts';
import type { Results, VariantResult } from '../schema/results.ts';
import { formatBytes, formatRate } from '../util/units.ts';
import { plainStyle, type Style } from './style.ts';
import { displayWidth, padLeft, padRight, printable, shortenMiddle } from './text-width.ts';

/** Eighths of a column, none to full. */
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'] as const;
const MOST_NAME_WIDTH = 24;

interface BarGroup {
  readonly title: string;
  readonly read: (variant: VariantResult) => number | null;
  readonly write: (value: number) => string;
}

const GROUPS: readonly BarGroup[] = [
  { title: 'Size', read: ({ file }) => file.bytes, write: formatBytes },
  {
    title: 'Generation',
    read: ({ speed }) =>
      isAvailable(speed) && isAvailable(speed.generation) ? speed.generation.meanTps : null,
    write: (value) => `${formatRate(value)} t/s`,
  },
  {
    title: 'Mean KLD',
    read: ({ divergence }) => (isAvailable(divergence) ? divergence.meanKld : null),
    write: (value) => `${Number(value.toPrecision(3))} nats`,
  },
];

/** Small bar charts for a terminal: size, generation speed and divergence, each from zero to its largest. */
export function renderBars(
  { variants, recommendation }: Results,
  { width = 100, style = plainStyle }: { readonly width?: number; readonly style?: Style } = {},
): string {
  const names = variants.map(({ name }) => shortenMiddle(printable(name), MOST_NAME_WIDTH));
  const nameWidth = Math.max(0, ...names.map(displayWidth));
  const chosen = isAvailable(recommendation) ? recommendation.variant : null;
  const blocks = GROUPS.flatMap(({ title, read, write }) => {
    const values = variants.map((variant) => {
      const value = read(variant);
      return value !== null && Number.isFinite(value) && value >= 0 ? value : null;
    });
    const most = Math.max(0, ...values.map((value) => value ?? 0));
    if (most === 0) return [];
    const texts = values.map((value) => (value === null ? '-' : write(value)));
    const textWidth = Math.max(...texts.map(displayWidth));
    const barWidth = Math.max(8, width - nameWidth - textWidth - 4);
    const lines = values.map((value, row) => {
      const drawn = bar((value ?? 0) / most, barWidth);
      const painted = variants[row]?.name === chosen ? style.good(drawn) : style.accent(drawn);
      return `  ${padRight(names[row] ?? '', nameWidth)} ${padLeft(texts[row] ?? '', textWidth)} ${painted}`;
    });
    return [[style.bold(title), ...lines.map((line) => line.trimEnd())].join('\n')];
  });
  return blocks.join('\n\n');
}

function bar(share: number, columns: number): string {
  const eighths = Math.round(share * columns * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}
