import { fastestOf } from '../../device/fastest-speed.ts';
import { typeSpeedsText } from '../../device/type-speed-text.ts';
import type { FitReport } from '../../schema/fit.ts';
import type { FittedPhone, FittedVariant } from '../../schema/phones.ts';
import { formatPhoneRate, gigabytes } from '../../util/units.ts';
import { phoneFindings, phoneTable } from '../kit-check.ts';
import type { PhoneCheck, Report } from '../report.ts';
import { printable } from '../text-width.ts';
import { html, type Markup } from './markup.ts';
import type { Section } from './page-frame.ts';
import { htmlTable } from './tables.ts';

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

/** A card for each phone, the advice first: a table of many variants is not read on a phone. */
function fitPart({ devices }: FitReport): Markup {
  const [any] = devices.flatMap(({ variants }) => variants);
  const cards = devices.map(
    (device) => html`<article class="phone"><h3>${printable(device.name)}</h3><p>${device.advice}</p>
<p class="note">${budgetOf(device)}</p>
<dl>${device.variants.map((variant) => html`<div><dt>${printable(variant.name)}</dt><dd>${fitCell(variant)}</dd></div>`)}</dl>
<ul class="notes">${device.types.map((types) => html`<li>${printable(`types ${typeSpeedsText(types)}`)}</li>`)}</ul></article>`,
  );
  return html`<p class="lead">Memory is estimated${any === undefined ? null : html` for ${any.contextSize} tokens of context and an ${any.cacheType} cache`}; generation speed is measured or predicted as each card says, on the fastest backend of the phone that llama.rn does not call experimental, with the range it is expected in.</p><div class="phones">${cards}</div>`;
}

function budgetOf({ variants }: FittedPhone): string {
  const budget = variants[0]?.memory.budgetBytes;
  return typeof budget === 'number'
    ? `${gigabytes(budget)} for an app`
    : 'What this phone gives an app is not known';
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
<span class="detail">${gigabytes(variant.memory.totalBytes)}</span>${fastest === null ? null : html`<span class="detail">${formatPhoneRate(fastest.generationTps)}${range} tokens/s, ${fastest.backend}, ${fastest.basis}</span>`}`;
}
