import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { BenchRow } from '../schema/bench.ts';
import type { Sustained, SustainedSpeed, SustainedWindow } from '../schema/sustained.ts';
import { sum } from '../util/sum.ts';
import { formatDuration, formatPhoneRate } from '../util/units.ts';
import { type Column, given } from './table.ts';
import { printable } from './text-width.ts';

/** Minutes of use, as text: of `bench --minutes` and of what a phone measured. */

const EIGHTHS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
const MOST_MARKS = 60;

/** What a curve says, with the title that its column has. */
export const SUSTAINED_COLUMNS: readonly Column<{ readonly sustained?: Sustained | undefined }>[] = [
  rate('start', 2, (sustained) => given(sustained.generation, ({ startTps }) => startTps)),
  rate('sustained', 2, (sustained) => given(sustained.generation, ({ sustainedTps }) => sustainedTps)),
  {
    ...rate('of start', 0, (sustained) => given(sustained.generation, (speed) => 100 * speed.sustainedShare)),
    unit: '%',
  },
  {
    title: 'throttled',
    unit: 'after',
    align: 'right',
    least: 12,
    read: ({ sustained }) =>
      sustained === undefined
        ? null
        : given(sustained.generation, ({ throttledAfterS }) => whenText(throttledAfterS)),
  },
  {
    ...rate('energy', 3, (sustained) => given(sustained.energy, ({ joulesPerToken }) => joulesPerToken)),
    unit: 'J/token',
  },
];

function rate(
  title: string,
  decimals: number,
  read: (sustained: Sustained) => number | Unavailable,
): Column<{ readonly sustained?: Sustained | undefined }> {
  return {
    title,
    unit: 't/s',
    least: 9,
    precision: { significant: Number.POSITIVE_INFINITY, most: decimals },
    read: ({ sustained }) => (sustained === undefined ? null : read(sustained)),
  };
}

function whenText(throttledAfterS: number | Unavailable): string {
  return isAvailable(throttledAfterS) ? formatDuration(throttledAfterS * 1000) : 'none';
}

/** What the columns of all forms mean. */
export const SUSTAINED_LEGEND =
  'start: the median generation speed of what began in the first 30 s, at most a tenth of the run; sustained: of the ' +
  'last third; throttled: from when on it stays below 90 % of the start; energy: of the whole run, for a generated token.';

/** The speed of the windows as marks of a line, from zero to the fastest: `▇▇▇▆▅▅`. */
function sparkline(windows: readonly SustainedWindow[]): string {
  const count = Math.min(MOST_MARKS, windows.length);
  const values = Array.from({ length: count }, (_, mark) => {
    const own = windows.slice(
      Math.floor((mark * windows.length) / count),
      Math.floor(((mark + 1) * windows.length) / count),
    );
    return sum(own.map(({ generationTps }) => generationTps)) / own.length;
  });
  const most = Math.max(...values);
  return values
    .map((value) => EIGHTHS[Math.max(0, Math.ceil((value / most) * EIGHTHS.length) - 1)] ?? '')
    .join('');
}

/** Beside the columns: the curve, the prompts, and what the device said of itself, a sentence each. */
export function sustainedLines(sustained: Sustained): string[] {
  const { windows, prompt, generation, energy, seconds, celsius, clockShare } = sustained;
  const { batteryPercent, thermalStates } = sustained;
  const speeds = windows.map(({ generationTps }) => generationTps);
  const sensor = windows.find(({ state }) => state.sensor !== undefined)?.state.sensor;
  const told = [
    ...(isAvailable(celsius)
      ? [`${changeText(celsius)} °C${sensor === undefined ? '' : ` (${printable(sensor)})`}`]
      : []),
    ...(isAvailable(clockShare) ? [`clock ${changeText(scaled(clockShare, 100))} % of the highest`] : []),
    ...(isAvailable(thermalStates) ? [`thermal state ${thermalStates.map(printable).join(', ')}`] : []),
    ...(isAvailable(batteryPercent) ? [`battery ${changeText(batteryPercent)} %`] : []),
  ];
  return [
    ...(speeds.length === 0
      ? []
      : [
          `${sparkline(windows)}  ${formatPhoneRate(Math.min(...speeds))} to ${formatPhoneRate(Math.max(...speeds))} t/s ` +
            `in ${formatDuration(seconds * 1000)}`,
        ]),
    ...(isAvailable(generation) ? [] : [`no sustained speed: ${generation.reason}`]),
    ...(isAvailable(prompt) ? [`prompts ${speedText(prompt)}`] : []),
    told.length === 0 ? 'no temperature, clock or battery level is told here' : told.join('; '),
    `energy ${energyText(energy)}`,
  ];
}

/** `30.1 t/s at the start, 21.0 sustained (70 %), throttled after 2 min 10 s`. */
export function speedText({
  startTps,
  sustainedTps,
  sustainedShare,
  throttledAfterS,
}: SustainedSpeed): string {
  return (
    `${formatPhoneRate(startTps)} t/s at the start, ${formatPhoneRate(sustainedTps)} sustained ` +
    `(${(100 * sustainedShare).toFixed(0)} %), ` +
    (isAvailable(throttledAfterS)
      ? `throttled after ${whenText(throttledAfterS)}`
      : `throttled: ${throttledAfterS.reason}`)
  );
}

function energyText(energy: Sustained['energy']): string {
  if (!isAvailable(energy)) return `unavailable: ${energy.reason}`;
  const { joulesPerToken, percentPer1000Tokens, within, source } = energy;
  const parts = [
    ...(isAvailable(joulesPerToken) ? [`${Number(joulesPerToken.toPrecision(3))} J a token`] : []),
    ...(isAvailable(percentPer1000Tokens)
      ? [`${Number(percentPer1000Tokens.toPrecision(2))} % of the battery for 1000 tokens`]
      : []),
  ];
  const off = within === undefined ? '' : ` ± ${(100 * within).toFixed(0)} %`;
  const missing = isAvailable(joulesPerToken) ? '' : `; no joules: ${joulesPerToken.reason}`;
  return `${parts.join(', ')}${off} (${printable(source)})${missing}`;
}

/** Of a row of minutes: how it came about, the curve, and what it says beside the columns; nothing of another row. */
export function curveLines({ sustained, disturbed = [] }: BenchRow): string[] {
  if (sustained === undefined) return [];
  const { cooledS, isStopped, seconds, minutes } = sustained;
  return [
    ...(isStopped
      ? [`broken off after ${formatDuration(seconds * 1000)} of ${formatDuration(minutes * 60_000)}`]
      : []),
    ...(cooledS > 0 ? [`after ${formatDuration(cooledS * 1000)} of cooling down`] : []),
    ...sustainedLines(sustained),
    ...(disturbed.length > 0
      ? [`meanwhile ${disturbed.map(({ message }) => printable(message)).join(', ')}`]
      : []),
  ];
}

interface Change {
  readonly start: number;
  readonly end: number;
  readonly least: number;
  readonly most: number;
}

function scaled({ start, end, least, most }: Change, by: number): Change {
  return { start: by * start, end: by * end, least: by * least, most: by * most };
}

function changeText({ start, end, least, most }: Change): string {
  const [from, to, low, high] = [start, end, least, most].map((value) => value.toFixed(0));
  const beyond = [
    ...(low === from || low === to ? [] : [`least ${low}`]),
    ...(high === from || high === to ? [] : [`most ${high}`]),
  ];
  return `${from} to ${to}${beyond.length === 0 ? '' : ` (${beyond.join(', ')})`}`;
}
