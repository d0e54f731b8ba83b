import { gigabytes } from '../device/fit.ts';
import type { FitReport } from '../schema/fit.ts';
import type { FitSpeed, FittedPhone, FittedVariant } from '../schema/phones.ts';
import { describeFitMarks } from './fit-legend.ts';
import { plainStyle, type Style } from './style.ts';
import { displayWidth, padLeft, padRight, printable, shortenMiddle, wrap } from './text-width.ts';

export interface FitLayout {
  readonly width?: number;
  readonly style?: Style;
}

const MARKS = { fits: '✓ fits', tight: '~ tight', no: '✗ no', unknown: '? unknown' } as const;
const INKS = { fits: 'good', tight: 'warn', no: 'bad', unknown: 'warn' } as const;
const NAME_WIDTH = 28;
const LEAST_NAME_WIDTH = 8;

/** Memory of each model, then phones × models: verdict, memory and each backend's speed; then what the marks mean. */
export function renderFit(report: FitReport, { width = 100, style = plainStyle }: FitLayout = {}): string {
  const { devices } = report;
  const variants = devices.flatMap((device) => device.variants);
  const [first] = variants;
  if (first === undefined) return '';
  const title = `context ${first.contextSize.toLocaleString('en-US')} tokens, ${first.cacheType} cache`;
  const parts = [
    [style.dim(title)],
    memoryLines(variants, width, style),
    ...devices.map((device) => deviceLines(device, width, style)),
    describeFitMarks(report).flatMap((line) => wrap(line, width, '  ').map((each) => style.dim(each))),
  ];
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** A row for each model and kind of backend: phones of one kind need the same. */
function memoryLines(variants: readonly FittedVariant[], width: number, style: Style): string[] {
  const rows = new Map(
    variants.map(({ name, memory }) => [
      `${name}\n${memory.backend}`,
      [
        printable(name),
        memory.backend,
        gigabytes(memory.weightsBytes),
        gigabytes(memory.kvBytes + memory.stateBytes),
        gigabytes(memory.computeBytes),
        gigabytes(memory.totalBytes),
        gigabytes(memory.anonymousBytes),
      ],
    ]),
  );
  const head = ['memory', '', 'weights', 'cache', 'compute', 'total', 'anonymous'];
  const lines = tableLines([head, ...rows.values()], width, (column) => column >= 2);
  return lines.map((cells, row) => {
    const line = `  ${cells.join('  ')}`.trimEnd();
    return row === 0 ? style.dim(line.replace(/^ {2}/, '')) : line;
  });
}

function deviceLines(device: FittedPhone, width: number, style: Style): string[] {
  const { variants, advice, recommended, budget, endurance } = device;
  const backends = [...new Set(variants.flatMap(({ speeds }) => speeds.map(({ backend }) => backend)))];
  const rowsWith = (hasInterval: boolean) => [
    [
      '',
      '',
      'memory',
      ...backends.map((backend, at) => (hasInterval || at === 0 ? `${backend}, t/s` : backend)),
    ],
    ...variants.map((variant) => [
      printable(variant.name),
      MARKS[variant.verdict],
      gigabytes(variant.memory.totalBytes),
      ...backends.map((backend) => speedCell(variant, backend, hasInterval)),
    ]),
  ];
  const isNumber = (column: number) => column === 2;
  const whole = tableLines(rowsWith(true), width, isNumber);
  const isTooWide = whole.some((cells) => displayWidth(cells.join('  ')) > width - 2);
  const rows = isTooWide ? tableLines(rowsWith(false), width, isNumber) : whole;
  const lines = wrap(`${printable(device.name)}: ${budgetText(budget)}`, width).map((line) =>
    style.bold(line),
  );
  rows.forEach((cells, row) => {
    const variant = variants[row - 1];
    if (variant === undefined) {
      lines.push(style.dim(`  ${cells.join('  ')}`.trimEnd()));
      return;
    }
    const [name = '', verdict = '', memory = '', ...speeds] = cells;
    const painted = [
      variant.name === recommended ? style.bold(name) : name,
      style[INKS[variant.verdict]](verdict),
      memory,
      ...speeds.map((cell) => (variant.verdict === 'no' ? style.dim(cell) : cell)),
    ];
    lines.push(`  ${painted.join('  ')}`.trimEnd());
  });
  const notes = [...sharedReasons(device)].map(([reason, who]) =>
    who === '' ? reason : `${who}: ${reason}`,
  );
  const { sustainedShare, joulesPerToken } = endurance;
  if (!('status' in sustainedShare)) {
    const { low, high, measured, published } = sustainedShare;
    notes.push(
      `heat: ${range(100 * low, 100 * high, 0)} % of the first speed is left (${measured}; ${published})`,
    );
  }
  if (!('status' in joulesPerToken)) {
    const { low, high, measured, published } = joulesPerToken;
    notes.push(`battery: ${range(low, high, 2)} J a token (${measured}; ${published})`);
  }
  for (const note of notes) lines.push(...indented(note, width).map((line) => style.dim(line)));
  lines.push(...indented(`→ ${printable(advice)}`, width).map((line) => style.accent(line)));
  return lines;
}

function budgetText({ bytes, entitledBytes, basis }: FittedPhone['budget']): string {
  if (typeof bytes !== 'number') return bytes.reason;
  if (basis === 'as given') return `${gigabytes(bytes)}, as given`;
  const entitled = entitledBytes === null ? '' : `, ${gigabytes(entitledBytes)} with the entitlement`;
  return `${gigabytes(bytes)} for an app${entitled}`;
}

/** Cells padded to their columns; the first column gives way where the whole is too wide. */
function tableLines(
  rows: readonly (readonly string[])[],
  width: number,
  isNumber: (column: number) => boolean,
): string[][] {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => displayWidth(row[column] ?? ''))),
  );
  const others = widths.slice(1).reduce((sum, each) => sum + each + 2, 2);
  const nameWidth = Math.max(LEAST_NAME_WIDTH, Math.min(widths[0] ?? 0, NAME_WIDTH, width - others));
  return rows.map((row) =>
    row.map((cell, column) => {
      if (column === 0) return padRight(shortenMiddle(cell, nameWidth), nameWidth);
      return (isNumber(column) ? padLeft : padRight)(cell, widths[column] ?? 0);
    }),
  );
}

function indented(text: string, width: number): string[] {
  return wrap(text, width - 2, '  ').map((line) => `  ${line}`);
}

function speedCell({ speeds }: FittedVariant, backend: FitSpeed['backend'], hasInterval: boolean): string {
  const speed = speeds.find((each) => each.backend === backend);
  const { generationTps, low, high, basis } = speed ?? {};
  if (typeof generationTps !== 'number') return '-';
  if (basis === 'measured') return `= ${rate(generationTps)}`;
  const isShown = hasInterval && typeof low === 'number' && typeof high === 'number';
  return `≈ ${rate(generationTps)}${isShown ? ` (${rate(low)}-${rate(high)})` : ''}`;
}

function rate(tps: number): string {
  return tps >= 20 ? tps.toFixed(0) : tps.toFixed(1);
}

function range(low: number, high: number, digits: number): string {
  const [from, to] = [low.toFixed(digits), high.toFixed(digits)];
  return from === to ? from : `${from} to ${to}`;
}

/**
 * Why a model does not simply fit, each reason once with the models it is said of; then why a speed is missing. Nobody
 * is named where there is but one model.
 */
function sharedReasons({ variants }: FittedPhone): Map<string, string> {
  const who = new Map<string, string[]>();
  const say = (reason: string, name: string): void => {
    const names = who.get(reason) ?? [];
    if (!names.includes(name)) who.set(reason, [...names, name]);
  };
  for (const { name, reasons, speeds } of variants) {
    // The first is the sum, which the table has.
    for (const reason of reasons.slice(1)) say(reason, variants.length === 1 ? '' : printable(name));
    for (const { backend, generationTps } of speeds) {
      if (typeof generationTps !== 'number') say(`no speed: ${generationTps.reason}`, backend);
    }
  }
  return new Map(
    [...who].map(([reason, names]) => [
      reason,
      names.length === variants.length && names.length > 1 && !reason.startsWith('no speed:')
        ? 'all'
        : names.join(', '),
    ]),
  );
}
