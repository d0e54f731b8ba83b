import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { realModel, withoutRealModels } from '../../test/helpers/real-models.ts';
import { PHI3_MINI, type Phi3Shape, SMALL_PHI3, writeRandomPhi3 } from '../random-phi3.ts';
import type { LlamaTools } from './llama-cpp.ts';
import { runProgram } from './program.ts';

/** Files that both sides measure, and the limits that must hold on them. */
export interface Subject {
  readonly name: SubjectName;
  /** Compared with; also timed. */
  readonly reference: string;
  readonly candidates: readonly string[];
  readonly text: string;
  readonly chunks: number;
  readonly repetitions: number;
  /** Ratios to the peer's; null where nothing is promised. */
  readonly limits: {
    readonly speed: number | null;
    readonly perplexityTime: number | null;
    readonly divergenceTime: number | null;
  };
}

export const SUBJECT_NAMES = ['nano', '20m', 'phi3-mini', 'smollm2', 'gemma3'] as const;
export type SubjectName = (typeof SUBJECT_NAMES)[number];

const fixture = (path: string) => fileURLToPath(new URL(`../../fixtures/${path}`, import.meta.url));

/**
 * Finds or writes a subject's files. The random models are written in F16 and quantized by the peer's own
 * llama-quantize, so that their layouts are llama.cpp's.
 * @param folder where they are kept from run to run: 40 MB for `20m`; `phi3-mini` keeps 6.5 GB and needs 14 while
 * they are made
 */
export async function prepareSubject(
  name: SubjectName,
  { quantize }: LlamaTools,
  folder: string,
): Promise<Subject> {
  await mkdir(folder, { recursive: true });
  const random = (shape: Phi3Shape, types: readonly string[]) =>
    randomModels(join(folder, name), shape, types, quantize);
  switch (name) {
    case 'nano': {
      const nano = (type: string) => fixture(`nano/nano-phi3-${type}.gguf`);
      return {
        name,
        reference: nano('F16'),
        candidates: ['Q8_0', 'Q4_K_M', 'Q2_K'].map(nano),
        text: fixture('nano/text.txt'),
        chunks: 32,
        repetitions: 5,
        limits: { speed: null, perplexityTime: null, divergenceTime: null },
      };
    }
    case '20m': {
      const [reference = '', candidate = ''] = await random(SMALL_PHI3, ['Q8_0', 'Q4_K_M']);
      return {
        name,
        reference,
        candidates: [candidate],
        text: fixture('general/text.txt'),
        chunks: 32,
        repetitions: 5,
        limits: { speed: 0.05, perplexityTime: 1.1, divergenceTime: 1.1 },
      };
    }
    case 'phi3-mini': {
      const [reference = '', candidate = ''] = await random(PHI3_MINI, ['Q8_0', 'Q4_K_M']);
      return {
        name,
        reference,
        candidates: [candidate],
        text: fixture('general/text.txt'),
        chunks: 4,
        repetitions: 1,
        limits: { speed: 0.03, perplexityTime: 1.05, divergenceTime: 1.1 },
      };
    }
    case 'smollm2':
      return realSubject(name, realModel('smollm2'), ['Q8_0', 'Q4_K_M'], quantize, folder);
    case 'gemma3':
      return realSubject(name, realModel('gemma3'), ['Q8_0', 'Q4_K_M'], quantize, folder);
  }
}

/**
 * A model with weights that were trained. What is published is quantized already, so that its F16, the reference, says
 * what it says, and the others lose from there.
 */
async function realSubject(
  name: SubjectName,
  published: string,
  types: readonly string[],
  quantize: string,
  folder: string,
): Promise<Subject> {
  if (withoutRealModels !== null) throw new Error(withoutRealModels);
  const reference = join(folder, `${name}-F16.gguf`);
  const candidates = types.map((type) => join(folder, `${name}-${type}.gguf`));
  const wanted = [['F16', reference, published], ...types.map((type, i) => [type, candidates[i], reference])];
  for (const [type = '', path = '', from = ''] of wanted) {
    if (existsSync(path)) continue;
    process.stderr.write(`writing ${path}\n`);
    await runProgram(quantize, ['--allow-requantize', from, `${path}.unfinished`, type]);
    await rename(`${path}.unfinished`, path);
  }
  return {
    name,
    reference,
    candidates,
    text: fixture('general/text.txt'),
    chunks: 4,
    repetitions: 3,
    limits: { speed: 0.05, perplexityTime: 1.1, divergenceTime: 1.1 },
  };
}

/** Paths of `shape` with random weights in each of the types. */
async function randomModels(
  prefix: string,
  shape: Phi3Shape,
  types: readonly string[],
  quantize: string,
): Promise<string[]> {
  const models = types.map((type) => ({ type, path: `${prefix}-${type}.gguf` }));
  const missing = models.filter(({ path }) => !existsSync(path));
  if (missing.length > 0) {
    const precise = `${prefix}-F16.gguf`;
    process.stderr.write(`writing ${precise}\n`);
    await writeRandomPhi3(precise, shape, 'F16');
    for (const { type, path } of missing) {
      process.stderr.write(`quantizing it to ${type}\n`);
      const unfinished = `${path}.unfinished`;
      await runProgram(quantize, [precise, unfinished, type]);
      await rename(unfinished, path);
    }
    await rm(precise);
  }
  return models.map(({ path }) => path);
}
