import { isAvailable } from '../schema/availability.ts';
import { changeLines, changeSummary, notable } from './baseline-lines.ts';
import { shownColumns } from './bench-records.ts';
import { benchText } from './bench-registry.ts';
import { endpointLines } from './endpoint-lines.ts';
import { modelsOf } from './models.ts';
import { phoneColumns, phoneFindings } from './phone-checks.ts';
import { describeMeasurement } from './provenance.ts';
import { combined, endpointsOf, type MachineBench, type Report, type ReportRow, rowsOf } from './report.ts';
import { type DocumentColumn, mainColumns } from './report-columns.ts';
import { printable } from './text-width.ts';
import { verdictOf } from './verdict.ts';

/** GitHub-flavoured Markdown for a pull request or an issue: the verdict first, long parts folded. */
export function renderMarkdown(report: Report): string {
  const rows = rowsOf(report);
  const { headline, reasons, warnings } = verdictOf(report);
  const failed = rows.filter(({ variant }) => variant.failure !== null);
  const sections = [
    `### ${escaped(modelsOf(report))}`,
    [`**${escaped(headline)}**`, ...reasons.map(escaped)].join(' '),
    ...warnings.map((warning) => `**Warning**: ${escaped(warning)}`),
    ...changesOf(report),
    ...comparisonTables(rows, report),
    ...endpointsOf(report).flatMap(({ endpoint, reference }) =>
      endpointLines([endpoint], reference).map((line) => `**Endpoint** ${escaped(line)}.`),
    ),
    ...failed.map(
      ({ variant }) => `**${escaped(variant.name)} failed**: ${escaped(variant.failure?.message ?? '')}`,
    ),
    ...report.benches.map(benchSection),
    phoneTable(report),
    folded('How this was measured', [
      ...report.machines.flatMap((machine) => describeMeasurement(machine.results)),
      ...new Set(report.machines.flatMap((machine) => machine.results.warnings)),
    ]),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

function comparisonTables(rows: readonly ReportRow[], report: Report): string[] {
  if (rows.length === 0) return [];
  const { cost, accuracy } = mainColumns(combined(report));
  return [tableOf('Cost', rows, report, cost), tableOf('Accuracy', rows, report, accuracy)];
}

function benchSection({ label, results }: MachineBench): string {
  const { rows } = results;
  const shown = shownColumns({
    ngl: rows.map(({ config }) => config.gpuLayers),
    n_batch: rows.map(({ config }) => config.batchSize),
    type_k: rows.map(({ config }) => config.keyType),
    type_v: rows.map(({ config }) => config.valueType),
    fa: rows.map(({ config }) => config.flashAttention),
  });
  const fasterThanCpu = rows.some(({ speedUp }) => isAvailable(speedUp)) ? ['speed-up'] : [];
  const options = { shown: [...shown, ...fasterThanCpu] };
  return `**Speed by bench on ${escaped(label)}**\n\n${benchText('md', results, options)}`;
}

function phoneTable({ phones }: Report): string {
  if (phones.length === 0) return '';
  const columns = phoneColumns(phones);
  const header = ['On phones', ...columns.map(headingOf)];
  const rule = [':--', ...columns.map(({ isText }) => (isText ? ':--' : '--:'))];
  const body = phones.map(({ label }, row) => [
    escaped(label),
    ...columns.map(({ cells }) => escaped(cells[row]?.text ?? '') || '-'),
  ]);
  const table = [header.map(escaped), rule, ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const findings = phones.flatMap(phoneFindings).map(({ text }) => `- ${escaped(text)}`);
  return findings.length === 0 ? table : `${table}\n\n${findings.join('\n')}`;
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

function headingOf({ title, unit }: Pick<DocumentColumn, 'title' | 'unit'>): string {
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
  if (sentences.length === 0) return '';
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
