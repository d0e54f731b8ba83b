import { isAvailable } from '../../schema/availability.ts';
import type { Change } from '../../schema/report.ts';
import { formatBytes, formatRate } from '../../util/units.ts';
import { repetitionText } from '../bench-columns.ts';
import { changeSentences, changeTable, notable, sinceText } from '../changes.ts';
import { describeEngine, describeMachine, describeMeasurement } from '../provenance.ts';
import { type Report, type ReportRow, rowsOf } from '../report.ts';
import { fillColumns } from '../table.ts';
import { printable } from '../text-width.ts';
import { sentence, verdictOf } from '../verdict.ts';
import { escapeText, html, type Markup, raw } from './markup.ts';
import type { Section } from './page-frame.ts';
import { type HtmlColumn, htmlTable } from './tables.ts';

/** The verdict in a sentence, and the four figures that it rests on. */
export function verdictPart(report: Report): Markup {
  const { headline, reasons, warnings, variant } = verdictOf(report);
  const rows = rowsOf(report);
  const chosen = rows.find((row) => row.variant.name === variant && row.isRecommended);
  const reference = rows.find((row) => row.isReference && row.machine === chosen?.machine);
  return html`<section class="verdict-part" aria-labelledby="verdict"><h2 id="verdict">${headline}</h2>
${reasons.length === 0 ? null : html`<p class="reasons">${unbroken(reasons.join(' '))}</p>`}${warnings.map((warning) => html`<p class="reasons warning">${warning}</p>`)}${chosen === undefined ? null : html`<dl class="tiles">${tilesOf(chosen, reference).map(({ name, value, detail }) => html`<div><dt>${name}</dt><dd>${value}</dd><dd class="detail">${detail}</dd></div>`)}</dl>`}</section>`;
}

/** A figure and its unit stay on one line. */
function unbroken(text: string): Markup {
  return raw(escapeText(text).replaceAll(/(?<=\d) (?=%|[KMG]iB)/g, '&nbsp;'));
}

interface Tile {
  readonly name: string;
  readonly value: string;
  readonly detail: string;
}

function tilesOf(chosen: ReportRow, reference: ReportRow | undefined): Tile[] {
  const { file, speed, divergence, memory, tasks } = chosen.variant;
  const tiles: Tile[] = [];
  const other = reference?.variant;
  const isItself = other === undefined || other === chosen.variant;
  tiles.push({
    name: 'Size',
    value: formatBytes(file.bytes),
    detail: isItself
      ? ''
      : `${Math.round((100 * file.bytes) / other.file.bytes)} % of ${printable(other.name)}`,
  });
  if (isAvailable(speed) && isAvailable(speed.generation)) {
    const { meanTps } = speed.generation;
    const theirs =
      !isItself && isAvailable(other.speed) && isAvailable(other.speed.generation)
        ? other.speed.generation.meanTps
        : 0;
    tiles.push({
      name: 'Generation',
      value: `${formatRate(meanTps)} t/s`,
      detail:
        theirs > 0 && other !== undefined
          ? `${(meanTps / theirs).toFixed(2)} × ${printable(other.name)}`
          : '',
    });
  }
  if (isAvailable(divergence) && !isItself) {
    tiles.push({
      name: 'Mean KLD',
      value: `${Number(divergence.meanKld.toPrecision(3))} nats`,
      detail: `${(divergence.sameTop * 100).toFixed(1)} % same top token`,
    });
  }
  if (isAvailable(tasks) && tasks.total > 0) {
    const flips = isAvailable(tasks.flips) && !isItself ? `, ${tasks.flips.count} flipped` : '';
    tiles.push({
      name: 'Tasks right',
      value: `${((100 * tasks.correct) / tasks.total).toFixed(1)} %`,
      detail: `${tasks.correct} of ${tasks.total}${flips}`,
    });
  }
  if (tiles.length < 4 && isAvailable(memory) && isAvailable(memory.peakRssBytes)) {
    tiles.push({
      name: 'Peak memory',
      value: formatBytes(memory.peakRssBytes),
      detail: 'of the whole process',
    });
  }
  return tiles.slice(0, 4);
}

const SIGNS: Readonly<Record<string, string>> = {
  better: '\u25B2',
  worse: '\u25BC',
  'within noise': '\u2248',
  disturbed: '?',
  unknown: '?',
};

/** What changed since a baseline, worst first, and all that was compared. */
export function changesSection(report: Report): Section | null {
  if (report.changes.length === 0) return null;
  const parts = report.changes.map(({ machine, of, comparison }) => {
    const { baseline, changes } = comparison;
    const told = notable(changes);
    const rest = changes.filter((change) => !told.includes(change));
    const where =
      report.changes.length > 1 ? ` (${printable(machine)}${of === 'bench' ? ', bench' : ''})` : '';
    return html`<p class="lead">${sinceText(baseline)}${where}. ${changeSentences(comparison).join(' ')}</p>
${told.length === 0 ? null : changesTable('Changes beyond noise', told)}${rest.length === 0 ? null : html`<details><summary>${told.length === 0 ? 'All' : 'The other'} ${rest.length} metrics</summary>${changesTable('Within noise, or not to be judged', rest)}</details>`}`;
  });
  return { id: 'changes', title: 'What changed', content: html`${parts}` };
}

function changesTable(caption: string, changes: readonly Change[]): Markup {
  const { columns, ...table } = changeTable(changes);
  const methods = fillColumns<Change>(
    [{ title: 'told by', align: 'left', read: ({ method }) => method }],
    changes,
  );
  const drawn = [...columns, ...methods].map((column): HtmlColumn => {
    const markupOf = MARKUP[column.title];
    if (markupOf === undefined) return column;
    return { ...column, cells: column.cells.map((cell) => ({ ...cell, markup: markupOf(cell.text ?? '') })) };
  });
  return htmlTable(caption, { ...table, columns: drawn });
}

const MARKUP: Readonly<Record<string, (text: string) => Markup>> = {
  verdict: (text) =>
    html`<span class="change ${text.replace(' ', '-')}"><span aria-hidden="true">${SIGNS[text] ?? ''}</span> ${text}</span>`,
  'told by': (text) => html`<span class="advice">${text}</span>`,
};

/** How and where it was measured, machine by machine, with what ran badly. */
export function methodSection({ machines, benches }: Report): Section | null {
  if (machines.length + benches.length === 0) return null;
  return {
    id: 'method',
    title: 'How this was measured',
    content: html`${machines.map(({ label, sources, results }) => {
      const failed = results.variants.filter(({ failure }) => failure !== null);
      const notes = results.variants.flatMap(({ name, backend }) =>
        (backend?.notes ?? []).map((note) => `${name}: ${note}`),
      );
      return html`${machines.length + benches.length > 1 ? html`<h3>${label}</h3>` : null}<ul class="method">
${describeMeasurement(results).map((sentence) => html`<li>${sentence}</li>`)}${results.warnings.map((warning) => html`<li class="warning">${sentence(warning)}</li>`)}${failed.map(({ name, failure }) => html`<li class="warning">${name} failed: ${failure?.message ?? 'no reason was given'} (${failure?.code ?? 'unknown'})</li>`)}${notes.map((note) => html`<li>${note}</li>`)}${sources.length === 0 ? null : html`<li>From ${sources.join(', ')}.</li>`}</ul>`;
    })}${benches.map(({ label, source, results }) => {
      const { machine, tool, createdAt, seed, warnings } = results;
      const where = `${describeMachine(machine)}, ${createdAt.slice(0, 10)}, with ${describeEngine(machine, tool.version)}`;
      return html`${machines.length + benches.length > 1 ? html`<h3>${label}, bench</h3>` : null}<ul class="method">
<li>Measured on ${where}.</li><li>Speed: ${repetitionText(results)}, seed ${seed}.</li>${warnings.map(({ message, hint }) => html`<li class="warning">${sentence(message)} ${sentence(hint)}</li>`)}<li>From ${source}.</li></ul>`;
    })}`,
  };
}
