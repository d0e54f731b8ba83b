import type { MixResults } from '../schema/mix.ts';
import { formatBytes } from '../util/units.ts';
import type { Style } from './style.ts';

const COLUMNS = 64;
const ROWS = 10;
/** Of the mix, stock recipes and neighbours. */
const SIGNS = { mix: '◆', stock: '●', neighbour: '◇' } as const;

interface Point {
  readonly bytes: number;
  readonly loss: number;
}

/** The predicted curve of loss against size, on a logarithmic scale, and what was measured on it. */
export function plotCurve(
  curve: MixResults['curve'],
  measured: MixResults['measured'],
  style: Style,
): string[] {
  const sizes = measured.map(({ bytes }) => bytes);
  const [least, most] = [0.94 * Math.min(...sizes), 1.06 * Math.max(...sizes)];
  const line: Point[] = curve
    .map(({ bytes, predictedKld }) => ({ bytes, loss: predictedKld }))
    .filter(({ bytes, loss }) => bytes >= least && bytes <= most && loss > 0);
  const points = measured
    .map(({ bytes, meanKld, kind }) => ({ bytes, loss: meanKld, kind }))
    .filter(({ loss }) => loss > 0);
  const losses = [...line, ...points].map(({ loss }) => Math.log(loss));
  if (losses.length < 2) return [];
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const cells = Array.from({ length: ROWS }, () => Array<string>(COLUMNS).fill(' '));
  const put = ({ bytes, loss }: Point, sign: string): void => {
    const column = Math.round(((bytes - least) / (most - least)) * (COLUMNS - 1));
    const row = Math.round(((high - Math.log(loss)) / Math.max(high - low, Number.MIN_VALUE)) * (ROWS - 1));
    const cellRow = cells[row];
    if (cellRow !== undefined) cellRow[column] = sign;
  };
  for (const point of line) put(point, '·');
  for (const kind of ['stock', 'neighbour', 'mix'] as const) {
    for (const point of points) if (point.kind === kind) put(point, SIGNS[kind]);
  }
  const edge = (row: number) => {
    if (row === 0) return Math.exp(high).toPrecision(2);
    return row === ROWS - 1 ? Math.exp(low).toPrecision(2) : '';
  };
  const drawn = cells.map((row, index) => `  ${edge(index).padStart(8)} │${row.join('').trimEnd()}`);
  const ends = [formatBytes(least), formatBytes(most)];
  const axis = `${' '.repeat(12)}${ends[0]}${' '.repeat(Math.max(1, COLUMNS - 1 - ends.join('').length))}${ends[1]}`;
  return [
    style.dim('  mean KLD by size: ◆ the mix, ◇ a little smaller and larger, ● stock recipes, · predicted'),
    ...drawn,
    axis,
  ];
}
