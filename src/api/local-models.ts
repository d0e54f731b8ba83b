import { basename } from 'node:path';
import { peekIdentity, requireModel } from '../model/companions.ts';
import { localModels } from '../model/download.ts';
import type { Model } from '../model/model.ts';
import type { GroupWith } from '../util/error-codes.ts';
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
    const models = await localModels(refs, {
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
    // Whatever two files are, they can be compared with each other.
    for (const { path } of oneEach ? [] : models) {
      const identity = await peekIdentity(path);
      if (identity !== null) requireModel(basename(path), identity);
    }
    return models;
  } finally {
    progress({ kind: 'idle' });
  }
}

/**
 * The one model that a ref stands for, on this machine.
 * @param command what takes one alone, for the message
 * @throws UsageError `COMMAND/several`
 */
export async function oneModelFor(
  ref: string,
  command: GroupWith<'several'>,
  host: Required<Host>,
): Promise<Model> {
  const [model, ...others] = await modelsFor([ref], host);
  if (model !== undefined && others.length === 0) return model;
  const example = ref.toLowerCase() === 'nano' ? 'nano:Q4_K_M' : (model?.ref ?? 'model.gguf');
  throw new UsageError(
    `${command}/several`,
    `${ref} stands for ${model === undefined ? 0 : others.length + 1} models, ${command} takes one`,
    { hint: `Name one of them: quantscope ${command} ${example}` },
  );
}
