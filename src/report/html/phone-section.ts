import { fastestOf } from '../../device/fit.ts';
import type { FitReport } from '../../schema/fit.ts';
import type { FittedPhone, FittedVariant } from '../../schema/phones.ts';
import { formatBytes, formatPhoneRate } from '../../util/units.ts';
import { phoneFindings, phoneTable } from '../kit-check.ts';
import type { PhoneCheck, Report } from '../report.ts';
import { printable } from '../text-width.ts';
import { html, type Markup } from './markup.ts';
import type { Section } from './page-frame.ts';
import { type HtmlColumn, htmlTable } from './tables.ts';

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
  const table = htmlTable('Replays, speed and memory by phone', phoneTable('phone', phones));
  const findings = phones.flatMap(phoneFindings);
  return html`<h3>What phones computed</h3><p class="lead">Each phone replayed what the computer computed (kit check): whether the tokens are the same, how far its probabilities are off, how fast it is and how much memory the app took.</p>${table}${findings.length === 0 ? null : html`<ul class="notes">${findings.map(({ level, text }) => html`<li${level === 'note' ? null : html` class="warning"`}>${text}</li>`)}</ul>`}`;
}

function fitPart({ devices }: FitReport): Markup {
  const names = [...new Set(devices.flatMap(({ variants }) => variants.map(({ name }) => name)))];
  const [any] = devices.flatMap(({ variants }) => variants);
  const text = { value: null, tone: 'plain', reason: null } as const;
  const column = (title: string, cellOf: (device: FittedPhone) => { text: string; markup?: Markup }) => ({
    title,
    align: 'left' as const,
    cells: devices.map((device) => ({ ...text, ...cellOf(device) })),
  });
  const columns: HtmlColumn[] = [
    column('for an app', ({ variants }) => {
      const budget = variants[0]?.memory.budgetBytes;
      return { text: typeof budget === 'number' ? formatBytes(budget) : 'not known' };
    }),
    ...names.map((wanted) =>
      column(printable(wanted), ({ variants }) => {
        const variant = variants.find(({ name }) => name === wanted);
        return variant === undefined ? { text: '' } : { text: variant.verdict, markup: fitCell(variant) };
      }),
    ),
    column('advice', ({ advice }) => ({
      text: advice,
      markup: html`<span class="advice">${advice}</span>`,
    })),
  ];
  const heads = devices.map(({ name }) => ({ name: printable(name) }));
  const table = htmlTable('Fit and speed by phone', { title: 'phone', heads, columns });
  return html`<p class="lead">Memory is estimated${any === undefined ? null : html` for ${any.contextSize} tokens of context and an ${any.cacheType} cache`}; generation speed is measured or predicted as each cell says, on the fastest backend of the phone that llama.rn does not call experimental, with the range it is expected in.</p>${table}`;
}

function fitCell(variant: FittedVariant): Markup {
  const { sign, text } = VERDICTS[variant.verdict];
  const fastest = fastestOf(variant);
  const range =
    fastest !== null &&
    typeof fastest.low === 'number' &&
    typeof fastest.high === 'number' &&
    fastest.basis === 'predicted'
      ? ` (${formatPhoneRate(fastest.low)}\u2013${formatPhoneRate(fastest.high)})`
      : '';
  return html`<span class="verdict ${variant.verdict}"><span aria-hidden="true">${sign}</span> ${text}</span>
<span class="detail">${formatBytes(variant.memory.totalBytes)}</span>${fastest === null ? null : html`<span class="detail">${formatPhoneRate(fastest.generationTps)}${range} t/s, ${fastest.backend}, ${fastest.basis}</span>`}`;
}
