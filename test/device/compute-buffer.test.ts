import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngineProcess } from '../../dist/index.js';
import { isByFormula } from '../../src/device/compute-buffer.ts';
import { footprint } from '../../src/device/footprint.ts';
import { GraphSketch } from '../../src/device/graph-buffer.ts';
import type { EngineSession } from '../../src/engine/engine.ts';
import { readHeader } from '../../src/gguf/index.ts';
import { openFile } from '../../src/io/index.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';
import { REAL_SHAPES } from '../helpers/real-shapes.ts';
import { engineFolder, type ModelFile, writeSmallModels } from '../helpers/small-model-files.ts';

describe('the buffer of a graph', () => {
  it('is shared by results whose lives do not overlap', () => {
    const graph = new GraphSketch();
    const input = graph.input(320);
    const first = graph.node(640, [input]);
    const second = graph.node(320, [first]);
    graph.add(graph.node(640, [second], { isOutput: true }));
    // The input’s place is taken by the second, the first’s by the last.
    expect(graph.bufferBytes()).toBe(320 + 640);
  });

  it('holds a result that writes over its source once, but for one that is read again', () => {
    const over = new GraphSketch();
    const source = over.node(320, []);
    over.add(over.node(320, [source], { inPlace: true }));
    expect(over.bufferBytes()).toBe(320);
    const beside = new GraphSketch();
    const read = beside.node(320, []);
    const next = beside.node(320, [read], { inPlace: true });
    beside.add(beside.node(320, [next, read], { inPlace: true }));
    expect(beside.bufferBytes()).toBe(640);
  });

  it('is evaluated in the order in which the last result asks for its sources', () => {
    const bytesOf = (...sizes: readonly number[]) => {
      const graph = new GraphSketch();
      const input = graph.input(320);
      const results = sizes.map((size) => graph.node(320, [graph.node(size, [input])]));
      graph.add(graph.node(320, results));
      return graph.bufferBytes();
    };
    // The smaller finds room where the larger was, not the larger where the smaller was.
    expect(bytesOf(960, 640)).toBe(320 + 960 + 320);
    expect(bytesOf(640, 960)).toBe(320 + 640 + 320 + 960);
  });

  it('keeps what a view shows until the view was read', () => {
    const graph = new GraphSketch();
    const whole = graph.node(640, []);
    const view = graph.view(whole);
    const other = graph.node(320, []);
    graph.add(graph.node(320, [view, other]));
    expect(graph.bufferBytes()).toBe(640 + 320 + 320);
  });
});

describe('a file with a tensor of no known graph', () => {
  it('has a compute buffer by formula, and one without has not', async () => {
    await using source = await openFile(nanoPath('F16'));
    const header = await readHeader(source);
    expect(isByFormula(header)).toBe(false);
    const [first] = header.tensors;
    if (first === undefined) throw new Error('no tensors');
    const tensors = [...header.tensors, { ...first, name: 'blk.0.unheard_of.weight' }];
    expect(isByFormula({ ...header, tensors })).toBe(true);
    expect(footprint({ ...header, tensors }, { contextSize: 2048 })?.computeBytes).toBeGreaterThan(0);
  });
});

const engine = engineFolder();

describe.skipIf(engine === null)(
  'the compute buffer of models that people run, beside llama.cpp’s own plan',
  () => {
    let scratch: Awaited<ReturnType<typeof scratchFolder>>;
    let session: EngineSession;
    let files: ModelFile[] = [];
    beforeAll(async () => {
      scratch = await scratchFolder();
      files = writeSmallModels(engine ?? '', scratch.path('.'), REAL_SHAPES);
      session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 120_000 });
    }, 600_000);
    afterAll(async () => {
      await session?.[Symbol.asyncDispose]();
      await scratch?.[Symbol.asyncDispose]();
    });

    const limit = 0.001;
    for (const [index, { name }] of REAL_SHAPES.entries()) {
      it(`${name}: within ${100 * limit} %`, async () => {
        const { path, why } = files[index] ?? { path: '', why: 'no file' };
        expect(why).toBeNull();
        await using source = await openFile(path);
        const header = await readHeader(source);
        const contexts = [2048, 8192].flatMap((contextSize) =>
          [512, 128].flatMap((batchSize) =>
            (['on', 'off'] as const).map((flashAttention) => ({ contextSize, batchSize, flashAttention })),
          ),
        );
        const usual = { sequences: 1, keyType: 'f16', valueType: 'f16' } as const;
        const plans = await session.planMemory(
          { path, gpuLayers: 0 },
          contexts.map((each) => ({ ...usual, ...each })),
        );
        for (const [at, { contextSize, batchSize, flashAttention }] of contexts.entries()) {
          const plan = plans[at];
          if (plan === undefined || 'refused' in plan) throw new Error(plan?.refused);
          const own = footprint(header, {
            contextSize,
            microBatch: batchSize,
            flashAttention: flashAttention === 'on',
          });
          expect((own?.kvBytes ?? 0) + (own?.stateBytes ?? 0)).toBe(plan.kvBytes);
          const off = (own?.computeBytes ?? 0) / (plan.computeBytes ?? 0) - 1;
          expect(Math.abs(off), `${contextSize} ${batchSize} ${flashAttention}`).toBeLessThanOrEqual(limit);
        }
      });
    }
  },
);
