import { gigabytes } from '../device/fit.ts';
import type { FitReport, FitSpeed, FittedDevice, FitVariant } from '../device/fit-report.ts';
import { plainStyle, type Style } from './style.ts';
import { padLeft, padRight, printable, shortenMiddle, wrap } from './text-width.ts';

export interface FitLayout {
  readonly width?: number;
  readonly style?: Style;
}

const MARKS = { fits: '✓ fits', tight: '~ tight', no: '✗ no' } as const;

/** Phones × models: verdict, memory of budget, and each backend's speed with its interval and basis. */
export function renderFit(
  { devices }: FitReport,
  { width = 100, style = plainStyle }: FitLayout = {},
): string {
  const [first] = devices.flatMap(({ variants }) => variants);
  const lines: string[] = [];
  if (first !== undefined) {
    const context = first.contextSize.toLocaleString('en-US');
    lines.push(
      style.dim(
        `context ${context} tokens, ${first.cacheType} cache; memory estimated, speed after 256 tokens`,
      ),
      '',
    );
  }
  for (const device of devices) lines.push(...deviceLines(device, width, style), '');
  const isPredicted = devices.some(({ variants }) =>
    variants.some(({ speeds }) =>
      speeds.some(({ basis, evidence }) => basis === 'predicted' && evidence !== null),
    ),
  );
  if (isPredicted) {
    lines.push(
      ...wrap(
        '≈ predicted; in parentheses what to expect 9 times of 10. = measured on that phone. A warm phone is slower.',
        width,
      ).map((line) => style.dim(line)),
    );
  }
  return lines.join('\n').replace(/\n+$/, '');
}

function deviceLines(device: FittedDevice, width: number, style: Style): string[] {
  const { variants, advice, recommended } = device;
  const backends = [...new Set(variants.flatMap(({ speeds }) => speeds.map(({ backend }) => backend)))];
  const names = variants.map(({ name }) => shortenMiddle(printable(name), 28));
  const nameWidth = Math.max(8, ...names.map((name) => name.length));
  const cells = variants.map((variant) => backends.map((backend) => speedCell(variant, backend)));
  const widths = backends.map((backend, column) =>
    Math.max(backend.length, ...cells.map((row) => (row[column] ?? '').length)),
  );
  const budget = variants.map(({ memory }) => memory.budgetBytes).find((bytes) => typeof bytes === 'number');
  const limit = budget === undefined ? 'budget unknown' : `${gigabytes(budget)} for an app`;
  const lines = [`${style.bold(printable(device.name))}  ${style.dim(limit)}`];
  const head = [
    '',
    padRight('', nameWidth),
    padRight('', 7),
    padLeft('memory', 8),
    ...backends.map((backend, i) => padRight(backend, widths[i] ?? 0)),
  ];
  lines.push(style.dim(head.join('  ').trimEnd()));
  variants.forEach((variant, row) => {
    const { verdict, memory } = variant;
    const ink = { fits: style.good, tight: style.warn, no: style.bad }[verdict];
    const name = padRight(names[row] ?? '', nameWidth);
    const speeds = backends.map((_, column) => {
      const text = padRight(cells[row]?.[column] ?? '', widths[column] ?? 0);
      return verdict === 'no' ? style.dim(text) : text;
    });
    const parts = [
      '',
      variant.name === recommended ? style.bold(name) : name,
      ink(padRight(MARKS[verdict], 7)),
      padLeft(gigabytes(memory.totalBytes), 8),
      ...speeds,
    ];
    lines.push(parts.join('  ').trimEnd());
  });
  for (const [reason, who] of sharedReasons(device)) {
    lines.push(...indented(`${who}: ${reason}`, width).map((line) => style.dim(line)));
  }
  lines.push(...indented(`→ ${printable(advice)}`, width).map((line) => style.accent(line)));
  return lines;
}

function indented(text: string, width: number): string[] {
  return wrap(text, width - 2, '  ').map((line) => `  ${line}`);
}

function speedCell({ speeds }: FitVariant, backend: FitSpeed['backend']): string {
  const speed = speeds.find((each) => each.backend === backend);
  const { generationTps, low, high, basis } = speed ?? {};
  if (typeof generationTps !== 'number') return '-';
  if (basis === 'measured') return `= ${rate(generationTps)} t/s`;
  const interval = typeof low === 'number' && typeof high === 'number' ? ` (${rate(low)}-${rate(high)})` : '';
  return `≈ ${rate(generationTps)} t/s${interval}`;
}

function rate(tps: number): string {
  return tps >= 20 ? tps.toFixed(0) : tps.toFixed(1);
}

/** Why a model does not simply fit, each reason once with the models it is said of; then why a speed is missing. */
function sharedReasons({ variants }: FittedDevice): Map<string, string> {
  const who = new Map<string, string[]>();
  const say = (reason: string, name: string): void => {
    const names = who.get(reason) ?? [];
    if (!names.includes(name)) who.set(reason, [...names, name]);
  };
  for (const { name, reasons, speeds } of variants) {
    // The first is the sum, which the table has.
    for (const reason of reasons.slice(1)) say(reason, printable(name));
    for (const { backend, generationTps } of speeds) {
      if (typeof generationTps !== 'number') say(`no speed: ${generationTps.reason}`, backend);
    }
  }
  return new Map(
    [...who].map(([reason, names]) => [
      reason,
      names.length === variants.length && names.length > 1 ? 'all' : names.join(', '),
    ]),
  );
}
