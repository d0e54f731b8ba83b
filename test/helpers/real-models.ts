import { existsSync } from 'node:fs';
import { join } from 'node:path';
import envPaths from 'env-paths';

const FILES = {
  smollm2: 'SmolLM2-135M-Instruct.Q4_1.gguf',
  gemma3: 'gemma-3-270m-q4_k_m.gguf',
} as const;

/** Where `npm run real-models` puts them. */
const FOLDER =
  process.env['QUANTSCOPE_REAL_MODELS'] ?? join(envPaths('quantscope', { suffix: '' }).cache, 'real-models');

/** Why a test of real models is skipped here; null where they are there. */
export const withoutRealModels: string | null = Object.values(FILES).every((name) =>
  existsSync(join(FOLDER, name)),
)
  ? null
  : `no real models in ${FOLDER}: npm run real-models fetches them`;

export function realModel(name: keyof typeof FILES): string {
  return join(FOLDER, FILES[name]);
}
