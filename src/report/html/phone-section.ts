import { fastestUsual } from '../../device/fit.ts';
import type { FitVariant } from '../../device/fit-report.ts';
import { formatBytes } from '../../util/units.ts';
import type { Report } from '../report.ts';
import { printable } from '../text-width.ts';
import type { Section } from './cost-sections.ts';
import { html, type Markup } from './markup.ts';
import { plainTable } from './tables.ts';

const VERDICTS = {
  fits: { sign: '\u2713', text: 'fits' },
  tight: { sign: '!', text: 'tight' },
  no: { sign: '\u2715', text: 'does not fit' },
  unknown: { sign: '?', text: 'not known whether it fits' },
} as const;

/** Which variant fits which phone, and how fast it will be there. */
export function phoneSection({ fit }: Report): Section | null {
  if (fit === null || fit.devices.length === 0) return null;
  const names = [...new Set(fit.devices.flatMap(({ variants }) => variants.map(({ name }) => name)))];
  const [any] = fit.devices.flatMap(({ variants }) => variants);
  const table = plainTable(
    'Fit and speed by phone',
    ['phone', 'for an app', ...names.map(printable), 'advice'],
    fit.devices.map(({ name, variants, advice }) => {
      const budget = variants[0]?.memory.budgetBytes;
      return [
        printable(name),
        typeof budget === 'number' ? formatBytes(budget) : 'not known',
        ...names.map((wanted) => fitCell(variants.find((variant) => variant.name === wanted))),
        html`<span class="advice">${advice}</span>`,
      ];
    }),
    () => false,
  );
  return {
    id: 'phones',
    title: 'On phones',
    content: html`<p class="lead">Memory is estimated${any === undefined ? null : html` for ${any.contextSize} tokens of context and an ${any.cacheType} cache`}; generation speed is measured or predicted as each cell says, on the fastest backend of the phone, with the range it is expected in.</p>${table}`,
  };
}

function fitCell(variant: FitVariant | undefined): Markup {
  if (variant === undefined) return html`\u2013`;
  const { sign, text } = VERDICTS[variant.verdict];
  const speeds = variant.speeds.flatMap(({ backend, generationTps, low, high, basis }) =>
    typeof generationTps === 'number' ? [{ backend, generationTps, low, high, basis }] : [],
  );
  const fastest = fastestUsual(speeds);
  const range =
    fastest !== null &&
    typeof fastest.low === 'number' &&
    typeof fastest.high === 'number' &&
    fastest.basis === 'predicted'
      ? ` (${rate(fastest.low)}\u2013${rate(fastest.high)})`
      : '';
  return html`<span class="verdict ${variant.verdict}"><span aria-hidden="true">${sign}</span> ${text}</span>
<span class="detail">${formatBytes(variant.memory.totalBytes)}</span>${fastest === null ? null : html`<span class="detail">${rate(fastest.generationTps)}${range} t/s, ${fastest.backend}, ${fastest.basis}</span>`}`;
}

function rate(tps: number): string {
  return tps >= 20 ? tps.toFixed(0) : tps.toFixed(1);
}
