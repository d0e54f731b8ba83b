import { isAvailable } from '../schema/availability.ts';
import { benchText } from './bench.ts';
import { shownColumns } from './bench-columns.ts';
import { changeSentences, changeTable, notable, sinceText } from './changes.ts';
import { knownColumns, machineColumns, mainColumns, rowHeads } from './comparison-columns.ts';
import { domainTable } from './domain-table.ts';
import { endpointLines } from './endpoints.ts';
import { historySentences } from './history.ts';
import { phoneFindings, phoneTable } from './kit-check.ts';
import { otherTexts } from './other-texts.ts';
import { describeMeasurement } from './provenance.ts';
import {
  combined,
  endpointsOf,
  type MachineBench,
  modelsOf,
  type Report,
  type ReportRow,
  rowsOf,
} from './report.ts';
import type { FilledColumn } from './table.ts';
import { escaped, tableMarkdown } from './table-markdown.ts';
import { toolNotes, toolTables } from './tool-columns.ts';
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
    ...historySentences(report.history).map((sentence) => `**History**: ${escaped(sentence)}`),
    ...comparisonTables(rows, report),
    ...endpointsOf(report).flatMap(({ endpoint, reference }) =>
      endpointLines([endpoint], reference).map((line) => `**Endpoint** ${escaped(line)}.`),
    ),
    ...failed.map(
      ({ variant }) => `**${escaped(variant.name)} failed**: ${escaped(variant.failure?.message ?? '')}`,
    ),
    ...report.benches.map(benchSection),
    phonePart(report),
    ...otherTexts(report).map(({ title, text }) => preformatted(title, text)),
    folded('How this was measured', [
      ...report.machines.flatMap((machine) => describeMeasurement(machine.results)),
      ...new Set(report.machines.flatMap((machine) => machine.results.warnings)),
    ]),
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

function comparisonTables(rows: readonly ReportRow[], report: Report): string[] {
  if (rows.length === 0) return [];
  const heads = rowHeads(rows);
  const machines = machineColumns(report, rows);
  const results = combined(report);
  const { cost, accuracy } = mainColumns(results);
  const tableOf = (title: string, columns: readonly FilledColumn[]) =>
    columns.length === 0 ? '' : tableMarkdown({ title, heads, columns: [...machines, ...columns] });
  return [
    tableOf('Cost', cost),
    tableOf('Accuracy', accuracy),
    ...toolTables(results).map(([title, columns]) => tableOf(title, knownColumns(columns, results))),
    ...toolNotes(results).map((note) => `${escaped(note)}.`),
    ...domainParts(report),
  ];
}

function domainParts(report: Report): string[] {
  return report.machines.flatMap(({ results }) => {
    const table = domainTable(results);
    return table === null ? [] : [`**${table.what}**\n\n${tableMarkdown(table)}`];
  });
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

function phonePart({ phones }: Report): string {
  if (phones.length === 0) return '';
  const table = tableMarkdown(phoneTable('On phones', phones));
  const findings = phones.flatMap(phoneFindings).map(({ text }) => `- ${escaped(text)}`);
  return findings.length === 0 ? table : `${table}\n\n${findings.join('\n')}`;
}

function changesOf({ changes, machines }: Report): string[] {
  return changes.flatMap(({ machine, of, comparison }) => {
    const where = machines.length > 1 || of !== 'comparison' ? ` (${escaped(machine)})` : '';
    const told = notable(comparison.changes);
    const [summary, ...notes] = changeSentences(comparison);
    return [
      `**${escaped(sinceText(comparison.baseline))}**${where}: ${[summary, ...notes.map(escaped)].join(' ')}`,
      ...(told.length === 0 ? [] : [tableMarkdown(changeTable(told))]),
    ];
  });
}

/** As it stands, whatever signs are in it. */
function preformatted(title: string, text: string): string {
  return `**${escaped(title)}**\n\n${text.replaceAll(/^/gm, '    ')}`;
}

function folded(title: string, sentences: readonly string[]): string {
  if (sentences.length === 0) return '';
  const items = sentences.map((sentence) => `- ${escaped(sentence)}`).join('\n');
  return `<details><summary>${title}</summary>\n\n${items}\n\n</details>`;
}
