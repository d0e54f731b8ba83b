import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareWithBaseline } from '../../src/measure/baseline.ts';
import { renderBars } from '../../src/report/bars.ts';
import { renderCsv } from '../../src/report/csv.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { reportOf } from '../../src/report/report.ts';
import { renderReportTable } from '../../src/report/report-table.ts';
import { displayWidth } from '../../src/report/text-width.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import { failedVariant, nanoResults, nanoVariant } from '../helpers/results.ts';
import { arbitraryResults } from './arbitrary-results.ts';

/** Fields of RFC 4180, read by a reader of its own. */
function parseCsv(text: string): string[][] {
  const records: string[][] = [[]];
  let field = '';
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (isQuoted) {
      if (character !== '"') field += character;
      else if (text[at + 1] === '"') field += text[++at];
      else isQuoted = false;
    } else if (character === '"') isQuoted = true;
    else if (character === ',' || character === '\n') {
      records.at(-1)?.push(field);
      field = '';
      if (character === '\n') records.push([]);
    } else field += character;
  }
  records.at(-1)?.push(field);
  return records;
}

describe('CSV', () => {
  it('holds figures unrounded, under the names the results have for them', () => {
    const [header = [], ...rows] = parseCsv(renderCsv(reportOf(nanoResults())));
    expect(rows).toHaveLength(4);
    const cell = (row: number, name: string) => rows[row]?.[header.indexOf(name)];
    const { divergence, speed } = nanoVariant('Q2_K');
    if (!isAvailable(divergence) || !isAvailable(speed) || !isAvailable(speed.generation))
      throw new Error('no figures');
    expect(Number(cell(3, 'divergence.meanKld'))).toBe(divergence.meanKld);
    expect(Number(cell(3, 'speed.generation.meanTps'))).toBe(speed.generation.meanTps);
    expect(cell(3, 'variant')).toBe('Q2_K');
    expect(cell(0, 'reference')).toBe('true');
    expect(cell(2, 'recommended')).toBe('true');
    expect(cell(0, 'file.sha256')).toBe('');
    expect(cell(1, 'tasks.byTask.facts.total')).toBe('40');
  });

  it('reads back as so many equal rows, whatever the names hold', () => {
    fc.assert(
      fc.property(arbitraryResults(), (results) => {
        const [header = [], ...rows] = parseCsv(renderCsv(reportOf(results)));
        expect(rows).toHaveLength(results.variants.length);
        for (const row of rows) {
          expect(row).toHaveLength(header.length);
          expect(row[1]).not.toMatch(/^[=+\-@]/);
        }
      }),
    );
  });
});

describe('Markdown', () => {
  const markdown = renderMarkdown(reportOf(nanoResults()));

  it('begins with the verdict and marks the best', () => {
    expect(markdown).toMatch(/^### Nano Phi-3 .*\n\n\*\*Ship Q4_K_M\.\*\* Q4_K_M is the smallest variant/);
    expect(markdown).toMatch(/^\| Q2_K \| \*\*1\.72\*\* \|/m);
    expect(markdown).toMatch(/^\| \*\*Q4_K_M\*\* \| 2\.58 \|/m);
  });

  it('has as many cells in each line of a table', () => {
    const tables = markdown.split('\n\n').filter((block) => block.startsWith('|'));
    expect(tables).toHaveLength(2);
    for (const table of tables) {
      expect(new Set(table.split('\n').map((line) => line.split(/(?<!\\)\|/).length)).size).toBe(1);
    }
  });

  it('shows hostile names as text', () => {
    const name = '<b>|`@octocat` #1 [x](y) _a_ Q4_K_M';
    const results = nanoResults({ variants: [nanoVariant('F16'), failedVariant(name, 'a/b', '<script>')] });
    const text = renderMarkdown(reportOf(results));
    expect(text).toContain('&lt;b&gt;\\|\\`&#64;octocat\\` &#35;1 \\[x\\](y) \\_a\\_ Q4_K_M');
    expect(text).not.toMatch(/<script>|<b>/);
  });

  it('says what changed since a baseline', () => {
    const bytes = 2_000_000;
    const now = nanoResults({
      variants: [nanoVariant('F16'), nanoVariant('Q2_K', { file: { ...nanoVariant('Q2_K').file, bytes } })],
    });
    const changes = [
      { machine: 'AMD EPYC', of: 'comparison' as const, comparison: compareWithBaseline(now, nanoResults()) },
    ];
    const text = renderMarkdown({ ...reportOf(now), changes });
    expect(text).toContain(
      '**Since 2026-03-14, quantscope 0.1.0**: Beyond noise, 1 metric worse and 0 better',
    );
    expect(text).toContain('| Q2_K | size | 1.72 MiB | 1.91 MiB | +11.0 % | worse |  |');
    expect(text).toContain('Gone: Q8_0, Q4_K_M.');
    const table = renderReportTable({ ...reportOf(now), changes });
    expect(table).toMatch(/^ {2}Q2_K +size +1\.72 MiB {2}1\.91 MiB {2}\+11\.0 % {2}worse$/m);
  });
});

describe('bars for a terminal', () => {
  it('are as long as their figures', () => {
    const bars = renderBars(nanoResults(), { width: 60 });
    const lengthOf = (title: string, name: string) => {
      const block = bars.split('\n\n').find((each) => each.startsWith(title)) ?? '';
      const line = block.split('\n').find((each) => each.trim().startsWith(`${name} `)) ?? '';
      return (line.match(/█/g) ?? []).length;
    };
    expect(lengthOf('Size', 'F16') / lengthOf('Size', 'Q8_0')).toBeCloseTo(8_438_656 / 4_504_128, 0);
    expect(lengthOf('Mean KLD', 'Q2_K')).toBeGreaterThan(30);
    expect(lengthOf('Mean KLD', 'F16')).toBe(0);
  });

  it('are never wider than the terminal', () => {
    fc.assert(
      fc.property(arbitraryResults(), fc.integer({ min: 70, max: 120 }), (results, width) => {
        for (const line of renderBars(results, { width }).split('\n')) {
          expect(displayWidth(line)).toBeLessThanOrEqual(width);
        }
      }),
    );
  });
});
