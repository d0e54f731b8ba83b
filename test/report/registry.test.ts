import { describe, expect, it } from 'vitest';
import { RENDERER_NAMES, render } from '../../src/report/registry.ts';
import { resultsSchema } from '../../src/schema/results.ts';
import { nanoResults } from '../helpers/results.ts';

describe('render', () => {
  it('knows a table, JSON, Markdown and CSV', () => {
    expect(RENDERER_NAMES).toEqual(['table', 'json', 'markdown', 'csv']);
  });

  it.each(RENDERER_NAMES)('ends %s without a newline', (name) => {
    expect(render(name, nanoResults())).toMatch(/\S$/);
  });

  it('gives JSON that reads back as the same results', () => {
    const results = nanoResults();
    expect(resultsSchema.parse(JSON.parse(render('json', results)))).toEqual(results);
  });

  it('passes the options on', () => {
    const table = render('table', nanoResults(), { width: 60, details: true });
    expect(Math.max(...table.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60);
    expect(table).toContain('sentiment');
  });
});
