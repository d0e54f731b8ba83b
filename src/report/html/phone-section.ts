import { fastestUsual } from '../../device/fit.ts';
import type { FitReport } from '../../schema/fit.ts';
import type { FittedVariant } from '../../schema/phones.ts';
import { formatBytes } from '../../util/units.ts';
import { phoneColumns, phoneFindings } from '../phone-checks.ts';
import type { PhoneCheck, Report } from '../report.ts';
import { printable } from '../text-width.ts';
import type { Section } from './cost-sections.ts';
import { html, type Markup } from './markup.ts';
import { NO_ROW, plainTable, sortableTable } from './tables.ts';

const VERDICTS = {
  fits: { sign: '\u2713', text: 'fits' },
  tight: { sign: '!', text: 'tight' },
  no: { sign: '\u2715', text: 'does not fit' },
  unknown: { sign: '?', text: 'not known whether it fits' },
} as const;

/** Which variant fits which phone and how fast it will be there, and what phones themselves measured. */
export function phoneSection({ fit, phones }: Report): Section | null {
  const parts = [
    ...(fit === null || fit.devices.length === 0 ? [] : [fitPart(fit)]),
    ...(phones.length === 0 ? [] : [checkPart(phones)]),
  ];
  return parts.length === 0 ? null : { id: 'phones', title: 'On phones', content: html`${parts}` };
}

/** Replays of the kit's prompts, each phone beside what the computer gave and what was expected of the phone. */
function checkPart(phones: readonly PhoneCheck[]): Markup {
  const names = { title: 'phone', unit: '', isText: true };
  const cells = phones.map(({ label }) => ({ text: printable(label), value: null }));
  const table = sortableTable(
    'Replays, speed and memory by phone',
    [{ ...names, cells }, ...phoneColumns(phones)],
    NO_ROW,
  );
  const findings = phones.flatMap(phoneFindings);
  return html`<h3>What phones computed</h3><p class="lead">Each phone replayed what the computer computed (kit check): whether the tokens are the same, how far its probabilities are off, how fast it is and how much memory the app took.</p>${table}${findings.length === 0 ? null : html`<ul class="notes">${findings.map(({ level, text }) => html`<li${level === 'note' ? null : html` class="warning"`}>${text}</li>`)}</ul>`}`;
}

function fitPart(fit: FitReport): Markup {
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
  return html`<p class="lead">Memory is estimated${any === undefined ? null : html` for ${any.contextSize} tokens of context and an ${any.cacheType} cache`}; generation speed is measured or predicted as each cell says, on the fastest backend of the phone that llama.rn does not call experimental, with the range it is expected in.</p>${table}`;
}

function fitCell(variant: FittedVariant | undefined): Markup {
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
