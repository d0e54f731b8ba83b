import { changeLines, changeSummary, notable } from './baseline-lines.ts';
import { kitFacts } from './kit-check.ts';
import { describeMeasurement, describeModels } from './provenance.ts';
import { combined, type Report, type ReportRow, rowsOf } from './report.ts';
import { type DocumentColumn, mainColumns } from './report-columns.ts';
import { printable } from './text-width.ts';
import { verdictOf } from './verdict.ts';

/** GitHub-flavoured Markdown for a pull request or an issue: the verdict first, long parts folded. */
export function renderMarkdown(report: Report): string {
  const results = combined(report);
  const rows = rowsOf(report);
  const { headline, reasons } = verdictOf(report);
  const { cost, accuracy } = mainColumns(results);
  const failed = rows.filter(({ variant }) => variant.failure !== null);
  const sections = [
    `### ${escaped(describeModels(results) || 'Quantizations compared')}`,
    [`**${escaped(headline)}**`, ...reasons.map(escaped)].join(' '),
    ...changesOf(report),
    tableOf('Cost', rows, report, cost),
    tableOf('Accuracy', rows, report, accuracy),
    kitTable(report),
    ...failed.map(
      ({ variant }) => `**${escaped(variant.name)} failed**: ${escaped(variant.failure?.message ?? '')}`,
    ),
    folded('How this was measured', [
      ...report.machines.flatMap((machine) => describeMeasurement(machine.results)),
      ...new Set(report.machines.flatMap((machine) => machine.results.warnings)),
    ]),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

function tableOf(
  title: string,
  rows: readonly ReportRow[],
  { machines }: Report,
  columns: readonly DocumentColumn[],
): string {
  if (columns.length === 0) return '';
  const several = machines.length > 1;
  const header = [title, ...(several ? ['machine'] : []), ...columns.map(headingOf)];
  const body = rows.map((row, index) => [
    nameOf(row),
    ...(several ? [escaped(row.machine)] : []),
    ...columns.map(({ cells }) => {
      const cell = cells[index];
      const text = escaped((cell?.text ?? '').replaceAll('\u2007', ''));
      return text === '' ? '-' : cell?.tone === 'best' ? `**${text}**` : text;
    }),
  ]);
  const left = several ? 2 : 1;
  const rule = header.map((_, index) => (index < left ? ':--' : '--:'));
  return [header.map(escaped), rule, ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function kitTable({ kits }: Report): string {
  const [first] = kits;
  if (first === undefined) return '';
  const header = ['On phones', '', ...kitFacts(first).map(([name]) => name)];
  const body = kits.map((kit) => [
    escaped(kit.device),
    kit.verdict === 'ok' ? 'the same' : '**something else**',
    ...kitFacts(kit).map(([, text]) => escaped(text)),
  ]);
  const rule = header.map(() => ':--');
  return [header, rule, ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function headingOf({ title, unit }: DocumentColumn): string {
  return `${title}${title.endsWith('/') || unit === '' ? '' : ' '}${unit}`;
}

function nameOf({ variant, isReference, isRecommended }: ReportRow): string {
  const name = isRecommended ? `**${escaped(variant.name)}**` : escaped(variant.name);
  const role = variant.status === 'failed' ? ' (failed)' : isReference ? ' (reference)' : '';
  return name + role;
}

function changesOf({ changes, machines }: Report): string[] {
  return changes.flatMap(({ machine, comparison }) => {
    const where = machines.length > 1 ? ` (${escaped(machine)})` : '';
    const told = notable(comparison.changes);
    const table = changeLines(told).map(
      (line) =>
        `| ${[escaped(line.variant), escaped(line.label), line.before, line.after, line.difference, line.verdict, line.pValue].join(' | ')} |`,
    );
    const notes = [
      ...comparison.notes,
      ...(comparison.added.length > 0 ? [`New: ${comparison.added.join(', ')}.`] : []),
      ...(comparison.removed.length > 0 ? [`Gone: ${comparison.removed.join(', ')}.`] : []),
    ];
    return [
      `**Since ${comparison.baseline.createdAt.slice(0, 10)}**${where}: ${changeSummary(comparison.changes)}${notes.map((note) => ` ${escaped(note)}`).join('')}`,
      ...(table.length === 0
        ? []
        : [
            [
              '| variant | figure | before | now | change | verdict | p |',
              '| :-- | :-- | --: | --: | --: | :-- | --: |',
              ...table,
            ].join('\n'),
          ]),
    ];
  });
}

function folded(title: string, sentences: readonly string[]): string {
  const items = sentences.map((sentence) => `- ${escaped(sentence)}`).join('\n');
  return `<details><summary>${title}</summary>\n\n${items}\n\n</details>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  // GitHub would call the person or link the issue.
  '@': '&#64;',
  '#': '&#35;',
};

/** Text that Markdown shows as it is, on one line, in a table too. */
export function escaped(text: string): string {
  return printable(text)
    .replaceAll(/[\\`*[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, (mark) => `\\${mark}`)
    .replaceAll(/[&<>]|(?<![A-Za-z0-9])[@#]/g, (mark) => ENTITIES[mark] ?? mark);
}
