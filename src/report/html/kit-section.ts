import { kitFacts } from '../kit-check.ts';
import type { Report } from '../report.ts';
import { printable } from '../text-width.ts';
import type { Section } from './cost-sections.ts';
import { html, type Markup } from './markup.ts';
import { plainTable } from './tables.ts';

/** What real phones computed, and how fast, as kit check found it. */
export function kitSection({ kits }: Report): Section | null {
  const [first] = kits;
  if (first === undefined) return null;
  const table = plainTable(
    'The kit on phones',
    ['phone', 'computes', ...kitFacts(first).map(([name]) => name)],
    kits.map((kit) => [
      printable(kit.device),
      verdictCell(kit.verdict),
      ...kitFacts(kit).map(([, text]) => text),
    ]),
    () => false,
  );
  const findings = kits.flatMap(({ device, findings }) =>
    findings.map(({ level, message }) => `${printable(device)}: ${level}: ${printable(message)}`),
  );
  return {
    id: 'kit',
    title: 'Measured on phones',
    content: html`<p class="lead">The app ran the same file on each phone and replayed what it answers on a computer.</p>${table}${
      findings.length === 0
        ? null
        : html`<ul class="notes">${findings.map((line) => html`<li>${line}</li>`)}</ul>`
    }`,
  };
}

function verdictCell(verdict: 'ok' | 'wrong'): Markup {
  return verdict === 'ok'
    ? html`<span class="verdict fits"><span aria-hidden="true">\u2713</span> the same</span>`
    : html`<span class="verdict no"><span aria-hidden="true">\u2715</span> something else</span>`;
}
