import { isAvailable } from '../../schema/availability.ts';
import { compositionColumns, fillVariants } from '../comparison-columns.ts';
import { placeOf } from '../inspection-grid.ts';
import { formatFixed } from '../numbers.ts';
import { combined, type LayerGrid, type Report, rowsOf } from '../report.ts';
import { printable } from '../text-width.ts';
import { stackedChart } from './bar-charts.ts';
import { bitsInName, type Color, typeColors } from './colors.ts';
import { html, type Markup } from './markup.ts';
import type { Section } from './page-frame.ts';
import { chartFigure, htmlTable, legend } from './tables.ts';

/** Types of the weights: shares of bytes, and the grid by layer where headers were at hand. */
export function weightsSection(report: Report): Section | null {
  const rows = rowsOf(report);
  const results = combined(report);
  const seen = new Set<string>();
  // One file on two machines is of the same types.
  const files = rows.flatMap((row, index) => {
    const { name, file, quantization } = row.variant;
    const key = `${name}/${file.bytes}`;
    if (!isAvailable(quantization) || seen.has(key)) return [];
    seen.add(key);
    return [{ name: printable(name), index, byType: quantization.byType }];
  });
  if (files.length === 0) return null;
  const gridTypes = report.layers.flatMap(({ roles, outside }) => [
    ...roles.flatMap(({ types }) => types.filter((type) => type !== null)),
    ...outside.map(({ type }) => type),
  ]);
  const colors = typeColors([
    ...files.flatMap(({ byType }) => byType.map(({ type }) => printable(type))),
    ...gridTypes.map(printable),
  ]);
  const bars = files.map(({ name, index, byType }) => {
    const total = byType.reduce((sum, { bytes }) => sum + bytes, 0);
    const parts = byType
      .map(({ type, bytes }) => {
        const value = total === 0 ? 0 : (100 * bytes) / total;
        return { part: printable(type), value, text: `${formatFixed(value, 1)} %` };
      })
      .sort((a, b) => bitsInName(b.part) - bitsInName(a.part));
    return { row: index, name, parts, total: '' };
  });
  const variants = files.flatMap(({ index }) => rows[index]?.variant ?? []);
  const table = htmlTable('Bytes by tensor type', {
    title: 'variant',
    heads: files,
    columns: fillVariants(compositionColumns({ variants }), { ...results, variants }),
  });
  return {
    id: 'weights',
    title: 'What the weights are made of',
    content: html`<div class="beside">${chartFigure(
      'Share of bytes by tensor type',
      stackedChart('Share of bytes by tensor type; figures in the table beside', bars, {
        unit: '% of bytes',
        colors,
        isFraction: true,
      }),
      legend([...colors].map(([text, color]) => ({ text, color }))),
    )}<div>${table}</div></div>${layersPart(report.layers, colors)}`,
  };
}

function layersPart(grids: readonly LayerGrid[], colors: ReadonlyMap<string, Color>): Markup | null {
  if (grids.length === 0) return null;
  return html`<h3>By layer</h3><p class="lead">One row per role, one column per layer, first to last.</p>
<div class="grids">${grids.map((grid) => layerTable(grid, colors))}</div>`;
}

/** Neighbouring layers of one type share a cell, which keeps the page small and can be read aloud. */
function layerTable(
  { variant, layers, roles, outside }: LayerGrid,
  colors: ReadonlyMap<string, Color>,
): Markup {
  const [first, last] = [layers[0], layers.at(-1)];
  const ordered = [...roles].sort((one, other) => placeOf(one) - placeOf(other));
  const body = ordered.map(({ role, types }) => {
    const cells = runsOf(types).map(({ type, from, length }) => {
      const [start, end] = [layers[from], layers[from + length - 1]];
      const where = start === end ? `layer ${start}` : `layers ${start} to ${end}`;
      const text = type === null ? 'none' : printable(type);
      const fits = length / layers.length > 0.16;
      return html`<td colspan="${length}" class="${type === null ? 'cell none' : 'cell'}" style="--key:var(--${colors.get(text) ?? 'bar'})" title="${role}, ${where}: ${text}"><span${fits ? null : html` class="hidden"`}>${text}</span></td>`;
    });
    return html`<tr><th scope="row">${role}</th>${cells}</tr>`;
  });
  const rest = outside.map(({ role, type }) => `${printable(role)} ${printable(type)}`).join(', ');
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Tensor types of ${variant} by layer"><table class="layers"><caption>${variant}${first === undefined ? null : html`<span class="unit"> layers ${first} to ${last ?? first}</span>`}</caption>
<tbody>${body}</tbody></table>${rest === '' ? null : html`<p class="note">Outside the layers: ${rest}.</p>`}</div>`;
}

function runsOf(types: readonly (string | null)[]): { type: string | null; from: number; length: number }[] {
  const runs: { type: string | null; from: number; length: number }[] = [];
  for (const [index, type] of types.entries()) {
    const last = runs.at(-1);
    if (last !== undefined && last.type === type) last.length++;
    else runs.push({ type, from: index, length: 1 });
  }
  return runs;
}
