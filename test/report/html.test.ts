import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import axe, { type AxeResults } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderHtml } from '../../src/report/registry.ts';
import { isAvailable } from '../../src/schema/availability.ts';
import type { VariantResult } from '../../src/schema/results.ts';
import { CHROMIUM, openBrowser } from '../helpers/browser.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { fullReport, HOSTILE } from '../helpers/full-report.ts';
import { nanoVariant } from '../helpers/results.ts';

const MEBI = 1024 ** 2;

/** What a sorted table's column must hold, from the results, by its heading. */
const COLUMNS: Record<string, (variant: VariantResult) => number | undefined> = {
  'size MiB': ({ file }) => file.bytes / MEBI,
  'bits/ weight': ({ quantization }) => field(quantization)?.bitsPerWeight,
  'load ms cold': ({ load }) => field(field(load)?.coldMs),
  'load ms warm': ({ load }) => field(field(load)?.warmMs),
  'prompt t/s pp512': ({ speed }) => field(field(speed)?.prompt)?.meanTps,
  'gen. t/s tg128': ({ speed }) => field(field(speed)?.generation)?.meanTps,
  'gen. t/s tg128@d512': ({ speed }) => field(field(speed)?.generationAtDepth)?.meanTps,
  'first tok. ms': ({ speed }) => field(field(speed)?.firstTokenMs),
  'peak MiB': ({ memory }) => scaled(field(field(memory)?.peakRssBytes), 1 / MEBI),
  'anonymous MiB': ({ memory }) => scaled(field(field(memory)?.anonymousBytes), 1 / MEBI),
  'weights MiB': ({ memory }) => scaled(field(field(memory)?.weightsBytes), 1 / MEBI),
  'KV cache MiB': ({ memory }) => scaled(field(field(memory)?.kvBytes), 1 / MEBI),
  'compute MiB': ({ memory }) => scaled(field(field(memory)?.computeBytes), 1 / MEBI),
  'on GPU MiB': ({ memory }) => scaled(field(field(memory)?.gpuBytes), 1 / MEBI),
  perplexity: ({ perplexity }) => field(perplexity)?.value,
  'mean KLD nats': ({ divergence }) => field(divergence)?.meanKld,
  'p99 KLD nats': ({ divergence }) => field(divergence)?.p99Kld,
  'same top %': ({ divergence }) => scaled(field(divergence)?.sameTop, 100),
  'tasks % correct': ({ tasks }) => scaled(field(tasks)?.correct, 100 / (field(tasks)?.total ?? 1)),
  'flips n': ({ tasks }) => field(field(tasks)?.flips)?.count,
  'flips p': ({ tasks }) => field(field(tasks)?.flips)?.pValue,
  'ln PPL ratio': ({ divergence }) => field(divergence)?.lnPplRatio,
  'median KLD': ({ divergence }) => field(divergence)?.medianKld,
  'p90 KLD': ({ divergence }) => field(divergence)?.p90Kld,
  'p99.9 KLD': ({ divergence }) => field(divergence)?.p999Kld,
  'max KLD': ({ divergence }) => field(divergence)?.maxKld,
  'mean Δp %': ({ divergence }) => scaled(field(divergence)?.meanDeltaP, 100),
  'RMS Δp %': ({ divergence }) => scaled(field(divergence)?.rmsDeltaP, 100),
};

function field<Value>(value: Value) {
  return value !== undefined && isAvailable(value) ? value : undefined;
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

// Without a browser nothing here can be looked at: apt-get install chromium, or CHROMIUM=/path/to/it.
describe.skipIf(CHROMIUM === null)('the page in a browser', () => {
  let browser: Browser;
  let address: string;
  let folder: Awaited<ReturnType<typeof scratchFolder>>;
  const noise: string[] = [];

  beforeAll(async () => {
    folder = await scratchFolder();
    const path = folder.path('report.html');
    await writeFile(path, await renderHtml(fullReport()));
    address = pathToFileURL(path).href;
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Opens the page and hears everything it says or asks for. */
  async function open(options: BrowserContextOptions = {}): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
    page.on('console', (message) => noise.push(message.text()));
    page.on('pageerror', (error) => noise.push(error.message));
    page.on('request', (request) => {
      if (request.url() !== address && !request.url().startsWith('data:')) noise.push(request.url());
    });
    await page.goto(address);
    return page;
  }

  it('says nothing on the console, asks for nothing and runs nothing of the results', async () => {
    const page = await open();
    await page.waitForLoadState('networkidle');
    expect(await page.title()).toBe('Nano Phi-3: quantizations compared');
    expect(await page.locator('img').count()).toBe(0);
    await page.close();
    expect(noise).toEqual([]);
  });

  it('shows the figures of the results, each in its row and column', async () => {
    const page = await open();
    const cells = await page
      .locator('table.sortable:has(thead button:text-is("variant")):has(tr[data-row="0"])')
      .evaluateAll((tables) =>
        tables.flatMap((table) => {
          const heads = [...table.querySelectorAll('thead th')].map((head) =>
            (head.textContent ?? '').trim(),
          );
          return [...table.querySelectorAll('tbody tr')].flatMap((row) => {
            const [name, ...rest] = [...row.children];
            return rest.map((cell, index) => ({
              variant: name?.getAttribute('data-value') ?? '',
              column: heads[index + 1] ?? '',
              value: cell.getAttribute('data-value'),
              text: cell.childNodes[0]?.textContent ?? '',
            }));
          });
        }),
      );
    const [machine] = fullReport().machines;
    const variants = machine?.results.variants ?? [];
    expect(new Set(cells.map(({ column }) => column))).toEqual(new Set(Object.keys(COLUMNS)));
    // A variant a row: the hostile name is on one line and free of nothing else.
    expect(new Set(cells.map(({ variant }) => variant))).toEqual(new Set(variants.map(({ name }) => name)));
    for (const { variant, column, value, text } of cells) {
      const row = variants.find(({ name }) => name === variant);
      const expected = row === undefined ? undefined : COLUMNS[column]?.(row);
      const where = `${variant}, ${column}`;
      if (expected === undefined) expect([value, text], where).toEqual([null, '–']);
      else {
        expect(Number(value), where).toBeCloseTo(expected, 9);
        const shown = /^-?[\d.]+/.exec(text)?.[0] ?? '';
        const decimals = shown.split('.')[1]?.length ?? 0;
        expect(Math.abs(Number(shown) - expected), `${where}: ${text}`).toBeLessThanOrEqual(
          0.5000001 * 10 ** -decimals,
        );
      }
    }
    expect(cells.length).toBe(variants.length * (Object.keys(COLUMNS).length + 1));
    await page.close();
  });

  it('tells the same figures at the marks of its charts', async () => {
    const page = await open();
    const marks = await page
      .locator('svg.wide .mark')
      .evaluateAll((all) => all.map((mark) => mark.getAttribute('aria-label') ?? ''));
    const { divergence, speed, tasks, memory } = nanoVariant('Q2_K');
    const generation = field(field(speed)?.generation)?.meanTps ?? Number.NaN;
    const facts = field(tasks)?.byTask['facts'];
    const kv = (field(field(memory)?.kvBytes) ?? Number.NaN) / MEBI;
    for (const text of [
      `Q2_K: 1.72 MiB, mean KLD ${Number((field(divergence)?.meanKld ?? 0).toPrecision(3))} nats`,
      `Q2_K: ${generation.toFixed(0)} ± ${(generation * 0.021).toFixed(0)} tokens/s`,
      `Q2_K, maximum: ${Number((field(divergence)?.maxKld ?? 0).toPrecision(3))} nats`,
      `Q2_K, KV cache: ${kv.toFixed(2)} MiB`,
    ]) {
      expect(marks).toContain(text);
    }
    expect(marks.some((text) => text.startsWith(`Q2_K, facts: ${facts?.correct}/${facts?.total} (`))).toBe(
      true,
    );
    await page.close();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [390, 1280]) {
      it(`is accessible and fits ${width} pixels, ${colorScheme}`, async () => {
        const page = await open({ colorScheme, viewport: { width, height: 900 } });
        expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(
          width,
        );
        // Through the debugger, which the page's policy for scripts does not bind.
        await page.evaluate(axe.source);
        const violations = await page.evaluate(async () => {
          // What `axe.source` has just put there.
          const page = globalThis as unknown as { axe: { run: () => Promise<AxeResults> } };
          const { violations: found } = await page.axe.run();
          return found.map(({ id, impact, nodes }) => ({ id, impact, first: nodes[0]?.html.slice(0, 160) }));
        });
        expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
        await page.close();
      });
    }
  }

  it('can be walked through by keyboard: skip link, theme, sorting, the marks of a chart', async () => {
    const page = await open({ colorScheme: 'light' });
    const focused = () => page.locator(':focus').textContent();
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the report');

    await page.locator('#theme').focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
    expect(await page.locator('#theme').getAttribute('aria-pressed')).toBe('true');

    const table = page.locator('#cost table.sortable');
    const order = () =>
      table.locator('tbody th').evaluateAll((heads) => heads.map((head) => head.getAttribute('data-value')));
    const size = table.locator('thead button').nth(1);
    await size.focus();
    await page.keyboard.press('Enter');
    expect(await order()).toEqual([HOSTILE, 'Q2_K', 'Q4_K_M', 'Q8_0', 'F16']);
    expect(await table.locator('th[aria-sort=ascending]').textContent()).toMatch(/^size/);
    await page.keyboard.press('Enter');
    expect((await order()).slice(0, 2)).toEqual(['F16', 'Q8_0']);
    await page.keyboard.press('Enter');
    expect((await order())[1]).toBe('Q8_0');

    const marks = page.locator('svg.wide').first().locator('.mark');
    await marks.first().focus();
    const tip = page.locator('#tip');
    expect(await tip.textContent()).toMatch(/^F16: 8\.05 MiB, the reference$/);
    await page.keyboard.press('ArrowRight');
    expect(await tip.textContent()).toMatch(/^Q8_0: /);
    expect(await page.locator('tr.pointed').count()).toBeGreaterThan(0);
    await page.keyboard.press('Escape');
    expect(await tip.isVisible()).toBe(false);
    await page.close();
  });

  it('prints on white, unfolded and without controls', async () => {
    const page = await open({ colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
    expect(await page.locator('#theme').isVisible()).toBe(false);
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    expect(await page.locator('details:not([open])').count()).toBe(0);
    expect((await page.pdf()).byteLength).toBeGreaterThan(10_000);
    await page.close();
    expect(noise).toEqual([]);
  });
});
