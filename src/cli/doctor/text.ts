import type { Style } from '../../report/style.ts';
import { printable } from '../../report/text-width.ts';
import type { Check, DoctorReport } from '../../schema/doctor.ts';

const LABEL_WIDTH = 17;
const MARKS: Readonly<Record<Check['status'], string>> = {
  ok: 'ok',
  note: '-',
  warning: 'warning',
  failed: 'FAILED',
};
const MARK_WIDTH = 9;

/** One line a check, with what to do below those that need it, and the verdict. Ends with a newline. */
export function renderDoctor({ checks, quantscope, canMeasure }: DoctorReport, style: Style): string {
  const inks = { ok: style.good, note: style.dim, warning: style.warn, failed: style.bad } as const;
  const lines = checks.flatMap(({ label, status, message, fix }) => {
    const mark = inks[status](MARKS[status].padEnd(MARK_WIDTH));
    const head = `${mark}${printable(label).padEnd(LABEL_WIDTH)}${printable(message)}`;
    return fix === null
      ? [head]
      : [head, `${' '.repeat(MARK_WIDTH + LABEL_WIDTH)}${style.dim(printable(fix))}`];
  });
  const count = (wanted: Check['status']) => checks.filter(({ status }) => status === wanted).length;
  const verdict = canMeasure
    ? style.good('Models can be measured here.')
    : style.bad('Models cannot be measured here until what failed is mended.');
  const warnings =
    count('warning') === 0 ? '' : ` ${count('warning')} warning${count('warning') === 1 ? '' : 's'}.`;
  return `quantscope ${quantscope}\n\n${lines.join('\n')}\n\n${verdict}${warnings}\n`;
}
