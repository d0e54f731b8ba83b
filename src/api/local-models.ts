import { type GgufHeader, isImatrix } from '../gguf/index.ts';
import { localModels } from '../model/download.ts';
import type { Model } from '../model/model.ts';
import { UsageError } from '../util/errors.ts';
import type { Host } from './host.ts';

/** {@link localModels} with what a host has for it: a question before a download, its progress, notices. */
export async function modelsFor(
  refs: readonly string[],
  host: Required<Host>,
  { oneEach = false }: { readonly oneEach?: boolean } = {},
): Promise<Model[]> {
  const { signal, notice, confirm, progress } = host;
  try {
    return await localModels(refs, {
      signal,
      notice,
      oneEach,
      confirm,
      progress: {
        start: (plan) => progress({ kind: 'download', plan }),
        update: (file, doneBytes) => progress({ kind: 'download-bytes', file, doneBytes }),
        finishFile: (file) => progress({ kind: 'download-end', file }),
      },
    });
  } finally {
    progress({ kind: 'idle' });
  }
}

/**
 * The one model that a ref stands for, on this machine.
 * @param command what takes one alone, for the message
 * @throws UsageError `COMMAND/several`
 */
export async function oneModelFor(ref: string, command: string, host: Required<Host>): Promise<Model> {
  const [model, ...others] = await modelsFor([ref], host);
  if (model !== undefined && others.length === 0) return model;
  const example = ref.toLowerCase() === 'nano' ? 'nano:Q4_K_M' : (model?.ref ?? 'model.gguf');
  throw new UsageError(
    `${command}/several`,
    `${ref} stands for ${model === undefined ? 0 : others.length + 1} models, ${command} takes one`,
    { hint: `Name one of them: quantscope ${command} ${example}` },
  );
}

/**
 * Refuses what is no model, before llama.cpp does without saying what it is.
 * @throws UsageError `COMMAND/no-model`
 */
export function requireModel(ref: string, command: string, header: GgufHeader): void {
  if (!isImatrix(header)) return;
  throw new UsageError(`${command}/no-model`, `${ref} is an importance matrix, not a model`, {
    hint: `Name the model: quantscope ${command} MODEL.gguf; quantize takes this file with --imatrix.`,
  });
}
