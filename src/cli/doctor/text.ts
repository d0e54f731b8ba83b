import { statusLines } from '../../report/finding-text.ts';
import type { Tone } from '../../report/table.ts';
import type { TextLayout } from '../../report/table-text.ts';
import type { Check, DoctorReport } from '../../schema/doctor.ts';
import { counted } from '../../util/units.ts';

const MARKS: Readonly<Record<Check['status'], { readonly text: string; readonly tone: Tone }>> = {
  ok: { text: 'ok', tone: 'good' },
  note: { text: '-', tone: 'quiet' },
  warning: { text: 'warning', tone: 'warn' },
  failed: { text: 'FAILED', tone: 'bad' },
};

/** One line for each check, with what to do below those that need it, and the verdict. */
export function renderDoctor({ checks, quantscope, canMeasure }: DoctorReport, layout: TextLayout): string {
  const lines = checks.map(({ label, status, message, fix }) => ({
    status: MARKS[status],
    name: label,
    text: message,
    advice: fix ?? undefined,
  }));
  const verdict = canMeasure
    ? layout.style.good('Models can be measured here.')
    : layout.style.bad('Models cannot be measured here until what failed is mended.');
  const warnings = checks.filter(({ status }) => status === 'warning').length;
  return [
    `quantscope ${quantscope}`,
    '',
    ...statusLines(lines, layout),
    '',
    verdict + (warnings === 0 ? '' : ` ${counted(warnings, 'warning')}.`),
  ].join('\n');
}
