import { describe, expect, it } from 'vitest';
import { historySection } from '../../src/report/html/history-section.ts';
import { NOTHING } from '../../src/report/report.ts';
import type { HistoryLine } from '../../src/schema/history.ts';

/** A figure of one variant over ten nights, the seventh by another version. */
function line(
  variant: string,
  valueOn: (night: number) => number,
  more: Partial<HistoryLine> = {},
): HistoryLine {
  const points = Array.from({ length: 10 }, (_, night) => ({
    createdAt: new Date(Date.UTC(2026, 4, 1 + night, 3)).toISOString(),
    toolVersion: night < 6 ? '0.1.0' : '0.2.0',
    llamaCpp: night < 6 ? 'b1' : 'b2',
    value: valueOn(night),
    spread: 9,
    isDisturbed: night === 3,
  }));
  return {
    variant,
    figure: 'speed.generation.meanTps',
    label: 'generation speed',
    unit: 'tokens/s',
    better: 'higher',
    points,
    changes: [],
    ...more,
  };
}

function contentOf(history: readonly HistoryLine[]): string {
  const section = historySection({ ...NOTHING, history });
  return String(section?.content ?? expect.fail('no section'));
}

/** What the first drawing says in words, with its place. */
function textsOf(content: string): { readonly text: string; readonly x: number; readonly y: number }[] {
  const [, drawing = ''] = /<svg class="chart wide".*?>(.*?)<svg class="chart narrow"/s.exec(content) ?? [];
  return [...drawing.matchAll(/<text([^>]*)>([^<]*)<\/text>/g)].map(([, attributes = '', text = '']) => {
    const [, x = '', y = ''] = /translate\(([-\d.]+) ([-\d.]+)\)/.exec(attributes) ?? [];
    return { text, x: Number(x), y: Number(y) };
  });
}

describe('the page of a history', () => {
  const close = ['F16', 'Q8_0', 'Q6_K', 'Q4_K_M'].map((name, index) =>
    line(name, (night) => 1000 + index / 10 + Math.sin(night)),
  );

  it('names every line where no other name stands', () => {
    const names = textsOf(contentOf(close)).filter(({ text }) =>
      close.some(({ variant }) => variant === text),
    );
    expect(names.map(({ text }) => text).sort()).toEqual(['F16', 'Q4_K_M', 'Q6_K', 'Q8_0']);
    const heights = names.map(({ y }) => y).sort((a, b) => a - b);
    for (const [index, y] of heights.slice(1).entries()) expect(y - (heights[index] ?? 0)).toBeGreaterThan(9);
  });

  it('has days and round figures at its axes, and names the version that measured from some day on', () => {
    const texts = textsOf(contentOf(close)).map(({ text }) => text);
    expect(texts.filter((text) => /^\d\d-\d\d$/.test(text)).length).toBeGreaterThanOrEqual(2);
    expect(texts).toContain('0.2.0, b2');
    for (const text of texts.filter((each) => /^[\d.,]+$/.test(each))) expect(text.length).toBeLessThan(7);
  });

  it('draws no figure that is the same in all results, and says which those are', () => {
    const size = line('F16', () => 2 ** 20, { figure: 'file.bytes', label: 'size', unit: 'bytes' });
    expect(contentOf([size])).not.toContain('<svg');
    expect(contentOf([...close, size])).toContain('The same in all of them: size.');
    expect(contentOf([...close, size]).match(/<figcaption>/g)).toHaveLength(1);
  });

  it('shades the noise, and has its band within the drawing', () => {
    const content = contentOf([line('F16', (night) => 100 + night)]);
    expect(content).toMatch(/fill-opacity="0\.16"|opacity="0\.16"/);
    const ticks = textsOf(content).flatMap(({ text }) => (/^\d+$/.test(text) ? [Number(text)] : []));
    expect(Math.min(...ticks)).toBeLessThanOrEqual(91);
    expect(Math.max(...ticks)).toBeGreaterThanOrEqual(118);
  });

  it('is a page for shares, ratios and a variant that appeared later, too', () => {
    const share = { figure: 'tasks.accuracy', label: 'tasks correct', unit: 'share' as const };
    const later = line('Q2_K', (night) => night / 20, share);
    const content = contentOf([
      line('F16', (night) => 0.5 + night / 100, share),
      { ...later, points: later.points.slice(5).map((point) => ({ ...point, spread: null })) },
    ]);
    expect(textsOf(content).map(({ text }) => text)).toContain('%');
    expect(content).toContain('Q2_K, 2026-05-06 03:00: 25.00 %');
  });
});
