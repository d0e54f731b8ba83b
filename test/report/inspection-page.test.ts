import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layerList, metadataLines, tensorLines } from '../../src/report/inspection-lists.ts';
import { renderInspection } from '../../src/report/inspection-page.ts';
import type { Style } from '../../src/report/style.ts';
import { pageLayout } from '../../src/report/table-text.ts';
import { displayWidth } from '../../src/report/text-width.ts';
import type { Inspection } from '../../src/schema/inspection.ts';
import { nanoInspection } from '../helpers/inspections.ts';
import { arbitraryInspection } from './arbitrary-inspection.ts';

const ACTED_ON = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const q4 = await nanoInspection('Q4_K_M');

function expectHarmless(lines: readonly string[], width: number): void {
  for (const line of lines) {
    expect(displayWidth(line), line).toBeLessThanOrEqual(width);
    expect(line).not.toMatch(ACTED_ON);
  }
}

describe('the page of an inspection', () => {
  it('is at most as wide as the terminal and prints nothing raw, whatever the file says', () => {
    fc.assert(
      fc.property(arbitraryInspection, fc.integer({ min: 60, max: 130 }), (inspection, width) => {
        const lines = renderInspection(inspection, { width }).split('\n');
        expectHarmless(lines, Math.min(100, width));
      }),
      { numRuns: 60 },
    );
  });

  it('fits the narrowest page with shards whose extents take all the digits there are', () => {
    const most = { start: Number.MAX_SAFE_INTEGER, end: Number.MAX_SAFE_INTEGER };
    const sections = { fixed: most, metadata: most, tensorInfos: most, data: most };
    const shard = { name: 'a', bytes: most.end, tensorCount: most.end, dataOffset: most.end, sections };
    const hostile: Inspection = { ...q4, shards: Array.from({ length: 40 }, () => shard) };
    expectHarmless(renderInspection(hostile, { width: 60 }).split('\n'), 60);
  });

  it('stays a page for a file with thousands of roles and layers', () => {
    const byRole = Array.from({ length: 5000 }, (_, index) => ({
      role: `role${index}`,
      inLayers: true,
      vectors: false,
      tensors: 1,
      bytes: 144,
      parameters: 256,
      bitsPerWeight: 4.5,
      byType: [{ type: index % 2 ? 'Q4_K' : 'Q6_K', tensors: 1, bytes: 144, parameters: 256 }],
    }));
    const layers = Array.from({ length: 5000 }, (_, layer) => ({
      layer,
      bytes: 144,
      bitsPerWeight: 4.5,
      types: [{ role: 'role1', type: 'Q4_K' }],
    }));
    const hostile: Inspection = { ...q4, quantization: { ...q4.quantization, byRole, layers } };
    expect(renderInspection(hostile).split('\n').length).toBeLessThan(400);
  });

  it('shows at a glance which layers hold attention and ffn_down at more bits', () => {
    const page = renderInspection(q4);
    expect(page).toMatch(/^ {2}attn_qkv +4466 +5\.53/m);
    expect(page).toMatch(/^ {2}ffn_down +4466 /m);
    expect(page).toMatch(/^ {2}ffn_up +4444 +4\.50/m);
    expect(page).toMatch(/^ {2}output +\(6\) +6\.56/m);
    expect(page).toContain('6 Q6_K 6.56 bits   4 Q4_K 4.50 bits');
    expect(page).toContain(
      'More bits than Q4_K: output in Q6_K, attn_qkv (2 of 4) in Q6_K, ffn_down (2 of 4) in Q6_K.',
    );
  });

  it('colours the cells by bits and is the same text without the colours', () => {
    const ink = (name: string) => (text: string) => `<${name}>${text}</>`;
    const names = ['bold', 'dim', 'good', 'bad', 'warn', 'accent'] as const;
    const style = Object.fromEntries(names.map((name) => [name, ink(name)])) as Record<
      keyof Style,
      Style['dim']
    >;
    const coloured = renderInspection(q4, { style });
    expect(coloured).toContain('<good>44</><accent>66</>');
    expect(coloured.replaceAll(/<\/?\w*>/g, '')).toBe(renderInspection(q4).replaceAll(/<\/?\w*>/g, ''));
  });

  it('gives two types of as many whole bits two characters', () => {
    const { quantization } = q4;
    const mixed = quantization.layers.map((layer) => ({
      ...layer,
      types: layer.types.map((each) => (each.role === 'ffn_up' ? { ...each, type: 'IQ4_XS' } : each)),
    }));
    const byRole = quantization.byRole.map((role) =>
      role.role === 'ffn_up'
        ? { ...role, byType: [{ type: 'IQ4_XS', tensors: 4, bytes: 835_584, parameters: 1_572_864 }] }
        : role,
    );
    const page = renderInspection({ ...q4, quantization: { ...quantization, byRole, layers: mixed } });
    expect(page).toMatch(/ffn_up +aaaa|attn_output +aaaa/);
    expect(page).toMatch(/ IQ4_XS 4\.25 bits/);
  });

  it('breaks the grid of a model with more layers than columns', () => {
    const [first] = q4.quantization.layers;
    const layers = Array.from({ length: 126 }, (_, layer) => ({
      ...first,
      layer,
    })) as typeof q4.quantization.layers;
    const page = renderInspection({ ...q4, quantization: { ...q4.quantization, layers } }, { width: 100 });
    const cells = [...page.matchAll(/^ {2}ffn_up +(4+)/gm)].map(([, run]) => run?.length ?? 0);
    expect(cells.reduce((sum, length) => sum + length)).toBe(126);
  });

  it('says that a label is not what the tensors are', () => {
    const wrong = {
      ...q4.quantization,
      labelAgrees: false,
      labelReason: 'Q8_0 stands for Q8_0, which holds 0 %',
    };
    expect(renderInspection({ ...q4, quantization: wrong })).toContain(
      '! Q8_0 stands for Q8_0, which holds 0 %',
    );
  });

  it('warns of what is suspicious, and does not drown in it', () => {
    const issue = {
      code: 'data/trailing',
      severity: 'warning',
      message: '5 bytes follow',
      offset: 9,
    } as const;
    const page = renderInspection({ ...q4, issues: Array.from({ length: 30 }, () => issue) });
    expect(page.match(/! 5 bytes follow \[data\/trailing\]/g)).toHaveLength(8);
    expect(page).toContain('22 more issues');
  });

  it('calls memory estimated and tells what one token costs', () => {
    const page = renderInspection(q4).replaceAll(/\s+/g, ' ');
    expect(page).toContain('Estimated memory');
    expect(page).toContain(
      'a token adds 4.0 KiB to an f16 cache, as every head keeps keys and values of its own',
    );
  });
});

describe('the lists of an inspection', () => {
  it('are at most as wide as the page and print nothing raw, whatever the file says', () => {
    fc.assert(
      fc.property(arbitraryInspection, (inspection) => {
        const layout = pageLayout({ width: 100 });
        expectHarmless([...metadataLines(inspection, layout)], 100);
        expectHarmless(layerList(inspection, layout), 100);
        for (const line of tensorLines(inspection, layout)) expect(line).not.toMatch(ACTED_ON);
      }),
      { numRuns: 60 },
    );
  });

  it('write a float32 with the digits it has', () => {
    const lines = [...metadataLines(q4, pageLayout({}))];
    expect(lines.find((line) => line.includes('layer_norm_rms_epsilon'))).toMatch(/float32 +0\.00001$/);
  });
});
