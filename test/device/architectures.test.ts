import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngineProcess } from '../../dist/index.js';
import { layerMemories } from '../../src/device/attention-layers.ts';
import { isByFormula } from '../../src/device/compute-buffer.ts';
import { footprint } from '../../src/device/footprint.ts';
import { cachedTokens } from '../../src/device/kv-cache.ts';
import type { EngineSession, MemoryPlan, PlannedContext } from '../../src/engine/engine.ts';
import { readHeader } from '../../src/gguf/index.ts';
import { openFile } from '../../src/io/index.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { llamaCppSource, withoutGit } from '../helpers/llama-cpp-source.ts';
import { engineFolder, type ModelFile, writeSmallModels } from '../helpers/small-model-files.ts';
import { type SmallModel, widerModel } from '../helpers/small-models.ts';

/**
 * A small model of every architecture that the engine knows, as its own loader wants it, planned by the engine without
 * a weight (no_alloc), beside the estimate from the header.
 */

const numbers = (own: Readonly<Record<string, number>>): SmallModel['more'] =>
  Object.fromEntries(Object.entries(own).map(([key, value]) => [key, { type: 'uint32', value }]));

/** Of what no context is made on its own, with what the engine says. */
const NO_MODELS: Readonly<Record<string, RegExp>> = {
  clip: /use it with --mmproj/,
  gptj: /unsupported model architecture/,
  eagle3: /ctx_other/,
  dflash: /ctx_other/,
  'gemma4-assistant': /ctx_other/,
};
/** Loads that end without a window, because the header must have one. */
const WINDOW_REQUIRED = /key not found in model: .*sliding_window/;
/** Architectures whose blocks for further tokens the small models have. */
const PREDICTING = ['glm4', 'exaone4', 'exaone-moe', 'bailingmoe2', 'mimo2'];
/** Architectures whose graphs have more in them than others', once more with other widths. */
const OTHER_WIDTHS: readonly { readonly architecture: string; readonly changes: Partial<SmallModel> }[] = [
  {
    architecture: 'deepseek4',
    changes: {
      embedding: 1024,
      headLength: 128,
      feedForward: 2048,
      more: numbers({ 'attention.indexer.top_k': 512 }),
    },
  },
  {
    architecture: 'hy_v4',
    changes: { embedding: 1536, heads: 12, layers: 8, experts: 32, expertsUsed: 8, vocabulary: 512 },
  },
  {
    architecture: 'hrm_text',
    changes: {
      layers: 12,
      vocabulary: 512,
      more: numbers({ 'hrm.layers_per_stack': 2, 'hrm.h_cycles': 2, 'hrm.l_cycles': 2 }),
    },
  },
  {
    architecture: 'kimi-k3',
    changes: { embedding: 1024, layers: 26, attending: [3, 7, 11, 15, 19, 23], experts: 32, expertsUsed: 8 },
  },
  {
    architecture: 'minimax-m3',
    changes: {
      embedding: 1024,
      headLength: 128,
      heads: 16,
      keyHeads: 4,
      more: numbers({
        'attention.indexer.head_count': 4,
        'attention.indexer.block_size': 128,
        'attention.indexer.top_k': 16,
      }),
    },
  },
  {
    architecture: 'qwen4exp',
    changes: {
      embedding: 1024,
      heads: 16,
      keyHeads: 4,
      feedForward: 512,
      vocabulary: 512,
      more: numbers({
        'ssm.inner_size': 1024,
        'ssm.time_step_rank': 16,
        'hyper_connection.low_rank': 64,
        'attention.indexer.head_count': 4,
      }),
    },
  },
];
/** PLM's own graph fails with flash attention, grok's goes without it. */
const WITHOUT_FLASH_ATTENTION = ['plm', 'grok'];
/** The engine's graph fails for a model without a window. */
const FAILS_WITHOUT_WINDOW = ['afmoe'];

const engine = engineFolder();
const why = engine === null ? 'no binary for the CPU here' : withoutGit;

const context: PlannedContext = {
  contextSize: 8192,
  sequences: 1,
  batchSize: 512,
  flashAttention: 'on',
  keyType: 'f16',
  valueType: 'f16',
};
const CONTEXTS: readonly Partial<PlannedContext>[] = [
  { flashAttention: 'off' },
  { flashAttention: 'off', contextSize: 2048, batchSize: 128 },
  {},
  { batchSize: 128 },
  { keyType: 'q8_0', valueType: 'q8_0' },
  { keyType: 'q4_0', valueType: 'q4_0' },
];

describe.skipIf(why !== null)(
  `every architecture that the engine knows${why === null ? '' : `: ${why}`}`,
  () => {
    let names: string[] = [];
    let files: ModelFile[] = [];
    let session: EngineSession;
    let scratch: Awaited<ReturnType<typeof scratchFolder>>;
    const start = async () => {
      session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 120_000 });
    };
    beforeAll(async () => {
      scratch = await scratchFolder();
      const source = llamaCppSource(scratch.path('llama.cpp')).text('src/llama-arch.cpp');
      const listed = /LLM_ARCH_NAMES = \{([\s\S]*?)\n\};/.exec(source)?.[1] ?? '';
      names = [...listed.matchAll(/\{ LLM_ARCH_\w+,\s*"([^"]+)"/g)].map(([, name = '']) => name);
      names = names.filter((name) => name !== '(unknown)');
      const variants = [
        ...names.map((architecture) => ({ architecture })),
        ...names.map((architecture) => ({ architecture, changes: { window: null } })),
        ...names.map((architecture) => ({ architecture, changes: widerModel(architecture) })),
        ...PREDICTING.map((architecture) => ({ architecture, changes: { predicting: 1 } })),
        { architecture: 'nanbeige', changes: { more: { num_loops: { type: 'uint32', value: 2 } } } } as const,
        { architecture: 'exaone4', changes: { layers: 64 } },
        ...OTHER_WIDTHS,
        { architecture: 'gemma4', changes: { experts: 8 } },
        ...['gemma3', 'olmo2', 'cohere2moe', 'gpt-oss'].map((architecture) => ({
          architecture,
          changes: { more: { 'attention.sliding_window_pattern': { type: 'uint32', value: 3 } } } as const,
        })),
      ];
      files = writeSmallModels(engine ?? '', scratch.path('.'), variants);
      await start();
    }, 600_000);
    afterAll(async () => {
      await session?.[Symbol.asyncDispose]();
      await scratch?.[Symbol.asyncDispose]();
    });

    const plansOf = async (
      path: string,
      contexts: readonly Partial<PlannedContext>[],
    ): Promise<MemoryPlan[] | string> => {
      try {
        const plans = await session.planMemory(
          { path, gpuLayers: 0 },
          contexts.map((changes) => ({ ...context, ...changes })),
        );
        return plans.map((plan) => {
          if ('refused' in plan) throw new Error(plan.refused);
          return plan;
        });
      } catch (thrown) {
        // An assertion takes the process with it.
        await Promise.resolve(session[Symbol.asyncDispose]()).catch(() => {});
        await start();
        return String(thrown);
      }
    };

    it('is among those that a small model is written of, and the engine takes it', () => {
      expect(names.length).toBeGreaterThan(150);
      const plain = files.slice(0, names.length);
      const wider = files.slice(2 * names.length, 3 * names.length);
      const refused = [...plain, ...wider].filter(
        (file) => file.why !== null && !NO_MODELS[file.architecture]?.test(file.why),
      );
      expect(refused.map(({ architecture, why: said }) => `${architecture}: ${said}`)).toEqual([]);
      const without = files.slice(names.length, 2 * names.length);
      const others = without.filter(
        (file) =>
          file.why !== null && !WINDOW_REQUIRED.test(file.why) && NO_MODELS[file.architecture] === undefined,
      );
      expect(others.map(({ architecture, why: said }) => `${architecture}: ${said}`)).toEqual([]);
    });

    it('takes the cache and buffer that are estimated: the cache to the byte, the buffer within 3 %', async () => {
      const differing: string[] = [];
      const worst = new Map<string, number>();
      let compared = 0;
      for (const { architecture, changes, path, why: refused } of files) {
        if (refused !== null) continue;
        await using source = await openFile(path);
        const header = await readHeader(source);
        const contexts = WITHOUT_FLASH_ATTENTION.includes(architecture) ? CONTEXTS.slice(0, 2) : CONTEXTS;
        const plans = await plansOf(path, contexts);
        const what = `${architecture} ${JSON.stringify(changes)}`;
        if (layerMemories(header).length > 0 && isByFormula(header)) differing.push(`${what}: no graph`);
        if (typeof plans === 'string') {
          const isKnown =
            NO_MODELS[architecture]?.test(plans) === true ||
            (changes.window === null && FAILS_WITHOUT_WINDOW.includes(architecture));
          if (!isKnown) differing.push(`${what}: ${plans}`);
          continue;
        }
        for (const [index, plan] of plans.entries()) {
          const { contextSize, batchSize, flashAttention, keyType } = { ...context, ...contexts[index] };
          const estimated = footprint(header, {
            contextSize,
            cacheType: keyType,
            microBatch: batchSize,
            flashAttention: flashAttention === 'on',
          });
          compared += 1;
          const bytes = estimated === null ? 0 : estimated.kvBytes + estimated.stateBytes;
          if (bytes !== plan.kvBytes) differing.push(`${what}: ${bytes} bytes for ${plan.kvBytes}`);
          const off = Math.abs((estimated?.computeBytes ?? 0) / (plan.computeBytes ?? 0) - 1);
          if (estimated !== null) worst.set(architecture, Math.max(off, worst.get(architecture) ?? 0));
          const layers = layerMemories(header);
          for (const { layer, kind, cells } of plan.caches) {
            const own = layers[layer];
            if (kind !== 'k' || own === undefined || own.keyElements === 0 || architecture === 'nanbeige')
              continue;
            const tokens = cachedTokens(own, contextSize, batchSize);
            if (cells !== tokens) differing.push(`${what}: layer ${layer} has ${tokens} cells for ${cells}`);
          }
        }
      }
      expect(differing).toEqual([]);
      expect(compared).toBeGreaterThan(1500);
      const off = [...worst].filter(([, error]) => error > 0.03);
      expect(off).toEqual([]);
    }, 900_000);

    it('is loaded without the blocks that predict further tokens', async () => {
      for (const { architecture, changes, path } of files.filter(
        ({ changes: { predicting = 0 } }) => predicting > 0,
      )) {
        await using source = await openFile(path);
        const header = await readHeader(source);
        const [plan] = (await plansOf(path, [{}])) as MemoryPlan[];
        const names_ = header.tensors.map(({ name }) => name);
        const tied = names_.includes('output.weight')
          ? 0
          : (header.tensors.find(({ name }) => name === 'token_embd.weight')?.sizeBytes ?? 0);
        const estimated = footprint(header, { contextSize: 8192 })?.weightsBytes ?? 0;
        expect(estimated + tied, `${architecture} ${JSON.stringify(changes)}`).toBe(plan?.weightsBytes);
      }
    });
  },
);
