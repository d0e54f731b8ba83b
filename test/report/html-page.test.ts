import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeResults } from '../../src/measure/merge.ts';
import { escapeText, html } from '../../src/report/html/markup.ts';
import { paretoFront, type TradeOffPoint } from '../../src/report/html/trade-off-chart.ts';
import { renderHtml } from '../../src/report/registry.ts';
import { NOTHING, type Report, reportOf } from '../../src/report/report.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import type { Results } from '../../src/schema/results.ts';
import { nanoResults, nanoVariant } from '../helpers/results.ts';
import { arbitraryResults } from './arbitrary-results.ts';

const HOSTILE = '"><script>alert(1)</script>]]>\'<img src=x onerror=alert(2)>';

describe('the page of the nano family', () => {
  it('is one file under 400 KB that names no address', async () => {
    const page = await renderHtml(reportOf(nanoResults()));
    expect(page.length).toBeLessThan(400_000);
    expect(page.match(/https?:\/\/[^"' ]+/g) ?? []).toEqual([]);
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page).toContain('<h2 id="verdict">Ship Q4_K_M.</h2>');
  });

  it.each([
    ['speed', /^Q2_K is the smallest \([\d.]+ MiB\), \S+ the fastest at generation \([\d,]+ tokens\/s\)\.$/],
    ['size', /^Q2_K is the smallest \([\d.]+ MiB\)\.$/],
  ])('has a headline of what is known where no loss was measured but %s', async (known, headline) => {
    const results = nanoResults();
    const absent = { status: 'unavailable', reason: 'it was not asked for' } as const;
    const variants = results.variants.map((variant) => ({
      ...variant,
      perplexity: absent,
      divergence: absent,
      tasks: absent,
      ...(known === 'speed' ? {} : { speed: absent }),
    }));
    const recommendation = { status: 'unavailable', reason: 'no loss was measured' } as const;
    const page = await renderHtml(reportOf({ ...results, variants, recommendation }));
    const [, said = ''] = /<h2 id="verdict">([^<]*)<\/h2>/.exec(page) ?? [];
    expect(said).toMatch(headline);
    expect(page).toContain('No recommendation: no loss was measured.');
  });

  it('draws with theme colours alone', async () => {
    const page = await renderHtml(reportOf(nanoResults()));
    const drawings = page.match(/<svg class="chart[\s\S]*?<\/svg>/g) ?? [];
    expect(drawings.length).toBeGreaterThan(10);
    for (const drawing of drawings) {
      const colours =
        drawing.replaceAll(/<defs[\s\S]*?<\/defs>/g, '').match(/(?:fill|stroke)="([^"]*)"/g) ?? [];
      expect(new Set(colours.filter((colour) => !/="(?:none|var\(--\w+\))"/.test(colour)))).toEqual(
        new Set(),
      );
    }
  });
});

describe('names from files and foreign errors', () => {
  const hostile = (results: Results): Results => ({
    ...results,
    variants: results.variants.map((variant) => ({
      ...variant,
      name: variant.name === 'Q2_K' ? HOSTILE : variant.name,
      ref: HOSTILE,
      model: { architecture: HOSTILE, name: HOSTILE, parameters: 1, contextLength: null, addBosToken: null },
    })),
    warnings: [HOSTILE],
    machine: { ...results.machine, cpu: HOSTILE },
    recommendation: { variant: HOSTILE, reasons: [HOSTILE], dominated: [{ variant: HOSTILE, by: HOSTILE }] },
  });

  it('stay text in every part of the page', async () => {
    const layers = [
      {
        variant: HOSTILE,
        layers: [0],
        roles: [{ role: HOSTILE, types: [HOSTILE] }],
        outside: [{ role: HOSTILE, type: HOSTILE }],
      },
    ];
    const page = await renderHtml({ ...reportOf(hostile(nanoResults())), layers });
    expect(page.match(/<script>/g)).toHaveLength(2);
    expect(page).not.toMatch(/<img/);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  });

  it('cannot leave an attribute', () => {
    expect(html`<b title="${HOSTILE}">`.toString()).not.toMatch(/title="[^"]*"[^>]/);
    expect(escapeText('a\u2007b  c\n d ')).toBe('a\u2007b c d ');
  });

  it('write on no prototype, whatever they are called', async () => {
    const own = Reflect.ownKeys(Object.prototype);
    const name = '__proto__';
    const one = { correct: 1, total: 2, low: 0.1, high: 0.9 };
    const variants = nanoResults().variants.map((variant) =>
      isAvailable(variant.tasks)
        ? {
            ...variant,
            tasks: {
              ...variant.tasks,
              byTask: JSON.parse(`{"${name}":${JSON.stringify(one)},"qa":${JSON.stringify(one)}}`),
            },
          }
        : variant,
    );
    const page = await renderHtml(reportOf(nanoResults({ variants })));
    expect(page).toContain('__proto');
    expect(Reflect.ownKeys(Object.prototype)).toEqual(own);
  });

  it('never break the page, whatever results the contract allows', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryResults(), async (results) => {
        const page = await renderHtml(reportOf(results));
        expect(page.match(/<script>/g)).toHaveLength(2);
        const shapes = page.match(/ (?:d|transform|c?[xy]|r)="[^"]*"/g) ?? [];
        expect(shapes.filter((shape) => /NaN|Infinity/.test(shape))).toEqual([]);
        for (const tag of ['section', 'table', 'svg', 'figure', 'main', 'div']) {
          expect(page.split(`<${tag}`).length, tag).toBe(page.split(`</${tag}>`).length);
        }
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});

describe('several machines', () => {
  const other = (overrides: Partial<Results> = {}): Results => {
    const results = nanoResults();
    return {
      ...results,
      createdAt: '2026-03-15T09:26:53.589Z',
      machine: { ...results.machine, cpu: 'Pixel' },
      ...overrides,
    };
  };
  const reportOfBoth = (second: Results): Report => ({
    ...NOTHING,
    machines: mergeResults([
      { path: 'a.json', results: nanoResults() },
      { path: 'b.json', results: second },
    ]),
  });

  it('keep their rows and get a column', async () => {
    const page = await renderHtml(reportOfBoth(other()));
    expect(page.match(/<td class="text" data-value="Pixel">/g)?.length).toBeGreaterThanOrEqual(8);
    expect(page).toContain('Ship Q4_K_M on both machines.');
  });

  it('that disagree are told so', async () => {
    const recommendation = { variant: 'Q8_0', reasons: [], dominated: [] };
    const page = await renderHtml(reportOfBoth(other({ recommendation })));
    expect(page).toContain('The machines do not agree on a variant.');
    expect(page).toContain('Pixel: ship Q8_0.');
  });
});

describe('the Pareto front', () => {
  const point = (name: string, cost: number, loss: number | null): TradeOffPoint => ({
    row: 0,
    name,
    cost,
    loss,
    isRecommended: false,
    text: '',
  });

  it('leaves out what another beats', () => {
    const points = [point('a', 1, 3), point('b', 2, 2), point('beaten', 3, 2.5), point('reference', 4, null)];
    const namesOf = (better: 'lower' | 'higher') => paretoFront({ points, better }).map(({ name }) => name);
    expect(namesOf('lower')).toEqual(['a', 'b', 'reference']);
    expect(namesOf('higher')).toEqual(['reference']);
  });

  it('keeps equal points, and no point of it is beaten', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { minLength: 1 }), (pairs) => {
        const points = pairs.map(([cost, loss]) => point('p', cost, loss));
        const front = paretoFront({ points, better: 'lower' });
        expect(front.length).toBeGreaterThan(0);
        for (const { cost, loss } of points) {
          const isCovered = front.some((each) => each.cost <= cost && (each.loss ?? 0) <= (loss ?? 0));
          expect(isCovered).toBe(true);
        }
      }),
    );
  });
});

describe('what could not be measured', () => {
  it('is a dash with its reason below the table', async () => {
    const variants = [nanoVariant('F16'), nanoVariant('Q8_0', { weights: { relativeRmse: 0.01 } })];
    const page = await renderHtml(reportOf(nanoResults({ variants })));
    expect(page).toMatch(/– in weight error: compare does not read the weights/);
  });
});
