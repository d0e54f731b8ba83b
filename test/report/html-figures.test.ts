import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderHtml } from '../../src/report/registry.ts';
import { combined } from '../../src/report/report.ts';
import { isAvailable, type Unavailable } from '../../src/schema/availability.ts';
import { CHROMIUM, openBrowser } from '../helpers/browser.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { fit, fullReport } from '../helpers/full-report.ts';

const MEBI = 1024 ** 2;

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A table as the page shows it: a row's cells by their headings, as text. */
type ShownRow = Readonly<Record<string, string>>;

describe.skipIf(CHROMIUM === null)('every figure of the page is that of the JSON', () => {
  const report = fullReport();
  const { variants } = combined(report);
  let browser: Browser;
  let page: Page;
  let folder: Awaited<ReturnType<typeof scratchFolder>>;

  beforeAll(async () => {
    folder = await scratchFolder();
    const path = folder.path('report.html');
    await writeFile(path, await renderHtml(report));
    browser = await openBrowser();
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(pathToFileURL(path).href);
  });
  afterAll(async () => {
    await browser?.close();
    await folder?.[Symbol.asyncDispose]();
  });

  function tableOf(caption: string): Promise<ShownRow[]> {
    return page.locator(`table:has(caption:text-is("${caption}"))`).evaluate((table) => {
      // What is hidden is for those who cannot see the sign.
      for (const hidden of table.querySelectorAll('.hidden')) hidden.remove();
      const clean = ({ textContent }: { readonly textContent: string | null }) =>
        (textContent ?? '').replaceAll(/\s+/g, ' ').trim();
      const heads = [...table.querySelectorAll('thead th')].map(clean);
      return [...table.querySelectorAll('tbody tr')].map((row) =>
        Object.fromEntries([...row.children].map((cell, index) => [heads[index] ?? '', clean(cell)])),
      );
    });
  }

  /** What the marks of the chart with that title say. */
  function marksOf(title: string): Promise<string[]> {
    return page
      .locator(`figure:has(figcaption:text-is("${title}")) svg.wide .mark`)
      .evaluateAll((marks) => marks.map((mark) => mark.getAttribute('aria-label') ?? ''));
  }

  const asked = variants.flatMap(({ name, tasks }) => (isAvailable(tasks) ? [{ name, tasks }] : []));

  it('tasks by kind, with intervals, in the table and in the chart', async () => {
    const rows = await tableOf('Tasks right, with 95 % intervals in percent');
    const kinds = Object.keys(asked[0]?.tasks.byTask ?? {});
    expect(rows.map((row) => row['kind'])).toEqual(['all', ...kinds]);
    const marks = new Set(await marksOf('Tasks by kind'));
    expect(marks.size).toBe(asked.length * (kinds.length + 1));
    for (const row of rows) {
      for (const { name, tasks } of asked) {
        const counts = row['kind'] === 'all' ? tasks : tasks.byTask[row['kind'] ?? ''];
        const { correct = -1, total = -1, low = -1, high = -1 } = counts ?? {};
        const text = `${correct}/${total} (${(low * 100).toFixed(0)}–${(high * 100).toFixed(0)})`;
        expect(row[name], `${name}, ${row['kind']}`).toBe(text);
        expect(marks).toContain(`${name}, ${row['kind']}: ${text}`);
      }
    }
  });

  it('flips', async () => {
    const flipped = asked.flatMap(({ name, tasks: { flips } }) =>
      isAvailable(flips) ? [{ name, flips }] : [],
    );
    const expected = flipped.map(({ name, flips }) => ({
      variant: name,
      'right to wrong': String(flips.lost),
      'wrong to right': String(flips.gained),
      '% of all': (flips.share * 100).toFixed(1),
      p: flips.pValue.toFixed(2),
    }));
    expect(expected.length).toBeGreaterThan(2);
    expect(await tableOf('Answers that flipped')).toEqual(expected);
  });

  it('phones: verdict, memory, speed and its range in every cell', async () => {
    const cards = await page.locator('#phones .phone').all();
    expect(cards).toHaveLength(fit.devices.length);
    for (const [index, device] of fit.devices.entries()) {
      const card = cards[index];
      expect(await card?.locator('h3').innerText()).toBe(device.name);
      expect(await card?.locator('p').first().innerText()).toBe(device.advice);
      for (const [at, { name, verdict, memory, speeds }] of device.variants.entries()) {
        const [speed] = speeds;
        const sign = {
          fits: '✓ fits',
          tight: '! tight',
          no: '✕ does not fit',
          unknown: '? not known whether it fits',
        }[verdict];
        const range = `(${Number(speed?.low).toFixed(1)}–${Number(speed?.high).toFixed(1)})`;
        const cell = card?.locator('dl > div').nth(at);
        expect(await cell?.locator('dt').innerText()).toBe(name);
        const said = (await cell?.locator('dd').innerText())?.replaceAll(/\s+/g, ' ');
        expect(said).toBe(
          `${sign} ${Math.max(1, Math.round(memory.totalBytes / 1e6))} MB ${Number(speed?.generationTps).toFixed(1)} ${range} tokens/s, ${speed?.backend}, ${speed?.basis}`,
        );
      }
    }
  });

  const charted = variants.filter(({ status }) => status === 'ok');

  it('memory by use', async () => {
    const marks = await marksOf('Weights, cache and buffers');
    const parts = [
      ['weights', 'weightsBytes'],
      ['KV cache', 'kvBytes'],
      ['compute buffers', 'computeBytes'],
    ] as const;
    const expected = charted.flatMap(({ name, memory }) =>
      parts.map(
        ([part, field]) => `${name}, ${part}: ${(Number(figure(memory)[field]) / MEBI).toFixed(2)} MiB`,
      ),
    );
    expect(marks).toEqual(expected);
  });

  it('percentiles of divergence', async () => {
    const reference = report.machines[0]?.results.reference;
    const expected = charted
      .filter(({ name }) => name !== reference)
      .flatMap(({ name, divergence }) => {
        const found = figure(divergence);
        return (
          [
            ['median', found.medianKld],
            ['90th percentile', found.p90Kld],
            ['95th percentile', found.p95Kld],
            ['99th percentile', found.p99Kld],
            ['99.9th percentile', found.p999Kld],
            ['maximum', found.maxKld],
            ['mean', found.meanKld],
          ] as const
        ).map(([what, value]) => `${name}, ${what}: ${Number(value.toPrecision(3))} nats`);
      });
    expect(expected.length).toBe(3 * 7);
    expect(await marksOf('Divergence over the text')).toEqual(expected);
  });

  it('speeds, each with its deviation, as long as its bar', async () => {
    const tests = [
      ['Prompt, 512 tokens', 'prompt'],
      ['Generation, 128 tokens', 'generation'],
      ['Generation after 512 tokens', 'generationAtDepth'],
    ] as const;
    for (const [title, test] of tests) {
      const rates = charted.map(({ name, speed }) => ({ name, ...figure(figure(speed)[test]) }));
      expect(await marksOf(title)).toEqual(
        rates.map(
          ({ name, meanTps, stddevTps }) =>
            `${name}: ${meanTps.toFixed(0)} ± ${stddevTps.toFixed(0)} tokens/s`,
        ),
      );
      // A mark is at its bar's end: ends are apart as the rates are.
      const ends = await page
        .locator(`figure:has(figcaption:text-is("${title}")) svg.wide .mark`)
        .evaluateAll((marks) => marks.map((mark) => Number(mark.getAttribute('cx'))));
      const slope = ((ends[1] ?? 0) - (ends[0] ?? 0)) / ((rates[1]?.meanTps ?? 0) - (rates[0]?.meanTps ?? 0));
      for (const [index, end] of ends.entries()) {
        const expected = (ends[0] ?? 0) + slope * ((rates[index]?.meanTps ?? 0) - (rates[0]?.meanTps ?? 0));
        // Places are written with one decimal, and two of them make the slope.
        expect(Math.abs(end - expected), `${title} ${index}`).toBeLessThan(2);
      }
    }
  });

  it('speeds by bench, the failed test with its reason', async () => {
    const rows = await tableOf('Tests of bench');
    const tests = report.benches.flatMap(({ label, results }) => results.rows.map((row) => ({ label, row })));
    expect(rows).toHaveLength(tests.length);
    const marks = await marksOf('tg16');
    for (const [index, { label, row }] of tests.entries()) {
      const shown = rows[index] ?? {};
      expect([shown['machine'], shown['test']]).toEqual([label, row.test.name]);
      if (!isAvailable(row.speed)) {
        expect(shown['speed t/s']).toBe('–');
        continue;
      }
      const [mean, deviation] = (shown['speed t/s'] ?? '').split(' ± ').map(Number);
      closeTo(mean, row.speed.meanTps);
      closeTo(deviation, row.speed.stddevTps, 0.51);
      closeTo(Number(shown['median t/s']), row.speed.medianTps);
      closeTo(Number(shown['load ms']), Number(row.loadMs));
      closeTo(Number(shown['peak memory MiB']), Number(figure(row.memory).peakRssBytes) / MEBI);
      if (row.test.name !== 'tg16') continue;
      closeTo(Number(shown['bandwidth GB/s']), Number(row.effectiveBandwidthBytesPerSecond) / 1e9, 0.006);
      expect(marks.some((mark) => mark.endsWith(`: ${shown['speed t/s']} tokens/s`))).toBe(true);
    }
    expect(await page.locator('#bench .warning').count()).toBe(1);
  });

  it('what phones computed, and what was found', async () => {
    const rows = await tableOf('Replays, speed and memory by phone');
    expect(rows.map((row) => row['phone'])).toEqual(report.phones.map(({ label }) => label));
    expect(rows[0]).toEqual({
      phone: 'Pixel 9',
      model: 'Nano Phi-3 Q4_K_M',
      'ran on': 'CPU',
      computes: '✓ the same',
      replies: '2 of 2 same',
      'ln p off nats, mean': '0.0008',
      'prompt t/s': '61.3',
      'generation t/s': '9.38',
      'expected t/s': '8.15 to 11.35 (predicted)',
      'app grew MiB': (21_688_320 / MEBI).toFixed(1),
      'estimated MiB': (11_597_546 / MEBI).toFixed(1),
      'load s': '0.43',
    });
    expect(rows[1]).toMatchObject({ computes: '✕ something else', 'app grew MiB': '–' });
    expect(await page.locator('#phones .notes .warning').count()).toBe(1);
    expect(await page.locator('.verdict-part .warning').textContent()).toMatch(/computes something else on/);
  });

  it('models behind endpoints', async () => {
    const [endpoint] = report.machines[0]?.results.endpoints ?? [];
    const tasks = figure(endpoint?.tasks);
    const flips = figure(tasks.flips);
    expect(await tableOf('Models behind endpoints')).toEqual([
      {
        endpoint: 'phi3-f16',
        address: 'http://localhost:8080/v1',
        'tasks right, 95 % interval': `${tasks.correct}/${tasks.total} (${(tasks.low * 100).toFixed(0)}–${(tasks.high * 100).toFixed(0)})`,
        flips: `${flips.count} (p ${flips.pValue.toFixed(2)})`,
        'median reply ms': '412',
      },
    ]);
  });

  it('what changed since the baseline', async () => {
    const rows = await tableOf('Changes beyond noise');
    const changes = report.changes[0]?.comparison.changes.filter(({ verdict }) => verdict === 'better') ?? [];
    expect(rows).toHaveLength(changes.length);
    for (const [index, { variant, before, after }] of changes.entries()) {
      expect(rows[index]?.['variant']).toBe(variant.replaceAll(/\s+/g, ' '));
      closeTo(Number(rows[index]?.['before']?.split(' ')[0]), Number(before) / MEBI, 0.006);
      closeTo(Number(rows[index]?.['now']?.split(' ')[0]), Number(after) / MEBI, 0.006);
    }
  });

  for (const width of [390, 1280]) {
    it(`writes no text of a chart over another or out of the page, at ${width} pixels`, async () => {
      await page.setViewportSize({ width, height: 900 });
      const { texts, collisions } = await page.locator('svg.chart').evaluateAll((drawings, pageWidth) => {
        const meet = (a: Box, b: Box) =>
          Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
          Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
        const shown = drawings.map((drawing) =>
          [...drawing.querySelectorAll('text')]
            .map((text) => ({ said: text.textContent ?? '', box: text.getBoundingClientRect() }))
            .filter(({ box }) => box.width > 0),
        );
        return {
          texts: shown.flat().length,
          collisions: shown.flatMap((all) => [
            ...all.filter(({ box }) => box.left < 0 || box.right > pageWidth).map(({ said }) => said),
            ...all.flatMap((one, index) =>
              all
                .slice(index + 1)
                .filter((other) => meet(one.box, other.box))
                .map((other) => `${one.said} | ${other.said}`),
            ),
          ]),
        };
      }, width);
      expect(texts).toBeGreaterThan(100);
      expect(collisions).toEqual([]);
    });
  }
});

function figure<Value>(value: Value | Unavailable | undefined): Exclude<Value, Unavailable | undefined> {
  if (value === undefined || !isAvailable(value)) throw new Error(`no figure: ${JSON.stringify(value)}`);
  // It is neither of the two that were left out.
  return value as Exclude<Value, Unavailable | undefined>;
}

/** Shown figures are rounded: to half of their last digit, or as told. */
function closeTo(shown: number | undefined, expected: number, within?: number): void {
  const decimals = String(shown).split('.')[1]?.length ?? 0;
  expect(Math.abs((shown ?? Number.NaN) - expected)).toBeLessThanOrEqual(
    within ?? 0.500001 * 10 ** -decimals,
  );
}
